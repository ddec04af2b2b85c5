//! A fetch in progress: one writer, any number of readers, one outcome.
//!
//! Collapse, streaming, background refresh and range filling are all this object. Its writer
//! first publishes an [`Outcome`]; if that is [`Outcome::Shared`] a body follows, which every
//! reader gets from its first byte, whenever it came. The writer's failure is every reader's
//! failure: a body that broke off never ends cleanly (DESIGN, invariant 5).
//!
//! ```text
//!  waiting ──publish──> shared ──push…──> complete      (kept: becomes a stored body)
//!     │                    ├────────────> failed        (readers' connections are aborted)
//!     │                    └─ too large ─> relay        (not kept, nobody else joins, the
//!     ├──────────> stored / unshared / failed            writer waits for the slowest reader)
//!     └──hold, push…──> shared, stored or unshared       (a body that is looked at as a whole first)
//! ```
//!
//! While it is held, those who wait go on waiting; only the one who asked for it may read along.

mod budget;
mod reader;
mod state;
mod wait;

pub use budget::Budget;
pub use reader::Reader;
pub use wait::Wait;

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use larder_semantics::Reason;
use larder_store::sync::Mutex;

use crate::limits;
use crate::stored_body::StoredBody;
use crate::variant::{Head, Variant};
use state::{End, Mode, State};

/// What came of a fetch, as far as those who wait for it are concerned.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A response that may be shared; its body is there or on its way.
    Shared(Arc<Head>),
    /// A stored response, found to be valid or brought up to date.
    Stored(Variant),
    /// A stored response that is stale but may be served: the application failed.
    Stale(Variant, Reason),
    /// A response for the one who asked only.
    Unshared(Reason),
    /// No response.
    Failed(Reason),
}

/// A fetch in progress.
#[derive(Debug)]
pub struct Flight {
    state: Mutex<State>,
    budget: Arc<Budget>,
}

impl Flight {
    /// A fetch that has just begun.
    #[must_use]
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { state: Mutex::new(State::default()), budget }
    }

    /// Tells everybody what came of it. Only the first call counts.
    pub fn publish(&self, outcome: Outcome, expected: Option<u64>) {
        let mut state = self.state.lock();
        if state.outcome.is_some() {
            return;
        }
        // A body that is held back has its own end, whatever is told of it.
        if !matches!(outcome, Outcome::Shared(_)) && state.held.is_none() {
            state.end = Some(End::Complete(None));
        }
        state.expected = expected.or(state.expected);
        state.outcome = Some(outcome);
        let wakers = state.all_wakers();
        drop(state);
        wakers.wake();
    }

    /// An answer with this head and, if it said so, of this length has come, and is for nobody else before its body was looked
    /// at. Who could not share it need not wait for that.
    pub fn hold(&self, head: Arc<Head>, expected: Option<u64>) {
        let mut state = self.state.lock();
        state.expected = expected;
        state.held = Some(head);
    }

    /// The head of an answer that is held back.
    #[must_use]
    pub fn held(&self) -> Option<Arc<Head>> {
        self.state.lock().held.clone()
    }

    /// What came of it, if that is known.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.state.lock().outcome.clone()
    }

    /// Waits for the outcome. `None` when too many wait already.
    #[must_use]
    pub fn wait(self: &Arc<Self>) -> Option<Wait> {
        let population = self.state.lock().population();
        (population < limits::READERS_MAX).then(|| Wait::new(Arc::clone(self)))
    }

    /// Whether another request may still read the whole body.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let state = self.state.lock();
        !state.invalidated && state.mode == Mode::Keep && !state.has_failed()
    }

    /// Marks what is being fetched as out of date: it will not be stored, and nobody joins.
    pub fn invalidate(&self) {
        self.state.lock().invalidated = true;
    }

    /// Whether it was invalidated since it began.
    #[must_use]
    pub fn is_invalidated(&self) -> bool {
        self.state.lock().invalidated
    }

    /// A reader of the bytes from `from` on and before `to` (the end, if `None`). `None` when the
    /// beginning is gone.
    #[must_use]
    pub fn reader(self: &Arc<Self>, from: u64, to: Option<u64>) -> Option<Reader> {
        Reader::new(Arc::clone(self), from, to)
    }

    /// Waits until the writer may go on: at once while the body is kept; when it is only relayed,
    /// once the slowest reader is close enough. `Err` when nobody reads what is not kept.
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<Result<(), Abandoned>> {
        let mut state = self.state.lock();
        if state.mode == Mode::Keep {
            return Poll::Ready(Ok(()));
        }
        match state.slowest() {
            None => Poll::Ready(Err(Abandoned)),
            Some(position) if state.received - position < limits::RELAY_WINDOW_BYTES => {
                Poll::Ready(Ok(()))
            }
            Some(_) => {
                state.writer = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Adds `chunk` to the body. When it grows beyond `kept_max`, or all fetches together beyond
    /// their budget, it is not kept any more.
    pub fn push(&self, chunk: Bytes, kept_max: u64) {
        if chunk.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        let length = chunk.len() as u64;
        if state.mode == Mode::Keep {
            let fits = state.received + length <= kept_max && self.budget.reserve(length);
            if fits {
                state.reserved += length;
            } else {
                self.give_back(&mut state);
            }
        }
        state.received += length;
        state.chunks.push_back(chunk);
        state.drop_read_chunks();
        let wakers = state.reader_wakers();
        drop(state);
        wakers.wake();
    }

    /// The body is not kept any more: it goes to those who read it, at the pace of the slowest.
    pub fn relay(&self) {
        let mut state = self.state.lock();
        if state.mode == Mode::Keep {
            self.give_back(&mut state);
            state.drop_read_chunks();
        }
    }

    fn give_back(&self, state: &mut State) {
        self.budget.release(std::mem::take(&mut state.reserved));
        state.mode = Mode::Relay;
    }

    /// Whether the body is being kept.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.state.lock().mode == Mode::Keep
    }

    /// The body so far, if it is being kept.
    #[must_use]
    pub fn kept(&self) -> Option<Vec<Bytes>> {
        let state = self.state.lock();
        (state.mode == Mode::Keep).then(|| state.chunks.iter().cloned().collect())
    }

    /// The body is complete. `stored` is where its bytes lie now and the position of the first.
    pub fn complete(&self, trailers: Option<HeaderMap>, stored: Option<(Arc<StoredBody>, u64)>) {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return;
        }
        state.end = Some(End::Complete(trailers.map(Box::new)));
        if stored.is_some() {
            state.stored = stored;
            state.chunks.clear();
        }
        self.budget.release(std::mem::take(&mut state.reserved));
        let wakers = state.all_wakers();
        drop(state);
        wakers.wake();
    }

    /// The body broke off: every reader fails.
    pub fn fail(&self, reason: Reason) {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return;
        }
        state.outcome.get_or_insert(Outcome::Failed(reason));
        state.end = Some(End::Failed(reason));
        self.budget.release(std::mem::take(&mut state.reserved));
        let wakers = state.all_wakers();
        drop(state);
        wakers.wake();
    }
}

/// Nobody reads, and the body is not kept: there is no use in going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abandoned;

impl Drop for Flight {
    fn drop(&mut self) {
        self.budget.release(self.state.get_mut().reserved);
    }
}

#[cfg(test)]
mod tests;
