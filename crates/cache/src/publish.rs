//! Copies of stored pages that lie elsewhere: who is told of what is stored, and of what is out of date?
//!
//! The cache itself knows no such place. It tells a [`Publisher`] of pages whose rule has them published, and asks it to take
//! away what an unsafe request made out of date. Telling takes no time; whoever publishes looks again whether what it was told
//! of is still there ([`Cache::fresh_for`]), before and after it lays a copy down.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;
use larder_policy::{Scheme, key, tags};
use larder_semantics::Timestamp;

use crate::cache::Cache;
use crate::limits::TOLD_AGAIN_AFTER;
use crate::variant::Variant;

/// By which names a published page is found again, as the application gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Its tags, the rule's among them.
    pub tags: Vec<Box<str>>,
    /// Its groups (RFC 9875), of its origin.
    pub groups: Vec<Box<str>>,
}

impl Names {
    /// Those of both.
    pub(crate) fn joined(&self, other: &Self) -> Self {
        let join = |one: &[Box<str>], other: &[Box<str>]| {
            let mut all = [one, other].concat();
            all.sort_unstable();
            all.dedup();
            all
        };
        Self { tags: join(&self.tags, &other.tags), groups: join(&self.groups, &other.groups) }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let texts = self.tags.iter().chain(&self.groups);
        texts.map(|text| size_of::<Box<str>>() + text.len()).sum()
    }
}

/// What a stored response has that is to be published.
#[derive(Debug, Default)]
pub struct Copied {
    /// Its names.
    pub names: Names,
    /// When the publisher was last told of it, in seconds; zero: never.
    told: AtomicU64,
}

impl Copied {
    pub(crate) const fn new(names: Names) -> Self {
        Self { names, told: AtomicU64::new(0) }
    }

    /// Whether it is time to tell of it, which then was done. Of several who ask at once, one is told so.
    fn is_due(&self, now: Timestamp) -> bool {
        let now = now.as_secs();
        let told = self.told.load(Ordering::Relaxed);
        told.saturating_add(TOLD_AGAIN_AFTER.as_secs()) <= now
            && self.told.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// What is out of date, though nobody ordered a purge of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutOfDate {
    /// A URL, of both schemes (RFC 9111 §4.4).
    Url {
        /// The canonical host.
        host: Box<str>,
        /// The target as it is in keys.
        target: Box<str>,
    },
    /// A group of an origin (RFC 9875 §3).
    Group {
        /// The origin's scheme.
        scheme: Scheme,
        /// The origin's host.
        host: Box<str>,
        /// The group.
        group: Box<str>,
    },
}

impl OutOfDate {
    /// The URL that a page's key is of; `None` for one that is not text, and so never published.
    #[must_use]
    pub fn url(key: &[u8]) -> Option<Self> {
        let (_, host, target) = key::read(key)?;
        let text = |bytes| std::str::from_utf8(bytes).ok().map(Into::into);
        Some(Self::Url { host: text(host)?, target: text(target)? })
    }
}

/// Ends when copies are gone, or when it is kept durably that they have to go.
pub type Settled = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Lays copies of pages down elsewhere.
pub trait Publisher: fmt::Debug + Send + Sync {
    /// A response of this page, to be published, was stored, confirmed, or asked for a while after it was last told of.
    /// Returns at once.
    fn publish(&self, key: &[u8]);

    /// Copies of these are to go. Begun when it returns; the future only waits, for a short time at most, and may be dropped.
    fn out_of_date(&self, what: Vec<OutOfDate>) -> Settled;
}

impl Cache {
    /// Has `publisher` told of what is stored from now on. Once; a second is not heard.
    pub fn set_publisher(&self, publisher: std::sync::Arc<dyn Publisher>) {
        drop(self.publisher.set(publisher));
    }

    /// Who is told, if anybody.
    #[must_use]
    pub fn publisher(&self) -> Option<&dyn Publisher> {
        self.publisher.get().map(|publisher| &**publisher)
    }

    /// Tells of a response that was stored or confirmed.
    pub(crate) fn tell(&self, key: &[u8], variant: &Variant) {
        if let Some(copied) = &variant.head.copied
            && let Some(publisher) = self.publisher()
        {
            copied.told.store(self.now().as_secs(), Ordering::Relaxed);
            publisher.publish(key);
        }
    }

    /// Tells of a hit on a page that is published: whoever reads copies may have lost this one. Once in a while for each page.
    #[inline]
    pub fn tell_of_hit(&self, key: &[u8], variant: &Variant, now: Timestamp) {
        if let Some(copied) = &variant.head.copied
            && variant.head.freshness.is_fresh(now)
            && copied.is_due(now)
            && let Some(publisher) = self.publisher()
        {
            publisher.publish(key);
        }
    }

    /// For how long the stored response with the body of `variant` is fresh. `None`: it is not there any more, or stale.
    #[must_use]
    pub fn fresh_for(&self, key: &[u8], variant: &Variant) -> Option<Duration> {
        let page = self.look_up(key)?;
        let stored = page.variants().iter().find(|stored| stored.same_body(variant))?;
        let left = stored.head.freshness.ttl_secs(self.now());
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_secs)
    }

    /// Begins to take copies of the URLs `keys` are of away, and of the groups that the answer to an unsafe request for the
    /// first of them names. `None`: there are none.
    #[must_use]
    pub fn tell_out_of_date(&self, keys: &[&[u8]], response: &HeaderMap) -> Option<Settled> {
        let publisher = self.publisher()?;
        let mut what: Vec<_> = keys.iter().filter_map(|key| OutOfDate::url(key)).collect();
        let origin = keys.first().and_then(|key| key::read(key));
        if let Some((scheme, host, _)) = origin
            && let Ok(host) = std::str::from_utf8(host)
        {
            let group =
                |group: &str| OutOfDate::Group { scheme, host: host.into(), group: group.into() };
            // As far as they are read, as in memory.
            let _too_many = tags::invalidated_groups(response, |name| what.push(group(name)));
        }
        Some(publisher.out_of_date(what))
    }
}
