//! Asking together with others: one fetch for everybody who wants the same page.

use std::marker::PhantomData;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Extensions, Method, Request, Response, StatusCode, Uri};
use larder_cache::collapse::{Joined, Wanted};
use larder_cache::flight::{Outcome, Reader};
use larder_cache::page::Page;
use larder_cache::respond::{self, Account, Ask, CACHE_STATUS};
use larder_cache::sharing::Sharing;
use larder_cache::variant::{Head, Variant};
use larder_cache::{Body, Facts, Handling, Note, Plan, limits, plan};
use larder_policy::{Arrival, set_cookie};
use larder_semantics::range::RangeRequest;
use larder_semantics::vary::Vary;
use larder_semantics::{Reason, Timestamp, validation};

use super::alone::Refused;
use super::errand::Enduring;
use super::follow::{self, Followed};
use super::lead::{self, Errand, Led};
use super::{Answer, Fetch, alone};
use crate::cache::Extensions as Carried;
use crate::error::FetchError;
use crate::inner::Inner;
use crate::{ForNobody, Peer, Visitor};

/// A GET without content, taken apart so that its fields can be shared by all who need them.
struct Asked<B> {
    uri: Uri,
    headers: Arc<HeaderMap>,
    extensions: Extensions,
    facts: Facts,
    body: PhantomData<fn() -> B>,
}

/// Fetches, or validates `variant`, together with others.
pub(super) async fn answer<S, B>(
    fetch: Fetch<S>,
    request: Request<B>,
    facts: Facts,
    mut variant: Option<Variant>,
    mut reason: Reason,
) -> Answer<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let asked = Asked::of(request, facts);
    for look in 0..limits::LOOKS_MAX {
        if look > 0 {
            // What was waited for turned out not to be for this request: look at what is known
            // now.
            match asked.plan_again(&fetch) {
                Plan::Fetch(why) => (variant, reason) = (None, why),
                Plan::Validate(stored, why) => (variant, reason) = (Some(stored), why),
                Plan::Serve { variant, note, .. } => {
                    return Ok(asked.stored_meanwhile(&fetch, &variant, note.reason));
                }
                Plan::Alone(..) | Plan::Pass(_) | Plan::Unsatisfiable => break,
            }
        }
        let (joined, named) = asked.join(&fetch, variant.as_ref(), reason);
        match joined {
            Joined::Lead(lead) => {
                if let Some(variant) = asked.fetched_meanwhile(&fetch) {
                    lead.flight().publish(Outcome::Stored(variant.clone()), None);
                    return Ok(asked.stored_meanwhile(&fetch, &variant, Reason::Fresh));
                }
                let variant = still_there(&fetch, variant.take());
                let errand = match fetch.shared() {
                    Some(sharing) => asked.fill(&fetch, sharing, named.as_ref(), variant),
                    None => asked.errand(variant),
                };
                let led = Enduring::new(lead::lead(fetch.clone(), lead, errand)).await;
                // Where it varies by a field that was not sent, it is sent now that this is known.
                let is_other = match &led {
                    Led::Shared(_, head, _) => !head.matches(&asked.headers),
                    // A 304 can say it, too.
                    Led::Validated(variant) | Led::Reworked(variant) => {
                        !variant.head.matches(&asked.headers)
                    }
                    Led::Stale(..) | Led::Unshared(..) | Led::Refused(..) | Led::Failed(_) => false,
                };
                if !is_other {
                    return conclude(fetch, asked, led, reason).await;
                }
            }
            Joined::Follow(flight) => {
                let ask = asked.ask(&fetch);
                match follow::follow(&fetch, &flight, &ask, &asked.facts, reason).await {
                    Followed::Answer(answer) => return answer,
                    Followed::Alone => break,
                    Followed::LookAgain => {}
                }
            }
            Joined::Full => break,
        }
    }
    alone(fetch, asked, reason).await
}

impl<B: Default> Asked<B> {
    fn of(request: Request<B>, facts: Facts) -> Self {
        let (parts, _no_content) = request.into_parts();
        let Parts { uri, headers, extensions, .. } = parts;
        Self { uri, headers: Arc::new(headers), extensions, facts, body: PhantomData }
    }

