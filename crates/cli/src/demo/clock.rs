//! What time is it, for people? The demo's only look at the clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the demo's pages and certificate say when they were made"
)]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

/// The time of day, UTC, to the millisecond: when a page was made.
pub(super) fn time_of_day() -> String {
    let now = now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, millis) = (now.as_secs() % 86_400, now.subsec_millis());
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{millis:03} UTC", seconds % 60)
}
