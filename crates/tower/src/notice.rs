//! What do the layers tell whoever counts and logs?
//!
//! A layer decides and does; what it noticed on the way it says to one [`Watch`]. Without one of your own it is said to
//! `tracing`, the first of each kind loudly: a proxy that is set up wrong says the same with every request.

use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use larder_policy::Cleaned;
use larder_policy::trusted::Unclear;
use larder_semantics::Reason;

/// Told by [`SchemeLayer`](crate::SchemeLayer) and [`HygieneLayer`](crate::HygieneLayer) what they noticed about a request.
///
/// Called while the request waits: count, and return.
///
/// ```
/// use std::net::IpAddr;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use larder_tower::{HygieneLayer, Reason, Watch};
///
/// #[derive(Debug, Default)]
/// struct Counters {
///     refused: AtomicU64,
/// }
///
/// impl Watch for Counters {
///     fn refused(&self, _reason: Reason) {
///         self.refused.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let counters = Arc::new(Counters::default());
/// let hygiene = HygieneLayer::new().watched_by(counters.clone());
/// ```
pub trait Watch: Debug + Send + Sync + 'static {
    /// A trusted proxy's word about a request was not taken, or not all of it.
    fn unclear(&self, peer: IpAddr, unclear: Unclear) {
        let _ = (peer, unclear);
    }

    /// Something was taken off a request that does not belong on it.
    fn cleaned(&self, cleaned: &Cleaned) {
        let _ = cleaned;
    }

    /// A request was refused.
    fn refused(&self, reason: Reason) {
        let _ = reason;
    }
}

/// Says it to `tracing`: the first of each kind as a warning or a piece of news, the others for whoever looks for them.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    /// A bit for each kind that was spoken of.
    said: AtomicU32,
}

impl Logs {
    /// Whether this kind has not been spoken of yet; now it has.
    fn is_first(&self, kind: u32) -> bool {
        let bit = 1 << kind;
        self.said.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}

impl Watch for Logs {
    fn unclear(&self, peer: IpAddr, unclear: Unclear) {
        let kind = unclear.token();
        if self.is_first(u32::try_from(unclear.index()).unwrap_or_default()) {
            tracing::warn!(%peer, kind, "{}", unclear.text());
        } else {
            tracing::debug!(%peer, kind, "{}", unclear.text());
        }
    }

    fn cleaned(&self, cleaned: &Cleaned) {
        // Behind those of what is unclear.
        let kinds_from = u32::try_from(Unclear::ALL.len()).unwrap_or_default();
        let kinds = [
            (
                cleaned.told_of_client,
                "fields about the visitor (X-Forwarded-*) were not believed; if this peer is a proxy of yours, name it to the SchemeLayer, and have that layer outside of this one",
            ),
            (cleaned.underscored, "a field with an underscore in its name is not passed on"),
            (cleaned.overriding, "a field that asks for another method or URL is not passed on"),
        ];
        for (number, (lines, what)) in (kinds_from..).zip(kinds) {
            if lines > 0 && self.is_first(number) {
                tracing::info!(
                    underscored = ?cleaned.underscored_names, overriding = ?cleaned.overriding_names, "{what}"
                );
            } else if lines > 0 {
                tracing::debug!("{what}");
            }
        }
    }

    fn refused(&self, reason: Reason) {
        tracing::debug!(reason = reason.token(), "a request was refused: {}", reason.text());
    }
}

/// Something that is said once in the life of a layer.
#[derive(Debug, Default)]
pub(crate) struct Once(std::sync::atomic::AtomicBool);

impl Once {
    /// Says it, the first time.
    pub(crate) fn warn(&self, what: &str) {
        if !self.0.load(Ordering::Relaxed) && !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!("{what}");
        }
    }
}