    fn ask<'a, S>(&'a self, fetch: &'a Fetch<S>) -> Ask<'a> {
        let range = &self.facts.range;
        Ask { method: &Method::GET, headers: &self.headers, range, dress: fetch.page_dress() }
    }

    /// Joins the fetch that this request can share, or begins one that is to validate `variant`. Also says by which fields a
    /// page that an audience shares is known to vary.
    fn join<S>(
        &self,
        fetch: &Fetch<S>,
        variant: Option<&Variant>,
        reason: Reason,
    ) -> (Joined, Option<Vary>) {
        // Where nothing is stored, nothing is known of how the page varies. Not held on to while others are waited for.
        let known =
            (reason != Reason::UriMiss).then(|| fetch.cache.look_up(&fetch.page.key)).flatten();
        let named = fetch.shared().and_then(|sharing| named(fetch, sharing, known.as_deref()));
        let recipe = match fetch.shared() {
            Some(_) => named.as_ref(),
            None => known.as_deref().and_then(Page::recipe),
        };
        let range = range_line(&self.headers, &self.facts.range);
        // What is shared is fetched whole, for all.
        let range = range.filter(|_| variant.is_none() && fetch.shared().is_none());
        (join(fetch, &self.headers, recipe, range), named)
    }

    fn plan_again<S>(&self, fetch: &Fetch<S>) -> Plan {
        let page = fetch.cache.look_up(&fetch.page.key);
        self.plan_for(fetch, page.as_deref())
            .unless_uncacheable(|| fetch.cache.uncacheable(&fetch.page.key))
    }

    fn plan_for<S>(&self, fetch: &Fetch<S>, page: Option<&Page>) -> Plan {
        let (options, now) = (fetch.cache.options(), fetch.cache.now());
        plan(page, &self.headers, &self.facts, &options.semantics, now)
    }

    /// The fresh page that somebody else's fetch has stored since this request looked: that fetch was over before this one joined.
    fn fetched_meanwhile<S>(&self, fetch: &Fetch<S>) -> Option<Variant> {
        let page = fetch.cache.look_up(&fetch.page.key)?;
        match self.plan_for(fetch, Some(&page)) {
            Plan::Serve { variant, note, .. } if note.handling == Handling::Hit => Some(variant),
            Plan::Serve { .. }
            | Plan::Fetch(_)
            | Plan::Validate(..)
            | Plan::Alone(..)
            | Plan::Pass(_)
            | Plan::Unsatisfiable => None,
        }
    }

    /// The answer to a request that was about to be sent on, and found what another's had brought.
    fn stored_meanwhile<S, U>(
        &self,
        fetch: &Fetch<S>,
        variant: &Variant,
        reason: Reason,
    ) -> Response<Body<U>> {
        let account = Account::cached(Note::new(Handling::Collapsed, reason));
        respond::from_store(variant, &self.ask(fetch), &account, fetch.cache.now())
    }

    fn errand(&self, variant: Option<Variant>) -> Errand<B> {
        let mut headers = HeaderMap::clone(&self.headers);
        match &variant {
            // RFC 9111 §4.3.1.
            Some(variant) => {
                validation::make_conditional(&mut headers, &[variant.head.asked_with()]);
            }
            None => fill(&mut headers, &self.headers, &self.facts.range),
        }
        // Whether others share what comes is the response's to say, as of the fields.
        let request = bodiless(headers, self.uri.clone(), self.extensions.clone());
        let varies = Arc::default();
        Errand { request, client: Arc::clone(&self.headers), varies, variant }
    }

    /// The errand for a page that an audience shares, which varies by `recipe` as far as is known.
    fn fill<S>(
        &self,
        fetch: &Fetch<S>,
        sharing: &Sharing,
        recipe: Option<&Vary>,
        variant: Option<Variant>,
    ) -> Errand<B> {
        let client =
            Client { uri: &self.uri, headers: &self.headers, extensions: &self.extensions };
        fill_errand(fetch, sharing, &client, recipe, variant)
    }

    /// The client's request as it came.
    fn own(&self) -> Request<B> {
        bodiless(HeaderMap::clone(&self.headers), self.uri.clone(), self.extensions.clone())
    }
}

