//! Whose connection is it? Extensions of requests by which that is told.

use std::net::{IpAddr, SocketAddr};

/// The address at the other end of a connection. An extension of its requests, put there by whoever accepts connections.
///
/// ```
/// use larder_tower::Peer;
/// use std::net::SocketAddr;
///
/// let address: SocketAddr = "192.0.2.1:4711".parse().unwrap();
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(Peer::from(address));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(address)
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self(address.ip())
    }
}

/// The request is a trusted proxy's, and its word about the visitor was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Believed;

/// Fields about the visitor were taken off a request before anybody read them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Untold;
