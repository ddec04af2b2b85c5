//! Who asks, and by which scheme? Decided once for each request, before everything that goes by it.
//!
//! Where the connection's peer is a trusted proxy, what it says is put on the request as an [`Arrival`]. On all other
//! connections, and where the proxy says nothing new, there is none, and the connection's own address and scheme count.
//!
//! Not a layer of its own: handing a request through one more costs half a per cent of a hit ([`crate::observe`] asks).

use std::sync::Arc;

use http::Request;
use larder_policy::trusted::Unclear;
use larder_policy::{Arrival, Front};

use crate::context::ConnContext;
use crate::inbound::Inbound;
use crate::metrics::Metrics;

/// A trusted proxy's connection.
#[derive(Debug)]
pub(crate) struct Believed {
    front: Arc<Front>,
    context: Arc<ConnContext>,
}

impl Believed {
    /// For a connection; none if its peer is not trusted.
    pub(crate) fn new(front: &Arc<Front>, context: &Arc<ConnContext>) -> Option<Arc<Self>> {
        let is_trusted = front.trust.trusts(context.peer.ip());
        let (front, context) = (Arc::clone(front), Arc::clone(context));
        is_trusted.then(|| Arc::new(Self { front, context }))
    }

    /// Puts what the peer says of a request on it.
    pub(crate) fn decide(&self, request: &mut Request<Inbound>, metrics: &Metrics) {
        let ConnContext { peer, scheme, worker, .. } = *self.context;
        let decided = self.front.trust.decide(peer.ip(), scheme, request.headers());
        let metrics = metrics.worker(worker);
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
