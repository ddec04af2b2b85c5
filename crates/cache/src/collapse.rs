//! Which requests share one fetch: the table of fetches in progress.
//!
//! A request joins a fetch of the same page and range when the fetch's answer will be, or may
//! be, for it too: if the answer's head is there, its `Vary` says so; if not, the fields that
//! selected the page's newest variant are compared, and where nothing is known the request waits
//! and looks again.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::fast::RandomState;
use http::header::{HeaderMap, HeaderValue};
use larder_semantics::Reason;
use larder_semantics::vary::{Selecting, Vary};
use larder_store::sync::{AtomicU64, Mutex};

use crate::flight::{Budget, Flight, Outcome};
use crate::limits;
use crate::purge::Journal;

/// Seeded at random, and quicker than the standard library's: an entry lives as long as a fetch, so
/// there are never more of them than connections.
type Shard = HashMap<Arc<[u8]>, Vec<Entry>, RandomState>;

/// All fetches in progress.
#[derive(Debug)]
pub struct Flights {
    shards: Box<[Mutex<Shard>]>,
    /// How often pages were invalidated; many pages share one number.
    epochs: Box<[AtomicU64]>,
    hasher: RandomState,
    budget: Arc<Budget>,
    journal: Arc<Journal>,
}

#[derive(Debug)]
struct Entry {
    flight: Arc<Flight>,
    /// The number of the last purge when it began.
    born: u64,
    selecting: Option<Selecting>,
    range: Option<HeaderValue>,
}

/// What a request can do about a page that has to be fetched.
#[derive(Debug)]
pub enum Joined {
    /// Fetch it, on behalf of all.
    Lead(Lead),
    /// Somebody fetches it: wait for what comes.
    Follow(Arc<Flight>),
    /// Too much goes on for this page: ask on one's own.
    Full,
}

/// A moment between the invalidations of a page: what was asked for before the next one must not be
/// stored after it (RFC 9111 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(u64);

impl Epoch {
    /// How many invalidations came before it.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// The moment after one more invalidation: a change's own answer is newer than what it changed.
    #[must_use]
    pub const fn after_own_change(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// The duty to fetch. When it is dropped the fetch is over, whatever became of it.
#[derive(Debug)]
pub struct Lead {
    flight: Arc<Flight>,
    key: Arc<[u8]>,
    table: Arc<Flights>,
}

/// What a request looks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The page.
    pub key: &'a Arc<[u8]>,
    /// The request's fields.
    pub request: &'a HeaderMap,
    /// The fields that select among the page's variants, as far as they are known.
    pub recipe: Option<&'a Vary>,
    /// The `Range` that the application will be asked for.
    pub range: Option<&'a HeaderValue>,
}

impl Flights {
    /// An empty table whose fetches may hold `budget_bytes` together, and that nobody joins who asks after they were purged.
    #[must_use]
    pub(crate) fn new(budget_bytes: u64, journal: Arc<Journal>) -> Arc<Self> {
        let shards = (0..limits::FLIGHT_SHARDS).map(|_| Mutex::default()).collect();
        let epochs = (0..limits::EPOCHS).map(|_| AtomicU64::default()).collect();
        let budget = Arc::new(Budget::new(budget_bytes));
        Arc::new(Self { shards, epochs, hasher: RandomState::default(), budget, journal })
    }

    fn shard(&self, key: &[u8]) -> &Mutex<Shard> {
        &self.shards[self.place(key, self.shards.len())]
    }

    fn counter(&self, key: &[u8]) -> &AtomicU64 {
        &self.epochs[self.place(key, self.epochs.len())]
    }

    /// The index of `key` in something with `count` places. All pages of a URL have one, so that they
    /// are invalidated together.
    fn place(&self, key: &[u8], count: usize) -> usize {
        let url = larder_policy::key::url_of(key);
        // The remainder is below the number of places, so it is an index.
        usize::try_from(self.hasher.hash_one(url) % count as u64).unwrap_or_default()
    }

    /// The moment before a request for the page that is not in this table.
    #[must_use]
    pub fn epoch(&self, key: &[u8]) -> Epoch {
        Epoch(self.counter(key).load(Ordering::Acquire))
    }

