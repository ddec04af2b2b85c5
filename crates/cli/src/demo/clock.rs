//! What time is it, for people? The demo's only look at the clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time of day, UTC, to the millisecond: when a page was made.
pub(super) fn time_of_day() -> String {
    #[expect(clippy::disallowed_methods, reason = "pages of the demo show when they were made")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, millis) = (now.as_secs() % 86_400, now.subsec_millis());
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{millis:03} UTC", seconds % 60)
}
