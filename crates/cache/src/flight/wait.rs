//! Waiting for the outcome of a fetch.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Flight, Outcome};

/// A future of a fetch's [`Outcome`]. Dropping it leaves the fetch alone.
#[derive(Debug)]
pub struct Wait {
    flight: Arc<Flight>,
    id: u64,
}

impl Wait {
    pub(super) fn new(flight: Arc<Flight>) -> Self {
        let mut state = flight.state.lock();
        let id = state.new_id();
        state.waiting.insert(id, None);
        drop(state);
        Self { flight, id }
    }
}

impl Future for Wait {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.flight.state.lock();
        if let Some(outcome) = &state.outcome {
            return Poll::Ready(outcome.clone());
        }
        if let Some(waker) = state.waiting.get_mut(&self.id) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.flight.state.lock().waiting.remove(&self.id);
    }
}
