//! What does a checked configuration hold?
//!
//! Plain values in their own types. Whoever has a [`Config`] from [`Config::from_toml`] or
//! [`ConfigBuilder`] need not check anything again; [`Config::default`] has no application to ask yet.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use larder_policy::{Front, Policy, Purgers};
use larder_semantics::Settings;

use crate::build::ConfigBuilder;
use crate::csrf::CsrfConfig;
use crate::front::FrontConfig;
use crate::machine::Machine;
use crate::options::OPTIONS;
use crate::problem::Problems;
use crate::publish::{PublishOptions, Published};
use crate::purge::PurgeConfig;
use crate::quantity::parse_rate;
use crate::secret::SecretSource;
use crate::upstream::UpstreamUrl;
use crate::value;
#[cfg(feature = "tls")]
use crate::{tls::TlsConfig, upstream_tls::UpstreamTls};

/// Everything a site chose, or the defaults of [`OPTIONS`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients are listened to. Port 0 lets the system choose one.
    pub listen: Vec<SocketAddr>,
    /// Where clients that speak TLS are listened to. Port 0 lets the system choose one.
    pub https: Vec<SocketAddr>,
    /// Those of both where connections begin with a PROXY protocol header.
    pub proxy_protocol: Vec<SocketAddr>,
    /// What TLS towards clients begins with.
    #[cfg(feature = "tls")]
    pub tls: TlsConfig,
    /// Worker threads, at least one.
    pub workers: usize,
    /// Where health and metrics are served; `None` when turned off.
    pub admin: Option<SocketAddr>,
    /// The applications to ask. Never empty after checking.
    pub upstreams: Vec<UpstreamUrl>,
    /// How applications by https are spoken to.
    #[cfg(feature = "tls")]
    pub upstream_tls: UpstreamTls,
    /// What is kept, and how much of it.
    pub cache: CacheConfig,
    /// How the response's fields are read.
    pub semantics: Settings,
    /// How long anybody is waited for.
    pub timeouts: TimeoutConfig,
    /// How much a client may send or open.
    pub limits: LimitConfig,
    /// Connections to the applications.
    pub upstream_pool: PoolConfig,
    /// How fast pages are fetched in advance.
    pub warm: WarmConfig,
    /// What is written down.
    pub log: LogConfig,
    /// The site's rules, compiled, with all that they need to know of the site.
    pub policy: Arc<Policy>,
    /// What is decided before a page is looked for.
    pub front: Arc<Front>,
    /// Who may purge on the site's own listener.
    pub purgers: Arc<Purgers>,
    /// Who may change something on the admin listener.
    pub admin_access: Arc<Purgers>,
    /// Clients that get the whole explanation in `Cache-Status`.
    pub debug_trusted: Vec<IpNet>,
    /// What is allowed but hardly meant. Empty where there is nothing to say.
    pub warnings: Problems,
    /// What [`Config::policy`] is made of, as it was written.
    pub(crate) site: SiteConfig,
    /// What [`Config::tls`] and [`Config::upstream_tls`] are made of, beside the certificates.
    pub(crate) tls_options: TlsOptions,
    /// What [`Config::front`] is made of.
    pub(crate) front_options: FrontConfig,
    /// What [`Config::purgers`] and [`Config::admin_access`] are made of.
    pub(crate) purge_options: PurgeConfig,
    /// What is published where; `None` where no rule publishes.
    pub published: Option<Published>,
    /// What [`Config::published`] is made of.
    pub(crate) publish_options: PublishOptions,
}

/// What holds for the whole site, before it is compiled into a policy.
#[derive(Clone, Debug)]
pub(crate) struct SiteConfig {
    pub(crate) ignore_query: Vec<String>,
    pub(crate) keep_query: Vec<String>,
    pub(crate) sort_query: bool,
    pub(crate) session_cookies: Vec<String>,
    pub(crate) bypass_cookies: Vec<String>,
    pub(crate) per_user: PerUser,
    pub(crate) marker_keys: Vec<String>,
    pub(crate) marker_cookie: String,
    /// Empty: there is none.
    pub(crate) lookup: String,
    pub(crate) lookup_ttl: Duration,
    pub(crate) lookup_timeout: Duration,
    pub(crate) xhr_never: bool,
    pub(crate) xhr_signs: Vec<String>,
    pub(crate) share_session_responses: bool,
    pub(crate) csrf: CsrfConfig,
}

