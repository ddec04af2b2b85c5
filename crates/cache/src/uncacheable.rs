//! Which pages could not be stored a moment ago, so that nobody waits for them.
//!
//! A fixed table that forgets: a page overwrites another's slot, and two pages can be taken for
//! one, once in a trillion. Both are harmless. A page that is wrongly remembered is asked for by
//! each request on its own, and kept if it can be; one that is wrongly forgotten is waited for once
//! more. So it costs no memory of the store's, and a word of its own for each page.
//!
//! ```text
//!  63          40 39                       8 7      0
//! +--------------+--------------------------+--------+
//! | tag          | known until, in seconds  | reason |
//! +--------------+--------------------------+--------+
//! ```

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use larder_semantics::{Reason, Timestamp};

use crate::limits::UNCACHEABLE_SLOTS;

/// The table. Shared by all workers; a slot is read and written as a whole.
#[derive(Debug)]
pub(crate) struct Uncacheable {
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
}

const REASON_BITS: u32 = 8;
const UNTIL_BITS: u32 = 32;
const TAG: u64 = u64::MAX << (REASON_BITS + UNTIL_BITS);

impl Default for Uncacheable {
    fn default() -> Self {
        let slots = (0..UNCACHEABLE_SLOTS).map(|_| AtomicU64::default()).collect();
        Self { slots, hasher: RandomState::default() }
    }
}

impl Uncacheable {
    /// Remembers that the page could not be stored because of `reason`, for a while from `now` on.
    ///
    /// What was remembered under another `since` is not known: a page that is one of several of its URL begins anew with
    /// each invalidation of that.
    pub(crate) fn mark(
        &self,
        key: &[u8],
        since: u64,
        reason: Reason,
        lasts: Duration,
        now: Timestamp,
    ) {
        let (slot, tag) = self.place(key, since);
        let until = now.plus(lasts).as_secs() & u64::from(u32::MAX);
        let word = tag | until << REASON_BITS | reason.index() as u64;
        // A page that is marked for every request that passes is not written for each.
        if slot.load(Ordering::Relaxed) != word {
            slot.store(word, Ordering::Relaxed);
        }
    }

    /// Why the page could not be stored, if that is known at `now`.
    #[must_use]
    pub(crate) fn known(&self, key: &[u8], since: u64, now: Timestamp) -> Option<Reason> {
        let (slot, tag) = self.place(key, since);
        let word = slot.load(Ordering::Relaxed);
        let until = word >> REASON_BITS & u64::from(u32::MAX);
        if word & TAG != tag || until <= now.as_secs() {
            return None;
        }
        let index = usize::try_from(word & u64::from(u8::MAX)).ok()?;
        Reason::ALL.get(index).copied()
    }

    /// Forgets it: the page was stored, or changed.
    pub(crate) fn forget(&self, key: &[u8], since: u64) {
        let (slot, tag) = self.place(key, since);
        if slot.load(Ordering::Relaxed) & TAG == tag {
            slot.store(0, Ordering::Relaxed);
        }
    }

    fn place(&self, key: &[u8], since: u64) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one((key, since));
        let index = usize::try_from(hash % UNCACHEABLE_SLOTS as u64).unwrap_or_default();
        (&self.slots[index], hash & TAG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_page_is_known_for_its_time_with_its_reason_and_no_longer() {
        let table = Uncacheable::default();
        assert_eq!(table.known(b"page", 0, NOON), None);
        table.mark(b"page", 0, Reason::SetCookie, Duration::from_secs(60), NOON);
        let at = |secs| NOON.plus(Duration::from_secs(secs));
        assert_eq!(table.known(b"page", 0, at(59)), Some(Reason::SetCookie));
        assert_eq!(table.known(b"page", 0, at(60)), None);
        assert_eq!(table.known(b"other", 0, at(1)), None);
        assert_eq!(table.known(b"page", 1, at(1)), None, "its URL was changed since");
    }

    #[test]
    fn what_is_forgotten_is_not_known_and_others_are() {
        let table = Uncacheable::default();
        for page in [b"a", b"b"] {
            table.mark(page, 0, Reason::Private, Duration::from_secs(60), NOON);
        }
        table.forget(b"a", 0);
        assert_eq!(
            (table.known(b"a", 0, NOON), table.known(b"b", 0, NOON)),
            (None, Some(Reason::Private))
        );
    }

    #[test]
    fn every_reason_fits_its_byte() {
        assert!(Reason::ALL.len() <= usize::from(u8::MAX));
    }
}
