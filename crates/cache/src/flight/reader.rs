//! One reader of a fetch in progress.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use larder_semantics::Reason;

use super::Flight;
use super::state::{End, Place, State};
use crate::body::Incomplete;

/// Reads a window of the body of a fetch in progress, as fast as it comes.
#[derive(Debug)]
pub struct Reader {
    flight: Arc<Flight>,
    id: u64,
    /// The next byte to give out.
    position: u64,
    /// The first byte not to give out.
    to: Option<u64>,
    /// The number of the chunk to look at next and how many bytes of the stream lie before it:
    /// saves walking the list from its beginning.
    chunk: usize,
    chunk_start: u64,
    ended: bool,
}

impl Reader {
    pub(super) fn new(flight: Arc<Flight>, from: u64, to: Option<u64>) -> Option<Self> {
        let mut state = flight.state.lock();
        if state.base > from {
            return None;
        }
        let id = state.new_id();
        state.readers.insert(id, Place { position: from, waker: None });
        drop(state);
        Some(Self { flight, id, position: from, to, chunk: 0, chunk_start: 0, ended: false })
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let flight = Arc::clone(&self.flight);
        let mut state = flight.state.lock();
        if let Some(bytes) = self.next(&state) {
            self.position += bytes.len() as u64;
            let id = self.id;
            if let Some(place) = state.readers.get_mut(&id) {
                place.position = self.position;
            }
            state.drop_read_chunks();
            let writer = state.writer.take();
            drop(state);
            if let Some(writer) = writer {
                writer.wake();
            }
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.is_past_window() {
            self.ended = true;
            return Poll::Ready(None);
        }
        match &state.end {
            None => {
                if let Some(place) = state.readers.get_mut(&self.id) {
                    place.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
            Some(End::Failed(reason)) => {
                self.ended = true;
                Poll::Ready(Some(Err(Incomplete { reason: *reason })))
            }
            Some(End::Complete(trailers)) => {
                self.ended = true;
                let whole = self.to.is_none();
                Poll::Ready(
                    trailers
                        .as_ref()
                        .filter(|_| whole)
                        .map(|fields| Ok(Frame::trailers(HeaderMap::clone(fields)))),
                )
            }
        }
    }

    fn is_past_window(&self) -> bool {
        self.to.is_some_and(|to| self.position >= to)
    }

    /// The bytes at the reader's position, if they are there.
    fn next(&mut self, state: &State) -> Option<Bytes> {
        if self.is_past_window() {
            return None;
        }
        if let Some((body, first)) = &state.stored {
            let end = self.to.unwrap_or(state.received).min(state.received);
            return body.read(first + self.position, first + end);
        }
        if self.chunk < state.first_chunk {
            self.chunk = state.first_chunk;
            self.chunk_start = state.base;
        }
        loop {
            let chunk = state.chunks.get(self.chunk - state.first_chunk)?;
            let end = self.chunk_start + chunk.len() as u64;
            if self.position < end {
                let skip = usize::try_from(self.position - self.chunk_start).ok()?;
                let stop = self.to.map_or(end, |to| to.min(end));
                let stop = usize::try_from(stop - self.chunk_start).ok()?;
                return Some(chunk.slice(skip..stop));
            }
            self.chunk += 1;
            self.chunk_start = end;
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        if self.ended || self.is_past_window() {
            return true;
        }
        let state = self.flight.state.lock();
        matches!(state.end, Some(End::Complete(None))) && self.position >= state.received
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let state = self.flight.state.lock();
        let known = match (&state.end, self.to.or(state.expected)) {
            (_, Some(to)) => Some(to),
            (Some(End::Complete(_)), None) => Some(state.received),
            (None | Some(End::Failed(_)), None) => None,
        };
        known.map_or_else(SizeHint::default, |to| {
            SizeHint::with_exact(to.saturating_sub(self.position))
        })
    }

    /// The fetch it reads from.
    #[must_use]
    pub fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// Why it failed, if it did before any byte was read.
    #[must_use]
    pub fn failure(&self) -> Option<Reason> {
        match self.flight.state.lock().end {
            Some(End::Failed(reason)) => Some(reason),
            Some(End::Complete(_)) | None => None,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.flight.state.lock();
        state.readers.remove(&self.id);
        state.drop_read_chunks();
        let writer = state.writer.take();
        drop(state);
        // A writer that waits for the slowest reader, or for any, has to look again.
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}
