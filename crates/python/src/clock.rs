//! The one place that reads the clock: markers count until a second.

use larder_semantics::Timestamp;
use std::time::SystemTime;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the clock is read here and nowhere else")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_secs(since.as_secs())
}
