//! The layer: by which rules responses are told to be kept, for all the services that it makes.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::{Request, Response, StatusCode};
use larder_cache::{Clock, SystemClock};
use larder_policy::outward::Asker;
use larder_policy::{Arrival, KeyBuf, Plain, Policy, Ruling, Scheme, Visit, host, hygiene};
use larder_semantics::{Reason, Timestamp};
use tower_layer::Layer;

use super::HeaderPolicyService;
use crate::{ForNobody, Rules};

/// Marks a response that was made for one visitor alone: an extension of the response, by which the layer lets nobody else keep it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Personal;

/// Tells caches that are not Larder what the rules say. The module says what that is.
#[derive(Clone)]
pub struct HeaderPolicyLayer {
    policy: Arc<Policy>,
    connection: Scheme,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl HeaderPolicyLayer {
    /// By these rules.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        let now = Arc::new(|| SystemClock.now());
        Self { policy: Arc::clone(&rules.policy), connection: Scheme::Http, now }
    }

    /// The scheme of connections to this server. `Http`, unless it ends TLS itself. What an [`Arrival`] extension says of a
    /// request counts before it.
    #[must_use]
    pub fn connection(self, scheme: Scheme) -> Self {
        Self { connection: scheme, ..self }
    }

    /// What time it is, in place of the system's clock: for tests.
    #[must_use]
    pub fn clock(self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(move || crate::identity::timestamp(now())), ..self }
    }

    /// What the rules say of a request. Nothing of a fetch of our own cache's, which knows them itself.
    pub(super) fn rule<B>(&self, request: &Request<B>) -> Option<Ruled> {
        if request.extensions().get::<ForNobody>().is_some() {
            return None;
        }
        let arrival = request.extensions().get::<Arrival>();
        let scheme = arrival.map_or(self.connection, |arrival| arrival.scheme);
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        // What two parsers could read differently is nobody's but the visitor's.
        let mut personal = false;
        let named = match hygiene::check(method, uri, request.version(), headers, scheme) {
            Ok(host) => Some(host),
            // Told last, so all else is well: what the target names counts, or the site that has no name.
            Err(refusal) if refusal.reason == Reason::MissingHost => uri
                .authority()
                .and_then(|named| host::canonical(named.as_str().as_bytes(), scheme).ok()),
            Err(_) => {
                personal = true;
                None
            }
        };
        let host = named.as_ref().map_or("", |host| host.as_str());
        let target = hygiene::target(uri);
        let visit = Visit { scheme, host, method, target: &target, headers };
        let ruling = self.policy.decide(&visit, &Plain, (self.now)(), &mut KeyBuf::new());
        let asker = Asker { personal, ..self.policy.asker(&ruling, headers) };
        Some(Ruled { policy: Arc::clone(&self.policy), ruling, asker })
    }
}

impl fmt::Debug for HeaderPolicyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.policy.rules.iter().len();
        f.debug_struct("HeaderPolicyLayer")
            .field("rules", &rules)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

/// What the rules say of a request whose response is awaited.
#[derive(Debug)]
pub(super) struct Ruled {
    policy: Arc<Policy>,
    ruling: Ruling,
    asker: Asker,
}

impl Ruled {
    /// Says it in the response.
    pub(super) fn tell<U>(&self, response: &mut Response<U>) {
        let status = response.status();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        let mut asker = self.asker;
        asker.personal |= response.extensions().get::<Personal>().is_some();
        let outward = self.policy.outward(&self.ruling, asker, status, response.headers());
        outward.apply(response.headers_mut());
    }
}

impl<S> Layer<S> for HeaderPolicyLayer {
    type Service = HeaderPolicyService<S>;

    fn layer(&self, inner: S) -> HeaderPolicyService<S> {
        HeaderPolicyService::new(inner, self.clone())
    }
}
