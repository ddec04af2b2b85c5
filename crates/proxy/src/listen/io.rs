//! What lies between a client's socket and hyper or h2?
//!
//! It gives back the bytes that were read to tell HTTP/2 from HTTP/1.1 (RFC 9113 §3.3), writes 1xx
//! heads where hyper has nothing to write ([`super::interim`]), and notes progress for the time
//! limits ([`super::state`]). It holds the connection's place among the open ones, so that an
//! upgraded connection counts until it is closed.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::gather::Gathered;
use super::state::ConnState;
use super::stream::Stream;
use super::sweep::Entry;
use crate::limits;

/// RFC 9113 §3.4: what an HTTP/2 client with prior knowledge sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A client's connection.
#[derive(Debug)]
pub(crate) struct ConnIo {
    socket: Stream,
    /// Read before it was known who should read it.
    first: [u8; PREFACE.len()],
    first_given: usize,
    first_filled: usize,
    /// The client has closed its side.
    ended: bool,
    /// HTTP/2: what several streams have to say.
    gathered: Gathered,
    entry: Entry,
}

impl ConnIo {
    pub(crate) fn new(socket: impl Into<Stream>, entry: Entry) -> Self {
        Self {
            socket: socket.into(),
            first: [0; PREFACE.len()],
            first_given: 0,
            first_filled: 0,
            ended: false,
            gathered: Gathered::default(),
            entry,
        }
    }

    pub(crate) fn state(&self) -> &Arc<ConnState> {
        &self.entry.state
    }

    /// Whether the client speaks HTTP/2: as it was agreed upon with TLS, else reads until its first
    /// bytes tell. The bytes are kept.
    pub(crate) fn poll_is_h2(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if let Some(agreed) = self.socket.agreed_on_h2() {
            return Poll::Ready(Ok(agreed));
        }
        loop {
            let (seen, rest) = self.first.split_at_mut(self.first_filled);
            if !PREFACE.starts_with(seen) {
                return Poll::Ready(Ok(false));
            }
            if rest.is_empty() {
                return Poll::Ready(Ok(true));
            }
            let mut buffer = ReadBuf::new(rest);
            match self.socket.poll_read_buf(cx, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => {}
            }
            let count = buffer.filled().len();
            if count == 0 {
                self.ended = true;
                return Poll::Ready(Ok(false));
            }
            self.first_filled += count;
            self.entry.state.bytes_came();
        }
    }

    /// Writes an answer of our own, whole or not at all: the connection ends after it.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) {
        self.socket.try_write(bytes);
    }

    /// Ends an idle connection without a wait.
    pub(crate) fn take_leave(mut self) {
        self.socket.take_leave();
    }

    /// Makes the end of this connection visible as a failure, not as an end.
    pub(crate) fn reset_on_close(&self) {
        self.socket.reset_on_close();
    }

    /// RFC 9112 §9.6: ends our side, then reads on for a moment, because closing a socket with
    /// unread bytes resets it, and the reset can overtake our last answer.
    pub(crate) async fn linger(self) {
        if self.ended {
            return;
        }
        let Self { mut socket, entry, .. } = self;
        let drain = async {
            if poll_fn(|cx| socket.poll_shutdown(cx)).await.is_err() {
                return;
            }
            let mut socket = socket.into_tcp();
            let mut taken = 0;
            let mut buffer = vec![0; 8 * 1024];
            while taken < limits::LINGER_BYTES_MAX {
                match socket.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => taken += count,
                }
            }
        };
        drop(tokio::time::timeout(limits::LINGER, drain).await);
        drop(entry);
    }

    fn give_first(&mut self, give: impl FnOnce(&[u8]) -> usize) -> bool {
        let Some(rest) = self.first.get(self.first_given..self.first_filled) else { return false };
        if rest.is_empty() {
            return false;
        }
        self.first_given += give(rest);
        true
    }

    /// Notes that the client has closed its side while its request is being worked on. hyper does
    /// not read then, so that a client that only said it will send no more still gets its answer.
    fn look_for_end(&mut self, cx: &mut Context<'_>) {
        if self.socket.has_ended(cx) {
            self.entry.state.client_ended();
        }
    }

    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = Arc::clone(&self.entry.state);
        let socket = &mut self.socket;
        let done = state.interim.write_out(|bytes| socket.poll_write(cx, bytes));
        note_write(&state, &mut self.socket, &done);
        done
    }
}

/// Tells the time limits what became of a write to `socket`.
fn note_write<T>(state: &ConnState, socket: &mut Stream, outcome: &Poll<io::Result<T>>) {
    if outcome.is_pending() {
        if socket.took_some() {
            state.wrote();
        }
        state.write_blocked();
    } else {
        state.wrote();
    }
}

impl Read for ConnIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.give_first(|bytes| {
            let count = bytes.len().min(buffer.remaining());
            buffer.put_slice(bytes.get(..count).unwrap_or_default());
            count
        }) {
            this.entry.state.bytes_came();
            return Poll::Ready(Ok(()));
        }
        let outcome = this.socket.poll_read(cx, buffer);
        if outcome.is_ready() {
            this.entry.state.bytes_came();
        }
        outcome
    }
}

impl Write for ConnIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.entry.state.interim.begun() {
            std::task::ready!(this.poll_interim(cx))?;
        }
        let outcome = this.socket.poll_write(cx, bytes);
        note_write(&this.entry.state, &mut this.socket, &outcome);
        outcome
    }

    /// hyper calls this only when all of its own bytes are written, so between two messages or
    /// while the service works on a request: the places where a 1xx head may stand. Records of TLS may
    /// still be on their way to the socket then.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.entry.state.interim.any() {
            std::task::ready!(this.poll_interim(cx))?;
        }
        let flushed = match &mut this.socket {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            tls @ Stream::Tls(_) => {
                let flushed = tls.poll_flush(cx);
                note_write(&this.entry.state, tls, &flushed);
                flushed
            }
        };
        if this.entry.state.waits_for_pipeline() {
            this.look_for_end(cx);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().socket.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.entry.state.interim.begun() {
            std::task::ready!(this.poll_interim(cx))?;
        }
        let outcome = this.socket.poll_write_vectored(cx, slices);
        note_write(&this.entry.state, &mut this.socket, &outcome);
        outcome
    }
}

impl AsyncRead for ConnIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.give_first(|bytes| {
            let count = bytes.len().min(buffer.remaining());
            buffer.put_slice(bytes.get(..count).unwrap_or_default());
            count
        }) {
            return Poll::Ready(Ok(()));
        }
        this.socket.poll_read_buf(cx, buffer)
    }
}

/// The `h2` crate's side.
impl AsyncWrite for ConnIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write_vectored(self, cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.entry.state.gathers() {
            return Poll::Ready(Ok(()));
        }
        if !this.gathered.is_empty() {
            let done = this.gathered.poll_write_out(&mut this.socket, cx);
            note_write(&this.entry.state, &mut this.socket, &done);
            std::task::ready!(done)?;
        }
        Write::poll_flush(Pin::new(this), cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        std::task::ready!(this.gathered.poll_write_out(&mut this.socket, cx))?;
        Write::poll_shutdown(Pin::new(this), cx)
    }

    fn is_write_vectored(&self) -> bool {
        Write::is_write_vectored(self)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.entry.state.gathers() && this.gathered.is_empty() {
            return Write::poll_write_vectored(Pin::new(this), cx, slices);
        }
        let outcome = this.gathered.poll_write(&mut this.socket, cx, slices);
        note_write(&this.entry.state, &mut this.socket, &outcome);
        outcome
    }
}
