//! The memory store itself: `quick_cache` with counted weights and atomic updates.
//!
//! Two facts of the engine shape this file. It drops what it finds no room for without a word, so every put looks at what
//! came out. And it reports a replaced value the same way as an evicted one, so they are told apart by key.

use super::{
    sizes::{Layout, Sizes, overhead_bytes},
    stripes::Stripes,
};
use crate::sync::AtomicU64;
use crate::{
    limits,
    store::{Change, Store, Updated, Usage, Weigh},
};
use quick_cache::{Lifecycle, OptionsBuilder, Weighter, sync::Cache};
use std::{
    hash::{BuildHasher, RandomState},
    marker::PhantomData,
    sync::atomic::Ordering,
};

type Key = Box<[u8]>;

/// A value and what its entry weighs. Weighed once: the engine's sums break if an answer changes.
#[derive(Clone)]
struct Slot<V> {
    value: V,
    weight: u64,
}

#[derive(Clone, Copy)]
struct StoredWeight;

impl<V> Weighter<Key, Slot<V>> for StoredWeight {
    fn weight(&self, _key: &Key, slot: &Slot<V>) -> u64 {
        slot.weight
    }
}

/// Carries what an operation pushed out past the shard's lock: it is counted and dropped after.
struct Outgoing<V>(PhantomData<fn() -> V>);

impl<V> Clone for Outgoing<V> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<V> Lifecycle<Key, Slot<V>> for Outgoing<V> {
    type RequestState = Vec<(Key, Slot<V>)>;

    fn on_evict(&self, state: &mut Self::RequestState, key: Key, slot: Slot<V>) {
        state.push((key, slot));
    }
}

/// A byte-weighted, scan-resistant store in memory. See the module's documentation and [`Sizes`].
pub struct MemoryStore<V> {
    cache: Cache<Key, Slot<V>, StoredWeight, RandomState, Outgoing<V>>,
    // Keyed per process (SipHash-1-3), so that nobody can choose keys that collide.
    hasher: RandomState,
    stripes: Stripes,
    item_bytes_max: u64,
    evictions: AtomicU64,
    refused: AtomicU64,
}

impl<V> std::fmt::Debug for MemoryStore<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore")
            .field("item_bytes_max", &self.item_bytes_max)
            .finish_non_exhaustive()
    }
}

