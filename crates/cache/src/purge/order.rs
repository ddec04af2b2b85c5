//! Carrying a purge out, and going through all pages after it.

use std::sync::Arc;

use larder_policy::{KeyBuf, Plain, Scheme, Visit, tags};
use larder_store::{Change, Store as _};

use super::basket::Basket;
use super::journal::Tally;
use super::request::{Count, Look, Mode, Purge, Purged, Scope};
use super::sweep::Swept;
use crate::cache::Cache;
use crate::limits::{SAMPLED_MAX, SWEPT_AT_ONCE};

impl Cache {
    /// Carries a purge out. When it returns, nothing that was stored before is served any more (or, softly, not as fresh),
    /// and no fetch that was begun before will be stored or joined.
    ///
    /// Says how many pages it was about; where there are many, by looking at some of them. Memory is given back by
    /// [`Cache::sweep`].
    pub fn purge(&self, purge: &Purge) -> Purged {
        match (&purge.scope, purge.mode) {
            (Scope::Url { host, target }, mode) => self.purge_one(host, target, mode, None),
            _ => self.purge_together(std::slice::from_ref(purge), Look::AtSome, None),
        }
    }

    fn purge_one(
        &self,
        host: &str,
        target: &str,
        mode: Mode,
        basket: Option<&Arc<Basket>>,
    ) -> Purged {
        match mode {
            Mode::Hard => self.purge_url(host, target, basket),
            Mode::Soft => self.expire_url(host, target, basket),
        }
    }

    /// Purges the groups that the answer to an unsafe request for the page `key` names (RFC 9875 §3): of the same origin.
    pub fn invalidate_groups(&self, key: &[u8], response: &http::HeaderMap) {
        let mut groups = Vec::new();
        // More than are read at once are no harm: the first of them are out of date all the same.
        let _too_many = tags::invalidated_groups(response, |group| groups.push(group.into()));
        let Some((scheme, host, _)) = larder_policy::key::read(key) else { return };
        if !groups.is_empty() {
            let host = String::from_utf8_lossy(host).into();
            let purge = Purge::hard(Scope::Groups { scheme, host, groups });
            self.journal.note(&purge, None, self.now());
            self.make_room();
        }
    }

    /// Carries out several purges, each as [`Cache::purge`] does, and looks at the pages once for all of them. With
    /// [`Look::AtAll`] their memory has been given back and their numbers are exact when it returns.
    ///
    /// What is taken away goes into `basket`, when it is: all of it when every page was looked at after it.
    pub fn purge_together(
        &self,
        purges: &[Purge],
        look: Look<'_>,
        basket: Option<&Arc<Basket>>,
    ) -> Purged {
        let all = self.usage().entries;
        let (mut covered, mut tallies) = (Purged::default(), Vec::new());
        for purge in purges {
            if let Scope::Url { host, target } = &purge.scope {
                covered = covered.and(self.purge_one(host, target, purge.mode, basket));
            } else {
                tallies.push(self.journal.note(purge, basket, self.now()).1);
            }
        }
        if tallies.is_empty() {
            return covered;
        }
        let swept = match look {
            Look::AtAll(pause) => self.sweep_with(u64::MAX, pause),
            Look::AtSome => {
                let counted_max = self.options().counted_max;
                let some = if all <= counted_max { u64::MAX } else { counted_max.min(SAMPLED_MAX) };
                self.make_room().unwrap_or_else(|| self.sweep_some(some))
            }
        };
        tallies.iter().fold(covered, |sum, tally| sum.and(covered_by(swept, tally, all)))
    }

    /// There are never more notes than have their place: the pages are judged by them then, and they go.
    fn make_room(&self) -> Option<Swept> {
        let swept = self.journal.is_full().then(|| self.sweep_some(u64::MAX))?;
        self.journal.prune(swept.number);
        Some(swept)
    }

    /// The keys under which the pages of a URL lie: of both schemes, with what of the query counts.
    fn keys_of(&self, host: &str, target: &str) -> [KeyBuf; 2] {
        let policy = Arc::clone(&self.options().policy);
        let headers = http::HeaderMap::new();
        [Scheme::Http, Scheme::Https].map(|scheme| {
            let mut key = KeyBuf::new();
            let method = &http::Method::GET;
            policy.url_key(&Visit { scheme, host, method, target, headers: &headers }, &mut key);
            key
        })
    }