/// What tells users apart in the audience `per-user`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PerUser {
    /// Their session cookies.
    Session,
    /// Their verified name.
    User,
}

impl PerUser {
    pub(crate) const ALL: [Self; 2] = [Self::Session, Self::User];
    pub(crate) const NAMES: [&'static str; 2] = ["session", "user"];
}

/// `[cache]`, except for what changes how fields are read: that is [`Config::semantics`].
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// Budget for stored responses, bytes, keys and bookkeeping included.
    pub memory_bytes: usize,
    /// Largest response body that is stored, bytes.
    pub object_bytes_max: usize,
    /// Most variants kept of one page.
    pub variants_max: usize,
    /// How long a page is remembered as uncacheable, so that its requests do not wait for each other.
    pub uncacheable_memory: Duration,
}

/// `[tls]` and `[upstream_tls]`, before anything is read for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsOptions {
    /// Among [`TlsOptions::VERSIONS`].
    pub(crate) min_version: usize,
    /// Where the authorities are that applications' certificates are from; `None`: the machine's.
    pub(crate) upstream_ca: Option<PathBuf>,
    /// The name that applications' certificates are for. Empty: the host of the URL.
    pub(crate) upstream_name: String,
    pub(crate) insecure_upstream: bool,
}

impl TlsOptions {
    pub(crate) const VERSIONS: [&'static str; 2] = ["1.2", "1.3"];
}

/// `[timeouts]`.
#[derive(Clone, Debug)]
pub struct TimeoutConfig {
    /// From the first byte of a request to the end of its head.
    pub header: Duration,
    /// Between two requests on a client's connection.
    pub idle: Duration,
    /// Between two pieces of a request's body.
    pub body: Duration,
    /// Until a connection to an application stands.
    pub connect: Duration,
    /// From the request's last byte to the response's head.
    pub first_byte: Duration,
    /// Between two pieces of a response's body.
    pub between_bytes: Duration,
    /// How long a client may take nothing of a response that is ready.
    pub send: Duration,
    /// How long requests in progress are waited for after SIGTERM.
    pub drain: Duration,
}

/// `[limits]`.
#[derive(Clone, Debug)]
pub struct LimitConfig {
    /// Largest request head, bytes.
    pub header_bytes_max: usize,
    /// Most fields in a request head.
    pub headers_max: usize,
    /// Most client connections at one time, over all workers.
    pub connections_max: usize,
}

/// `[upstream_pool]`.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// How long an unused connection is kept.
    pub idle: Duration,
    /// Most unused connections kept to one application, over all workers.
    pub idle_max: usize,
    /// Most connections to one application, over all workers.
    pub connections_max: usize,
    /// Failures in a row after which an application is left alone.
    pub eject_after: usize,
    /// How long it is left alone the first time; twice as long each time that follows without success.
    pub eject_for: Duration,
}

/// `[warm]`.
#[derive(Clone, Debug)]
pub struct WarmConfig {
    pub(crate) rate: String,
    /// Pages fetched at the same time, at most.
    pub concurrency: usize,
}

impl WarmConfig {
    /// How long passes between two fetches, at least.
    #[must_use]
    pub fn interval(&self) -> Duration {
        parse_rate(&self.rate).unwrap_or(Duration::from_secs(1))
    }
}

/// `[log]`.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Whether and how requests are logged.
    pub access: AccessLog,
    /// Where requests are logged; `None` is standard output.
    pub path: Option<PathBuf>,
    /// How much Larder says about itself, on standard error.
    pub level: Level,
}

/// The form of the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// None.
    Off,
    /// The combined log format, with the cache's decision at the end of the line.
    Combined,
    /// One JSON object a line.
    Json,
}

