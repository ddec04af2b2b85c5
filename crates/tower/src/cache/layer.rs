//! The layer: one cache for all the services that it makes.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::request::Parts;
use larder_cache::{Cache, Clock, Options, SystemClock};
use larder_policy::Scheme;
use larder_semantics::Timestamp;
use tower_layer::Layer;

use super::service::Means;
use super::{CacheService, Sites};
use crate::Rules;
use crate::explain::{self, ExplainService, Explanation};
use crate::purge::{Purger, Sweeper};

/// Puts a cache in front of a service: [RFC 9111], the site's [`Rules`], and purging.
///
/// All services that a layer and its clones make share one cache in memory. The layer is to wrap the whole application:
///
/// ```
/// use axum::Router;
/// use axum::routing::get;
/// use larder_tower::{CacheLayer, Rules};
/// use tower_layer::Layer as _;
///
/// # fn made() -> Result<(), larder_tower::RulesError> {
/// let rules = Rules::from_toml(
///     "larder.toml",
///     "[[rule]]\npath = '/blog/*'\naudience = 'all-users'\nttl = '10m'",
/// )?;
/// let cache = CacheLayer::new(&rules);
/// // Handlers and tasks may purge: `purger.url("https://example.com/blog/a-post")`.
/// let purger = cache.purger();
/// let router: Router = Router::new().route("/blog/{slug}", get(async || "a post"));
/// // What `axum::serve` takes: a router that hands all on.
/// let application: Router = Router::new().fallback_service(cache.layer(router));
/// # drop((application, purger));
/// # Ok(())
/// # }
/// # made().unwrap();
/// ```
///
/// # What the inner service is asked
/// It is cloned for each fetch, and waited for until it is ready there: a hit needs nobody. For a page that a rule shares it gets
/// a request of the cache's own, with nothing of the visitor's that does not tell the page from others: fields and cookies are
/// left out, and so are [extensions](http::Extensions). Whatever it needs of a request's extensions there is to be put on within
/// this layer, not around it. axum's `Router::layer` runs *after* routing, whose outcome (path parameters) is in extensions; wrap
/// the router instead, as above, or see [`CacheLayerBuilder::keeps_extensions`]. All other requests keep their extensions. Where no
/// rule has a word, whether others get what comes is the response's to say (RFC 9111 §3): one that is made by what an extension
/// says of the visitor has to say `private`, as one that is made by a cookie.
///
/// # Who leaves
/// A client that leaves ends its own reading only. A fetch that it began goes on in a task of its own: others may wait for it, and
/// what comes is stored. A body that breaks off is never stored; all who read it see it break off ([`Incomplete`](super::Incomplete)).
///
/// # What fails
/// The service never fails. Where the inner service answers 5xx, a stored page stands in for as long as it may (`stale-if-error`,
/// RFC 5861 §4); where it gives an error, for as long as nothing forbids it (RFC 9111 §4.2.4). Otherwise the answer to an error is
/// 502, or 504 for a time limit (tower's and tokio's `Elapsed`, `io::ErrorKind::TimedOut`), with the reason in `Cache-Status` and
/// the error in the log (`tracing`).
///
/// # What it refuses, and what it leaves to others
/// Requests that two parsers could read differently (two `Host` fields, a `Host` that is not the target's) are refused with 400,
/// so that no page is stored under a site whose it is not. HTTP/1.1 without `Host` is let in, as tests are written so: its pages
/// are no named site's.
///
/// What it lets in it leaves as it came: what a page is chosen by is what the inner service gets. In front of clients put
/// [`HygieneLayer`](crate::HygieneLayer) around it. It takes off what is not a visitor's to say (`X-Forwarded-Host` and the like),
/// which the inner service might otherwise put into a page that others get, and what `Connection` lists, which an inner service that
/// is a proxy would not pass on.
///
/// # Runtime
/// Fetches that outlive their request, bodies that are stored, and large purges are tasks of [tokio](https://docs.rs/tokio)'s, on
/// whichever of its runtimes the service is called, and need its time. Nothing is tied to a thread.
///
/// [RFC 9111]: https://www.rfc-editor.org/rfc/rfc9111
#[derive(Clone, Debug)]
pub struct CacheLayer {
    means: Means,
    sweeper: Arc<Sweeper>,
}

