//! The layer: what https means for a site, for all the services that it makes.

use std::sync::Arc;

use http::header::{HOST, HeaderMap, LOCATION, STRICT_TRANSPORT_SECURITY};
use http::response::Parts;
use http::{HeaderValue, Request};
use larder_policy::{Arrival, Front, Scheme, host};
use larder_semantics::Reason;
use tower_layer::Layer;

use super::{HttpsRedirectLayerBuilder, HttpsRedirectService};
use crate::answer::line_of;
use crate::notice::Once;
use crate::{Rules, RulesError};
use bytes::Bytes;

/// Sends requests that came by http to https. The module says when it does not.
///
/// ```
/// use std::time::Duration;
///
/// use http::{Request, Response, StatusCode};
/// use larder_tower::{HttpsRedirectLayer, Peer, SchemeLayer};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # futures_util::future::FutureExt::now_or_never(async {
/// let https = HttpsRedirectLayer::builder().hsts(Duration::from_secs(600)).build()?;
/// let scheme = SchemeLayer::builder().trusted_proxies(["127.0.0.1"]).build()?;
/// let service = scheme.layer(https.layer(service_fn(|_: Request<String>| async {
///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
/// })));
///
/// let request = |proto: &str| {
///     let request = Request::post("/form?a=1").header("host", "example.com");
///     let request = request.header("x-forwarded-proto", proto);
///     request.extension(Peer("127.0.0.1".parse().unwrap())).body(String::new()).unwrap()
/// };
/// let sent = service.clone().oneshot(request("http")).await.unwrap();
/// assert_eq!(sent.status(), StatusCode::PERMANENT_REDIRECT);
/// assert_eq!(sent.headers()["location"], "https://example.com/form?a=1");
/// let answered = service.oneshot(request("https")).await.unwrap();
/// assert_eq!(answered.status(), StatusCode::OK);
/// assert_eq!(answered.headers()["strict-transport-security"], "max-age=600");
/// # Ok::<(), larder_tower::RulesError>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct HttpsRedirectLayer {
    front: Arc<Front>,
    connection: Option<Scheme>,
    nobody: Arc<Once>,
}

/// An answer of the layer's own.
pub(super) type Sent = (Parts, Bytes);

impl HttpsRedirectLayer {
    /// All requests by http go to the same host by https.
    ///
    /// # Errors
    /// None: what is said by nobody is not wrong.
    pub fn new() -> Result<Self, RulesError> {
        Self::builder().build()
    }

    /// Says in code who is sent where.
    #[must_use]
    pub fn builder() -> HttpsRedirectLayerBuilder {
        HttpsRedirectLayerBuilder::default()
    }

    /// By what was decided at the door of a site.
    #[doc(hidden)]
    #[must_use]
    pub fn of_front(front: &Arc<Front>) -> Self {
        Self { front: Arc::clone(front), connection: None, nobody: Arc::default() }
    }

    /// The scheme of connections, for requests that no [`SchemeLayer`](crate::SchemeLayer) has decided about.
    ///
    /// `Http` is for a server that visitors connect to themselves. Behind a proxy that ends TLS it would send them in a circle.
    #[must_use]
    pub const fn connection(mut self, scheme: Scheme) -> Self {
        self.connection = Some(scheme);
        self
    }

    /// The scheme that a request came by, if anybody knows.
    #[inline]
    pub(super) fn scheme<B>(&self, request: &Request<B>) -> Option<Scheme> {
        let arrival = request.extensions().get::<Arrival>();
        let scheme = arrival.map(|arrival| arrival.scheme).or(self.connection);
        if scheme.is_none() {
            self.nobody.warn(
                "nobody is sent to https, because it is not known by what requests came: put a SchemeLayer outside of the HttpsRedirectLayer",
            );
        }
        scheme
    }

    /// Where a request goes instead.
    #[inline]
    pub(super) fn elsewhere<B>(
        &self,
        request: &Request<B>,
        scheme: Scheme,
    ) -> Option<(Sent, Reason)> {
        if self.front.may_redirect(scheme) { self.looked_up(request, scheme) } else { None }
    }

    fn looked_up<B>(&self, request: &Request<B>, scheme: Scheme) -> Option<(Sent, Reason)> {
        let (method, uri) = (request.method(), request.uri());
        let named = match uri.authority() {
            Some(authority) => authority.as_str().as_bytes(),
            None => request.headers().get(HOST).map_or(&b""[..], HeaderValue::as_bytes),
        };
        // RFC 9112 §3.2: only HTTP/1.0 may name none; there may be one host for all. What is no host is refused further in.
        let host = match named {
            [] => host::CanonicalHost::UNNAMED,
            named => host::canonical(named, scheme).ok()?,
        };
        let (to, reason) = self.front.redirect(scheme, method, host.as_str(), uri)?;
        let line = format!("Use {}\n", to.location.to_str().unwrap_or("the other scheme"));
        let headers = HeaderMap::from_iter([(LOCATION, to.location)]);
        Some((line_of(to.status, headers, line, reason, method), reason))
    }

    /// The layer itself, if answers to requests by this scheme are told something for the future.
    #[inline]
    pub(super) fn adds_to(&self, scheme: Option<Scheme>) -> Option<Arc<Front>> {
        // RFC 6797 §7.2: never by http.
        let adds = scheme == Some(Scheme::Https) && self.front.https.hsts.is_some();
        adds.then(|| Arc::clone(&self.front))
    }
}

/// What the application says itself comes before what the site says for all.
#[doc(hidden)]
pub fn add_hsts(headers: &mut HeaderMap, front: &Front) {
    if let Some(hsts) = &front.https.hsts {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
    }
}

impl From<&Rules> for HttpsRedirectLayer {
    /// By `[https]`, and the `scheme` of rules.
    fn from(rules: &Rules) -> Self {
        Self::of_front(&rules.front)
    }
}

impl<S> Layer<S> for HttpsRedirectLayer {
    type Service = HttpsRedirectService<S>;

    fn layer(&self, inner: S) -> HttpsRedirectService<S> {
        HttpsRedirectService::new(inner, self.clone())
    }
}
