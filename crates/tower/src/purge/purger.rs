//! The handle by which an application purges.

use std::sync::Arc;

use larder_cache::Cache;
use larder_cache::purge::{Count, Look, Mode, Purge, Scope};

use super::{Sweeper, scope};

/// Takes pages out of the cache of a [`CacheLayer`](crate::CacheLayer), from handlers, tasks and threads alike. Clones are handles
/// of the same cache.
///
/// A purge is in force when the call returns, for pages of both schemes unless it says otherwise: nothing stored before is served
/// any more, and no fetch that was begun before is stored or joined. Nothing is waited for.
///
/// ```
/// # use larder_tower::{CacheLayer, PurgeError, Rules};
/// # fn made(cache: &CacheLayer) -> Result<(), PurgeError> {
/// let purger = cache.purger();
/// // A post was changed: its page with any query, and every page that was made of it.
/// purger.url("https://example.com/blog/a-post")?;
/// let purged = purger.tags(["post:7"]);
/// println!("{} pages", purged.pages);
/// // Lists of posts may stay a moment longer, and are fetched anew behind those who ask.
/// purger.soft().prefix("https://example.com/blog/")?;
/// # Ok(())
/// # }
/// # made(&CacheLayer::new(&Rules::from_toml("rules", "").unwrap())).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Purger {
    cache: Arc<Cache>,
    sweeper: Arc<Sweeper>,
    mode: Mode,
}

impl Purger {
    pub(crate) const fn new(cache: Arc<Cache>, sweeper: Arc<Sweeper>) -> Self {
        Self { cache, sweeper, mode: Mode::Hard }
    }

    /// A purger that makes pages stale and does not take them away: they answer as far as stale pages may
    /// (`stale-while-revalidate`, `grace`, `stale-if-error`), until they are fetched anew.
    #[must_use]
    pub fn soft(&self) -> Self {
        Self { mode: Mode::Soft, ..self.clone() }
    }

    /// A URL's pages, whatever the query: `https://example.com/a`.
    ///
    /// # Errors
    /// It is not a whole URL.
    pub fn url(&self, url: &str) -> Result<Purged, PurgeError> {
        Ok(self.carry_out(vec![scope::url(url, false).map_err(PurgeError)?]))
    }

    /// A URL's pages with this very query, or without one.
    ///
    /// # Errors
    /// It is not a whole URL.
    pub fn exact_url(&self, url: &str) -> Result<Purged, PurgeError> {
        Ok(self.carry_out(vec![scope::url(url, true).map_err(PurgeError)?]))
    }

    /// Several URLs' pages, whatever the query, as one purge.
    ///
    /// # Errors
    /// One is not a whole URL. Then none is purged.
    pub fn urls(
        &self,
        urls: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Purged, PurgeError> {
        let scopes =
            urls.into_iter().map(|url| scope::url(url.as_ref(), false).map_err(PurgeError));
        Ok(self.carry_out(scopes.collect::<Result<_, _>>()?))
    }

    /// Every page whose path and query begin so: of one host (`https://example.com/blog/`), or of any (`/blog/`).
    ///
    /// # Errors
    /// It is neither the beginning of a URL nor of a path.
    pub fn prefix(&self, prefix: &str) -> Result<Purged, PurgeError> {
        Ok(self.carry_out(vec![scope::prefix(prefix).map_err(PurgeError)?]))
    }

    /// Every page of a host: `example.com`, `example.com:8080`.
    ///
    /// # Errors
    /// It is not a host.
    pub fn host(&self, host: &str) -> Result<Purged, PurgeError> {
        Ok(self.carry_out(vec![Scope::Host(scope::canonical(host).map_err(PurgeError)?)]))
    }

    /// Every page with one of these tags ([`Tags`](super::Tags), or a field that the rules name).
    pub fn tags(&self, tags: impl IntoIterator<Item = impl AsRef<str>>) -> Purged {
        let tags = boxed(tags);
        self.carry_out(vec![Scope::Tags { tags, host: None }])
    }

    /// Every page of an origin (`https://example.com`) that is in one of these groups (`Cache-Groups`, RFC 9875).
    ///
    /// # Errors
    /// It is not an origin.
    pub fn groups(
        &self,
        origin: &str,
        groups: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Purged, PurgeError> {
        let (scheme, host) = scope::origin(origin).map_err(PurgeError)?;
        let groups = boxed(groups);
        Ok(self.carry_out(vec![Scope::Groups { scheme, host, groups }]))
    }

    /// Every page.
    #[expect(clippy::must_use_candidate, reason = "its effect is what it is called for")]
    pub fn all(&self) -> Purged {
        self.carry_out(vec![Scope::All])
    }

    fn carry_out(&self, scopes: Vec<Scope>) -> Purged {
        let mode = self.mode;
        let purges: Vec<Purge> = scopes.into_iter().map(|scope| Purge { scope, mode }).collect();
        let purged = self.cache.purge_together(&purges, Look::AtSome, None);
        let counted = purged.count == Count::Exact;
        if !counted {
            self.sweeper.later(&self.cache);
        } else if self.cache.usage().entries <= self.cache.options().counted_max {
            self.sweeper.now(&self.cache);
        }
        Purged { pages: purged.pages, variants: purged.variants, counted }
    }
}

fn boxed(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Box<str>> {
    texts.into_iter().map(|text| text.as_ref().into()).collect()
}

/// What a purge covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// Pages.
    pub pages: u64,
    /// Stored responses on them: variants, and pages of a URL for several audiences.
    pub variants: u64,
    /// Whether they were counted. Where many are stored they are estimated, by looking at some of them: all are purged.
    pub counted: bool,
}

/// A purge that says nothing that could be purged. Shown, it is one line for people: what is wrong, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeError(String);

impl std::fmt::Display for PurgeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PurgeError {}
