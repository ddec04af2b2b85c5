//! How updates of one key are kept apart without a lock per key.
//!
//! A key's hash picks one of a fixed number of locks. Readers never come here.

use crate::limits::STRIPES;
use crate::sync::{Mutex, MutexGuard};

/// The locks. Held for one update, or all of them (in order, so that nobody waits in a circle) for a `clear`.
pub(super) struct Stripes(Box<[Mutex<()>]>);

impl Stripes {
    pub(super) fn new() -> Self {
        Self((0..STRIPES).map(|_| Mutex::new(())).collect())
    }

    /// The lock of every key with this hash. `None` never happens: there is always at least one stripe.
    pub(super) fn lock(&self, hash: u64) -> Option<MutexGuard<'_, ()>> {
        // The top seven bits and the lowest ones already pick the bucket and the shard in the engine.
        let index = usize::try_from((hash >> 40) % STRIPES as u64).unwrap_or_default();
        self.0.get(index).map(Mutex::lock)
    }

    /// Every lock: no update is under way while the result lives.
    pub(super) fn lock_all(&self) -> Vec<MutexGuard<'_, ()>> {
        self.0.iter().map(Mutex::lock).collect()
    }
}