    /// Joins the fetch that `wanted` can share, or becomes the one who fetches.
    #[must_use]
    pub fn join_or_lead(self: &Arc<Self>, wanted: &Wanted<'_>) -> Joined {
        let selecting = wanted.recipe.map(|recipe| Selecting::of(recipe, wanted.request));
        let mut shard = self.shard(wanted.key).lock();
        let entries = shard.get(wanted.key).map_or(&[][..], Vec::as_slice);
        for entry in entries {
            if entry.may_serve(wanted, selecting.as_ref())
                && !entry.is_purged(wanted.key, &self.journal)
            {
                return Joined::Follow(Arc::clone(&entry.flight));
            }
        }
        if entries.len() >= limits::FLIGHTS_PER_PAGE_MAX {
            return Joined::Full;
        }
        let flight = Arc::new(Flight::new(Arc::clone(&self.budget)));
        let range = wanted.range.cloned();
        let born = self.journal.number();
        let entry = Entry { flight: Arc::clone(&flight), born, selecting, range };
        shard.entry(Arc::clone(wanted.key)).or_default().push(entry);
        drop(shard);
        Joined::Lead(Lead { flight, key: Arc::clone(wanted.key), table: Arc::clone(self) })
    }

    /// A fetch that nobody else can join before its answer is there: for a request that asked on
    /// its own, at the moment `since`, and whose answer turned out to be one to keep: for `range`,
    /// if it is a part; `born` is the number of the last purge then. `None` if the page was invalidated since: then it is not one to keep.
    #[must_use]
    pub fn lead_alone(
        self: &Arc<Self>,
        key: &Arc<[u8]>,
        range: Option<HeaderValue>,
        since: Epoch,
        born: u64,
    ) -> Option<Lead> {
        let flight = Arc::new(Flight::new(Arc::clone(&self.budget)));
        // It is in the table all the same, so that an invalidation finds it from now on; those
        // before have counted. Both happen under the lock, so that none falls between.
        let entry = Entry { flight: Arc::clone(&flight), born, selecting: None, range };
        let mut shard = self.shard(key).lock();
        if self.epoch(key) != since {
            return None;
        }
        shard.entry(Arc::clone(key)).or_default().push(entry);
        drop(shard);
        Some(Lead { flight, key: Arc::clone(key), table: Arc::clone(self) })
    }

    /// Marks every fetch of a page of this URL as out of date: for whichever audience it is.
    pub fn invalidate(&self, key: &[u8]) {
        let url = larder_policy::key::url_of(key);
        let shard = self.shard(key).lock();
        self.counter(key).fetch_add(1, Ordering::Release);
        let of_url = shard.iter().filter(|(key, _)| larder_policy::key::url_of(key) == url);
        for entry in of_url.flat_map(|(_, entries)| entries) {
            entry.flight.invalidate();
        }
    }

    /// How many fetches are in progress.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().values().map(Vec::len).sum::<usize>()).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that they hold.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.budget.used()
    }

    fn remove(&self, key: &[u8], flight: &Arc<Flight>) {
        let mut shard = self.shard(key).lock();
        if let Some(entries) = shard.get_mut(key) {
            entries.retain(|entry| !Arc::ptr_eq(&entry.flight, flight));
            if entries.is_empty() {
                shard.remove(key);
            }
        }
    }
}

impl Entry {
    /// Whether something was purged since it began that its answer is, or may be, about.
    fn is_purged(&self, key: &[u8], journal: &Journal) -> bool {
        if self.born == journal.number() {
            return false;
        }
        let reading = journal.read();
        let head = match self.flight.outcome() {
            Some(Outcome::Shared(head)) => Some(head),
            Some(_) => None,
            None => self.flight.held(),
        };
        match head {
            Some(head) => !reading.judge_one(key, &head, self.born.max(head.born)).is_clear(),
            None => reading.may_reach(key, self.born),
        }
    }

    fn may_serve(&self, wanted: &Wanted<'_>, selecting: Option<&Selecting>) -> bool {
        if self.range.as_ref() != wanted.range || !self.flight.is_open() {
            return false;
        }
        match self.flight.outcome() {
            Some(Outcome::Shared(head)) => head.matches(wanted.request),
            // Its answer is in the store, or is nobody else's.
            Some(
                Outcome::Stored(_) | Outcome::Stale(..) | Outcome::Unshared(_) | Outcome::Failed(_),
            ) => false,
            None => match (self.flight.held(), &self.selecting, selecting) {
                (Some(head), ..) => head.matches(wanted.request),
                (None, Some(theirs), Some(ours)) => theirs == ours,
                (None, None, _) | (None, _, None) => true,
            },
        }
    }
}

impl Lead {
    /// The fetch.
    #[must_use]
    pub fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// The page's key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.table.remove(&self.key, &self.flight);
        // Without effect when it has ended properly: a writer that is cut short fails its readers.
        self.flight.fail(Reason::ClosedEarly);
    }
}
