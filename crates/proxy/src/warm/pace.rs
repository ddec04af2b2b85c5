//! When may the next page be fetched? Evenly, without bursts: after a rest nothing has been saved up.

use std::time::{Duration, Instant};

/// A rate, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    interval: Duration,
    next: Option<Instant>,
}

impl Pace {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, next: None }
    }

    /// Another rate, from the next page on.
    pub(super) const fn set(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// The moment before which nothing may be fetched, if that is after `now`.
    pub(super) fn waits(&self, now: Instant) -> Option<Instant> {
        self.next.filter(|next| *next > now)
    }

    /// A page is fetched at `now`.
    pub(super) fn take(&mut self, now: Instant) {
        let due = self.next.filter(|next| now.saturating_duration_since(*next) < self.interval);
        // A little late is caught up with, or the rate would never be reached; a rest is not.
        self.next = Some(due.unwrap_or(now) + self.interval);
    }

    /// What was taken last cost the application nothing.
    pub(super) fn give_back(&mut self) {
        self.next = self.next.and_then(|next| next.checked_sub(self.interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: Duration = Duration::from_millis(50);

    #[test]
    fn so_many_in_a_second_and_no_more_after_a_rest() {
        let begun = Instant::now();
        let mut pace = Pace::new(EACH);
        let mut now = begun;
        let mut taken = 0;
        while now < begun + Duration::from_secs(1) {
            match pace.waits(now) {
                None => {
                    pace.take(now);
                    taken += 1;
                }
                // Timers are late by a millisecond.
                Some(next) => now = next + Duration::from_millis(1),
            }
        }
        assert_eq!(taken, 20);
        now += Duration::from_secs(60);
        assert_eq!(pace.waits(now), None);
        pace.take(now);
        assert_eq!(pace.waits(now), Some(now + EACH), "a rest saves nothing up");
    }

    #[test]
    fn what_cost_nothing_is_given_back() {
        let now = Instant::now();
        let mut pace = Pace::new(EACH);
        pace.take(now);
        pace.give_back();
        assert_eq!(pace.waits(now), None);
        pace.set(2 * EACH);
        pace.take(now);
        assert_eq!(pace.waits(now), Some(now + 2 * EACH));
    }
}
