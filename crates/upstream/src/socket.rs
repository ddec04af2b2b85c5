//! The byte stream under a connection, and three things hyper's view of it lacks.
//!
//! - Whether any byte of a response has been heard decides if a request may be repeated.
//! - Before an unused connection is used again, the kernel is asked whether something lies there:
//!   the runtime's own knowledge may be a turn of its loop old. A close or leftover bytes found
//!   then cost nothing, because hyper hands a request back that it has not begun to write.
//! - An application that refuses an upload answers and closes without reading the rest. Writing
//!   then fails before hyper has read the answer, so a broken write is not reported as such: the
//!   bytes go nowhere, and the reading side finds the answer, or the end.

use std::io::{self, IoSlice, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::wire::Wire;

#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    wire: Arc<Wire>,
    /// The peer takes no more bytes.
    broken: bool,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, wire: Arc<Wire>) -> Self {
        Self { stream, wire, broken: false }
    }

    /// What lies in the socket right now, without waiting. `None`: nothing, all is well.
    fn ask_the_kernel(&self) -> Option<io::Result<u8>> {
        let mut byte = [0_u8; 1];
        let socket = SockRef::from(&self.stream);
        match (&*socket).read(&mut byte) {
            Ok(0) => Some(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Some(Ok(byte[0])),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
            Err(e) => Some(Err(e)),
        }
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

fn is_closed_by_peer(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let suspect = self.wire.take_suspicion();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending if suspect => match self.ask_the_kernel() {
                None => Poll::Pending,
                Some(Ok(byte)) => {
                    buf.put_slice(&[byte]);
                    Poll::Ready(Ok(()))
                }
                // Nothing put into the buffer means the end.
                Some(Err(e)) if e.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                Some(Err(e)) => Poll::Ready(Err(e)),
            },
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                if buf.filled().len() > before {
                    self.wire.hear();
                }
                Poll::Ready(result)
            }
        }
    }
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

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