/// The request that a page is fetched for.
struct Client<'a> {
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

/// What is sent for a page that an audience shares: nothing of the client's that does not select it.
fn fill_errand<S, B: Default>(
    fetch: &Fetch<S>,
    sharing: &Sharing,
    client: &Client<'_>,
    recipe: Option<&Vary>,
    variant: Option<Variant>,
) -> Errand<B> {
    let varies: Arc<[HeaderName]> = match recipe {
        Some(Vary::Fields(names)) => names.iter().cloned().collect(),
        Some(Vary::None | Vary::Any) | None => Arc::default(),
    };
    let mut sent = sharing.fill(client.headers, &varies);
    if let Some(host) = fetch.page.host() {
        sent.insert(header::HOST, host);
    }
    let mut headers = sent.clone();
    if let Some(variant) = &variant {
        validation::make_conditional(&mut headers, &[variant.head.asked_with()]);
    }
    let uri = fetch.page.asked_target().unwrap_or_else(|| client.uri.clone());
    let extensions = match fetch.extensions {
        Carried::Fresh => Extensions::new(),
        Carried::Kept => less_the_visitor(client.extensions),
    };
    let mut request = bodiless(headers, uri, extensions);
    request.extensions_mut().insert(ForNobody);
    Errand { request, client: Arc::new(sent), varies, variant }
}

/// Extensions without those of ours that say who asked.
fn less_the_visitor(extensions: &Extensions) -> Extensions {
    let mut kept = extensions.clone();
    kept.remove::<Visitor>();
    kept.remove::<Peer>();
    kept.remove::<Arrival>();
    kept
}

/// By which fields a page that an audience shares is known to vary: as its newest answer said, or else as others of its rule
/// did. Not by those that were sent without need: so they are sent no more.
fn named<S>(fetch: &Fetch<S>, sharing: &Sharing, page: Option<&Page>) -> Option<Vary> {
    if let Some(newest) = page.and_then(|page| page.variants().first()) {
        return Some(sharing.named(newest));
    }
    let names = fetch.cache.varies(sharing.rule())?;
    Some(Vary::Fields(names.iter().cloned().collect()))
}

/// Asks for this request only, after all.
async fn alone<S, B>(fetch: Fetch<S>, asked: Asked<B>, why: Reason) -> Answer<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    // Rare, and large: they would make every fetch's future larger.
    let request = asked.own();
    if fetch.shared().is_some() {
        let refused = Refused { reason: why, cookie: None };
        return Box::pin(alone::own(fetch, request, why, &refused)).await;
    }
    Box::pin(alone::ask(fetch, request, &asked.facts, None, why)).await
}

/// Brings a stale page up to date in the background, unless somebody does already.
pub(crate) fn refresh<S, B>(fetch: Fetch<S>, request: Request<B>, variant: Variant)
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let (parts, _no_content) = request.into_parts();
    let recipe = Some(&variant.head.vary);
    if let Joined::Lead(lead) = join(&fetch, &parts.headers, recipe, None) {
        if let Some(outcome) = tried_meanwhile(&fetch, &parts.headers) {
            lead.flight().publish(outcome, None);
            return;
        }
        let errand: Errand<B> = if let Some(sharing) = fetch.shared() {
            let recipe = Some(sharing.named(&variant));
            let Parts { uri, headers, extensions, .. } = &parts;
            let client = Client { uri, headers, extensions };
            let variant = still_there(&fetch, Some(variant));
            fill_errand(&fetch, sharing, &client, recipe.as_ref(), variant)
        } else {
            let mut headers = parts.headers.clone();
            let variant = still_there(&fetch, Some(variant));
            match &variant {
                Some(it) => validation::make_conditional(&mut headers, &[it.head.asked_with()]),
                None => fill(&mut headers, &parts.headers, &RangeRequest::None),
            }
            Errand {
                request: bodiless(headers, parts.uri, parts.extensions),
                client: Arc::new(parts.headers),
                varies: Arc::default(),
                variant,
            }
        };
        tokio::spawn(async move { drop(lead::lead::<S, B>(fetch, lead, errand).await) });
    }
}

