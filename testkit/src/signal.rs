//! How a test holds a peer at a point and lets it go: an event that happens once.
//!
//! Waited for by threads and by futures alike. A wait that is never answered fails the test after
//! [`PATIENCE`] instead of hanging it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How long a test waits for what must happen before it fails. Long, because two busy cores are slow.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Something that happens once: fired by one side, awaited by any number of others.
#[derive(Clone, Debug, Default)]
pub struct Signal {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    fired: bool,
    wakers: Vec<Waker>,
}

impl Signal {
    /// A signal that has not been fired.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everybody go who waits now or later.
    pub fn fire(&self) {
        let wakers = {
            let mut state = self.lock();
            state.fired = true;
            std::mem::take(&mut state.wakers)
        };
        self.shared.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it has been fired.
    #[must_use]
    pub fn is_fired(&self) -> bool {
        self.lock().fired
    }

    /// Blocks the thread until it is fired. False when that did not happen within [`PATIENCE`].
    #[must_use]
    pub fn wait(&self) -> bool {
        let waited = self.shared.changed.wait_timeout_while(self.lock(), PATIENCE, |s| !s.fired);
        waited.unwrap_or_else(PoisonError::into_inner).0.fired
    }

    /// Completes when it is fired.
    pub fn fired(&self) -> Fired {
        Fired { signal: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Completes when its signal is fired.
#[derive(Clone, Debug)]
#[must_use = "a future does nothing until it is polled"]
pub struct Fired {
    signal: Signal,
}

impl Future for Fired {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.signal.lock();
        if state.fired {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|w| w.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_and_a_future_are_both_let_go() {
        let signal = Signal::new();
        let mut future = signal.fired();
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(Pin::new(&mut future).poll(&mut cx), Poll::Pending);
        let waiting = signal.clone();
        let thread = std::thread::spawn(move || waiting.wait());
        signal.fire();
        assert!(thread.join().unwrap());
        assert_eq!(Pin::new(&mut future).poll(&mut cx), Poll::Ready(()));
    }
}
