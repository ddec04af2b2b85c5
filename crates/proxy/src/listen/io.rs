//! What lies between a client's socket and hyper or h2?
//!
//! It gives back the bytes that were read to tell HTTP/2 from HTTP/1.1 (RFC 9113 §3.3), writes 1xx
//! heads where hyper has nothing to write ([`super::interim`]), and notes progress for the time
//! limits ([`super::state`]). It holds the connection's place among the open ones, so that an
//! upgraded connection counts until it is closed.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::state::ConnState;
use super::sweep::Entry;
use crate::limits;

/// RFC 9113 §3.4: what an HTTP/2 client with prior knowledge sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A client's connection.
#[derive(Debug)]
pub(crate) struct ConnIo {
    socket: TokioIo<TcpStream>,
    /// Read before it was known who should read it.
    first: [u8; PREFACE.len()],
    first_given: usize,
    first_filled: usize,
    /// The client has closed its side.
    ended: bool,
    entry: Entry,
}

impl ConnIo {
    pub(crate) fn new(socket: TcpStream, entry: Entry) -> Self {
        Self {
            socket: TokioIo::new(socket),
            first: [0; PREFACE.len()],
            first_given: 0,
            first_filled: 0,
            ended: false,
            entry,
        }
    }

    pub(crate) fn state(&self) -> &Arc<ConnState> {
        &self.entry.state
    }

    /// Whether the client speaks HTTP/2: reads until its first bytes tell. The bytes are kept.
    pub(crate) fn poll_is_h2(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let (seen, rest) = self.first.split_at_mut(self.first_filled);
            if !PREFACE.starts_with(seen) {
                return Poll::Ready(Ok(false));
            }
            if rest.is_empty() {
                return Poll::Ready(Ok(true));
            }
            let mut buffer = ReadBuf::new(rest);
            match Pin::new(self.socket.inner_mut()).poll_read(cx, &mut buffer) {
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
    pub(crate) fn try_write(&self, bytes: &[u8]) {
        // A socket that does not take a hundred bytes belongs to a client that does not read.
        drop(self.socket.inner().try_write(bytes));
    }

    /// Makes the end of this connection visible as a failure, not as an end.
    pub(crate) fn reset_on_close(&self) {
        drop(socket2::SockRef::from(self.socket.inner()).set_linger(Some(Duration::ZERO)));
    }

    /// RFC 9112 §9.6: ends our side, then reads on for a moment, because closing a socket with
    /// unread bytes resets it, and the reset can overtake our last answer.
    pub(crate) async fn linger(self) {
        if self.ended {
            return;
        }
        let Self { socket, entry, .. } = self;
        let mut socket = socket.into_inner();
        if tokio::io::AsyncWriteExt::shutdown(&mut socket).await.is_err() {
            return;
        }
        let drain = async {
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
    fn look_for_end(&self, cx: &mut Context<'_>) {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        // Costs a system call only when something has come. More than nothing is a next request.
        match self.socket.inner().poll_peek(cx, &mut buffer) {
            Poll::Ready(Ok(1..)) | Poll::Pending => {}
            Poll::Ready(Ok(0) | Err(_)) => self.entry.state.client_ended(),
        }
    }

    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = Arc::clone(&self.entry.state);
        let socket = &mut self.socket;
        let done = state.interim.write_out(|bytes| Pin::new(&mut *socket).poll_write(cx, bytes));
        note_write(&state, &done);
        done
    }
}

fn note_write<T>(state: &ConnState, outcome: &Poll<io::Result<T>>) {
    if outcome.is_pending() {
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
        let outcome = Pin::new(&mut this.socket).poll_read(cx, buffer);
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
        let outcome = Pin::new(&mut this.socket).poll_write(cx, bytes);
        note_write(&this.entry.state, &outcome);
        outcome
    }

    /// hyper calls this only when all of its own bytes are written, so between two messages or
    /// while the service works on a request: the places where a 1xx head may stand.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.entry.state.interim.any() {
            std::task::ready!(this.poll_interim(cx))?;
        }
        if this.entry.state.waits_for_pipeline() {
            this.look_for_end(cx);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
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
        let outcome = write_slices(&mut this.socket, cx, slices);
        note_write(&this.entry.state, &outcome);
        outcome
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
        Pin::new(this.socket.inner_mut()).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ConnIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Write::poll_write(self, cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Write::poll_flush(self, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Write::poll_shutdown(self, cx)
    }

    fn is_write_vectored(&self) -> bool {
        Write::is_write_vectored(self)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Write::poll_write_vectored(self, cx, slices)
    }
}
