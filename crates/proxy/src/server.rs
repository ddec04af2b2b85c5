//! How is everything started, changed and ended?

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use larder_cache::Cache;
use larder_config::{Config, Published};
use larder_publish::Pages;
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::certificates::Shown;
use crate::exposition::Sources;
use crate::listen::{self, Listeners, SiteSlot};
use crate::log::AccessLog;
use crate::metrics::Metrics;
use crate::pipeline::{self, Kept, Pipeline};
use crate::purge::Desk;
use crate::settings::{ListenSettings, SharedLimits, TimeLimits};
use crate::start_error::StartError;
use crate::warm::Warmer;
use crate::{admin, limits};

/// A running Larder. Ends, at once, when it is dropped.
#[derive(Debug)]
pub struct Server {
    listeners: Option<Listeners>,
    admin_address: Option<SocketAddr>,
    limits: SharedLimits,
    slot: Arc<SiteSlot<Pipeline>>,
    kept: Kept,
    sources: Arc<Sources>,
    /// Where some listener speaks TLS.
    shown: Option<Arc<Shown>>,
    config: Mutex<Config>,
    /// When it was told to let everything end.
    drained: Mutex<Option<Instant>>,
    control: Control,
}

/// The thread for everything that is no client's business.
#[derive(Debug)]
struct Control {
    handle: tokio::runtime::Handle,
    resolving: Mutex<Option<AbortHandle>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts everything that `config` describes. When it returns, clients can connect.
    ///
    /// # Errors
    /// The first thing that could not be had: a port, the log file, an application's address.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::System)?;
        let metrics = Arc::new(Metrics::new(config.workers));
        let admin = config.admin.map(listen::open_alone).transpose()?;
        let admin_address = admin
            .as_ref()
            .map(std::net::TcpListener::local_addr)
            .transpose()
            .map_err(StartError::System)?;
        let cache = pipeline::cache(&config);
        let pages = published(&config, &cache)?;
        let warmer = Warmer::new(&cache, pages.clone(), &config.warm);
        let desk = Desk::open(&cache, &warmer, pages, limits::PURGE_REMEMBERED_FOR)?;
        let desk = Arc::new(desk);
        let kept = Kept {
            cache,
            desk,
            log: AccessLog::start(&config.log, config.workers, &metrics)?,
            metrics: Arc::clone(&metrics),
            workers: config.workers,
            fields_max: config.limits.headers_max,
        };
        let site = runtime.block_on(Pipeline::build(kept.clone(), &config));
        let site = site.inspect_err(|_| kept.log.finish())?;
        let slot = Arc::new(SiteSlot::new(site));
        let limits: SharedLimits = Arc::new(ArcSwap::from_pointee(TimeLimits::of(&config)));
        let shown = match config.https.as_slice() {
            [] => None,
            _ => Some(Arc::new(Shown::start(&config.tls, &metrics)?)),
        };
        let sources = Arc::new(Sources {
            metrics: Arc::clone(&metrics),
            shown: shown.clone(),
            cache: Arc::clone(&kept.cache),
            desk: Arc::clone(&kept.desk),
            warmer: Arc::clone(&warmer),
            slot: Arc::clone(&slot),
            draining: AtomicBool::new(false),
        });
        let tls = shown.as_ref().map(|shown| shown.tls());
        let settings = ListenSettings::of(&config);
        let listeners = Listeners::start(settings, &limits, &slot, &metrics, tls)
            .inspect_err(|_| kept.log.finish())?;
        let control = Control::start(runtime, admin, &sources)?;
        if let Some(shown) = &shown {
            control.handle.spawn(Arc::clone(shown).keep_looking(limits::CERTIFICATES_EVERY));
        }
        control.handle.spawn(warmer.run(Arc::clone(&slot), Arc::clone(&kept.log)));
        control.resolve(&slot.current());
        Ok(Self {
            listeners: Some(listeners),
            admin_address,
            limits,
            slot,
            kept,
            sources,
            shown,
            config: Mutex::new(config),
            drained: Mutex::new(None),
            control,
        })
    }

    /// Where clients are listened to, by plain HTTP.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.listeners.as_ref().map_or(&[], |listeners| &listeners.addresses)
    }

    /// Where clients that speak TLS are listened to.
    #[must_use]
    pub fn https_addresses(&self) -> &[SocketAddr] {
        self.listeners.as_ref().map_or(&[], |listeners| &listeners.https)
    }

    /// Where health and metrics are served.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.kept.metrics
    }

    /// Puts `config` in force for requests that begin from now on. Returns the names of options
    /// that were changed but need a restart.
    ///
    /// Not to be called on a runtime's thread: it waits for names to be looked up.
    ///
    /// # Errors
    /// Nothing was changed.
    pub fn apply(&self, config: Config) -> Result<Vec<&'static str>, StartError> {
        let mut current = self.config.lock();
        let waits = current.changes_for_restart(&config);
        let same_upstream = current.upstreams == config.upstreams
            && current.upstream_tls == config.upstream_tls
            && same(&current.upstream_pool, &config.upstream_pool)
            && same(&current.timeouts, &config.timeouts);
        let site = if same_upstream {
            None
        } else {
            Some(self.control.handle.block_on(Pipeline::build(self.kept.clone(), &config))?)
        };
        if let Some(shown) = &self.shown {
            shown.replace(&config.tls)?;
        }
        self.kept.log.reopen(&config.log)?;
        self.kept.cache.set_options(pipeline::cache_options(&config));
        self.limits.store(Arc::new(TimeLimits::of(&config)));
        self.sources.warmer.set(&config.warm);
        let site = site.unwrap_or_else(|| self.slot.current().under(&config));
        self.control.resolve(&site);
        self.slot.replace(site);
        self.kept.metrics.reloads_applied.fetch_add(1, Ordering::Relaxed);
        // What waits for a restart is not in force: the next reload has to find it changed again.
        let in_force = std::mem::replace(&mut *current, config);
        current.keep_published(&in_force);
        current.listen = in_force.listen;
        current.https = in_force.https;
        current.proxy_protocol = in_force.proxy_protocol;
        current.workers = in_force.workers;
        current.admin = in_force.admin;
        current.cache.memory_bytes = in_force.cache.memory_bytes;
        current.limits = in_force.limits;
        current.log.level = in_force.log.level;
        Ok(waits)
    }

    /// Reads certificates again if their files have changed, as happens by itself every ten seconds.
    pub fn look_at_certificates(&self) {
        if let Some(shown) = &self.shown {
            shown.look();
        }
    }

    /// A configuration was refused before it got here.
    pub fn reload_failed(&self) {
        self.kept.metrics.reloads_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes no more connections, and lets requests in progress end. Returns at once.
    pub fn drain(&self) {
        self.sources.draining.store(true, Ordering::Relaxed);
        self.sources.warmer.close();
        self.drained.lock().get_or_insert_with(Instant::now);
        if let Some(listeners) = &self.listeners {
            listeners.drain(self.limits.load().drain);
        }
    }

    /// Whether everything that was in progress has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.listeners.as_ref().is_none_or(Listeners::is_over) && self.warmed()
    }

    /// Whether nothing is being fetched in advance any more, or it took longer than a drain may.
    fn warmed(&self) -> bool {
        let begun = *self.drained.lock();
        self.sources.warmer.is_idle()
            || begun.is_some_and(|begun| begun.elapsed() > self.limits.load().drain)
    }

    /// Drains and waits for the end, for the configured time at most.
    pub fn shutdown(mut self) {
        self.drain();
        if let Some(listeners) = self.listeners.take() {
            listeners.join();
        }
        while !self.warmed() {
            std::thread::park_timeout(limits::DRAIN_LOOK);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The workers first: what they have still to say is written to the log.
        drop(self.listeners.take());
        self.kept.log.finish();
        self.control.finish();
        self.kept.desk.close();
    }
}

