//! What time is it? The only place in this crate that reads the wall clock.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use http::HeaderValue;

/// The wall clock, for log lines.
#[expect(clippy::disallowed_methods, reason = "this is the clock's place")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

thread_local! {
    static DATE: RefCell<(u64, HeaderValue)> =
        const { RefCell::new((0, HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))) };
}

/// The value of `Date` for a response made now: RFC 9110 §6.6.1. Rendered once a second a thread.
pub(crate) fn date() -> HeaderValue {
    let now = wall();
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    DATE.with_borrow_mut(|(at, value)| {
        if *at != seconds {
            if let Ok(rendered) = HeaderValue::from_str(&httpdate::fmt_http_date(now)) {
                *value = rendered;
            }
            *at = seconds;
        }
        value.clone()
    })
}

/// A coarse clock that connections read without a system call: the sweep moves it on.
#[derive(Debug)]
pub(crate) struct CoarseClock {
    origin: Instant,
    /// Milliseconds since `origin`, plus one: zero is left to mean "never".
    now: AtomicU64,
}

impl CoarseClock {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), now: AtomicU64::new(1) }
    }

    /// Milliseconds, never zero.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self) -> u64 {
        let passed = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.now.store(passed + 1, Ordering::Relaxed);
        passed + 1
    }
}
