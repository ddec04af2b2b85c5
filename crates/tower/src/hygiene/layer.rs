//! The layer: what is refused and taken off, for all the services that it makes.

use std::sync::Arc;

use http::Request;
use larder_policy::{CanonicalHost, Front, Policy, Scheme};
use larder_semantics::Reason;
use tower_layer::Layer;

use super::{HygieneLayerBuilder, HygieneService};
use crate::Rules;
use crate::notice::{Logs, Watch};

/// Longest request target, bytes: what browsers, servers and crawlers use stays below 8 KiB.
const TARGET_BYTES_MAX: usize = 16 * 1024;

/// Most lines of a head: browsers behind proxies send some forty.
const FIELDS_MAX: usize = 100;

/// Refuses requests that are not sound, and takes off others what does not belong on them. The module has the whole list.
///
/// ```
/// use http::{Request, Response, StatusCode};
/// use larder_tower::HygieneLayer;
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # futures_util::future::FutureExt::now_or_never(async {
/// let hygiene = HygieneLayer::builder().hosts(["example.com"]).build()?;
/// let service = hygiene.layer(service_fn(|request: Request<String>| async move {
///     assert!(!request.headers().contains_key("x-forwarded-for"), "nobody was named who may say it");
///     assert!(!request.headers().contains_key("x-original-url"));
///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
/// }));
///
/// let request = |host: &str| {
///     let request = Request::get("/").header("host", host);
///     let request = request.header("x-forwarded-for", "10.0.0.1").header("x-original-url", "/admin");
///     request.body(String::new()).unwrap()
/// };
/// let answered = service.clone().oneshot(request("example.com")).await.unwrap();
/// assert_eq!(answered.status(), StatusCode::OK);
/// let refused = service.oneshot(request("evil.test")).await.unwrap();
/// assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST);
/// assert_eq!(refused.headers()["cache-status"], "larder; detail=unknown-host");
/// # Ok::<(), larder_tower::RulesError>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct HygieneLayer {
    hygiene: Arc<Hygiene>,
}

/// What is decided from, apart from the request.
#[derive(Clone, Debug)]
pub(super) struct Hygiene {
    pub(super) front: Arc<Front>,
    /// Whose rules say where a request means what it says.
    pub(super) policy: Option<Arc<Policy>>,
    /// The connection's scheme, for requests on which nobody decided it.
    pub(super) connection: Option<Scheme>,
    pub(super) named: Named,
    pub(super) takes_off: TakesOff,
    pub(super) any_host_at: Arc<[String]>,
    pub(super) target_bytes_max: usize,
    pub(super) fields_max: usize,
    pub(super) watch: Arc<dyn Watch>,
}

/// Which scheme a target may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The one that the request came by, unless a trusted proxy sent it.
    TheRequests,
    /// Either.
    Any,
}

/// What is taken off requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakesOff {
    Everything,
    /// What `Connection` lists.
    Listed,
}

impl HygieneLayer {
    /// With the defaults: every host is the site's, and nothing is let through.
    #[must_use]
    pub fn new() -> Self {
        Self::of_front(&Arc::default())
    }

    /// Says in code what is refused and let through.
    #[must_use]
    pub fn builder() -> HygieneLayerBuilder {
        HygieneLayerBuilder::default()
    }

    /// By what was decided at the door of a site.
    #[doc(hidden)]
    #[must_use]
    pub fn of_front(front: &Arc<Front>) -> Self {
        let hygiene = Hygiene {
            front: Arc::clone(front),
            policy: None,
            connection: None,
            named: Named::TheRequests,
            takes_off: TakesOff::Everything,
            any_host_at: Arc::default(),
            target_bytes_max: TARGET_BYTES_MAX,
            fields_max: FIELDS_MAX,
            watch: Arc::new(Logs::default()),
        };
        Self { hygiene: Arc::new(hygiene) }
    }

    /// The scheme of connections, for requests that no [`SchemeLayer`](crate::SchemeLayer) has decided about.
    #[must_use]
    pub fn connection(self, scheme: Scheme) -> Self {
        self.with(|hygiene| hygiene.connection = Some(scheme))
    }

    /// Lets a target name either scheme: for connections of proxies that only pass bytes on.
    #[must_use]
    pub fn any_named_scheme(self) -> Self {
        self.with(|hygiene| hygiene.named = Named::Any)
    }

    /// Takes off only what no page may be chosen by (what `Connection` lists), and joins cookies. For whoever makes anew what goes
    /// on, as a proxy does: what was taken off is then told as a [`Struck`](super::Struck) extension.
    #[must_use]
    pub fn listed_only(self) -> Self {
        self.with(|hygiene| hygiene.takes_off = TakesOff::Listed)
    }

    /// Paths that are answered whatever host is asked for: health checks name addresses.
    #[must_use]
    pub fn any_host_at<T: Into<String>>(self, paths: impl IntoIterator<Item = T>) -> Self {
        self.with(|hygiene| hygiene.any_host_at = paths.into_iter().map(Into::into).collect())
    }

    /// Longest target, in bytes: 16384 where nothing is said.
    #[must_use]
    pub fn target_bytes_max(self, bytes: usize) -> Self {
        self.with(|hygiene| hygiene.target_bytes_max = bytes)
    }

    /// Most lines that a head may have: 100 where nothing is said.
    #[must_use]
    pub fn fields_max(self, lines: usize) -> Self {
        self.with(|hygiene| hygiene.fields_max = lines)
    }

    /// Tells `watch` what is noticed, instead of `tracing`.
    #[must_use]
    pub fn watched_by(self, watch: Arc<dyn Watch>) -> Self {
        self.with(|hygiene| hygiene.watch = watch)
    }

    /// The host that a request is for, in its one spelling, if it is sound; whether the site has that host is not asked.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn check<'a, B>(&self, request: &'a Request<B>) -> Result<CanonicalHost<'a>, Reason> {
        self.hygiene.check(request)
    }

    fn with(mut self, change: impl FnOnce(&mut Hygiene)) -> Self {
        change(Arc::make_mut(&mut self.hygiene));
        self
    }
}

impl Default for HygieneLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&Rules> for HygieneLayer {
    /// By `hosts`, `default_host`, `underscores`, `danger.override_fields` and `forwarded.scheme_from`; and by the rules, which say
    /// where a field that overrides may go on.
    fn from(rules: &Rules) -> Self {
        let policy = Some(Arc::clone(&rules.policy));
        Self::of_front(&rules.front).with(|hygiene| hygiene.policy = policy)
    }
}

impl<S> Layer<S> for HygieneLayer {
    type Service = HygieneService<S>;

    fn layer(&self, inner: S) -> HygieneService<S> {
        HygieneService::new(inner, Arc::clone(&self.hygiene))
    }
}
