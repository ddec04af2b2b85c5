//! A bare HTTP/1.1 server on one epoll loop: the origin behind every cache, and the floor that no
//! server can go below. Keep-alive, GET without bodies, heads up to 16 KiB; nothing else.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use memchr::memmem;

use crate::sys::{Epoll, Events, Interest};

const HEAD_BYTES_MAX: usize = 16 * 1024;
const LISTENER: u64 = u64::MAX;

/// Gives the bytes that answer a target.
pub trait Answer {
    /// Appends the whole response to `out`.
    fn answer(&mut self, target: &[u8], out: &mut VecDeque<Piece>);
}

/// A run of bytes to be sent.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes that many responses share.
    Shared(Arc<[u8]>),
    /// Bytes of this response.
    Owned(Vec<u8>),
    /// `block` again and again until `bytes` are sent.
    Repeat {
        /// What is repeated.
        block: Arc<[u8]>,
        /// How many bytes in all.
        bytes: u64,
    },
}

impl Piece {
    fn bytes(&self) -> u64 {
        match self {
            Self::Shared(bytes) => bytes.len() as u64,
            Self::Owned(bytes) => bytes.len() as u64,
            Self::Repeat { bytes, .. } => *bytes,
        }
    }

    /// The bytes that come after `sent`, or some of them.
    fn after(&self, sent: u64) -> &[u8] {
        let (all, start) = match self {
            Self::Shared(bytes) => (&**bytes, sent),
            Self::Owned(bytes) => (&**bytes, sent),
            Self::Repeat { block, .. } => (&**block, sent % (block.len() as u64)),
        };
        let left = usize::try_from(self.bytes() - sent).unwrap_or(usize::MAX);
        let rest = usize::try_from(start).ok().and_then(|start| all.get(start..)).unwrap_or(&[]);
        rest.get(..left).unwrap_or(rest)
    }
}

struct Connection {
    stream: TcpStream,
    head: Vec<u8>,
    pending: VecDeque<Piece>,
    sent_of_first: u64,
    interest: Interest,
}

enum Next {
    Keep,
    Close,
}

/// Serves until the listener fails.
///
/// # Errors
/// When epoll or the listener does; a client's failure only ends its connection.
pub fn serve(listener: &TcpListener, mut answer: impl Answer) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new()?;
    epoll.add(listener.as_fd(), LISTENER, Interest::Read)?;
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    loop {
        epoll.wait(&mut events, None)?;
        for token in (0..events.len()).filter_map(|position| events.token(position)) {
            if token == LISTENER {
                accept_all(listener, &epoll, &mut connections, &mut free)?;
                continue;
            }
            let Ok(slot) = usize::try_from(token) else { continue };
            let Some(Some(connection)) = connections.get_mut(slot) else { continue };
            match connection.go_on(&epoll, token, &mut answer) {
                Ok(Next::Keep) => {}
                Ok(Next::Close) | Err(_) => {
                    connections[slot] = None;
                    free.push(slot);
                }
            }
        }
    }
}

fn accept_all(
    listener: &TcpListener,
    epoll: &Epoll,
    connections: &mut Vec<Option<Connection>>,
    free: &mut Vec<usize>,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let slot = free.pop().unwrap_or_else(|| {
            connections.push(None);
            connections.len() - 1
        });
        epoll.add(stream.as_fd(), slot as u64, Interest::Read)?;
        connections[slot] = Some(Connection {
            stream,
            head: Vec::new(),
            pending: VecDeque::new(),
            sent_of_first: 0,
            interest: Interest::Read,
        });
    }
}

impl Connection {
    fn go_on(&mut self, epoll: &Epoll, token: u64, answer: &mut impl Answer) -> io::Result<Next> {
        if self.pending.is_empty() {
            let mut room = [0; 4096];
            let read = match self.stream.read(&mut room) {
                Ok(0) => return Ok(Next::Close),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Next::Keep),
                Err(error) => return Err(error),
            };
            self.head.extend(room.iter().take(read));
            let Some(end) = memmem::find(&self.head, b"\r\n\r\n") else {
                return Ok(if self.head.len() > HEAD_BYTES_MAX { Next::Close } else { Next::Keep });
            };
            let Some(target) = target_of(&self.head) else { return Ok(Next::Close) };
            answer.answer(target, &mut self.pending);
            self.head.drain(..end + 4);
        }
        self.send()?;
        let wanted = if self.pending.is_empty() { Interest::Read } else { Interest::ReadWrite };
        if wanted != self.interest {
            epoll.change(self.stream.as_fd(), token, wanted)?;
            self.interest = wanted;
        }
        Ok(Next::Keep)
    }

    /// Sends until nothing is left or the socket is full.
    fn send(&mut self) -> io::Result<()> {
        while let Some(piece) = self.pending.front() {
            match self.stream.write(piece.after(self.sent_of_first)) {
                Ok(written) => self.sent_of_first += written as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if self.sent_of_first >= piece.bytes() {
                self.pending.pop_front();
                self.sent_of_first = 0;
            }
        }
        Ok(())
    }
}

/// The target of `GET target HTTP/1.1`.
fn target_of(head: &[u8]) -> Option<&[u8]> {
    let rest = head.strip_prefix(b"GET ")?;
    rest.get(..memchr::memchr(b' ', rest)?)
}

#[cfg(test)]
mod tests {
    use super::{Piece, target_of};

    #[test]
    fn a_repeated_block_ends_at_its_promised_byte() {
        let piece = Piece::Repeat { block: (*b"abcd").into(), bytes: 10 };
        assert_eq!(piece.after(0), b"abcd");
        assert_eq!(piece.after(5), b"bcd");
        assert_eq!(piece.after(9), b"b");
        assert_eq!(piece.after(10), b"");
    }

    #[test]
    fn only_a_get_has_a_target() {
        assert_eq!(target_of(b"GET /2k HTTP/1.1\r\n"), Some(&b"/2k"[..]));
        assert_eq!(target_of(b"POST /2k HTTP/1.1\r\n"), None);
        assert_eq!(target_of(b"GET /2k"), None);
    }
}
