//! What do the listeners serve? The seam between connections and everything that answers requests.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use larder_tls::ServerTls;
use tower_service::Service;

use super::sweep::Connections;
use crate::context::ConnContext;
use crate::inbound::Inbound;
use crate::settings::{ListenSettings, SharedLimits};

/// An error of any kind: it only ends a connection and is written to the log.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes the service that answers one connection's requests (HTTP/2: one stream's).
///
/// The service must always be ready: `poll_ready` is not asked. Back-pressure is the bodies' business.
/// Futures and bodies can be moved after they were polled: what answers at once needs no task and no box.
pub(crate) trait Site: Send + Sync + 'static {
    /// A response's body.
    type Body: Body<Data = Bytes, Error: Into<BoxError> + Send> + Send + Unpin + 'static;
    /// Ends the connection (HTTP/2: the stream) without an answer.
    type Error: Into<BoxError> + Send;
    /// Answers requests.
    type Service: Service<
            Request<Inbound>,
            Response = Response<Self::Body>,
            Error = Self::Error,
            Future: Send + Unpin + 'static,
        > + Send
        + Unpin
        + 'static;

    /// The service for a new connection or stream.
    fn connect(&self, context: Arc<ConnContext>) -> Self::Service;

    /// Whether somebody at this address may say who a visitor is.
    fn trusts(&self, peer: IpAddr) -> bool;
}

/// A site that can be replaced while connections are open.
#[derive(Debug)]
pub(crate) struct SiteSlot<P> {
    site: ArcSwap<P>,
    generation: AtomicU64,
}

impl<P: Site> SiteSlot<P> {
    /// A slot with its first site.
    #[must_use]
    pub(crate) fn new(site: P) -> Self {
        Self { site: ArcSwap::from_pointee(site), generation: AtomicU64::new(1) }
    }

    /// From now on every request that begins is answered by `site`.
    pub(crate) fn replace(&self, site: P) {
        self.site.store(Arc::new(site));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Counts replacements, from 1.
    #[must_use]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The site in force.
    #[must_use]
    pub(crate) fn current(&self) -> Arc<P> {
        self.site.load_full()
    }
}

/// What all connections of one worker share.
#[derive(Debug)]
pub(crate) struct Worker<P> {
    pub(crate) number: usize,
    pub(crate) settings: Arc<ListenSettings>,
    pub(crate) limits: SharedLimits,
    pub(crate) connections: Arc<Connections>,
    pub(crate) slot: Arc<SiteSlot<P>>,
    /// What TLS begins with, where some listener speaks it.
    pub(crate) tls: Option<Arc<ServerTls>>,
}

impl<P: Site> Worker<P> {
    pub(crate) fn generation(&self) -> u64 {
        self.slot.generation()
    }

    /// Whether somebody at this address may say who a visitor is.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.slot.site.load().trusts(peer)
    }

    /// The service for a connection and the generation it belongs to.
    pub(crate) fn connect(&self, context: Arc<ConnContext>) -> (u64, P::Service) {
        // The generation first: if the site is replaced in between, the next request asks again.
        let generation = self.generation();
        (generation, self.slot.site.load().connect(context))
    }
}
