//! How are the listening sockets opened? One per worker and address, sharing the port.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::limits;
use crate::start_error::StartError;

/// Opens `count` sockets that share `address`; with port 0, the port the system chose for the first.
pub(crate) fn open(address: SocketAddr, count: usize) -> Result<Vec<TcpListener>, StartError> {
    let refused = |source| StartError::Listen { address, source };
    if address.port() != 0 {
        // SO_REUSEPORT would let us join another Larder of the same user without a word, and the two
        // would answer in turns. A socket without it finds whoever is there.
        probe(address).map_err(refused)?;
    }
    let mut sockets = Vec::with_capacity(count);
    let mut address = address;
    for _ in 0..count.max(1) {
        let socket = shared(address).map_err(refused)?;
        address = socket.local_addr().map_err(refused)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// Opens one socket that is not shared: for the admin listener.
pub(crate) fn open_alone(address: SocketAddr) -> Result<TcpListener, StartError> {
    let open = || {
        let socket = plain(address)?;
        socket.listen(limits::BACKLOG)?;
        ready(socket)
    };
    open().map_err(|source| StartError::Listen { address, source })
}

fn probe(address: SocketAddr) -> io::Result<()> {
    plain(address)?.listen(1)
}

fn shared(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(limits::BACKLOG)?;
    ready(socket)
}

fn plain(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier process in TIME_WAIT do not hold the port; listeners do.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn ready(socket: Socket) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn sockets_of_one_address_share_the_port_the_system_chose() {
        let sockets = open(local(), 3).expect("port 0 is free");
        let ports: Vec<_> = sockets.iter().map(|s| s.local_addr().expect("bound").port()).collect();
        assert_ne!(ports[0], 0);
        assert!(ports.iter().all(|port| *port == ports[0]));
    }

    #[test]
    fn a_port_that_is_taken_is_one_line_even_when_its_owner_shares_it() {
        let owner = open(local(), 1).expect("port 0 is free");
        let address = owner[0].local_addr().expect("bound");
        let error = open(address, 2).expect_err("taken");
        assert_eq!(
            error.to_string(),
            format!("cannot listen on {address}: another process is listening there already")
        );
        let error = open_alone(address).expect_err("taken");
        assert!(error.to_string().starts_with("cannot listen on"));
    }
}
