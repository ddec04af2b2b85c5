//! How are the parts put together? Scheme -> Observe -> Own -> Hygiene -> Https -> Tell -> Cache -> Forward -> Upstream, and
//! how a new configuration takes their place.
//!
//! Scheme, Hygiene, Https and Cache are `larder-tower`'s, as applications use them. The scheme comes before what observes,
//! because the log names the visitor.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use larder_cache::receive::Rewritten;
use larder_cache::{Cache, Note, Options, SystemClock};
use larder_config::{Config, UpstreamUrl};
use larder_policy::{Front, Purgers, Scheme};
use larder_semantics::Reason;
use larder_tower::https_redirect::HttpsRedirectService;
use larder_tower::hygiene::HygieneService;
use larder_tower::scheme::SchemeService;
use larder_tower::{CacheBody, CacheService, Incomplete, Reply, Watch, internals};
use larder_upstream::{Balancer, Settings, Target, Upstream, UpstreamBody};
use tower_layer::Layer;

use crate::context::ConnContext;
use crate::door::Door;
use crate::forward::Forward;
use crate::listen::Site;
use crate::log::AccessLog;
use crate::metrics::Metrics;
use crate::observe::{Observe, ObserveLayer, Observed, Observing};
use crate::own::{Own, OwnLayer};
use crate::purge::{Counter, Desk};
use crate::reply::Noted;
use crate::start_error::StartError;
use crate::tell::{Tell, TellLayer};

/// What lasts as long as the process.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) cache: Arc<Cache>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Arc<AccessLog>,
    pub(crate) workers: usize,
    pub(crate) fields_max: usize,
}

/// Everything that answers requests, under one configuration.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    kept: Kept,
    pub(crate) balancer: Balancer,
    /// One per worker: connections to applications stay on the thread that opened them.
    upstreams: Arc<[Upstream]>,
    /// The one of the admin listener's thread, which fetches pages in advance.
    upstream_for_nobody: Upstream,
    /// Clients that are told the whole explanation.
    trusted: Arc<[IpNet]>,
    /// What is decided before a page is looked for.
    pub(crate) front: Arc<Front>,
    /// Who decides it.
    door: Door,
    /// Who may purge on the site's own listener.
    purgers: Arc<Purgers>,
    /// Who may on the admin listener.
    pub(crate) admin_access: Arc<Purgers>,
}

impl Pipeline {
    /// Looks up the applications of `config` and makes a pool for each worker.
    pub(crate) async fn build(kept: Kept, config: &Config) -> Result<Self, StartError> {
        let targets = targets(config).map_err(StartError::Upstream)?;
        let balancer = Balancer::resolve(targets)
            .await
            .map_err(|error| StartError::Upstream(error.to_string()))?;
        let settings = upstream_settings(config);
        let upstreams = (0..kept.workers.max(1))
            .map(|_| Upstream::new(balancer.clone(), settings.clone()))
            .collect();
        let upstream_for_nobody = Upstream::new(balancer.clone(), settings);
        let trusted = config.debug_trusted.as_slice().into();
        let front = Arc::clone(&config.front);
        let door = Door::new(&front, kept.fields_max);
        let purgers = Arc::clone(&config.purgers);
        let admin_access = Arc::clone(&config.admin_access);
        Ok(Self {
            kept,
            balancer,
            upstreams,
            upstream_for_nobody,
            trusted,
            front,
            door,
            purgers,
            admin_access,
        })
    }

    /// The same applications, with what else `config` says.
    pub(crate) fn under(&self, config: &Config) -> Self {
        let trusted = config.debug_trusted.as_slice().into();
        Self {
            trusted,
            front: Arc::clone(&config.front),
            door: Door::new(&config.front, self.kept.fields_max),
            purgers: Arc::clone(&config.purgers),
            admin_access: Arc::clone(&config.admin_access),
            ..self.clone()
        }
    }

    /// Answers requests that nobody made, on the admin listener's thread: counted and logged by whoever makes them, and none
    /// of them is a purge.
    pub(crate) fn warming(&self, scheme: Scheme) -> AtTheDoor<CacheService<Forward>> {
        let kept = &self.kept;
        let context = Arc::new(ConnContext::own(scheme));
        let upstream = self.upstream_for_nobody.clone();
        let forward = Forward::for_nobody(&context, upstream, &self.front, kept);
        let cached = internals::service(Arc::clone(&kept.cache), scheme, forward);
        let hygiene = self.door.hygiene_of_own(&context);
        let inside = hygiene.layer(self.door.https(&context).layer(cached));
        let counter = Counter { purgers: Arc::default(), desk: Arc::clone(&kept.desk) };
        OwnLayer { context, front: Arc::clone(&self.front), hygiene, counter }.layer(inside)
    }
}

