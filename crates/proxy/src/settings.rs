//! What do the listeners need to know? The part of the configuration that is theirs, as plain values.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use larder_config::Config;

/// What can't change without a restart.
#[derive(Clone, Debug)]
pub(crate) struct ListenSettings {
    /// Where clients are listened to.
    pub(crate) doors: Vec<Door>,
    /// Threads, each with a runtime and a socket of its own.
    pub(crate) workers: usize,
    /// Client connections at one time, over all workers.
    pub(crate) connections_max: usize,
    /// Bytes of a request's head.
    pub(crate) head_bytes_max: usize,
    /// Fields of a request's head.
    pub(crate) head_fields_max: usize,
}

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Door {
    /// Port 0 lets the system choose.
    pub(crate) address: SocketAddr,
    /// Whether TLS is spoken there.
    pub(crate) tls: bool,
    /// Whether a PROXY protocol header comes first.
    pub(crate) proxied: bool,
}

impl Door {
    fn all(config: &Config) -> Vec<Self> {
        let door = |address: &SocketAddr, tls| {
            let proxied = config.proxy_protocol.contains(address);
            Self { address: *address, tls, proxied }
        };
        let plain = config.listen.iter().map(|address| door(address, false));
        plain.chain(config.https.iter().map(|address| door(address, true))).collect()
    }
}

impl ListenSettings {
    /// The listeners' part of `config`.
    #[must_use]
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            doors: Door::all(config),
            workers: config.workers,
            connections_max: config.limits.connections_max,
            head_bytes_max: config.limits.header_bytes_max,
            head_fields_max: config.limits.headers_max,
        }
    }
}

/// How long clients are waited for. Can be changed while connections are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLimits {
    /// From a head's first byte to its last.
    pub(crate) head: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
    /// Between two pieces of a request's body.
    pub(crate) body: Duration,
    /// A response that is ready is not taken for this long.
    pub(crate) send: Duration,
    /// Requests in progress may take this long after the order to stop.
    pub(crate) drain: Duration,
}

impl TimeLimits {
    /// The listeners' part of `config`.
    #[must_use]
    pub(crate) fn of(config: &Config) -> Self {
        let limits = &config.timeouts;
        Self {
            head: limits.header,
            idle: limits.idle,
            body: limits.body,
            send: limits.send,
            drain: limits.drain,
        }
    }

    /// The shortest: what the sweep must be quicker than.
    pub(crate) fn shortest(&self) -> Duration {
        self.head.min(self.idle).min(self.body).min(self.send)
    }
}

/// Time limits as all threads see them.
pub(crate) type SharedLimits = Arc<arc_swap::ArcSwap<TimeLimits>>;
