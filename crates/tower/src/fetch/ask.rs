//! One request to the application, and its answer's head.

use std::future::poll_fn;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Uri};
use http::{Request, Response, StatusCode};
use larder_cache::Cache;
use larder_policy::{KeyBuf, hygiene};
use larder_semantics::freshness::Timing;
use larder_semantics::{Reason, Settings};
use tower_service::Service;

use crate::RequestBody;

/// What a request is for.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The key it lies under, which says all the rest.
    pub(crate) key: Arc<[u8]>,
}

impl Page {
    /// The absolute target, for fields that refer to it. `None` for a request that named no host:
    /// nothing can refer to its page.
    pub(crate) fn target(&self) -> Option<Uri> {
        let (scheme, host, target) = larder_policy::key::read(&self.key)?;
        let mut parts = http::uri::Parts::default();
        parts.scheme = http::uri::Scheme::try_from(scheme.as_str()).ok();
        parts.authority = Authority::try_from(host).ok();
        parts.path_and_query = PathAndQuery::try_from(target).ok();
        Uri::from_parts(parts).ok()
    }

    /// The key of another page of the same origin.
    pub(crate) fn key_of(&self, other: &Uri) -> Option<KeyBuf> {
        let (scheme, _, _) = larder_policy::key::read(&self.key)?;
        let authority = other.authority()?.as_str().as_bytes();
        let host = larder_policy::host::canonical(authority, scheme).ok()?;
        let mut key = KeyBuf::new();
        key.write(scheme, host.as_str(), &hygiene::target(other), &[]);
        Some(key)
    }
}

/// The means of a fetch.
#[derive(Clone, Debug)]
pub(crate) struct Fetch<S> {
    pub(crate) cache: Arc<Cache>,
    pub(crate) inner: S,
    pub(crate) page: Page,
}

impl<S> Fetch<S> {
    pub(crate) const fn new(cache: Arc<Cache>, inner: S, page: Page) -> Self {
        Self { cache, inner, page }
    }

    /// Sends `request` and waits for the head of the answer, which comes back fit to be passed
    /// on: without hop-by-hop fields and with a `Date`.
    pub(crate) async fn send<B, U>(
        &mut self,
        mut request: Request<RequestBody<B>>,
    ) -> Result<(Response<U>, Timing), Reason>
    where
        S: Service<Request<RequestBody<B>>, Response = Response<U>>,
        S::Error: Into<Reason>,
    {
        announce(request.headers_mut(), &self.cache.options().semantics);
        let request_time = self.cache.now();
        poll_fn(|cx| self.inner.poll_ready(cx)).await.map_err(Into::into)?;
        let mut response = self.inner.call(request).await.map_err(Into::into)?;
        let response_time = self.cache.now();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            larder_semantics::strip_hop_by_hop(response.headers_mut());
        }
        if !response.headers().contains_key(header::DATE) {
            // RFC 9110 §6.6.1: a recipient with a clock records when a response without a Date
            // came.
            let date = larder_semantics::field::date::write(response_time);
            response.headers_mut().insert(header::DATE, date);
        }
        Ok((response, Timing { request_time, response_time }))
    }
}

/// Tells the application that `Surrogate-Control` will be understood (Edge Architecture note §3).
fn announce(headers: &mut HeaderMap, settings: &Settings) {
    const SURROGATE_CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");
    if settings.targeted {
        headers.insert(SURROGATE_CAPABILITY, HeaderValue::from_static("larder=\"Surrogate/1.0\""));
    }
}
