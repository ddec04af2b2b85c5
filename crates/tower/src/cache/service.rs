//! The service: hits at once, everything else by `fetch`.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::task::{Context, Poll};

use http::header::HeaderMap;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use larder_cache::respond::{self, Account, Ask};
use larder_cache::sharing::Sharing;
use larder_cache::variant::Variant;
use larder_cache::{Body, Cache, Facts, Plan, plan};
use larder_policy::hygiene::Route;
use larder_policy::identity::field::LARDER_IDENTITY;
use larder_policy::identity::proof::LARDER_IDENTITY_PROOF;
use larder_policy::{Arrival, Doubt, KeyBuf, Plain, Policy, Ruling, Scheme, Visit, Way, hygiene};
use larder_semantics::Reason;
use tower_service::Service;

use super::future::{Asked, Going};
use super::layer::Extensions;
use super::site::Sites;
use super::{CacheBody, CacheFuture};
use crate::cause::BoxError;
use crate::error::FetchError;
use crate::esi::Table;
use crate::fetch::{self, Fetch, Page};
use crate::inner::Inner;
use crate::look_up::{AsItIs, look_up};

/// Answers from a cache, and asks the inner service for what is not there. Made by a [`CacheLayer`](super::CacheLayer).
#[derive(Clone, Debug)]
pub struct CacheService<S> {
    means: Means,
    inner: S,
    sites: Sites,
}

/// What a service answers with.
#[derive(Clone, Debug)]
pub(crate) struct Means {
    pub(crate) cache: Arc<Cache>,
    /// By which requests come that do not say.
    pub(crate) scheme: Scheme,
    pub(crate) extensions: Extensions,
}

impl<S> CacheService<S> {
    pub(crate) const fn new(means: Means, sites: Sites, inner: S) -> Self {
        Self { means, inner, sites }
    }
}

thread_local! {
    /// Keys are written here, so that a hit allocates nothing for its key.
    static KEY: RefCell<KeyBuf> = const { RefCell::new(KeyBuf::new()) };
}

/// What became of a request without waiting.
enum Begun<U> {
    Answered(Response<Body<U>>),
    AnsweredStale(Response<Body<U>>, Variant, Arc<[u8]>, Option<Arc<Sharing>>),
    Planned(Plan, Facts, Arc<[u8]>, Option<Arc<Sharing>>),
    /// The application has to say first who the visitor is.
    LookUp(Arc<Policy>),
    /// Not for visitors.
    Refused(Reason),
}

impl<S, B, U> Service<Request<B>> for CacheService<S>
where
    S: Service<Request<B>, Response = Response<U>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: http_body::Body + Default + Send + 'static,
    U: http_body::Body + Send + 'static,
    U::Error: Into<BoxError>,
{
    type Response = Response<CacheBody<U>>;
    type Error = Infallible;
    type Future = CacheFuture<U>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A hit needs nobody. Fetches wait for the inner service on their own clone of it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> CacheFuture<U> {
        let Means { cache, extensions, .. } = &self.means;
        let asked = Asked::of(&request);
        // What was decided about this request counts before what is known of its connection.
        let arrival = request.extensions().get::<Arrival>();
        let scheme = arrival.map_or(self.means.scheme, |arrival| arrival.scheme);
        let site = match self.sites.of(&request, scheme) {
            Ok(site) => site,
            Err(reason) => return CacheFuture::new(refused(reason), asked),
        };
        let host = site.as_str();
        let has_body = !request.body().is_end_stream();
        let begun = begin(cache, scheme, host, &request, has_body);
        let going = match begun {
            // Nearly all hits: nothing is to be put into them.
            Begun::Answered(response) if response.body().template().is_none() => {
                Going::ready(Ok(response))
            }
            begun @ (Begun::Answered(_)
            | Begun::AnsweredStale(..)
            | Begun::Planned(..)
            | Begun::LookUp(_)
            | Begun::Refused(_)) => {
                let (host, extensions) = (host.to_owned(), *extensions);
                let of = Of { scheme, host, has_body, extensions, deep: 0, asked: None };
                drop(site);
                go_on(begun, cache, &self.inner, of, request)
            }
        };
        CacheFuture::new(going, asked)
    }
}

/// Answers a request of Larder's own, for a part that a page of a visitor's includes.
pub(crate) fn include<S, B>(
    cache: &Arc<Cache>,
    inner: &S,
    of: Of,
    request: Request<B>,
) -> Going<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let begun = begin(cache, of.scheme, &of.host, &request, of.has_body);
    go_on(begun, cache, inner, of, request)
}