impl Control {
    fn start(
        runtime: Runtime,
        admin: Option<std::net::TcpListener>,
        sources: &Arc<Sources>,
    ) -> Result<Self, StartError> {
        let handle = runtime.handle().clone();
        let admin = {
            let _context = handle.enter();
            admin.map(tokio::net::TcpListener::from_std).transpose().map_err(StartError::System)?
        };
        if let Some(listener) = admin {
            handle.spawn(admin::serve(listener, Arc::clone(sources)));
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("larder-control".to_owned())
            .spawn(move || {
                // An error is the sender's end, which says the same.
                drop(runtime.block_on(stopped));
                runtime.shutdown_timeout(Duration::from_millis(100));
            })
            .map_err(StartError::System)?;
        Ok(Self { handle, resolving: Mutex::new(None), stop: Some(stop), thread: Some(thread) })
    }

    /// Keeps the addresses of `site`'s applications up to date, instead of those before.
    fn resolve(&self, site: &Pipeline) {
        let task = self.handle.spawn(site.balancer.clone().keep_resolving(limits::RESOLVE_EVERY));
        if let Some(before) = self.resolving.lock().replace(task.abort_handle()) {
            before.abort();
        }
    }

    fn finish(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What a configuration says of published pages, as whoever publishes takes it.
#[must_use]
pub fn publish_settings(published: &Published) -> larder_publish::Settings {
    larder_publish::Settings {
        lookup: published.lookup.clone(),
        outbox: published.outbox.clone(),
        servers: published.servers.clone(),
        routing: published.routing,
        publishing: published.publishing.clone(),
        timeout: published.timeout,
    }
}

/// Copies of pages elsewhere, if the site has some.
fn published(config: &Config, cache: &Arc<Cache>) -> Result<Option<Pages>, StartError> {
    let Some(published) = &config.published else { return Ok(None) };
    let pages = Pages::start(&publish_settings(published), cache)
        .map_err(|error| StartError::Publish(error.to_string()))?;
    cache.set_publisher(Arc::new(pages.clone()));
    Ok(Some(pages))
}

/// Plain values without an order or a hash of their own: what they show is what they are.
fn same<T: std::fmt::Debug>(one: &T, other: &T) -> bool {
    format!("{one:?}") == format!("{other:?}")
}
