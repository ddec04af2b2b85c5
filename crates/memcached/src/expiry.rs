//! How long a value lives: Memcached's number for it, which has a trap.
//!
//! Up to thirty days the number is a span in seconds; beyond, a time since 1970; and 0 is for ever. So forty days written as a
//! span would be a day in 1970, and a page that is over would stay for ever. Neither can be written here.

use std::time::Duration;

use crate::limits::{ABSOLUTE_MAX, RELATIVE_MAX};

/// When a value ends: always some time from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry(u64);

impl Expiry {
    /// After `lifetime`, in whole seconds rounded down; `now` in seconds since 1970. `None` when less than a second is left:
    /// then there is nothing to store.
    ///
    /// Lifetimes that Memcached can't say (past January 2038) become thirty days.
    #[must_use]
    pub fn after(lifetime: Duration, now: u64) -> Option<Self> {
        match lifetime.as_secs() {
            0 => None,
            seconds @ 1..=RELATIVE_MAX => Some(Self(seconds)),
            seconds => {
                let at = now.saturating_add(seconds);
                // A `now` near 1970 would make a span of it again.
                let can_be_said = (RELATIVE_MAX + 1..=ABSOLUTE_MAX).contains(&at);
                Some(Self(if can_be_said { at } else { RELATIVE_MAX }))
            }
        }
    }

    /// At a time in seconds since 1970. `None` when that is not after `now`.
    #[must_use]
    pub fn at(time: u64, now: u64) -> Option<Self> {
        Self::after(Duration::from_secs(time.checked_sub(now)?), now)
    }

    /// The number on the wire.
    #[must_use]
    pub const fn exptime(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS_30: u64 = 2_592_000;
    const NOW: u64 = 1_800_000_000;

    #[test]
    fn spans_up_to_thirty_days_and_times_beyond() {
        let cases = [
            (0, None),
            (1, Some(1)),
            (DAYS_30, Some(DAYS_30)),
            (DAYS_30 + 1, Some(NOW + DAYS_30 + 1)),
            (2_147_483_647 - NOW, Some(2_147_483_647)),
            (2_147_483_647 - NOW + 1, Some(DAYS_30)),
            (u64::MAX, Some(DAYS_30)),
        ];
        for (seconds, expected) in cases {
            let expiry = Expiry::after(Duration::from_secs(seconds), NOW).map(Expiry::exptime);
            assert_eq!(expiry, expected, "{seconds} s");
        }
        assert_eq!(Expiry::after(Duration::from_millis(999), NOW), None, "less than a second");
        let odd = Expiry::after(Duration::from_millis(1999), NOW).map(Expiry::exptime);
        assert_eq!(odd, Some(1), "rounded down");
        let clockless = Expiry::after(Duration::from_secs(DAYS_30 + 1), 0).map(Expiry::exptime);
        assert_eq!(clockless, Some(DAYS_30 + 1), "a time, if one in January 1970");
    }

    #[test]
    fn a_time_that_has_come_stores_nothing() {
        assert_eq!(Expiry::at(NOW - 1, NOW), None);
        assert_eq!(Expiry::at(NOW, NOW), None);
        assert_eq!(Expiry::at(NOW + 1, NOW).map(Expiry::exptime), Some(1));
        assert_eq!(Expiry::at(0, NOW), None);
    }
}
