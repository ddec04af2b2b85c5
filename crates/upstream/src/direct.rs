//! A connection that is read and written by whoever has a request on it: no task of its own, no
//! channel to it, so that an ordinary exchange costs one turn of one task.
//!
//! Nobody watches it while it rests. Whoever takes it asks the kernel whether something lies there,
//! which has to be asked anyway; [`watch`] looks at its time limits as often as
//! [`Driver`](crate::driver) does for hyper's connections.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::request;
use tokio::time::{Instant, sleep_until};

use crate::head;
use crate::limits::{READ_AHEAD_BYTES, WATCH_TICK_MAX};
use crate::socket::is_closed_by_peer;
use crate::stream::{Lies, Stream};
use crate::wire::{Look, Wire};
use crate::worker::Worker;

/// What is asked of the kernel at first: nearly all heads, and many a response as a whole.
pub(crate) const READ_BYTES: usize = 8 * 1024;

/// Room for a head that is kept for the next one.
const HEAD_BYTES_KEPT: usize = 64 * 1024;

thread_local! {
    /// Where a request's head is put together.
    static HEAD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
pub(crate) struct Direct {
    pub(crate) stream: Stream,
    pub(crate) wire: Arc<Wire>,
    /// Read and not yet given away. Responses keep parts of it, and it is used again after them.
    buffer: BytesMut,
    /// How much is asked for at once: more for those who send fast.
    chunk: usize,
    /// Of the target's addresses when it was opened.
    pub(crate) generation: u64,
    /// Whether a request went over it before.
    pub(crate) used: bool,
}

impl Direct {
    pub(crate) fn new(stream: Stream, wire: Arc<Wire>, generation: u64) -> Self {
        Self { stream, wire, buffer: BytesMut::new(), chunk: READ_BYTES, generation, used: false }
    }

    /// Nothing came that nobody asked for, neither bytes nor an end.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.buffer.is_empty() && matches!(self.stream.ask(), Lies::Nothing)
    }

    /// Sends a request's head.
    pub(crate) async fn send(&mut self, asked: &request::Parts) -> io::Result<()> {
        let rest = HEAD.with_borrow_mut(|text| {
            text.clear();
            head::write(text, asked);
            let sent = self.try_send(text)?;
            let rest = if sent < text.len() { text.split_off(sent) } else { Vec::new() };
            if text.capacity() > HEAD_BYTES_KEPT {
                *text = Vec::new();
            }
            Ok::<_, io::Error>(rest)
        })?;
        let mut rest = rest.as_slice();
        while !rest.is_empty() {
            self.writable().await?;
            let sent = self.try_send(rest)?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        while !self.try_flush()? {
            self.writable().await?;
        }
        Ok(())
    }

    /// How much of `text` the socket took. A peer that takes no more of it may have answered, which
    /// the reading side finds out.
    fn try_send(&mut self, text: &[u8]) -> io::Result<usize> {
        match self.stream.try_write(text) {
            Err(error) if is_closed_by_peer(&error) => Ok(text.len()),
            sent => sent,
        }
    }

    /// Whether all that was taken is on its way. What can't be sent any more is forgotten, as above.
    fn try_flush(&mut self) -> io::Result<bool> {
        match self.stream.try_flush() {
            Err(error) if is_closed_by_peer(&error) => Ok(true),
            flushed => flushed,
        }
    }

    async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| {
            let polled = self.stream.poll_write_ready(cx);
            self.unless_over(cx, polled)
        })
        .await
    }

    /// Reads into the buffer: how much, zero for the end. `wanted` is how much may come, not zero.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        if self.room() < wanted.min(READ_BYTES) {
            self.buffer.reserve(wanted.min(self.chunk));
        }
        let room = self.room();
        let polled = self.stream.poll_read_buf(cx, &mut self.buffer);
        if polled.is_pending() {
            ready!(self.unless_over(cx, Poll::Pending))?;
        }
        let count = ready!(polled)?;
        if count > 0 {
            self.wire.hear();
        }
        if count >= room {
            self.chunk = (2 * self.chunk).min(READ_AHEAD_BYTES);
        } else if count > 0 {
            self.stream.note_empty();
        }
        Poll::Ready(Ok(count))
    }

    fn room(&self) -> usize {
        self.buffer.capacity() - self.buffer.len()
    }

    /// Waits no longer than the limits allow.
    fn unless_over(&self, cx: &Context<'_>, polled: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        if polled.is_pending() {
            self.wire.remember_task(cx.waker());
            if self.wire.is_abandoned() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        polled
    }

    /// Takes all that was read.
    pub(crate) fn take(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }

    /// Takes what was read, up to `most` bytes.
    pub(crate) fn take_at_most(&mut self, most: u64) -> Bytes {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        self.buffer.split_to(self.buffer.len().min(most)).freeze()
    }

    /// More was read than was taken.
    pub(crate) fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Keeps no more room at rest than a head needs.
    pub(crate) fn rest(&mut self) {
        self.used = true;
        if self.chunk > READ_BYTES {
            self.buffer = BytesMut::new();
        }
    }

    /// Puts back what was taken too early.
    pub(crate) fn put_back(&mut self, bytes: &Bytes) {
        let mut buffer = BytesMut::with_capacity(bytes.len() + READ_BYTES);
        buffer.extend_from_slice(bytes);
        self.buffer = buffer;
    }
}

/// Keeps a direct connection's time limits, until it is closed or hyper's.
pub(crate) fn watch(direct: &Direct, worker: &Arc<Worker>, target: usize) {
    let (wire, worker) = (Arc::downgrade(&direct.wire), Arc::downgrade(worker));
    tokio::spawn(async move { keep_time(wire, worker, target).await });
}

async fn keep_time(wire: Weak<Wire>, worker: Weak<Worker>, target: usize) {
    let Some(tick) = worker.upgrade().map(|worker| worker.tick.min(WATCH_TICK_MAX)) else { return };
    let first = Instant::now().checked_add(tick).unwrap_or_else(Instant::now);
    let mut clock = Box::pin(sleep_until(first));
    loop {
        clock.as_mut().await;
        let Some(wire) = wire.upgrade().filter(|wire| !wire.is_driven()) else { return };
        match wire.look(Instant::now(), tick) {
            Look::Again(at) => clock.as_mut().reset(at),
            Look::Over => {
                wire.abandon();
                drop(wire);
                if let Some(worker) = worker.upgrade() {
                    worker.pool.sweep(target);
                }
                return;
            }
        }
    }
}