impl<V: Clone + Weigh> MemoryStore<V> {
    /// An empty store. Memory is taken as values come.
    ///
    /// # Panics
    /// Not for any `sizes`; only if the engine refused its own constants.
    #[must_use]
    pub fn new(sizes: Sizes) -> Self {
        let Layout { shards, capacity_bytes, item_bytes_max, items_guessed } =
            sizes.layout(size_of::<Slot<V>>());
        let options = OptionsBuilder::new()
            .shards(shards)
            .weight_capacity(capacity_bytes)
            .estimated_items_capacity(usize::try_from(items_guessed).unwrap_or(usize::MAX))
            .hot_allocation(limits::HOT_SHARE)
            .ghost_allocation(limits::GHOST_SHARE)
            .build()
            .expect("every option is given, and within its range");
        let hasher = RandomState::new();
        Self {
            cache: Cache::with_options(
                options,
                StoredWeight,
                hasher.clone(),
                Outgoing(PhantomData),
            ),
            hasher,
            stripes: Stripes::new(),
            item_bytes_max,
            evictions: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    fn overhead(key_len: usize) -> usize {
        overhead_bytes(key_len, size_of::<Slot<V>>())
    }

    /// What the entry weighs. The value's own size is in its weight and in the table: counted once.
    fn weigh(key: &[u8], value: &V) -> u64 {
        let heap = value.weight_bytes().saturating_sub(size_of::<V>());
        Self::overhead(key.len()).saturating_add(heap) as u64
    }

    /// Puts a value, under the key's stripe. Refuses only what is too large.
    fn put(&self, key: &[u8], value: V) -> Updated {
        let weight = Self::weigh(key, &value);
        if weight > self.item_bytes_max {
            // Said to be outdated by whoever wanted to replace it: it must not stay either.
            drop(self.cache.remove(key));
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Updated::Refused;
        }
        let mut outgoing = Vec::new();
        // Softly: a page that is rewritten is not thereby a page that is asked for.
        let slot = Slot { value, weight };
        let replaced =
            match self.cache.replace_with_lifecycle(key.into(), slot, true, &mut outgoing) {
                Ok(()) => 1,
                Err((key, slot)) => {
                    self.cache.insert_with_lifecycle(key, slot, &mut outgoing);
                    0
                }
            };
        // Under our key comes out the replaced value, and after it the new one, where a value that grew or came back was
        // the first the engine found to make room. It makes room before it takes in a key it does not know: forget ours.
        if outgoing.iter().filter(|(evicted, _)| **evicted == *key).count() > replaced
            && let Some(own) = outgoing.iter().rposition(|(evicted, _)| **evicted == *key)
        {
            let (own_key, slot) = outgoing.swap_remove(own);
            drop(self.cache.remove(key));
            self.cache.insert_with_lifecycle(own_key, slot, &mut outgoing);
        }
        let evicted = (outgoing.len() - replaced) as u64;
        if evicted > 0 {
            self.evictions.fetch_add(evicted, Ordering::Relaxed);
        }
        Updated::Put
    }
}

impl<V: Clone + Weigh + Send + Sync> Store<V> for MemoryStore<V> {
    fn look_up(&self, key: &[u8]) -> Option<V> {
        self.cache.get(key).map(|slot| slot.value)
    }

    fn update(&self, key: &[u8], change: impl FnOnce(Option<&V>) -> Change<V>) -> Updated {
        let _stripe = self.stripes.lock(self.hasher.hash_one(key));
        let present = self.cache.peek(key);
        match change(present.as_ref().map(|slot| &slot.value)) {
            Change::Keep => Updated::Kept,
            Change::Put(value) => self.put(key, value),
            Change::Remove => {
                drop(self.cache.remove(key));
                Updated::Removed
            }
        }
    }

    fn remove(&self, key: &[u8]) -> Option<V> {
        let _stripe = self.stripes.lock(self.hasher.hash_one(key));
        self.cache.remove(key).map(|(_, slot)| slot.value)
    }

    fn clear(&self) {
        let _stripes = self.stripes.lock_all();
        // One at a time, so that readers are never kept out for long.
        self.cache.drain().for_each(drop);
    }

    fn item_bytes_max(&self, key_len: usize) -> usize {
        let item = usize::try_from(self.item_bytes_max).unwrap_or(usize::MAX);
        item.saturating_sub(Self::overhead(key_len)).saturating_add(size_of::<V>())
    }

    fn entries(&self) -> impl Iterator<Item = (Box<[u8]>, V)> {
        self.cache.iter().map(|(key, slot)| (key, slot.value))
    }

    fn usage(&self) -> Usage {
        Usage {
            bytes: self.cache.weight(),
            capacity_bytes: self.cache.capacity(),
            entries: self.cache.len() as u64,
            evictions: self.evictions.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::HashMap, sync::Arc};

    /// A value that claims a weight.
    #[derive(Clone, Debug, PartialEq)]
    struct Claims(u64, usize);

    impl Weigh for Claims {
        fn weight_bytes(&self) -> usize {
            size_of::<Self>() + self.1
        }
    }

    fn store(budget_bytes: u64, shards: usize) -> MemoryStore<Claims> {
        let cores = shards / limits::SHARDS_PER_CORE;
        MemoryStore::new(Sizes { budget_bytes, item_bytes_wanted: 1, cores })
    }

    fn put(store: &MemoryStore<Claims>, number: u64, bytes: usize) -> Updated {
        store.update(&number.to_be_bytes(), |_| Change::Put(Claims(number, bytes)))
    }

    fn holds(store: &MemoryStore<Claims>, number: u64) -> bool {
        store.look_up(&number.to_be_bytes()).is_some()
    }

    #[test]
    fn an_update_sees_the_present_value_and_says_what_it_did() {
        let store = store(1 << 20, 2);
        assert_eq!(
            store.update(b"k", |old| {
                assert_eq!(old, None);
                Change::Keep
            }),
            Updated::Kept
        );
        assert_eq!(store.update(b"k", |_| Change::Put(Claims(1, 10))), Updated::Put);
        let changed = store.update(b"k", |old| {
            assert_eq!(old, Some(&Claims(1, 10)));
            Change::Put(Claims(2, 20))
        });
        assert_eq!(changed, Updated::Put);
        assert_eq!(store.look_up(b"k"), Some(Claims(2, 20)));
        assert_eq!(store.update(b"k", |_| Change::Remove), Updated::Removed);
        assert_eq!(store.look_up(b"k"), None);
        assert_eq!(store.remove(b"k"), None);
    }

    #[test]
    fn an_empty_key_and_a_prefix_are_keys_of_their_own() {
        let store = store(1 << 20, 2);
        for (number, key) in [&b""[..], b"\0", b"a", b"ab"].into_iter().enumerate() {
            assert_eq!(store.look_up(key), None);
            store.update(key, |_| Change::Put(Claims(number as u64, 1)));
        }
        assert_eq!(store.look_up(b""), Some(Claims(0, 1)));
        assert_eq!(store.look_up(b"a"), Some(Claims(2, 1)));
    }

    #[test]
    fn an_item_is_admissible_up_to_the_limit_and_refused_above_it() {
        let store = store(1 << 20, 2);
        let most = store.item_bytes_max(8) - size_of::<Claims>();
        assert_eq!(put(&store, 1, most), Updated::Put);
        assert!(holds(&store, 1));
        assert_eq!(put(&store, 2, most + 1), Updated::Refused);
        assert!(!holds(&store, 2));
        assert_eq!(store.usage().refused, 1);
    }

    #[test]
    fn a_refused_value_takes_the_outdated_one_with_it() {
        let store = store(1 << 20, 2);
        put(&store, 1, 100);
        assert_eq!(put(&store, 1, 1 << 20), Updated::Refused);
        assert!(!holds(&store, 1));
        assert_eq!(store.usage().bytes, 0);
    }

    #[test]
    fn the_largest_item_is_kept_even_by_a_full_store_of_hot_values() {
        let store = store(1 << 20, 2);
        for _ in 0..3 {
            for number in 0..1000 {
                put(&store, number, 1000);
                holds(&store, number);
            }
        }
        let most = store.item_bytes_max(8) - size_of::<Claims>();
        for number in 5000..5020 {
            assert_eq!(put(&store, number, most), Updated::Put);
            assert!(holds(&store, number), "a new one: {number}");
        }
        for number in 0..1000 {
            assert_eq!(put(&store, number, most), Updated::Put);
            assert!(holds(&store, number), "one that grew or came back: {number}");
        }
    }

    #[test]
    fn everything_taken_out_leaves_weight_zero() {
        let store = store(1 << 20, 4);
        for number in 0..5000 {
            put(&store, number, 700);
        }
        for number in 0..5000_u64 {
            store.remove(&number.to_be_bytes());
        }
        assert_eq!((store.usage().bytes, store.usage().entries), (0, 0));
        for number in 0..5000 {
            put(&store, number, 700);
        }
        store.clear();
        assert_eq!((store.usage().bytes, store.usage().entries), (0, 0));
    }

    #[test]
    fn every_value_is_stored_evicted_or_removed_and_none_counted_twice() {
        let store = store(1 << 20, 4);
        for number in 0..20_000 {
            put(&store, number, 700);
            put(&store, number, 800);
        }
        let usage = store.usage();
        assert_eq!(usage.entries + usage.evictions, 20_000);
        assert_eq!(usage.refused, 0);
    }

    /// Asks for the hot values as often as a scanned one comes by, and counts how many of them are left at the end.
    fn survivors(store: &MemoryStore<Claims>, scan: std::ops::Range<u64>) -> u64 {
        for (number, scanned) in scan.enumerate() {
            put(store, scanned, 1000);
            holds(store, number as u64 % HOT);
        }
        (0..HOT).filter(|number| holds(store, *number)).count() as u64
    }

    // A budget of 4 MiB holds about 3,700 values of 1,000 bytes.
    const HOT: u64 = 1500;
    const SCAN: std::ops::Range<u64> = 1_000_000..1_000_000 + 20 * 3700;

    #[test]
    fn a_hot_set_survives_a_scan_of_twenty_times_the_capacity() {
        let store = store(4 << 20, 4);
        for number in 0..HOT {
            put(&store, number, 1000);
            holds(&store, number);
        }
        let left = survivors(&store, SCAN);
        assert!(left * 100 >= HOT * 99, "{left} of {HOT}");
    }

    #[test]
    fn a_hot_set_wins_its_place_in_a_store_that_scans_filled_before() {
        let store = store(4 << 20, 4);
        for scanned in 2_000_000..2_010_000 {
            put(&store, scanned, 1000);
        }
        for number in (0..HOT).chain(0..HOT) {
            if !holds(&store, number) {
                put(&store, number, 1000);
                holds(&store, number);
            }
        }
        let left = survivors(&store, SCAN);
        assert!(left * 100 >= HOT * 99, "{left} of {HOT}");
    }

    #[test]
    fn a_hot_set_that_is_not_asked_for_meanwhile_outlives_a_scan_once() {
        let store = store(4 << 20, 4);
        for number in (0..HOT).chain(0..HOT) {
            put(&store, number, 1000);
            holds(&store, number);
        }
        for scanned in SCAN {
            put(&store, scanned, 1000);
        }
        let left = (0..HOT).filter(|number| holds(&store, *number)).count() as u64;
        assert!(left * 100 >= HOT * 99, "{left} of {HOT}");
    }

    #[test]
    fn updates_of_one_key_from_many_threads_lose_nothing() {
        let store = Arc::new(store(1 << 20, 4));
        let count = || {
            for _ in 0..5000 {
                store.update(b"counter", |old| {
                    Change::Put(Claims(old.map_or(0, |old| old.0) + 1, 1))
                });
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(count))));
        assert_eq!(store.look_up(b"counter"), Some(Claims(20_000, 1)));
    }

    #[test]
    fn a_removal_is_seen_by_every_update_that_decides_after_it() {
        let store = Arc::new(store(1 << 20, 4));
        // A purge raises the generation and then removes; a fill stores only if its generation still holds.
        let generation = AtomicU64::new(0);
        let fill = || {
            let begun = generation.load(Ordering::SeqCst);
            store.update(b"page", |_| {
                let holds = generation.load(Ordering::SeqCst) == begun;
                if holds { Change::Put(Claims(begun, 1)) } else { Change::Keep }
            });
        };
        std::thread::scope(|scope| {
            let fills = scope.spawn(|| (0..20_000).for_each(|_| fill()));
            while !fills.is_finished() {
                let purged = generation.fetch_add(1, Ordering::SeqCst);
                store.remove(b"page");
                if let Some(found) = store.look_up(b"page") {
                    assert!(found.0 > purged, "what was purged came back");
                }
            }
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn never_over_capacity_and_never_a_wrong_value(
            steps in prop::collection::vec((0_u64..60, 0_usize..9000, 0_u8..8), 1..600)
        ) {
            let store = store(64 << 10, 2);
            let mut model = HashMap::new();
            for (number, bytes, step) in steps {
                let key = number.to_be_bytes();
                match step {
                    0 => { store.remove(&key); model.remove(&number); }
                    1 | 2 => { let _ = holds(&store, number); }
                    _ => match put(&store, number, bytes) {
                        Updated::Put => { model.insert(number, bytes); }
                        Updated::Refused => { model.remove(&number); }
                        other @ (Updated::Kept | Updated::Removed) => prop_assert!(false, "{other:?}"),
                    },
                }
                let usage = store.usage();
                prop_assert!(usage.bytes <= usage.capacity_bytes, "{usage:?}");
            }
            for number in 0..60_u64 {
                if let Some(found) = store.look_up(&number.to_be_bytes()) {
                    prop_assert_eq!(Some(&found.1), model.get(&number));
                }
            }
        }
    }
}
