//! A clock that stands still until a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_semantics::Timestamp;

/// Time as a test sets it. Clones show the same time.
#[derive(Clone, Debug)]
pub struct FakeClock {
    millis: Arc<AtomicU64>,
}

impl FakeClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { millis: Arc::new(AtomicU64::new(now.as_millis())) }
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }

    /// Sets it, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Moves it forwards and returns the new time.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let now = self.now().plus(by);
        self.set(now);
        now
    }

    /// [`FakeClock::advance`] by whole seconds.
    pub fn advance_secs(&self, secs: u64) -> Timestamp {
        self.advance(Duration::from_secs(secs))
    }
}

impl Default for FakeClock {
    /// 2026-01-01 00:00:00 UTC: late enough that dates before it are real dates.
    fn default() -> Self {
        Self::at(Timestamp::from_secs(1_767_225_600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_show_the_same_time() {
        let clock = FakeClock::default();
        let shown = clock.clone();
        let before = shown.now();
        clock.advance_secs(2);
        assert_eq!(shown.now().since(before), Duration::from_secs(2));
    }
}