/// What a request is about, beside what it says.
#[derive(Clone, Debug)]
pub(crate) struct Of {
    pub(crate) scheme: Scheme,
    /// The site, in its one spelling.
    pub(crate) host: String,
    pub(crate) has_body: bool,
    /// What fetches keep.
    pub(crate) extensions: Extensions,
    /// How many pages include it, one in the other.
    pub(crate) deep: u8,
    /// How many parts were asked for, for the page that the visitor asked for; from the first on.
    pub(crate) asked: Option<Arc<AtomicU32>>,
}

/// How a request came, where that is not as its connection did.
pub(crate) fn arrival_of<B>(request: &Request<B>) -> Option<Arrival> {
    request.extensions().get().copied()
}

fn refused<U>(reason: Reason) -> Going<U> {
    Going::ready(Err(FetchError::application(reason, reason)))
}

/// Answers, or has the plan carried out.
fn go_on<S, B>(
    begun: Begun<S::Body>,
    cache: &Arc<Cache>,
    inner: &S,
    of: Of,
    mut request: Request<B>,
) -> Going<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let extensions = of.extensions;
    let fetch = |key, ruled, request: &Request<B>| {
        let fetch = Fetch::new(Arc::clone(cache), inner.clone(), Page { key }, ruled);
        fetch.arrived(arrival_of(request)).with(extensions)
    };
    match begun {
        Begun::Answered(response) => {
            let table = Table::of(cache, inner, of, &request);
            Going::ready(Ok(table.lay::<B>(response)))
        }
        Begun::AnsweredStale(response, variant, key, ruled) => {
            let response = Table::of(cache, inner, of, &request).lay::<B>(response);
            take_off_identity(request.headers_mut());
            let fetch = fetch(key, ruled, &request);
            if fetch.ruled.is_none() {
                ask_for_what_counts(&fetch.page, &mut request);
            }
            fetch::refresh::<S, B>(fetch, request, variant);
            Going::ready(Ok(response))
        }
        Begun::Planned(plan, facts, key, ruled) => {
            if facts.renews() {
                cache.flights().invalidate(&key);
                // Who wants the page anew gets it from here; others must not get the old one elsewhere. Not waited for.
                drop(cache.tell_out_of_date(&[&key], &HeaderMap::new()));
            }
            let is_shared = ruled.as_ref().is_some_and(|ruled| ruled.is_shared());
            let table = is_shared.then(|| Table::of(cache, inner, of, &request));
            take_off_identity(request.headers_mut());
            let fetch = fetch(key, ruled, &request);
            match &fetch.ruled {
                None => ask_for_what_counts(&fetch.page, &mut request),
                Some(sharing) => mark_as_it_is(sharing, &mut request),
            }
            let answer = fetch::answer(fetch, request, facts, plan);
            match table {
                None => Going::fetch(answer),
                Some(table) => Going::fetch(Box::pin(async move {
                    answer.await.map(|response| table.lay::<B>(response))
                })),
            }
        }
        Begun::Refused(reason) => refused(reason),
        Begun::LookUp(policy) => looked_up(policy, cache, inner, of, request),
    }
}

/// Goes on when the application has said who the visitor is.
fn looked_up<S, B>(
    policy: Arc<Policy>,
    cache: &Arc<Cache>,
    inner: &S,
    of: Of,
    request: Request<B>,
) -> Going<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let (cache, inner) = (Arc::clone(cache), inner.clone());
    Going::fetch(Box::pin(async move {
        let from = (&*of.host, arrival_of(&request));
        look_up::<S, B>(&cache, &policy, inner.clone(), from, request.headers()).await;
        let begun = match begin(&cache, of.scheme, &of.host, &request, of.has_body) {
            Begun::LookUp(policy) => unverified(&cache, policy, &of, &request),
            known @ (Begun::Answered(_)
            | Begun::AnsweredStale(..)
            | Begun::Planned(..)
            | Begun::Refused(_)) => known,
        };
        go_on(begun, &cache, &inner, of, request).await
    }))
}

/// Whether only Larder itself asks the application for this.
fn is_internal(policy: &Policy, uri: &Uri) -> bool {
    policy.identity.lookup.as_ref().is_some_and(|rules| rules.path == uri.path())
}

/// What only the application and Larder say to each other is not said by anybody else.
fn take_off_identity(headers: &mut HeaderMap) {
    headers.remove(&LARDER_IDENTITY);
    headers.remove(&LARDER_IDENTITY_PROOF);
}

