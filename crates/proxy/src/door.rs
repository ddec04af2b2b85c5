//! The layers at the door, as a connection needs them: who asks and by which scheme, which requests are refused, who is sent to
//! the other scheme. `larder-tower` has them; here is what of them a proxy wants otherwise than an application.

use std::sync::Arc;

use larder_policy::Front;
use larder_tower::{HttpsRedirectLayer, HygieneLayer, SchemeLayer, Watch};

use crate::context::ConnContext;
use crate::limits;

/// The layers, under one configuration.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    front: Arc<Front>,
    scheme: SchemeLayer,
    hygiene: HygieneLayer,
    https: HttpsRedirectLayer,
}

impl Door {
    /// By what is decided in front of a site.
    pub(crate) fn new(front: &Arc<Front>, fields_max: usize) -> Self {
        // What goes on to the application is made anew behind the cache, where hits never come.
        let hygiene = HygieneLayer::of_front(front).listed_only();
        Self {
            front: Arc::clone(front),
            // All others know the connection, so nothing is written where it says all.
            scheme: SchemeLayer::of_front(front).sparing(),
            hygiene: hygiene.fields_max(fields_max).target_bytes_max(limits::TARGET_BYTES_MAX),
            https: HttpsRedirectLayer::of_front(front),
        }
    }

    /// Who asks, and by which scheme.
    pub(crate) fn scheme(&self, context: &ConnContext, watch: &Arc<dyn Watch>) -> SchemeLayer {
        let layer = self.scheme.for_connection(context.peer.ip(), context.scheme);
        layer.watched_by(Arc::clone(watch))
    }

    /// Which requests are refused.
    pub(crate) fn hygiene(&self, context: &ConnContext, watch: &Arc<dyn Watch>) -> HygieneLayer {
        let layer = self.hygiene_of_own(context).watched_by(Arc::clone(watch));
        // A trusted proxy may name its own connection's scheme, or its visitor's; one that only passes bytes on leaves what its
        // visitor named.
        if context.scheme_is_in_doubt || self.front.trust.trusts(context.peer.ip()) {
            layer.any_named_scheme()
        } else {
            layer
        }
    }

    /// The same for requests that are Larder's own.
    pub(crate) fn hygiene_of_own(&self, context: &ConnContext) -> HygieneLayer {
        self.hygiene.clone().connection(context.scheme)
    }

    /// Who is sent to the other scheme.
    pub(crate) fn https(&self, context: &ConnContext) -> HttpsRedirectLayer {
        self.https.clone().connection(context.scheme)
    }
}