/// What those are told who join a refresh that is not needed any more: another has ended since the page was seen to be stale. One
/// that failed leaves the application in peace for a moment, and says nothing of what is stored.
fn tried_meanwhile<S>(fetch: &Fetch<S>, client: &HeaderMap) -> Option<Outcome> {
    let page = fetch.cache.look_up(&fetch.page.key)?;
    let now = fetch.cache.now();
    if page.failure(now).is_some() {
        return Some(Outcome::Unshared(Reason::Stale));
    }
    let newest = page.variants().iter().find(|variant| variant.head.matches(client))?;
    newest.head.freshness.is_fresh(now).then(|| Outcome::Stored(newest.clone()))
}

/// Joins the fetch of this page that is in progress, or begins one.
fn join<S>(
    fetch: &Fetch<S>,
    client: &HeaderMap,
    recipe: Option<&Vary>,
    range: Option<&HeaderValue>,
) -> Joined {
    let wanted = Wanted { key: &fetch.page.key, request: client, recipe, range };
    fetch.cache.flights().join_or_lead(&wanted)
}

/// The stored response, unless it was purged or evicted since it was decided to validate it. From now on whoever joins is told
/// of purges; before, nobody could be: they would get what a purge of before they asked had ended.
fn still_there<S>(fetch: &Fetch<S>, variant: Option<Variant>) -> Option<Variant> {
    variant.filter(|variant| fetch.cache.has(&fetch.page.key, variant))
}

/// The line that the application is sent when a range is asked for of a page that is not stored.
fn range_line<'a>(client: &'a HeaderMap, range: &RangeRequest) -> Option<&'a HeaderValue> {
    match range {
        RangeRequest::None => None,
        RangeRequest::Single(_) | RangeRequest::Several => client.get(header::RANGE),
    }
}

/// The fields of a request whose answer fills the cache: the client's conditions are not the
/// cache's.
fn fill(headers: &mut HeaderMap, client: &HeaderMap, range: &RangeRequest) {
    validation::strip_conditions(headers);
    if let Some(line) = range_line(client, range) {
        headers.insert(header::RANGE, line.clone());
        if let Some(condition) = client.get(header::IF_RANGE) {
            headers.insert(header::IF_RANGE, condition.clone());
        }
    }
}

fn bodiless<B: Default>(headers: HeaderMap, uri: Uri, extensions: Extensions) -> Request<B> {
    let mut request = Request::new(B::default());
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    *request.extensions_mut() = extensions;
    request
}

/// Makes the asker's response out of what its fetch brought.
async fn conclude<S, B>(
    fetch: Fetch<S>,
    asked: Asked<B>,
    led: Led<S::Body>,
    why: Reason,
) -> Answer<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let now = fetch.cache.now();
    match led {
        Led::Shared(mut parts, head, reader) => {
            let account = Account::forwarded(Handling::Miss, why).stored();
            let ask = asked.ask(&fetch);
            if fetch.shared().is_some()
                && let Some(response) =
                    respond::from_flight(&head, reader.flight(), &ask, &account, now)
            {
                return Ok(response);
            }
            if let Some(response) = as_asked(&ask, &head, &reader, &account, now) {
                return Ok(response);
            }
            // As many as may read along already: the asker's own place is left, and the answer's head as it came.
            if let Some(dress) = fetch.page_dress() {
                dress.apply(&mut parts.headers, head.freshness.current_age(now));
            }
            let told = account.cache_status(Some(&head.freshness), now);
            parts.headers.append(CACHE_STATUS, told);
            Ok(Response::from_parts(parts, Body::shared(reader, account.note)))
        }
        Led::Validated(variant) => {
            Ok(respond::from_store(&variant, &asked.ask(&fetch), &validated(why), now))
        }
        Led::Reworked(variant) => {
            let account = Account::forwarded(Handling::Miss, why).stored();
            Ok(respond::from_store(&variant, &asked.ask(&fetch), &account, now))
        }
        Led::Stale(variant, reason) => {
            let account = Account::cached(Note::new(Handling::Stale, reason));
            Ok(respond::from_store(&variant, &asked.ask(&fetch), &account, now))
        }
        Led::Unshared(response, reason) if fetch.shared().is_some() => {
            unshared(fetch, &asked, response, why, reason).await
        }
        Led::Unshared(response, _) if response.status() == StatusCode::NOT_MODIFIED => {
            // The condition was ours, so this 304 is no answer for the client.
            alone(fetch, asked, why).await
        }
        Led::Refused(_, _, reason) if fetch.shared().is_some() => {
            // It has a token, or nobody knows: made for nobody, it is not given to anybody.
            let refused = Refused { reason, cookie: None };
            Box::pin(alone::own(fetch, asked.own(), why, &refused)).await
        }
        Led::Refused(mut parts, reader, reason) => {
            let account = Account::forwarded(Handling::Miss, why).not_stored(reason);
            parts.headers.append(CACHE_STATUS, account.cache_status(None, now));
            Ok(Response::from_parts(parts, Body::shared(reader, account.note)))
        }
        Led::Unshared(response, reason) => {
            let account = Account::forwarded(Handling::Miss, why).not_stored(reason);
            Ok(alone::dress(response, &account, now))
        }
        Led::Failed(reason) => Err(FetchError::application(why, reason)),
    }
}

