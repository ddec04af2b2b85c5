//! The bytes inside TLS, and what can be known of them without waiting.
//!
//! Bytes on the connection are not bytes of the application's: a ticket for the next session comes when
//! it likes, and a close may be announced. So whether something lies there is answered after decrypting.

use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::ClientConnection;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection to an application, inside TLS. Reading ends only where the other side said that it
/// would send no more (`close_notify`); a connection that just ends is an error, since whoever is on the
/// way can end one (RFC 8446 §6.1). When dropped, it says as much itself.
#[derive(Debug)]
pub struct Secured(TlsStream<TcpStream>);

impl Secured {
    pub(super) const fn new(stream: TlsStream<TcpStream>) -> Self {
        Self(stream)
    }

    /// Whether there is something to read right now, bytes or a proper end. Asks the kernel itself:
    /// the runtime's own knowledge may be a turn of its loop old.
    ///
    /// # Errors
    /// The connection ended without a word, or something came that TLS refuses.
    pub fn ask(&mut self) -> io::Result<bool> {
        let (tcp, session) = self.0.get_mut();
        loop {
            // What was read earlier counts too.
            let state = session
                .process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
                return Ok(true);
            }
            match session.read_tls(&mut Now(tcp)) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes as much of `bytes` as there is room for and sends what the connection takes of it now.
    /// Zero: the connection takes nothing at the moment.
    ///
    /// # Errors
    /// The connection's.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_flush()?;
        let taken = self.0.get_mut().1.writer().write(bytes)?;
        self.try_flush()?;
        Ok(taken)
    }

    /// Whether all that was taken has been sent, after sending what the connection takes now.
    ///
    /// # Errors
    /// The connection's.
    pub fn try_flush(&mut self) -> io::Result<bool> {
        let (tcp, session) = self.0.get_mut();
        flush(tcp, session)
    }

    /// Waits until the connection takes something.
    ///
    /// # Errors
    /// The connection's.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.get_ref().0.poll_write_ready(cx)
    }
}

fn flush(tcp: &TcpStream, session: &mut ClientConnection) -> io::Result<bool> {
    while session.wants_write() {
        match session.write_tls(&mut Now(tcp)) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

impl Drop for Secured {
    fn drop(&mut self) {
        let (tcp, session) = self.0.get_mut();
        session.send_close_notify();
        if let Err(error) = flush(tcp, session) {
            // RFC 8446 §6.1 asks for it; who is gone does not miss it.
            drop(error);
        }
    }
}

/// A connection without waiting: the kernel's word when reading, the runtime's too when writing, because
/// that is what waits for room afterwards.
struct Now<'a>(&'a TcpStream);

impl Read for Now<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*SockRef::from(self.0)).read(buf)
    }
}

impl Write for Now<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
