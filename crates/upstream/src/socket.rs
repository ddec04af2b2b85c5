//! The byte stream under a connection, and three things hyper's view of it lacks.
//!
//! - Whether any byte of a response has been heard decides if a request may be repeated.
//! - Before an unused connection is used again, the kernel is asked whether something lies there:
//!   the runtime's own knowledge may be a turn of its loop old. A close or leftover bytes found
//!   then cost nothing, because hyper hands a request back that it has not begun to write.
//!   Inside TLS it is what was decrypted that counts, and an end that was announced.
//! - An application that refuses an upload answers and closes without reading the rest. Writing
//!   then fails before hyper has read the answer, so a broken write is not reported as such: the
//!   bytes go nowhere, and the reading side finds the answer, or the end.
//!
//! A connection may come to hyper in the middle of an exchange ([`crate::plain`]): the request's
//! head was sent and some of the answer was read. What hyper then writes first is swallowed, and
//! what was read is read again.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::{Lies, Stream};
use crate::wire::Wire;

#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    wire: Arc<Wire>,
    /// The peer takes no more bytes.
    broken: bool,
    /// What was sent and read before hyper came.
    before: Option<Before>,
}

/// An exchange that hyper goes on with.
#[derive(Debug)]
pub(crate) struct Before {
    /// Read already.
    read: Bytes,
    /// Bytes at the end of what was swallowed that belong to the end of a head.
    matched: usize,
    /// Who wants to read, before the request's head is swallowed.
    reader: Option<Waker>,
}

/// What ends a head.
const HEAD_END: &[u8; 4] = b"\r\n\r\n";

impl Before {
    /// A request without a body was sent, and this was read of its answer.
    pub(crate) fn read(read: Bytes) -> Self {
        Self { read, matched: 0, reader: None }
    }

    fn is_sent(&self) -> bool {
        self.matched == HEAD_END.len()
    }

    /// Takes what belongs to the head that was sent, and says how much that is.
    fn swallow(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            let goes_on = HEAD_END.get(self.matched) == Some(byte);
            self.matched = if goes_on { self.matched + 1 } else { usize::from(*byte == b'\r') };
            if self.is_sent() {
                if let Some(reader) = self.reader.take() {
                    reader.wake();
                }
                return at + 1;
            }
        }
        bytes.len()
    }
}

impl Socket {
    pub(crate) fn new(stream: Stream, wire: Arc<Wire>, before: Option<Before>) -> Self {
        Self { stream, wire, broken: false, before }
    }

    /// Gives again what was read before. `None`: nothing of it is left.
    fn read_again(&mut self, cx: &Context<'_>, buf: &mut ReadBuf<'_>) -> Option<Poll<()>> {
        let before = self.before.as_mut()?;
        if !before.is_sent() {
            // hyper would take an answer before its request for a fault.
            before.reader = Some(cx.waker().clone());
            return Some(Poll::Pending);
        }
        let count = before.read.len().min(buf.remaining());
        buf.put_slice(&before.read.split_to(count));
        if !before.read.has_remaining() {
            self.before = None;
        }
        (count > 0).then_some(Poll::Ready(()))
    }

    fn swallow(&mut self, bytes: &[u8]) -> usize {
        self.before.as_mut().filter(|before| !before.is_sent()).map_or(0, |it| it.swallow(bytes))
    }

    /// Swallows the failure of a write that the reading side will explain better.
    fn forgive(&mut self, result: io::Result<usize>, offered: usize) -> io::Result<usize> {
        match result {
            Err(e) if is_closed_by_peer(&e) && !self.wire.is_tunnel() => {
                self.broken = true;
                Ok(offered)
            }
            Ok(_) | Err(_) => result,
        }
    }
}

pub(crate) fn is_closed_by_peer(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(polled) = self.read_again(cx, buf) {
            return polled.map(Ok);
        }
        let before = buf.filled().len();
        let suspect = self.wire.take_suspicion();
        let mut polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_pending() && suspect {
            polled = match self.stream.ask() {
                Lies::Nothing => Poll::Pending,
                Lies::Byte(byte) => {
                    buf.put_slice(&[byte]);
                    return Poll::Ready(Ok(()));
                }
                Lies::Something => return Pin::new(&mut self.stream).poll_read(cx, buf),
                // Nothing put into the buffer means the end.
                Lies::End(e) if is_mere_end(&e, &self.stream) => Poll::Ready(Ok(())),
                Lies::End(e) => Poll::Ready(Err(e)),
            };
        }
        if polled.is_ready() && buf.filled().len() > before {
            self.wire.hear();
        }
        polled
    }
}

/// TCP ends like that.
fn is_mere_end(error: &io::Error, stream: &Stream) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof && !stream.announces_its_end()
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken {
            return Poll::Ready(Ok(buf.len()));
        }
        let swallowed = self.swallow(buf);
        if swallowed > 0 {
            return Poll::Ready(Ok(swallowed));
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        result.map(|result| self.forgive(result, buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // One slice needs no list: a plain send is the cheaper call.
        if let [only] = bufs {
            return self.poll_write(cx, only);
        }
        if self.before.is_some() {
            let first = bufs.iter().find(|buf| !buf.is_empty());
            return self.poll_write(cx, first.map_or(&[], |buf| buf));
        }
        let offered = || bufs.iter().map(|buf| buf.len()).sum();
        if self.broken {
            return Poll::Ready(Ok(offered()));
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        result.map(|result| self.forgive(result, offered()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken {
            return Poll::Ready(Ok(()));
        }
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        result.map(|result| self.forgive(result.map(|()| 0), 0).map(|_| ()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_head_is_swallowed_however_it_is_cut() {
        let head = b"GET / HTTP/1.1\r\nhost: h\r\nx: \r\r\n\r\n";
        let all = [&head[..], b"next\r\n\r\n"].concat();
        for size in 1..=all.len() {
            let mut before = Before::read(Bytes::new());
            let mut swallowed = 0;
            for piece in all.chunks(size) {
                if before.is_sent() {
                    break;
                }
                swallowed += before.swallow(piece);
            }
            assert_eq!(swallowed, head.len(), "in pieces of {size}");
        }
    }
}
