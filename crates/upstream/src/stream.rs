//! The bytes under a connection: TCP as it is, or inside TLS.
//!
//! Ordinary exchanges go by TCP, and cost no more for there being another way.

use std::io::{self, IoSlice, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use larder_tls::client::Secured;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    /// Boxed, because it is many times as large.
    Tls(Box<Secured>),
}

/// What lies in a connection right now.
#[derive(Debug)]
pub(crate) enum Lies {
    /// Nothing, all is well.
    Nothing,
    /// A byte that was taken out of it.
    Byte(u8),
    /// Something that the next read brings.
    Something,
    /// An end.
    End(io::Error),
}

impl Stream {
    /// Asks the kernel, without waiting.
    pub(crate) fn ask(&mut self) -> Lies {
        match self {
            Self::Plain(stream) => {
                let mut byte = [0_u8; 1];
                let socket = SockRef::from(&*stream);
                match (&*socket).read(&mut byte) {
                    Ok(0) => Lies::End(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => Lies::Byte(byte[0]),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => Lies::Nothing,
                    Err(e) => Lies::End(e),
                }
            }
            Self::Tls(stream) => match stream.ask() {
                Ok(false) => Lies::Nothing,
                Ok(true) => Lies::Something,
                Err(e) => Lies::End(e),
            },
        }
    }

    /// Whether it ended without a word where that means something: the rest may have been cut off.
    pub(crate) fn announces_its_end(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// How much of `bytes` was taken; zero when there is no room at the moment.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => match stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                sent => sent,
            },
            Self::Tls(stream) => stream.try_write(bytes),
        }
    }

    /// Whether nothing of what was taken has still to be sent.
    pub(crate) fn try_flush(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            Self::Tls(stream) => stream.try_flush(),
        }
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => stream.poll_write_ready(cx),
            Self::Tls(stream) => stream.poll_write_ready(cx),
        }
    }

    /// Reads into `buffer`, which has room: how much, zero for the end.
    pub(crate) fn poll_read_buf(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => loop {
                match stream.try_read_buf(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return Poll::Ready(read),
                }
                ready!(stream.poll_read_ready(cx))?;
            },
            Self::Tls(stream) => {
                // Has no memory of its own, so that it may be left when it waits.
                let reading = stream.read_buf(buffer);
                std::pin::pin!(reading).as_mut().poll(cx)
            }
        }
    }

    /// A stream that gave less than it could has no more: the next read need not ask.
    pub(crate) fn note_empty(&self) {
        if let Self::Plain(stream) = self {
            let nothing: io::Result<()> = Err(io::ErrorKind::WouldBlock.into());
            drop(stream.try_io(Interest::READABLE, || nothing));
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            // A socket keeps nothing back.
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