    fn purge_url(&self, host: &str, target: &str, basket: Option<&Arc<Basket>>) -> Purged {
        self.keys_of(host, target).iter().fold(Purged::default(), |covered, key| {
            let held = self.holds(key.as_bytes());
            if let Some(basket) = basket {
                self.collect(key.as_bytes(), held, basket);
            }
            self.invalidate(key.as_bytes());
            covered.and(held)
        })
    }

    /// What of a URL is to be fetched again. Of its pages for audiences only the anonymous visitor's can be named.
    fn collect(&self, url: &[u8], held: Purged, basket: &Basket) {
        let page = self.look_up(url);
        if let Some(page) = &page {
            basket.put(url, page);
        }
        if held.pages <= u64::from(page.is_some()) {
            return;
        }
        let anonymous = self.key_for_nobody(url);
        let page = anonymous.as_ref().and_then(|key| self.look_up(key.as_bytes()));
        match (&anonymous, page) {
            (Some(key), Some(page)) => basket.put(key.as_bytes(), &page),
            _ => basket.put_url(url),
        }
    }

    /// The key of a URL's page for a visitor who says nothing.
    fn key_for_nobody(&self, url: &[u8]) -> Option<KeyBuf> {
        let (scheme, host, target) = larder_policy::key::read(url)?;
        let host = std::str::from_utf8(host).ok()?;
        let target = std::str::from_utf8(target).ok()?;
        let (method, headers) = (&http::Method::GET, &http::HeaderMap::new());
        let visit = Visit { scheme, host, method, target, headers };
        let mut key = KeyBuf::new();
        let policy = Arc::clone(&self.options().policy);
        let _ruling = policy.decide(&visit, &Plain, self.now(), &mut key);
        Some(key)
    }

    /// By a note, as that also reaches what is on its way: also validations, which are not stored as fetches are.
    fn expire_url(&self, host: &str, target: &str, basket: Option<&Arc<Basket>>) -> Purged {
        let mut covered = Purged::default();
        let mut noted = None;
        for key in self.keys_of(host, target) {
            covered = covered.and(self.holds(key.as_bytes()));
            // As pages lie under it: with what of the query counts, which mostly is the same for both schemes.
            let Some((_, host, target)) = larder_policy::key::read(key.as_bytes()) else {
                continue;
            };
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into();
            let scope = Scope::Url { host: text(host), target: text(target) };
            if noted.as_ref() != Some(&scope) {
                self.journal.note(&Purge::soft(scope.clone()), basket, self.now());
                self.make_room();
                noted = Some(scope);
            }
        }
        covered
    }

    /// How much is stored for a URL.
    fn holds(&self, key: &[u8]) -> Purged {
        let for_all = self.look_up(key).map_or(0, |page| page.variants().len() as u64);
        let for_audiences = self.generations.holders(key);
        Purged {
            pages: u64::from(for_all > 0) + for_audiences,
            variants: for_all + for_audiences,
            count: Count::Exact,
        }
    }

    /// Judges every page by what was purged, and gives back the memory of those that are gone. `pause` is called between
    /// portions. When it returns, [`Cache::forget_purges`] may be told the number.
    pub fn sweep(&self, mut pause: impl FnMut()) -> Swept {
        self.sweep_with(u64::MAX, &mut pause)
    }

    fn sweep_some(&self, most: u64) -> Swept {
        self.sweep_with(most, &mut || {})
    }

    fn sweep_with(&self, most: u64, pause: &mut dyn FnMut()) -> Swept {
        let mut swept = Swept { number: self.journal.number(), seen: 0, complete: true };
        for (key, page) in self.store.entries() {
            if swept.seen == most {
                swept.complete = false;
                break;
            }
            swept.seen += 1;
            if !page.is_current() {
                self.store.update(&key, |present| match present {
                    Some(present) if !present.is_current() => Change::Remove,
                    Some(_) | None => Change::Keep,
                });
            } else if page.checked() < swept.number {
                drop(self.reconsider(&key, page));
            }
            if swept.seen.is_multiple_of(SWEPT_AT_ONCE) {
                pause();
            }
        }
        swept
    }

    /// Forgets the purges up to `number`, which a complete sweep has judged every page by. A fetch that was begun before them
    /// and still goes on is not stored: keep them for as long as most fetches take.
    pub fn forget_purges(&self, number: u64) {
        self.journal.prune(number);
    }

    /// How many purges are remembered.
    #[must_use]
    pub fn purges_remembered(&self) -> usize {
        self.journal.len()
    }
}

fn covered_by(swept: Swept, tally: &Tally, all: u64) -> Purged {
    let (pages, variants) = swept.estimate(tally, all);
    let count = if swept.complete { Count::Exact } else { Count::Estimate };
    Purged { pages, variants, count }
}