/// A service behind everything that is answered or refused without it.
pub(crate) type AtTheDoor<S> = Own<HygieneService<HttpsRedirectService<S>>>;

impl Site for Pipeline {
    type Body = Observed<Reply<Reply<Reply<CacheBody<UpstreamBody>>>>>;
    type Error = std::convert::Infallible;
    type Service = SchemeService<Observe<AtTheDoor<Tell<CacheService<Forward>>>>>;

    fn trusts(&self, peer: IpAddr) -> bool {
        self.front.trust.trusts(peer)
    }

    fn connect(&self, context: Arc<ConnContext>) -> Self::Service {
        let kept = &self.kept;
        #[expect(clippy::indexing_slicing, reason = "a remainder of the length, which is not zero")]
        let upstream = self.upstreams[context.worker % self.upstreams.len()].clone();
        let forward = Forward::new(&context, upstream, &self.front, kept);
        let cached = internals::service(Arc::clone(&kept.cache), context.scheme, forward);
        let told = TellLayer::new(&self.trusted, &self.front, &context, &kept.cache).layer(cached);
        let observing = Arc::new(Observing {
            context: Arc::clone(&context),
            metrics: Arc::clone(&kept.metrics),
            log: Arc::clone(&kept.log),
            front: Arc::clone(&self.front),
        });
        let watch: Arc<dyn Watch> = Arc::<Observing>::clone(&observing);
        let scheme = self.door.scheme(&context, &watch);
        let hygiene = self.door.hygiene(&context, &watch);
        let inside = hygiene.layer(self.door.https(&context).layer(told));
        let counter = Counter { purgers: Arc::clone(&self.purgers), desk: Arc::clone(&kept.desk) };
        let own = OwnLayer { context, front: Arc::clone(&self.front), hygiene, counter };
        scheme.layer(ObserveLayer(observing).layer(own.layer(inside)))
    }
}

/// An empty cache for `config`.
pub(crate) fn cache(config: &Config) -> Arc<Cache> {
    let memory_bytes = config.cache.memory_bytes as u64;
    Arc::new(Cache::new(memory_bytes, cache_options(config), Arc::new(SystemClock)))
}

/// What `config` chooses about the cache.
#[must_use]
pub fn cache_options(config: &Config) -> Options {
    Options {
        semantics: config.semantics.clone(),
        variants_max: config.cache.variants_max,
        object_bytes_max: config.cache.object_bytes_max as u64,
        uncacheable_for: config.cache.uncacheable_memory,
        rewritten: Rewritten::by_a_proxy()
            .and(config.front.told_by_key(), config.front.told_by_visitor())
            .with_underscored(config.front.fields.passed()),
        policy: Arc::clone(&config.policy),
        ..Options::default()
    }
}

/// The applications of `config`, with what TLS to them begins with.
///
/// # Errors
/// For people: an application by https in a configuration that was made without being checked, and so
/// without knowing whom to trust.
pub fn targets(config: &Config) -> Result<Vec<Target>, String> {
    let target = |url: &UpstreamUrl| {
        let target = Target::new(url.host.clone(), url.port);
        match (url.scheme, config.upstream_tls.of(url)) {
            (Scheme::Http, _) => Ok(target),
            (Scheme::Https, Some((tls, name))) => Ok(target.over_tls(tls, name)),
            (Scheme::Https, None) => Err(format!("{url}: nobody said whose certificates to trust")),
        }
    };
    config.upstreams.iter().map(target).collect()
}

/// What `config` chooses about the applications' side, for one worker.
#[must_use]
pub fn upstream_settings(config: &Config) -> Settings {
    let pool = &config.upstream_pool;
    Settings {
        connect: config.timeouts.connect,
        first_byte: config.timeouts.first_byte,
        between_bytes: config.timeouts.between_bytes,
        idle: pool.idle,
        // The file counts over all workers, a worker counts its own.
        idle_max: pool.idle_max.div_ceil(config.workers.max(1)),
        connections_max: pool.connections_max,
        eject_after: u32::try_from(pool.eject_after).unwrap_or(u32::MAX),
        eject_for: pool.eject_for,
        ..Settings::default()
    }
}

impl<U> Noted for CacheBody<U>
where
    Self: http_body::Body<Error = Incomplete>,
{
    fn note(&self) -> Note {
        Self::note(self)
    }

    fn failure(error: &Incomplete) -> Reason {
        error.reason()
    }
}
