//! The cache: pages in a store, fetches in progress, and what may change either.
//!
//! Every change of a page is atomic per key ([`Store::update`]), and checks inside that the fetch
//! it comes from was not invalidated since it began: that makes an invalidation final.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use http::HeaderName;
use larder_policy::{Policy, key};
use larder_semantics::vary::Vary;
use larder_semantics::{Failure, Reason, Settings, Timestamp};
use larder_store::{Change, MemoryStore, Sizes, Store, Updated, Usage, Weigh};

use crate::clock::Clock;
use crate::collapse::Flights;
use crate::flight::Flight;
use crate::generation::{Generations, Mark};
use crate::identities::Identities;
use crate::learned::Learned;
use crate::page::Page;
use crate::publish::{OutOfDate, Publisher};
use crate::purge::{Birth, Journal, Naming, Said, Verdict};
use crate::receive::{Draft, Rewritten};
use crate::uncacheable::Uncacheable;
use crate::variant::Variant;

/// What a site may choose about the cache.
#[derive(Clone, Debug)]
pub struct Options {
    /// How HTTP's caching rules are read.
    pub semantics: Settings,
    /// Fresh variants kept of one page.
    pub variants_max: usize,
    /// The longest body kept, in bytes.
    pub object_bytes_max: u64,
    /// How long a page that could not be stored is not waited for.
    pub uncacheable_for: Duration,
    /// Request fields that the application is sent in another form than the client's.
    pub rewritten: Rewritten,
    /// What the site decided: its rules.
    pub policy: Arc<Policy>,
    /// How long stale pages are served without asking an application that has just failed.
    pub failure_pause: Duration,
    /// How many pages a purge may look at before it is answered. Where there are no more, they are counted exactly.
    pub counted_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            semantics: Settings::default(),
            // Enough for a page in many languages and three encodings; few enough that looking
            // through them costs less than a microsecond.
            variants_max: 64,
            object_bytes_max: 16 << 20,
            uncacheable_for: Duration::from_secs(120),
            rewritten: Rewritten::default(),
            policy: Arc::default(),
            failure_pause: Duration::from_secs(2),
            counted_max: crate::limits::COUNTED_MAX,
        }
    }
}

/// Room for a head and the bookkeeping of blocks, which the store weighs with a body.
const HEAD_BYTES: u64 = 256 * 1024;

/// A page that can be looked at without holding a lock.
#[derive(Clone, Debug)]
pub struct SharedPage(pub(crate) Arc<Page>);

impl std::ops::Deref for SharedPage {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.0
    }
}

impl Page {
    /// Puts the page in place of the stored one. An empty one would be counted among those of its URL.
    fn into_change(self) -> Change<SharedPage> {
        if self.variants().is_empty() {
            Change::Remove
        } else {
            Change::Put(SharedPage(Arc::new(self)))
        }
    }
}

impl Weigh for SharedPage {
    fn weight_bytes(&self) -> usize {
        // The `Arc`'s two counters.
        size_of::<Self>() + 2 * size_of::<usize>() + self.0.weight_bytes()
    }
}

