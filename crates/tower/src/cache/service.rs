//! The service: hits at once, everything else by `fetch`.

use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{HOST, HeaderValue};
use http::{Request, Response};
use larder_cache::respond::{self, Account, Ask};
use larder_cache::{Body, Cache, Facts, Plan, plan};
use larder_policy::{CanonicalHost, KeyBuf, Scheme, hygiene};
use larder_semantics::Reason;
use tower_service::Service;

use super::CacheFuture;
use crate::fetch::{self, Fetch, Page};
use crate::{FetchError, Inner};

/// Answers from a [`Cache`], and asks the inner service for what is not there.
#[derive(Clone, Debug)]
pub struct CacheService<S> {
    cache: Arc<Cache>,
    scheme: Scheme,
    inner: S,
    host: LastHost,
}

impl<S> CacheService<S> {
    pub(super) fn new(cache: Arc<Cache>, scheme: Scheme, inner: S) -> Self {
        Self { cache, scheme, inner, host: LastHost::default() }
    }
}

thread_local! {
    /// Keys are written here, so that a hit allocates nothing for its key.
    static KEY: RefCell<KeyBuf> = const { RefCell::new(KeyBuf::new()) };
}

/// What became of a request without waiting.
enum Begun<U> {
    Answered(Response<Body<U>>),
    AnsweredStale(Response<Body<U>>, larder_cache::variant::Variant, Arc<[u8]>),
    Planned(Plan, Facts, Arc<[u8]>),
}

impl<S, B> Service<Request<B>> for CacheService<S>
where
    S: Inner<B>,
    B: http_body::Body + Send + 'static,
{
    type Response = Response<Body<S::Body>>;
    type Error = FetchError;
    type Future = CacheFuture<S::Body>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), FetchError>> {
        // A hit needs nobody. Fetches wait for the inner service on their own clone of it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> CacheFuture<S::Body> {
        let host = match self.host.of(&request, self.scheme) {
            Ok(host) => host,
            Err(reason) => {
                return CacheFuture::ready(Err(FetchError::application(reason, reason)));
            }
        };
        match begin(&self.cache, self.scheme, host, &request) {
            Begun::Answered(response) => CacheFuture::ready(Ok(response)),
            Begun::AnsweredStale(response, variant, key) => {
                let fetch = Fetch::new(Arc::clone(&self.cache), self.inner.clone(), Page { key });
                fetch::refresh::<S, B>(fetch, request, variant);
                CacheFuture::ready(Ok(response))
            }
            Begun::Planned(plan, facts, key) => {
                let fetch = Fetch::new(Arc::clone(&self.cache), self.inner.clone(), Page { key });
                CacheFuture::fetch(fetch::answer(fetch, request, facts, plan))
            }
        }
    }
}

/// Decides, and answers if what is stored will do.
fn begin<B: http_body::Body, U>(
    cache: &Cache,
    scheme: Scheme,
    host: &str,
    request: &Request<B>,
) -> Begun<U> {
    KEY.with_borrow_mut(|key| {
        key.write(scheme, host, &hygiene::target(request.uri()), &[]);
        let options = cache.options();
        let settings = &options.semantics;
        let has_body = !request.body().is_end_stream();
        let facts = Facts::of(request, has_body, settings);
        let page = facts.pass().is_none().then(|| cache.look_up(key.as_bytes())).flatten();
        let now = cache.now();
        let headers = request.headers();
        let plan = plan(page.as_deref(), headers, &facts, settings, now)
            .unless_uncacheable(|| cache.uncacheable(key.as_bytes()));
        match plan {
            Plan::Serve { variant, note, refresh } => {
                let ask = Ask { method: request.method(), headers, range: &facts.range };
                let account = Account::cached(note);
                let response = respond::from_store(&variant, &ask, &account, now);
                if refresh {
                    Begun::AnsweredStale(response, variant, key.as_bytes().into())
                } else {
                    Begun::Answered(response)
                }
            }
            waits @ (Plan::Fetch(_)
            | Plan::Validate(..)
            | Plan::Alone(..)
            | Plan::Pass(_)
            | Plan::Unsatisfiable) => Begun::Planned(waits, facts, key.as_bytes().into()),
        }
    })
}

/// The site of the last request, kept because nearly all requests of a connection are for one.
#[derive(Clone, Debug, Default)]
struct LastHost {
    sent: Option<HeaderValue>,
    canonical: String,
}

impl LastHost {
    /// Which site the request is for. The authority of the target outranks `Host` (RFC 9112
    /// §3.2.2).
    fn of<B>(&mut self, request: &Request<B>, scheme: Scheme) -> Result<&str, Reason> {
        let canonical = match (request.uri().authority(), request.headers().get(HOST)) {
            (None, Some(host)) if self.sent.as_ref() == Some(host) => return Ok(&self.canonical),
            (None, Some(host)) => {
                let canonical = larder_policy::host::canonical(host.as_bytes(), scheme)?;
                // A copy of its own: the request's would hold on to a whole read buffer.
                self.sent = HeaderValue::from_bytes(host.as_bytes()).ok();
                canonical
            }
            (Some(authority), _) => {
                self.sent = None;
                larder_policy::host::canonical(authority.as_str().as_bytes(), scheme)?
            }
            (None, None) => {
                self.sent = None;
                CanonicalHost::UNNAMED
            }
        };
        self.canonical.clear();
        self.canonical.push_str(canonical.as_str());
        Ok(&self.canonical)
    }
}
