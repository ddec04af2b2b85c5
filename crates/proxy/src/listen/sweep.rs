//! Which connections of a worker are open, and which have waited too long?
//!
//! One look at all of them every half second (less, where a limit is short) instead of a timer each.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;

use super::state::ConnState;
use crate::clock::CoarseClock;
use crate::limits;
use crate::metrics::{Metrics, WorkerMetrics};
use crate::settings::{SharedLimits, TimeLimits};

/// The open connections of one worker.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) clock: Arc<CoarseClock>,
    open: Mutex<Slab<Arc<ConnState>>>,
    emptied: Notify,
    metrics: Arc<Metrics>,
    worker: usize,
}

impl Connections {
    pub(crate) fn new(metrics: Arc<Metrics>, worker: usize) -> Self {
        Self {
            clock: Arc::new(CoarseClock::new()),
            open: Mutex::new(Slab::new()),
            emptied: Notify::new(),
            metrics,
            worker,
        }
    }

    pub(crate) fn counters(&self) -> &WorkerMetrics {
        self.metrics.worker(self.worker)
    }

    /// Enters a new connection; it leaves when the result is dropped. `None`: the process has `most` already.
    pub(crate) fn enter(self: &Arc<Self>, most: usize) -> Option<Entry> {
        if self.metrics.connections.fetch_add(1, Ordering::Relaxed) >= most {
            self.metrics.connections.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let state = Arc::new(ConnState::new(Arc::clone(&self.clock)));
        let key = self.open.lock().insert(Arc::clone(&state));
        self.counters().connection_opened();
        Some(Entry { connections: Arc::clone(self), key, state })
    }

    /// Asks every connection to end after what it is doing.
    pub(crate) fn drain(&self) {
        for state in self.all() {
            state.drain();
        }
    }

    /// Waits until no connection is open.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.open.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn all(&self) -> Vec<Arc<ConnState>> {
        self.open.lock().iter().map(|(_, state)| Arc::clone(state)).collect()
    }

    fn sweep(&self, limits: &TimeLimits) {
        let now = self.clock.advance();
        // Verdicts wake tasks, which may leave: not under the lock.
        let late: Vec<_> = self
            .open
            .lock()
            .iter()
            .filter_map(|(_, state)| {
                let verdict = state.snapshot().judge(limits, now)?;
                state.verdict().is_none().then(|| (Arc::clone(state), verdict))
            })
            .collect();
        for (state, verdict) in late {
            state.pronounce(verdict);
        }
    }
}

/// Looks at `connections` for as long as the worker lives.
pub(crate) async fn run(connections: Arc<Connections>, limits: SharedLimits) {
    loop {
        let current = **limits.load();
        tokio::time::sleep(pause(&current)).await;
        connections.sweep(&current);
    }
}

/// A quarter of the shortest limit, so that none is overdrawn by more than that.
fn pause(current: &TimeLimits) -> Duration {
    (current.shortest() / 4).clamp(limits::SWEEP_MIN, limits::SWEEP_MAX)
}

/// A connection's place among the open ones.
#[derive(Debug)]
pub(crate) struct Entry {
    connections: Arc<Connections>,
    key: usize,
    pub(crate) state: Arc<ConnState>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.try_remove(self.key);
        let empty = open.is_empty();
        drop(open);
        self.connections.counters().connection_closed();
        self.connections.metrics.connections.fetch_sub(1, Ordering::Relaxed);
        if empty {
            self.connections.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_limits_are_looked_at_often_and_long_ones_rarely() {
        let all =
            |limit| TimeLimits { head: limit, idle: limit, body: limit, send: limit, drain: limit };
        assert_eq!(pause(&all(Duration::from_secs(60))), limits::SWEEP_MAX);
        assert_eq!(pause(&all(Duration::from_millis(100))), Duration::from_millis(25));
        assert_eq!(pause(&all(Duration::ZERO)), limits::SWEEP_MIN);
    }

    #[test]
    fn a_connection_is_open_until_its_entry_is_dropped() {
        let connections = Arc::new(Connections::new(Arc::new(Metrics::new(1)), 0));
        let entry = connections.enter(1).expect("the first");
        assert!(connections.enter(1).is_none(), "one more than allowed");
        assert_eq!(connections.all().len(), 1);
        connections.drain();
        assert!(entry.state.is_draining());
        drop(entry);
        assert_eq!(connections.all().len(), 0);
        assert!(connections.enter(1).is_some());
    }
}
