//! Who asks, and by which scheme? Decided once for each request, before everything that goes by it.
//!
//! Where the connection's peer is a trusted proxy, what it says is put on the request as an [`Arrival`]. On all other
//! connections, and where the proxy says nothing new, there is none, and the connection's own address and scheme count: then
//! this layer is a pointer that is null.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use larder_policy::trusted::Unclear;
use larder_policy::{Arrival, Front};
use tower_layer::Layer;
use tower_service::Service;

use crate::context::ConnContext;
use crate::inbound::Inbound;
use crate::metrics::Metrics;

/// Puts [`Arrive`] around a service.
#[derive(Clone, Debug)]
pub(crate) struct ArriveLayer(Option<Arc<Believed>>);

/// A trusted proxy's connection.
#[derive(Debug)]
struct Believed {
    front: Arc<Front>,
    context: Arc<ConnContext>,
    metrics: Arc<Metrics>,
}

impl ArriveLayer {
    /// For a connection: on if its peer is trusted.
    pub(crate) fn new(
        front: &Arc<Front>,
        context: &Arc<ConnContext>,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let is_on = front.trust.trusts(context.peer.ip());
        Self(is_on.then(|| {
            Arc::new(Believed {
                front: Arc::clone(front),
                context: Arc::clone(context),
                metrics: Arc::clone(metrics),
            })
        }))
    }
}

impl<S> Layer<S> for ArriveLayer {
    type Service = Arrive<S>;

    fn layer(&self, inner: S) -> Arrive<S> {
        Arrive { inner, believed: self.0.clone() }
    }
}

/// Says how each request arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrive<S> {
    inner: S,
    believed: Option<Arc<Believed>>,
}

impl<S: Service<Request<Inbound>>> Service<Request<Inbound>> for Arrive<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Inbound>) -> S::Future {
        if let Some(believed) = &self.believed {
            believed.decide(&mut request);
        }
        self.inner.call(request)
    }
}

impl Believed {
    fn decide(&self, request: &mut Request<Inbound>) {
        let ConnContext { peer, scheme, worker, .. } = *self.context;
        let decided = self.front.trust.decide(peer.ip(), scheme, request.headers());
        let metrics = self.metrics.worker(worker);
        for unclear in [decided.unclear_scheme, decided.unclear_client].into_iter().flatten() {
            let is_first = metrics.arrival_unclear(unclear);
            tell(unclear, peer, is_first);
        }
        if decided.arrival != (Arrival { scheme, client: peer.ip().to_canonical() }) {
            request.extensions_mut().insert(decided.arrival);
        }
    }
}

/// The first of a kind is for the operator's eyes; a proxy that is set up wrong says the same with every request.
fn tell(unclear: Unclear, peer: std::net::SocketAddr, is_first: bool) {
    let kind = unclear.token();
    if is_first {
        tracing::warn!(%peer, kind, "{}", unclear.text());
    } else {
        tracing::debug!(%peer, kind, "{}", unclear.text());
    }
}
