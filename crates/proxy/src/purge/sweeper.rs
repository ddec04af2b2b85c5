//! What is done about purges after they are in force? One thread goes through the pages, gives the memory of purged ones
//! back, and forgets the purges when no fetch of before can still be on its way.
//!
//! It waits for orders, takes a rest between portions, and never holds anything that a request waits for. Now and then it
//! looks by itself: answers of the application purge groups without asking anybody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use larder_cache::Cache;
use larder_cache::purge::{Basket, Look, Purge, Purged};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::limits;
use crate::start_error::StartError;

/// What the sweeper did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Swept {
    /// How often it went through all pages.
    pub(crate) sweeps: u64,
    /// How long that took, together.
    pub(crate) took: Duration,
}

enum Order {
    Sweep,
    /// Sweep, and then do this.
    SweepAnd(Box<dyn FnOnce() + Send>),
    /// Purge, sweep, and say how much it was.
    Whole(Arc<[Purge]>, Option<Arc<Basket>>, oneshot::Sender<Purged>),
    End,
}

/// The thread's handle.
#[derive(Debug)]
pub(crate) struct Sweeper {
    orders: Sender<Order>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Whether a sweep was ordered that has not begun.
    asked: AtomicBool,
    ends: AtomicBool,
    sweeps: AtomicU64,
    micros: AtomicU64,
}

impl Sweeper {
    pub(super) fn start(cache: Arc<Cache>, remembered_for: Duration) -> Result<Self, StartError> {
        let (orders, received) = channel();
        let shared = Arc::new(Shared::default());
        let round = Round { cache, shared: Arc::clone(&shared), remembered_for, swept: 0 };
        let thread = std::thread::Builder::new()
            .name("larder-sweep".to_owned())
            .spawn(move || round.run(&received))
            .map_err(StartError::System)?;
        Ok(Self { orders, shared, thread: Mutex::new(Some(thread)) })
    }

    /// Something was purged.
    pub(super) fn wake(&self) {
        if !self.shared.asked.swap(true, Ordering::AcqRel) {
            // An error is the thread's end, after which there is nothing to give back.
            drop(self.orders.send(Order::Sweep));
        }
    }

    /// Something was purged, and this is to be done when every page was looked at.
    pub(super) fn sweep_and(&self, then: impl FnOnce() + Send + 'static) {
        drop(self.orders.send(Order::SweepAnd(Box::new(then))));
    }

    /// Has these carried out and every page looked at. What they take away goes into the basket.
    pub(super) async fn whole(
        &self,
        purges: Arc<[Purge]>,
        basket: Option<Arc<Basket>>,
    ) -> Option<Purged> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::Whole(purges, basket, answer)).ok()?;
        answered.await.ok()
    }

    pub(super) fn swept(&self) -> Swept {
        let Shared { sweeps, micros, .. } = &*self.shared;
        Swept {
            sweeps: sweeps.load(Ordering::Relaxed),
            took: Duration::from_micros(micros.load(Ordering::Relaxed)),
        }
    }

    pub(super) fn finish(&self) {
        self.shared.ends.store(true, Ordering::Release);
        drop(self.orders.send(Order::End));
        if let Some(thread) = self.thread.lock().take() {
            drop(thread.join());
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What the thread knows.
struct Round {
    cache: Arc<Cache>,
    shared: Arc<Shared>,
    remembered_for: Duration,
    /// Up to which purge all pages were judged.
    swept: u64,
}

impl Round {
    fn run(mut self, orders: &Receiver<Order>) {
        // Numbers of purges, and when they can be forgotten.
        let mut remembered: VecDeque<(u64, Instant)> = VecDeque::new();
        loop {
            let now = Instant::now();
            while let Some((number, _)) = remembered.pop_front_if(|(_, until)| *until <= now) {
                self.cache.forget_purges(number);
            }
            let wait = remembered.front().map_or(limits::PURGES_LOOKED_FOR, |(_, until)| {
                until.saturating_duration_since(now).min(limits::PURGES_LOOKED_FOR)
            });
            match orders.recv_timeout(wait) {
                Ok(Order::Sweep) | Err(RecvTimeoutError::Timeout) => self.sweep(),
                Ok(Order::SweepAnd(then)) => {
                    self.sweep();
                    then();
                }
                Ok(Order::Whole(purges, basket, answer)) => {
                    self.whole(&purges, basket.as_ref(), answer);
                }
                Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if remembered.back().map_or(0, |(number, _)| *number) < self.swept {
                remembered.push_back((self.swept, Instant::now() + self.remembered_for));
            }
            if self.cache.purges_remembered() > limits::PURGES_REMEMBERED {
                self.cache.forget_purges(self.swept);
                remembered.clear();
            }
        }
        let now = Instant::now();
        remembered.retain(|(_, until)| *until <= now);
        if let Some((number, _)) = remembered.back() {
            self.cache.forget_purges(*number);
        }
    }

    fn sweep(&mut self) {
        self.shared.asked.store(false, Ordering::Release);
        if self.cache.purge_number() != self.swept {
            let begun = Instant::now();
            self.go_through();
            self.note(begun);
        }
    }

    fn go_through(&mut self) {
        let swept = self.cache.sweep(|| self.rest());
        if swept.complete {
            self.swept = swept.number;
        }
    }

    fn whole(
        &mut self,
        purges: &[Purge],
        basket: Option<&Arc<Basket>>,
        answer: oneshot::Sender<Purged>,
    ) {
        let begun = Instant::now();
        let look = Look::AtAll(&mut || self.rest());
        let purged = self.cache.purge_together(purges, look, basket);
        // Up to which purge all pages are judged by now is the next look's to say, which has little left to do.
        self.go_through();
        self.note(begun);
        // Who has left does not want to know.
        let _left = answer.send(purged);
    }

    fn rest(&self) {
        if !self.shared.ends.load(Ordering::Acquire) {
            std::thread::park_timeout(limits::SWEEP_REST);
        }
    }

    fn note(&self, begun: Instant) {
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.shared.sweeps.fetch_add(1, Ordering::Relaxed);
        self.shared.micros.fetch_add(micros, Ordering::Relaxed);
    }
}