impl CacheLayer {
    /// A layer with an empty cache, by `rules`, of the size that they say.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self::builder(rules).build()
    }

    /// The same, with more to choose.
    pub fn builder(rules: &Rules) -> CacheLayerBuilder {
        CacheLayerBuilder {
            rules: rules.clone(),
            memory_bytes: rules.cache.memory_bytes as u64,
            scheme: Scheme::Http,
            extensions: Extensions::Fresh,
            clock: None,
        }
    }

    /// The handle by which the application purges.
    #[must_use]
    pub fn purger(&self) -> Purger {
        Purger::new(Arc::clone(&self.means.cache), Arc::clone(&self.sweeper))
    }

    /// How much is stored.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let larder_store::Usage { bytes, capacity_bytes, entries: pages, .. } =
            self.means.cache.usage();
        Usage { pages, bytes, capacity_bytes }
    }

    /// What the cache would do with a request, and why: by the rules, and what was learned so far. Nothing is asked or changed.
    ///
    /// ```
    /// # use larder_tower::{CacheLayer, Rules};
    /// # let rules = Rules::from_toml("larder.toml", "[[rule]]\npath = '/blog/*'\naudience = 'all-users'").unwrap();
    /// # let cache = CacheLayer::new(&rules);
    /// let request = http::Request::get("/blog/a-post").header("host", "example.com").body(()).unwrap();
    /// let (parts, ()) = request.into_parts();
    /// assert!(cache.explain(&parts).to_string().contains("larder.toml:1"));
    /// ```
    #[must_use]
    pub fn explain(&self, request: &Parts) -> Explanation {
        explain::request(&self.means.cache, self.means.scheme, request)
    }

    /// The same as a page, for development: put it beside the cache, and not in it.
    ///
    /// ```
    /// # use axum::Router;
    /// # use larder_tower::{CacheLayer, Rules};
    /// # use tower_layer::Layer as _;
    /// # let cache = CacheLayer::new(&Rules::from_toml("larder.toml", "").unwrap());
    /// # let blog: Router = Router::new();
    /// let site: Router = Router::new()
    ///     // GET /_explain?url=/blog/a-post&cookie=sid%3D1
    ///     .route_service("/_explain", cache.explain_service())
    ///     .fallback_service(cache.layer(blog));
    /// ```
    #[must_use]
    pub fn explain_service(&self) -> ExplainService {
        ExplainService::new(Arc::clone(&self.means.cache), self.means.scheme)
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService::new(self.means.clone(), Sites::Checking, inner)
    }
}

/// How much a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Pages; those of a URL for several audiences count each.
    pub pages: u64,
    /// What they take, in bytes, keys and bookkeeping included.
    pub bytes: u64,
    /// What `bytes` may become.
    pub capacity_bytes: u64,
}

/// With what a page that is shared is fetched, of the request that it is fetched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extensions {
    /// Nothing.
    Fresh,
    /// Its extensions.
    Kept,
}

/// Makes a [`CacheLayer`].
#[must_use = "a builder does nothing by itself"]
pub struct CacheLayerBuilder {
    rules: Rules,
    memory_bytes: u64,
    scheme: Scheme,
    extensions: Extensions,
    clock: Option<Arc<dyn Clock>>,
}

impl CacheLayerBuilder {
    /// How much is kept, in bytes: pages with their keys and bookkeeping. Fetches in progress may hold an eighth of it on top, or
    /// 8 MiB. Otherwise it is the rules' `cache.memory`.
    pub const fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// The scheme of connections to this server. `Http`, unless it ends TLS itself. What an [`Arrival`](crate::Arrival) extension says
    /// of a request counts before it: put [`SchemeLayer`](crate::SchemeLayer) around this layer where a proxy stands in front.
    pub const fn connection(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Fetches of pages that a rule shares keep the extensions of the request that they are made for.
    ///
    /// For `Router::layer` of axum, which has put path parameters there before this layer sees a request. Whatever else is there
    /// reaches the inner service, too: nothing around this layer may put anything about a visitor into extensions (their
    /// address, their session), or one visitor's page may become everybody's.
    pub const fn keeps_extensions(mut self) -> Self {
        self.extensions = Extensions::Kept;
        self
    }

    /// What time it is, in place of the system's clock: for tests.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Some(Arc::new(Told(now)));
        self
    }

    /// The layer.
    #[must_use]
    pub fn build(self) -> CacheLayer {
        let Self { rules, memory_bytes, scheme, extensions, clock } = self;
        let Rules { policy, semantics, cache, .. } = rules;
        let options = Options {
            semantics,
            variants_max: cache.variants_max,
            object_bytes_max: cache.object_bytes_max as u64,
            uncacheable_for: cache.uncacheable_memory,
            policy,
            ..Options::default()
        };
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock));
        let cache = Arc::new(Cache::new(memory_bytes, options, clock));
        CacheLayer { means: Means { cache, scheme, extensions }, sweeper: Arc::default() }
    }
}

impl std::fmt::Debug for CacheLayerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheLayerBuilder")
            .field("memory_bytes", &self.memory_bytes)
            .field("scheme", &self.scheme)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}

/// A clock that is told the time.
struct Told<F>(F);

impl<F: Fn() -> SystemTime + Send + Sync> Clock for Told<F> {
    fn now(&self) -> Timestamp {
        let since = (self.0)().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
