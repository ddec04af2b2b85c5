//! What is done about purges after they are in force: all pages are judged, memory is given back, and the purges are forgotten when
//! no fetch of before can still be on its way.
//!
//! Where few pages are stored, at once. Otherwise by a task on a thread for blocking work, one at a time, and one more is enough for
//! all purges that come meanwhile. Purges are forgotten when the next one comes; how many are remembered is bounded.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use larder_cache::Cache;
use larder_semantics::Timestamp;

/// A fetch that was begun before a purge is hardly ever still on its way after this; if it is, it is not stored.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Goes through a cache after purges.
#[derive(Debug, Default)]
pub(crate) struct Sweeper {
    /// Whether a sweep was ordered that has not begun.
    asked: AtomicBool,
    /// Up to which purges all pages were judged, and when.
    swept: Mutex<VecDeque<(u64, Timestamp)>>,
}

impl Sweeper {
    /// Something was purged, and every page was looked at.
    pub(super) fn now(&self, cache: &Cache) {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = cache.now();
        while let Some((number, _)) = swept.pop_front_if(|(_, at)| at.plus(REMEMBERED_FOR) <= now) {
            cache.forget_purges(number);
        }
        // Between portions others may have the processor.
        let done = cache.sweep(std::thread::yield_now);
        if done.complete && swept.back().is_none_or(|(number, _)| *number < done.number) {
            swept.push_back((done.number, now));
        }
    }

    /// Something was purged, and there are pages yet to be looked at.
    pub(super) fn later(self: &Arc<Self>, cache: &Arc<Cache>) {
        if self.asked.swap(true, Ordering::AcqRel) {
            return;
        }
        let (sweeper, cache) = (Arc::clone(self), Arc::clone(cache));
        let sweep = move || {
            sweeper.asked.store(false, Ordering::Release);
            sweeper.now(&cache);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(sweep)),
            // From a thread of the application's own: it may wait.
            Err(_) => sweep(),
        }
    }
}
