//! What carries a client's bytes? A TCP socket, bare or with TLS on it.
//!
//! Two cases instead of a type parameter: everything above is compiled once, and which of the two it is
//! costs a bare socket one branch that is always right.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufRead as _, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::limits;

/// A client's socket.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Bytes as they are.
    Plain(TokioIo<TcpStream>),
    /// Behind a finished handshake.
    Tls(Box<TokioIo<TlsStream<Carrier>>>),
}

/// The socket below TLS, which notes that it took something: what TLS holds ready can be many times what the socket takes at
/// once, and a client that takes it slowly is not one that takes nothing.
#[derive(Debug)]
pub(crate) struct Carrier {
    socket: TcpStream,
    took: bool,
}

impl From<TcpStream> for Carrier {
    fn from(socket: TcpStream) -> Self {
        Self { socket, took: false }
    }
}

impl Carrier {
    fn note(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.took |= written.is_ready();
        written
    }
}

impl AsyncRead for Carrier {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Carrier {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.note(written)
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, slices);
        this.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

impl From<TcpStream> for Stream {
    fn from(socket: TcpStream) -> Self {
        Self::Plain(TokioIo::new(socket))
    }
}

impl From<TlsStream<Carrier>> for Stream {
    fn from(socket: TlsStream<Carrier>) -> Self {
        Self::Tls(Box::new(TokioIo::new(socket)))
    }
}

impl Stream {
    /// RFC 7301, RFC 9113 §3.2: whether HTTP/2 was agreed upon. `None` where nothing can be: the client's
    /// first bytes tell.
    pub(crate) fn agreed_on_h2(&self) -> Option<bool> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(socket) => Some(socket.inner().get_ref().1.alpn_protocol() == Some(b"h2")),
        }
    }

    /// For the reader that decides what the bytes are, and for those who read on their own.
    pub(crate) fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket.inner_mut()).poll_read(cx, buffer),
            Self::Tls(socket) => Pin::new(socket.inner_mut()).poll_read(cx, buffer),
        }
    }

    #[inline]
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(socket) => Pin::new(&mut **socket).poll_read(cx, buffer),
        }
    }

    #[inline]
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(socket) => Pin::new(&mut **socket).poll_write(cx, bytes),
        }
    }

    /// Writes `slices`. With TLS they are joined where they are encrypted, so that a head and a small body
    /// are one record (RFC 8446 §5.1) and large bodies fill theirs.
    #[inline]
    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => write_slices(socket, cx, slices),
            Self::Tls(socket) => Pin::new(&mut **socket).poll_write_vectored(cx, slices),
        }
    }

    /// Records that the socket did not take at once are still to be written: unlike a bare socket, this one
    /// has to be flushed.
    #[inline]
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(socket) => Pin::new(&mut **socket).poll_flush(cx),
        }
    }

    /// Ends our side: with TLS by a `close_notify` (RFC 8446 §6.1) before TCP's end.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(socket) => Pin::new(&mut **socket).poll_shutdown(cx),
        }
    }

    /// Whether the socket took something since this was asked last, though more waits for it.
    pub(crate) fn took_some(&mut self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(socket) => std::mem::take(&mut socket.inner_mut().get_mut().0.took),
        }
    }

    /// Whether the client has closed its side. Costs a system call only when something has come; more than
    /// nothing is a next request, which is left where it is.
    pub(crate) fn has_ended(&mut self, cx: &mut Context<'_>) -> bool {
        let ended = match self {
            Self::Plain(socket) => {
                let mut byte = [0];
                let mut buffer = ReadBuf::new(&mut byte);
                socket.inner().poll_peek(cx, &mut buffer).map_ok(|count| count == 0)
            }
            Self::Tls(socket) => {
                Pin::new(socket.inner_mut()).poll_fill_buf(cx).map_ok(<[u8]>::is_empty)
            }
        };
        matches!(ended, Poll::Ready(Ok(true) | Err(_)))
    }

    /// Writes an answer of our own, as far as the socket takes it: the connection ends after it. A socket
    /// that does not take a hundred bytes belongs to a client that does not read.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) {
        match self {
            Self::Plain(socket) => drop(socket.inner().try_write(bytes)),
            Self::Tls(socket) => {
                let (socket, session) = socket.inner_mut().get_mut();
                drop(session.writer().write_all(bytes));
                drop(session.write_tls(&mut Try(&socket.socket)));
            }
        }
    }

    /// Says with TLS that this is the end and not a cut (RFC 8446 §6.1); a bare socket's end says it itself.
    pub(crate) fn take_leave(&mut self) {
        if let Self::Tls(socket) = self {
            let (socket, session) = socket.inner_mut().get_mut();
            session.send_close_notify();
            drop(session.write_tls(&mut Try(&socket.socket)));
        }
    }

    /// Makes the end of this connection visible as a failure, not as an end.
    pub(crate) fn reset_on_close(&self) {
        drop(socket2::SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO)));
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket.inner(),
            Self::Tls(socket) => &socket.inner().get_ref().0.socket,
        }
    }

    /// What is below: for those who only wait for the end of it.
    pub(crate) fn into_tcp(self) -> TcpStream {
        match self {
            Self::Plain(socket) => socket.into_inner(),
            Self::Tls(socket) => socket.into_inner().into_inner().0.socket,
        }
    }
}

/// A socket that is written to only as far as it takes something at once.
struct Try<'a>(&'a TcpStream);

impl io::Write for Try<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

thread_local! {
    /// Where the slices of a small write are put together.
    static JOINED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes `slices`. A head with a small body is copied and sent in one piece: the kernel takes
/// longer over a list of slices than the copy takes.
fn write_slices(
    socket: &mut TokioIo<TcpStream>,
    cx: &mut Context<'_>,
    slices: &[io::IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let length: usize = slices.iter().map(|slice| slice.len()).sum();
    if length > limits::JOINED_WRITE_BYTES_MAX {
        return Pin::new(socket).poll_write_vectored(cx, slices);
    }
    JOINED.with_borrow_mut(|joined| {
        joined.clear();
        for slice in slices {
            joined.extend_from_slice(slice);
        }
        Pin::new(socket).poll_write(cx, joined)
    })
}
