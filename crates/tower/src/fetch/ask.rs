//! One request to the application, and its answer's head.

use std::future::poll_fn;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Uri};
use http::{Method, Request, Response, StatusCode};
use larder_cache::Cache;
use larder_cache::purge::{Birth, Naming, Said};
use larder_cache::sharing::Sharing;
use larder_policy::dress::Dress;
use larder_policy::{Arrival, KeyBuf, Policy, Visit, hygiene, redirect};
use larder_semantics::freshness::Timing;
use larder_semantics::{Reason, Settings};

use crate::cache::Extensions;
use crate::inner::Inner;
use crate::look_up::of_nobody;
use crate::{ForNobody, Tags, cause};

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

    /// The key of another URL of the same origin.
    pub(crate) fn key_of(&self, other: &Uri, policy: &Policy) -> Option<KeyBuf> {
        let (scheme, _, _) = larder_policy::key::read(&self.key)?;
        let authority = other.authority()?.as_str().as_bytes();
        let host = larder_policy::host::canonical(authority, scheme).ok()?;
        let mut key = KeyBuf::new();
        let target = hygiene::target(other);
        let headers = &HeaderMap::new();
        let (host, target, method) = (host.as_str(), &*target, &Method::GET);
        policy.url_key(&Visit { scheme, host, method, target, headers }, &mut key);
        Some(key)
    }

    /// Whether an answer with these fields sends whoever asks for the page to the page. Stored, it would keep them there.
    pub(crate) fn is_circle(&self, status: StatusCode, fields: &HeaderMap) -> bool {
        let Some(location) = fields.get(header::LOCATION).filter(|_| status.is_redirection())
        else {
            return false;
        };
        let read = larder_policy::key::read(&self.key);
        read.is_some_and(|(scheme, host, target)| {
            let text = std::str::from_utf8;
            matches!((text(host), text(target)), (Ok(host), Ok(target)) if redirect::is_circle(location, scheme, host, target))
        })
    }

    /// The target that the application is asked for: path and query as the key has them.
    pub(crate) fn asked_target(&self) -> Option<Uri> {
        let (_, _, target) = larder_policy::key::read(&self.key)?;
        Uri::try_from(target).ok()
    }

    /// The site that the key is of. `None` for a request that named none.
    pub(crate) fn host(&self) -> Option<HeaderValue> {
        let (_, host, _) = larder_policy::key::read(&self.key)?;
        HeaderValue::from_bytes(host).ok().filter(|host| !host.is_empty())
    }
}

/// The means of a fetch.
#[derive(Clone, Debug)]
pub(crate) struct Fetch<S> {
    pub(crate) cache: Arc<Cache>,
    pub(crate) inner: S,
    pub(crate) page: Page,
    /// What policy says of the request, where that is not just that the response decides.
    pub(crate) ruled: Option<Arc<Sharing>>,
    /// How the request came that it began with, where that is not as its connection did.
    arrival: Option<Arrival>,
    /// Whether a page that is shared is asked for with what the client's request has beside its fields.
    pub(crate) extensions: Extensions,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Sent<U> {
    /// The answer: without hop-by-hop fields and tags, and with a `Date`.
    pub(crate) response: Response<U>,
    /// When it was asked for and came.
    pub(crate) timing: Timing,
    /// By which purges it is reached.
    pub(crate) birth: Birth,
}

impl<S> Fetch<S> {
    pub(crate) const fn new(
        cache: Arc<Cache>,
        inner: S,
        page: Page,
        ruled: Option<Arc<Sharing>>,
    ) -> Self {
        Self { cache, inner, page, ruled, arrival: None, extensions: Extensions::Fresh }
    }

    /// For a request that came so.
    pub(crate) fn arrived(self, arrival: Option<Arrival>) -> Self {
        Self { arrival, ..self }
    }

    /// With these extensions.
    pub(crate) fn with(self, extensions: Extensions) -> Self {
        Self { extensions, ..self }
    }

    /// How the page is shared, if an audience does by rule.
    pub(crate) fn shared(&self) -> Option<&Sharing> {
        self.ruled.as_deref().filter(|ruled| ruled.is_shared())
    }

    /// What a rule makes of the page before a visitor sees it.
    pub(crate) fn page_dress(&self) -> Option<Dress<'_>> {
        let ruled = self.ruled.as_deref()?;
        let scheme = larder_policy::key::read(&self.page.key).map(|(scheme, ..)| scheme);
        let dress = ruled.policy().dress(ruled.ruling(), true)?;
        Some(scheme.map_or(dress, |scheme| dress.by(scheme)))
    }

    /// What a rule makes of the visitor's own answer.
    pub(crate) fn own_dress(&self) -> Option<Dress<'_>> {
        let ruled = self.ruled.as_deref()?;
        ruled.policy().dress(ruled.ruling(), false)
    }

    /// Sends `request` and waits for the head of the answer, which comes back fit to be passed on.
    pub(crate) async fn send<B>(&mut self, mut request: Request<B>) -> Result<Sent<S::Body>, Reason>
    where
        S: Inner<B>,
    {
        let for_nobody = request.extensions().get::<ForNobody>().is_some();
        if let Some(arrival) = self.arrival {
            // Requests of the cache's own are told by the scheme of the page, too.
            let arrival = if for_nobody { of_nobody(arrival) } else { arrival };
            request.extensions_mut().insert(arrival);
        }
        // What is for one visitor only is not put together of several.
        let esi = for_nobody;
        announce(request.headers_mut(), &self.cache.options().semantics, esi);
        // Before anything of it is on its way: what is purged from now on may be in the answer.
        let number = self.cache.purge_number();
        let request_time = self.cache.now();
        let failed = |error: S::Error| cause::of_answer(error.into());
        poll_fn(|cx| self.inner.poll_ready(cx)).await.map_err(failed)?;
        let mut response = self.inner.call(request).await.map_err(failed)?.map(S::bring);
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
        let naming = self.shared().map_or(Naming::ByNumber, Sharing::naming);
        let tags = response.extensions_mut().remove::<Tags>();
        let tags = tags.as_ref().map_or(&[][..], Tags::as_slice);
        let said = Said { fields: response.headers_mut(), tags };
        let birth = self.cache.birth(number, &self.page.key, naming, said);
        Ok(Sent { response, timing: Timing { request_time, response_time }, birth })
    }
}

/// Tells the application that `Surrogate-Control` will be understood (Edge Architecture note §3).
fn announce(headers: &mut HeaderMap, settings: &Settings, esi: bool) {
    const SURROGATE_CAPABILITY: HeaderName = HeaderName::from_static("surrogate-capability");
    if settings.targeted {
        let able =
            if esi { "larder=\"Surrogate/1.0 ESI/1.0\"" } else { "larder=\"Surrogate/1.0\"" };
        headers.insert(SURROGATE_CAPABILITY, HeaderValue::from_static(able));
    }
}
