//! The layer: how visitors are known, for all the services that it makes.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::Request;
use larder_cache::{Clock, SystemClock};
use larder_policy::identity::field::{self, LARDER_IDENTITY};
use larder_policy::identity::proof::LARDER_IDENTITY_PROOF;
use larder_policy::identity::{IdentityRules, LookUp};
use larder_policy::{Plain, identify};
use larder_semantics::Timestamp;
use tower_layer::Layer;

use super::{IdentityService, Visitor};
use crate::{ForNobody, Rules};

/// Finds out who asks. The module says where it stands.
#[derive(Clone)]
pub struct IdentityLayer {
    rules: Arc<IdentityRules>,
    /// Whether Larder is in another process.
    behind_larder: bool,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl IdentityLayer {
    /// Visitors are known by the rules' session cookies and signed marker. What is wrong with a marker makes its visitor
    /// unverified, and is no error.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        let identity = &rules.policy.identity;
        // Who is asked by a look-up is the application, which is here.
        let rules = IdentityRules { lookup: None::<LookUp>, ..identity.clone() };
        let now = Arc::new(|| SystemClock.now());
        Self { rules: Arc::new(rules), behind_larder: false, now }
    }

    /// Believes `Larder-Identity`, for an application that `larder serve` is in front of: where the rules have `identity.marker_keys`,
    /// what Larder has signed with one of them ([`larder_policy::identity::proof`]).
    ///
    /// Without keys it is believed in every request that has it. So only where no request comes in another way: who can reach the
    /// application besides could say that they are anybody.
    #[must_use]
    pub fn behind_larder(self) -> Self {
        Self { behind_larder: true, ..self }
    }

    /// Goes by another clock than the machine's.
    #[must_use]
    pub fn clock(self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(move || timestamp(now())), ..self }
    }

    /// Finds out who sent a request, or for whom it is, and leaves it in it.
    pub(super) fn mark<B>(&self, request: &mut Request<B>) -> Visitor {
        let page = if request.extensions().get::<ForNobody>().is_some() {
            field::read_parts(request.headers())
        } else if self.behind_larder {
            let told = self.rules.told(request.headers(), (self.now)());
            told.unwrap_or_else(|fault| {
                tracing::warn!(path = ?request.uri().path(), "a page is made for whoever asks: {fault}");
                None
            })
        } else {
            None
        };
        if page.is_none() {
            request.headers_mut().remove(&LARDER_IDENTITY);
        }
        request.headers_mut().remove(&LARDER_IDENTITY_PROOF);
        let visitor = match page {
            Some(parts) => Visitor::of_page(parts),
            None => {
                let visitor = identify(request.headers(), &self.rules, &Plain, (self.now)());
                Visitor::of(&visitor)
            }
        };
        request.extensions_mut().insert(visitor.clone());
        visitor
    }
}

/// Milliseconds since the epoch; what was before it is its beginning.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl fmt::Debug for IdentityLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityLayer")
            .field("rules", &self.rules)
            .field("behind_larder", &self.behind_larder)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for IdentityLayer {
    type Service = IdentityService<S>;

    fn layer(&self, inner: S) -> IdentityService<S> {
        IdentityService::new(inner, self.clone())
    }
}