/// Whether an answer for nobody may be another for a client: it has a cookie, or a field by which the answer varies.
fn varies_for(vary: &Vary, client: &HeaderMap) -> bool {
    client.contains_key(header::COOKIE)
        || match vary {
            Vary::None => false,
            Vary::Any => true,
            Vary::Fields(names) => names.iter().any(|name| client.contains_key(name)),
        }
}

/// The answer to one who asked for a page that turned out not to be one to share.
async fn unshared<S, B>(
    fetch: Fetch<S>,
    asked: &Asked<B>,
    response: Response<S::Body>,
    why: Reason,
    reason: Reason,
) -> Answer<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    // What was made for nobody may be given to anybody, less its cookies: an application in trouble, or a body that is only
    // too large, is not asked twice. Nor is one that knows no such page, for a visitor who has nothing to be known by: who
    // makes up URLs must not make it work twice.
    let is_unknown = matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE)
        && reason == Reason::NoLifetimeNorValidator
        && !varies_for(&Vary::of(response.headers()), &asked.headers);
    if response.status().is_server_error() || reason == Reason::TooLarge || is_unknown {
        let account = Account::forwarded(Handling::Miss, why).not_stored(reason);
        let now = fetch.cache.now();
        let mut response = alone::dress(response, &account, now);
        response.headers_mut().remove(header::SET_COOKIE);
        // It was made for the page's audience, not for this visitor: whom it is for, others on the way are told as of a page.
        let is_error = response.status().is_server_error();
        let dress = if is_error { fetch.own_dress() } else { fetch.page_dress() };
        if let Some(dress) = dress {
            dress.apply(response.headers_mut(), std::time::Duration::ZERO);
        }
        return Ok(response);
    }
    // Everything else may be what it is because the visitor was left out of it: their own request decides.
    let dropped = fetch.shared().and_then(Sharing::share).map(|share| &*share.drop_set_cookie);
    let cookie = set_cookie::kept_name(response.headers(), dropped.unwrap_or_default())
        .filter(|_| reason == Reason::SetCookie)
        .map(|name| String::from_utf8_lossy(name).into_owned());
    drop(response);
    Box::pin(alone::own(fetch, asked.own(), why, &Refused { reason, cookie })).await
}

/// A stored response that the application has just confirmed.
pub(super) fn validated(why: Reason) -> Account {
    Account {
        note: Note::new(Handling::Validated, Reason::Validated),
        forwarded: Some(why),
        forwarded_status: Some(StatusCode::NOT_MODIFIED),
        stored: true,
    }
}

/// The answer to a client whose conditions or range the fetch did not carry.
fn as_asked<U>(
    ask: &Ask<'_>,
    head: &Head,
    reader: &Reader,
    account: &Account,
    now: Timestamp,
) -> Option<Response<Body<U>>> {
    let special = ask.headers.contains_key(header::IF_NONE_MATCH)
        || ask.headers.contains_key(header::IF_MODIFIED_SINCE)
        || matches!(ask.range, RangeRequest::Single(_));
    if !special || head.exact_range.is_some() {
        return None;
    }
    respond::from_flight(head, reader.flight(), ask, account, now)
}
