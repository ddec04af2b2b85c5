//! How often a URL was invalidated, for pages of which it has several: one for each audience.
//!
//! Such pages lie under keys that nobody can list: a page for each user, segment, cookie. Each holds on to the counter of
//! its URL and remembers where that stood when the page was made; invalidating the URL is one increment, and a page whose
//! number is another is not there any more; pages made later hold on to a new counter. A counter lives as long as a page that holds it, so the table grows no larger
//! than the store.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use foldhash::fast::RandomState;
use larder_store::allocated;
use larder_store::sync::{AtomicU64, Mutex};

use crate::limits::GENERATION_SHARDS;

type Shard = HashMap<Arc<[u8]>, Weak<Generation>, RandomState>;

/// The counters of all URLs that need one.
#[derive(Debug)]
pub(crate) struct Generations {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

/// The counter of one URL.
#[derive(Debug)]
struct Generation {
    number: AtomicU64,
    url: Arc<[u8]>,
    table: Weak<Generations>,
}

/// A URL's counter, and where it stood.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    generation: Arc<Generation>,
    born: u64,
}

impl Mark {
    /// Whether the URL was not invalidated since.
    pub(crate) fn is_current(&self) -> bool {
        self.generation.number.load(Ordering::Acquire) == self.born
    }

    /// The heap bytes behind it, counted for each page though the pages of a URL share them: the counter, the URL, and the
    /// place in the table with the room that a table keeps free.
    pub(crate) fn heap_bytes(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        const PLACE: usize = 2 * size_of::<(Arc<[u8]>, Weak<Generation>)>();
        allocated(COUNTS + size_of::<Generation>())
            + allocated(COUNTS + self.generation.url.len())
            + PLACE
    }
}

impl Generations {
    pub(crate) fn new() -> Arc<Self> {
        let shards = (0..GENERATION_SHARDS).map(|_| Mutex::default()).collect();
        Arc::new(Self { shards, hasher: RandomState::default() })
    }

    fn shard(&self, url: &[u8]) -> &Mutex<Shard> {
        let count = self.shards.len() as u64;
        // The remainder is below the number of shards, so it is an index.
        &self.shards[usize::try_from(self.hasher.hash_one(url) % count).unwrap_or_default()]
    }

    /// Where the counter of a URL stands now.
    pub(crate) fn mark(self: &Arc<Self>, url: &[u8]) -> Mark {
        let mut shard = self.shard(url).lock();
        let known = shard.get(url).and_then(Weak::upgrade);
        let generation = known.unwrap_or_else(|| {
            let url: Arc<[u8]> = url.into();
            let generation = Arc::new(Generation {
                number: AtomicU64::default(),
                url: Arc::clone(&url),
                table: Arc::downgrade(self),
            });
            shard.insert(url, Arc::downgrade(&generation));
            generation
        });
        // Under the lock, or a counter that was just taken out of the table could be read after its last increment.
        let born = generation.number.load(Ordering::Acquire);
        drop(shard);
        Mark { generation, born }
    }

    /// Makes every page of the URL that was marked before unusable. Those that come after it hold on to another counter, so
    /// that [`Generations::holders`] counts them alone.
    pub(crate) fn invalidate(&self, url: &[u8]) {
        let mut shard = self.shard(url).lock();
        // Without a holder there is no page.
        let known = shard.remove(url).and_then(|counter| counter.upgrade());
        if let Some(generation) = &known {
            generation.number.fetch_add(1, Ordering::AcqRel);
        }
        // The last holder's drop takes the lock.
        drop(shard);
        drop(known);
    }

    /// How many pages of the URL there are, more or less: those in use at the moment may count twice.
    pub(crate) fn holders(&self, url: &[u8]) -> u64 {
        let known = self.shard(url).lock().get(url).and_then(Weak::upgrade);
        // One is ours.
        known.map_or(0, |generation| Arc::strong_count(&generation) as u64 - 1)
    }

    /// How many URLs have a counter.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        let Some(table) = self.table.upgrade() else { return };
        let mut shard = table.shard(&self.url).lock();
        // Another may have taken its place between the last holder's end and now.
        if shard.get(&self.url).is_some_and(|counter| counter.strong_count() == 0) {
            shard.remove(&self.url);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalidation_ends_what_was_marked_before_it_and_nothing_else() {
        let table = Generations::new();
        let (one, other) = (table.mark(b"/a"), table.mark(b"/b"));
        table.invalidate(b"/a");
        assert!(!one.is_current());
        assert!(other.is_current());
        assert!(table.mark(b"/a").is_current(), "what comes after it counts");
        assert!(!one.is_current(), "and does not bring back what was before");
    }

    #[test]
    fn pages_that_were_invalidated_are_not_counted_again() {
        let table = Generations::new();
        let before = [table.mark(b"/a"), table.mark(b"/a")];
        assert_eq!(table.holders(b"/a"), 2);
        table.invalidate(b"/a");
        assert_eq!(table.holders(b"/a"), 0);
        let after = table.mark(b"/a");
        assert_eq!(table.holders(b"/a"), 1);
        drop(before);
        assert_eq!(
            table.holders(b"/a"),
            1,
            "the end of an older counter does not take the newer one along"
        );
        drop(after);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_counter_ends_with_its_last_page() {
        let table = Generations::new();
        let one = table.mark(b"/a");
        let same = table.mark(b"/a");
        drop(one);
        assert_eq!(table.len(), 1);
        drop(same);
        assert_eq!(table.len(), 0);
        table.invalidate(b"/a");
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn threads_that_mark_and_drop_at_once_leave_nothing_behind() {
        let table = Generations::new();
        let turn = |turn: u32| {
            let mark = table.mark(&[u8::try_from(turn % 3).unwrap_or_default()]);
            if turn.is_multiple_of(7) {
                table.invalidate(&[0]);
            }
            drop(mark);
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2000).for_each(turn));
            }
        });
        assert_eq!(table.len(), 0);
    }
}