/// Where a rule stores nothing, a request means what it says.
fn mark_as_it_is<B>(sharing: &Sharing, request: &mut Request<B>) {
    let rule = sharing.policy().rule_of(sharing.ruling());
    let route = hygiene::route(rule.map(|rule| &rule.action), request.method());
    if route == Route::Passed && hygiene::has_override(request.headers()) {
        request.extensions_mut().insert(AsItIs);
    }
}

/// What is ignored of a query is not sent either.
fn ask_for_what_counts<B>(page: &Page, request: &mut Request<B>) {
    let is_for_a_page = matches!(*request.method(), Method::GET | Method::HEAD);
    let asked = request.uri().path_and_query().map(PathAndQuery::as_str);
    let Some(target) = page.asked_target().filter(|_| is_for_a_page) else { return };
    if target.path_and_query().map(PathAndQuery::as_str) == asked {
        return;
    }
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.path_and_query = target.into_parts().path_and_query;
    // The same authority and scheme, or none, as before.
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
}

/// Decides, and answers if what is stored will do.
fn begin<B, U>(
    cache: &Cache,
    scheme: Scheme,
    host: &str,
    request: &Request<B>,
    has_body: bool,
) -> Begun<U> {
    KEY.with_borrow_mut(|key| {
        let options = cache.options();
        let policy = &options.policy;
        let settings = &options.semantics;
        let headers = request.headers();
        if is_internal(policy, request.uri()) {
            return Begun::Refused(Reason::InternalPath);
        }
        let now = cache.now();
        let target = hygiene::target(request.uri());
        let visit = Visit { scheme, host, method: request.method(), target: &target, headers };
        let proofs = cache.identities().of_site(host, policy.number());
        let ruling = policy.decide(&visit, &proofs, now, key);
        let mut facts = Facts::of(request, has_body, settings);
        let ruled = |ruling: Ruling| Arc::new(Sharing::new(Arc::clone(policy), ruling));
        match ruling.way {
            Way::Open => {}
            Way::Share => facts = facts.shared(),
            Way::LookUp => return Begun::LookUp(Arc::clone(policy)),
            Way::Pass(reason) | Way::Never(reason) => {
                let plan = Plan::Pass(facts.pass().unwrap_or(reason));
                return Begun::Planned(plan, facts, key.as_bytes().into(), Some(ruled(ruling)));
            }
        }
        let is_shared = ruling.way == Way::Share;
        let page = facts.pass().is_none().then(|| cache.look_up(key.as_bytes())).flatten();
        let plan = plan(page.as_deref(), headers, &facts, settings, now)
            .unless_uncacheable(|| cache.uncacheable(key.as_bytes()));
        match plan {
            Plan::Serve { variant, note, refresh } => {
                if let Some(page) = page.as_deref().filter(|_| !facts.warms()) {
                    page.count();
                }
                let dress = is_shared.then(|| policy.dress(&ruling, true)).flatten();
                let dress = dress.map(|dress| dress.by(scheme));
                let ask = Ask { method: request.method(), headers, range: &facts.range, dress };
                let account = Account::cached(note);
                cache.tell_of_hit(key.as_bytes(), &variant, now);
                let response = respond::from_store(&variant, &ask, &account, now);
                if refresh {
                    let ruled = is_shared.then(|| ruled(ruling));
                    Begun::AnsweredStale(response, variant, key.as_bytes().into(), ruled)
                } else {
                    Begun::Answered(response)
                }
            }
            waits @ (Plan::Fetch(_)
            | Plan::Validate(..)
            | Plan::Alone(..)
            | Plan::Pass(_)
            | Plan::Unsatisfiable) => {
                let ruled = is_shared.then(|| ruled(ruling));
                Begun::Planned(waits, facts, key.as_bytes().into(), ruled)
            }
        }
    })
}

/// The way of a visitor of whom the application did not say who they are, and of whom nothing could be remembered.
fn unverified<B, U>(cache: &Cache, policy: Arc<Policy>, of: &Of, request: &Request<B>) -> Begun<U> {
    let (scheme, host) = (of.scheme, &*of.host);
    let target = hygiene::target(request.uri());
    let (method, headers) = (request.method(), request.headers());
    let visit = Visit { scheme, host, method, target: &target, headers };
    let mut key = KeyBuf::new();
    let mut ruling = policy.decide(&visit, &Plain, cache.now(), &mut key);
    ruling.way = Way::Pass(Reason::Unverified);
    ruling.doubt = Some(Doubt::LookUpFailed);
    let facts = Facts::of(request, of.has_body, &cache.options().semantics);
    let plan = Plan::Pass(facts.pass().unwrap_or(Reason::Unverified));
    Begun::Planned(plan, facts, key.as_bytes().into(), Some(Arc::new(Sharing::new(policy, ruling))))
}
