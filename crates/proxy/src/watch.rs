//! What the layers noticed at the door, in numbers and in the log.

use std::net::IpAddr;

use larder_policy::trusted::Unclear;
use larder_tower::{Cleaned, Watch};

use crate::dropped;
use crate::observe::Observing;

impl Watch for Observing {
    /// The first of a kind is for the operator's eyes; a proxy that is set up wrong says the same with every request.
    fn unclear(&self, _: IpAddr, unclear: Unclear) {
        let (peer, kind) = (self.context.peer, unclear.token());
        if self.metrics.worker(self.context.worker).arrival_unclear(unclear) {
            tracing::warn!(%peer, kind, "{}", unclear.text());
        } else {
            tracing::debug!(%peer, kind, "{}", unclear.text());
        }
    }

    fn cleaned(&self, cleaned: &Cleaned) {
        dropped::count(&self.metrics, &self.front, &self.context, cleaned);
    }
}