impl AccessLog {
    pub(crate) const ALL: [Self; 3] = [Self::Off, Self::Combined, Self::Json];
    pub(crate) const NAMES: [&'static str; 3] = ["off", "combined", "json"];
}

/// The least important message that is still written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What keeps requests from being answered.
    Error,
    /// What somebody should look at.
    Warn,
    /// Start, reload, stop.
    Info,
    /// What happens to a connection.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    pub(crate) const ALL: [Self; 5] =
        [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];
    pub(crate) const NAMES: [&'static str; 5] = ["error", "warn", "info", "debug", "trace"];

    /// The name used in the file, which is also the one used by `tracing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl Config {
    /// Reads and checks one file. `name` is what problems call it.
    ///
    /// # Errors
    /// Everything that is wrong with the file, not only the first thing.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, Problems> {
        ConfigBuilder::new().file(name, text).build()
    }

    /// Where the token of the admin listener is, if there is one.
    #[must_use]
    pub fn admin_token(&self) -> Option<SecretSource> {
        SecretSource::place(&self.purge_options.admin_token).ok()
    }

    /// Every option at the table's default, on `machine`.
    pub(crate) fn defaults(machine: &Machine) -> Self {
        let mut config = Self::blank();
        for option in OPTIONS {
            value::set_default(option, &mut config);
        }
        config.settle(machine, |_| false);
        config
    }

    /// Gives the options whose default is computed their value, unless `given` says that they have one.
    pub(crate) fn settle(&mut self, machine: &Machine, given: impl Fn(&str) -> bool) {
        if !given("listen.workers") {
            self.workers = machine.cores.max(1);
        }
        if !given("cache.object_max") {
            self.cache.object_bytes_max = self.cache.memory_bytes / 16;
        }
    }

    /// A shape for the table to fill: no value here is anybody's choice.
    fn blank() -> Self {
        Self {
            listen: Vec::new(),
            https: Vec::new(),
            proxy_protocol: Vec::new(),
            #[cfg(feature = "tls")]
            tls: TlsConfig::default(),
            workers: 1,
            admin: None,
            upstreams: Vec::new(),
            #[cfg(feature = "tls")]
            upstream_tls: UpstreamTls::default(),
            cache: CacheConfig {
                memory_bytes: 0,
                object_bytes_max: 0,
                variants_max: 0,
                uncacheable_memory: Duration::ZERO,
            },
            semantics: Settings::default(),
            timeouts: TimeoutConfig {
                header: Duration::ZERO,
                idle: Duration::ZERO,
                body: Duration::ZERO,
                connect: Duration::ZERO,
                first_byte: Duration::ZERO,
                between_bytes: Duration::ZERO,
                send: Duration::ZERO,
                drain: Duration::ZERO,
            },
            limits: LimitConfig { header_bytes_max: 0, headers_max: 0, connections_max: 0 },
            upstream_pool: PoolConfig {
                idle: Duration::ZERO,
                idle_max: 0,
                connections_max: 0,
                eject_after: 0,
                eject_for: Duration::ZERO,
            },
            warm: WarmConfig { rate: String::new(), concurrency: 1 },
            log: LogConfig { access: AccessLog::Off, path: None, level: Level::Info },
            policy: Arc::new(Policy::default()),
            front: Arc::default(),
            purgers: Arc::default(),
            admin_access: Arc::default(),
            debug_trusted: Vec::new(),
            warnings: Problems::none(),
            site: SiteConfig {
                ignore_query: Vec::new(),
                keep_query: Vec::new(),
                sort_query: false,
                session_cookies: Vec::new(),
                bypass_cookies: Vec::new(),
                per_user: PerUser::Session,
                marker_keys: Vec::new(),
                marker_cookie: String::new(),
                lookup: String::new(),
                lookup_ttl: Duration::ZERO,
                lookup_timeout: Duration::ZERO,
                xhr_never: false,
                xhr_signs: Vec::new(),
                share_session_responses: false,
                csrf: CsrfConfig::default(),
            },
            tls_options: TlsOptions::default(),
            front_options: FrontConfig::default(),
            purge_options: PurgeConfig::default(),
            published: None,
            publish_options: PublishOptions::default(),
        }
    }
}

impl Default for Config {
    /// The table's defaults on this machine, without an application.
    fn default() -> Self {
        Self::defaults(&Machine::here())
    }
}