/// The cache.
pub struct Cache {
    pub(crate) store: MemoryStore<SharedPage>,
    pub(crate) journal: Arc<Journal>,
    flights: Arc<Flights>,
    uncacheable: Uncacheable,
    pub(crate) generations: Arc<Generations>,
    identities: Identities,
    learned: Learned,
    options: ArcSwap<Options>,
    clock: Arc<dyn Clock>,
    pub(crate) publisher: OnceLock<Arc<dyn Publisher>>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Cache {
    /// An empty cache of `memory_bytes`. Fetches in progress may hold an eighth of that on top.
    #[must_use]
    pub fn new(memory_bytes: u64, options: Options, clock: Arc<dyn Clock>) -> Self {
        let mut sizes = Sizes::of(memory_bytes);
        // What the site wants kept has to be admissible, with its head.
        let wanted = options.object_bytes_max.saturating_add(HEAD_BYTES);
        sizes.item_bytes_wanted = sizes.item_bytes_wanted.max(wanted);
        let journal = Arc::new(Journal::new());
        Self {
            store: MemoryStore::new(sizes),
            flights: Flights::new((memory_bytes / 8).max(8 << 20), Arc::clone(&journal)),
            journal,
            uncacheable: Uncacheable::default(),
            generations: Generations::new(),
            identities: Identities::default(),
            learned: Learned::default(),
            options: ArcSwap::from_pointee(options),
            clock,
            publisher: OnceLock::new(),
        }
    }

    /// The options in force.
    pub fn options(&self) -> Guard<Arc<Options>> {
        self.options.load()
    }

    /// Puts other options in force, for requests that begin from now on.
    pub fn set_options(&self, options: Options) {
        self.options.store(Arc::new(options));
        self.learned.clear();
    }

    /// What is known of visitors.
    #[must_use]
    pub const fn identities(&self) -> &Identities {
        &self.identities
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The fetches in progress.
    #[must_use]
    pub fn flights(&self) -> &Arc<Flights> {
        &self.flights
    }

    /// The store's numbers.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.store.usage()
    }

    /// What is stored under `key`.
    #[must_use]
    pub fn look_up(&self, key: &[u8]) -> Option<SharedPage> {
        let page = self.store.look_up(key).filter(|page| page.is_current())?;
        if page.checked() == self.journal.number() {
            return Some(page);
        }
        self.reconsider(key, page)
    }

    /// The number of the last purge: for a fetch that is about to be sent.
    #[must_use]
    pub fn purge_number(&self) -> u64 {
        self.journal.number()
    }

    /// By which purges the answer to a request for the page `key` is reached, that was sent when the last purge was `number`.
    /// Takes the fields of its tags off.
    pub fn birth(&self, number: u64, key: &[u8], naming: Naming, response: Said<'_>) -> Birth {
        let policy = &self.options().policy;
        Birth::of(number, &self.journal, key, policy, naming, response)
    }

    /// By which request fields the pages of a rule are known to vary.
    #[must_use]
    pub fn varies(&self, rule: (u64, u32)) -> Option<Arc<[HeaderName]>> {
        self.learned.of(rule)
    }

    /// Takes in by which request fields a page of a rule varies.
    pub fn learn(&self, rule: (u64, u32), vary: &Vary) {
        self.learned.learn(rule, vary);
    }

    /// The longest body worth keeping: what the site allows and the store admits.
    #[must_use]
    pub fn kept_max(&self, key: &[u8]) -> u64 {
        let admitted = self.store.item_bytes_max(key.len()) as u64;
        self.options().object_bytes_max.min(admitted.saturating_sub(HEAD_BYTES))
    }

    /// Stores what the fetch `flight` brought.
    ///
    /// # Errors
    /// The reason why it was not kept.
    pub fn keep(
        &self,
        key: &[u8],
        flight: &Flight,
        draft: &Draft,
        chunks: &[Bytes],
    ) -> Result<Variant, Reason> {
        let older = self.look_up(key).and_then(|page| {
            let same = |v: &&Variant| {
                v.head.vary == draft.head.vary && v.head.selecting == draft.head.selecting
            };
            page.variants().iter().find(same).cloned()
        });
        // The bytes are copied before the lock is taken.
        let variant = draft.finish(chunks, older.as_ref())?;
        self.keep_variant(key, flight, &variant).map(|()| variant)
    }

    /// Stores a response that the fetch `flight` brought.
    ///
    /// # Errors
    /// The reason why it was not kept.
    pub fn keep_variant(
        &self,
        key: &[u8],
        flight: &Flight,
        variant: &Variant,
    ) -> Result<(), Reason> {
        let now = self.now();
        let variants_max = self.options().variants_max;
        let mut outcome = Err(Reason::InvalidatedMeanwhile);
        let updated = self.store.update(key, |page| {
            // The mark first: an invalidation between the two is seen by the one or the other.
            let mark = self.mark(key);
            if flight.is_invalidated() {
                return Change::Keep;
            }
            let reading = self.journal.read();
            if !reading.judge_one(key, &variant.head, variant.head.born).is_clear() {
                return Change::Keep;
            }
            let page = page.filter(|page| page.is_current());
            let page = page.map(|page| page.judge(key, &reading).page).unwrap_or_default();
            match page.with(variant.clone(), variants_max, now) {
                Ok(page) => {
                    outcome = Ok(());
                    page.check(reading.number);
                    Change::Put(SharedPage(Arc::new(page.marked(mark))))
                }
                Err(not_kept) => {
                    outcome = Err(not_kept.0);
                    Change::Keep
                }
            }
        });
        if updated == Updated::Refused {
            return Err(Reason::TooLarge);
        }
        if outcome.is_ok() {
            self.uncacheable.forget(key, self.since(key));
            self.tell(key, variant);
        }
        outcome
    }

    /// With what the memory of a page begins that is one of several of its URL: an invalidation of the URL can't name them
    /// all, so it begins anew for each.
    fn since(&self, key: &[u8]) -> u64 {
        if key::url_of(key).len() < key.len() { self.flights.epoch(key).number() } else { 0 }
    }

    /// Where the counter of the page's URL stands, if the URL can have several pages.
    fn mark(&self, key: &[u8]) -> Option<Mark> {
        let url = key::url_of(key);
        (url.len() < key.len()).then(|| self.generations.mark(url))
    }

    /// Puts the newer head on the stored variant with the same body, if it is still there and
    /// `flight`, the fetch that brought the head, was not invalidated.
    pub fn freshen(&self, key: &[u8], variant: &Variant, flight: Option<&Flight>) {
        let updated = self.store.update(key, |page| match page {
            Some(page) if !flight.is_some_and(Flight::is_invalidated) => {
                self.freshened(key, page, variant)
            }
            Some(_) | None => Change::Keep,
        });
        if updated == Updated::Put {
            self.tell(key, variant);
        }
    }

    /// What the newer head of `variant` makes of the page, unless that variant was purged. What was purged after the newer head
    /// was asked for is gone, or stale, with it, too.
    fn freshened(&self, key: &[u8], page: &Page, variant: &Variant) -> Change<SharedPage> {
        let reading = self.journal.read();
        let Some(stored) = page.variants().iter().find(|stored| stored.same_body(variant)) else {
            return Change::Keep;
        };
        let since = stored.head.born.max(page.checked());
        if reading.judge_one(key, &stored.head, since).is_hard() {
            return Change::Keep;
        }
        let newer = match reading.judge_one(key, &variant.head, variant.head.born) {
            Verdict::Clear => page.with_head(variant, Arc::clone(&variant.head)),
            Verdict::Soft(tally) => page.with_head(variant, variant.head.expired(tally.at)),
            // By a tag that came with the newer head: the body has it, so it is gone.
            Verdict::Hard(_) => Some(page.without(variant)),
        };
        newer.map_or(Change::Keep, Page::into_change)
    }

    /// Whether the body of `variant` is still stored, and nothing purged it.
    #[must_use]
    pub fn has(&self, key: &[u8], variant: &Variant) -> bool {
        let page = self.look_up(key);
        page.is_some_and(|page| page.variants().iter().any(|stored| stored.same_body(variant)))
    }

    /// Takes over how often a page was asked for before it was purged and fetched again.
    pub fn credit(&self, key: &[u8], asked: u32) {
        if let Some(page) = self.store.look_up(key) {
            page.credit(asked);
        }
    }

    /// Forgets one stored response, which must not be used any more.
    pub fn forget(&self, key: &[u8], variant: &Variant) {
        self.store.update(key, |page| {
            page.map_or(Change::Keep, |page| page.without(variant).into_change())
        });
        if variant.head.copied.is_some()
            && let Some(publisher) = self.publisher()
            && let Some(url) = OutOfDate::url(key)
        {
            // Nobody waits for it: whoever asked gets the answer that says so.
            drop(publisher.out_of_date(vec![url]));
        }
    }

    /// Remembers that the page could not be stored, so that nobody waits for it.
    pub fn mark_uncacheable(&self, key: &[u8], reason: Reason) {
        let lasts = self.options().uncacheable_for;
        if !lasts.is_zero() {
            self.uncacheable.mark(key, self.since(key), reason, lasts, self.now());
        }
    }

    /// Why the page could not be stored, if that is known.
    #[must_use]
    pub fn uncacheable(&self, key: &[u8]) -> Option<Reason> {
        self.uncacheable.known(key, self.since(key), self.now())
    }

    /// Remembers that the application failed for a page of which something is stored.
    pub fn mark_failed(&self, key: &[u8], failure: Failure) {
        let until = self.now().plus(self.options().failure_pause);
        self.store.update(key, |page| {
            page.map_or(Change::Keep, |page| {
                Change::Put(SharedPage(Arc::new(page.with_failure(failure, until))))
            })
        });
    }

    /// Makes every page of the URL that `key` is of, and everything that is being fetched for it,
    /// unusable (RFC 9111 §4.4). Final when it returns.
    pub fn invalidate(&self, key: &[u8]) {
        let key = key::url_of(key);
        // In this order: a fetch that ends between the first and the others is removed by them, one
        // that ends later sees that it was marked.
        self.flights.invalidate(key);
        self.generations.invalidate(key);
        self.store.remove(key);
        self.uncacheable.forget(key, self.since(key));
    }

    /// Empties the store. For tests: a fetch in progress is still stored when it ends, so this is no
    /// purge.
    pub fn clear(&self) {
        self.store.clear();
    }
}
