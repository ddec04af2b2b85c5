//! Asking together with others: one fetch for everybody who wants the same page.

use std::marker::PhantomData;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use larder_cache::collapse::{Joined, Wanted};
use larder_cache::flight::Reader;
use larder_cache::respond::{self, Account, Ask, CACHE_STATUS};
use larder_cache::variant::{Head, Variant};
use larder_cache::{Body, Facts, Handling, Note, Plan, limits, plan};
use larder_semantics::range::RangeRequest;
use larder_semantics::vary::Vary;
use larder_semantics::{Reason, Timestamp, validation};

use super::errand::Enduring;
use super::follow::{self, Followed};
use super::lead::{self, Errand, Led};
use super::{Answer, Fetch, alone};
use crate::{FetchError, Inner, RequestBody};

/// A GET without content, taken apart so that its fields can be shared by all who need them.
struct Asked<B> {
    uri: Uri,
    headers: Arc<HeaderMap>,
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
    B: http_body::Body + Send + 'static,
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
                    let account = Account::cached(Note::new(Handling::Collapsed, note.reason));
                    let now = fetch.cache.now();
                    return Ok(respond::from_store(&variant, &asked.ask(), &account, now));
                }
                Plan::Alone(..) | Plan::Pass(_) | Plan::Unsatisfiable => break,
            }
        }
        // Where nothing is stored, nothing is known of how the page varies.
        let known =
            (reason != Reason::UriMiss).then(|| fetch.cache.look_up(&fetch.page.key)).flatten();
        let recipe = known.as_deref().and_then(larder_cache::page::Page::recipe);
        let range = range_line(&asked.headers, &asked.facts.range);
        let range = range.filter(|_| variant.is_none());
        match join(&fetch, &asked.headers, recipe, range) {
            Joined::Lead(lead) => {
                let errand = asked.errand(variant);
                let led = Enduring::new(lead::lead(fetch.clone(), lead, errand)).await;
                return conclude(fetch, asked, led, reason).await;
            }
            Joined::Follow(flight) => {
                match follow::follow(&fetch, &flight, &asked.ask(), &asked.facts, reason).await {
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

impl<B> Asked<B> {
    fn of(request: Request<B>, facts: Facts) -> Self {
        let (parts, _no_content) = request.into_parts();
        Self { uri: parts.uri, headers: Arc::new(parts.headers), facts, body: PhantomData }
    }

    fn ask(&self) -> Ask<'_> {
        Ask { method: &Method::GET, headers: &self.headers, range: &self.facts.range }
    }

    fn plan_again<S>(&self, fetch: &Fetch<S>) -> Plan {
        let page = fetch.cache.look_up(&fetch.page.key);
        let options = fetch.cache.options();
        let now = fetch.cache.now();
        plan(page.as_deref(), &self.headers, &self.facts, &options.semantics, now)
            .unless_uncacheable(|| fetch.cache.uncacheable(&fetch.page.key))
    }

    fn errand(&self, variant: Option<Variant>) -> Errand<B> {
        let mut headers = HeaderMap::clone(&self.headers);
        match &variant {
            // RFC 9111 §4.3.1.
            Some(variant) => {
                validation::make_conditional(&mut headers, &[&variant.head.validators]);
            }
            None => fill(&mut headers, &self.headers, &self.facts.range),
        }
        let request = bodiless(headers, self.uri.clone());
        Errand { request, client: Arc::clone(&self.headers), variant }
    }
}

/// Asks for this request only, after all.
async fn alone<S, B>(fetch: Fetch<S>, asked: Asked<B>, why: Reason) -> Answer<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Send + 'static,
{
    let request = bodiless(HeaderMap::clone(&asked.headers), asked.uri);
    // Rare, and large: it would make every fetch's future larger.
    Box::pin(alone::ask(fetch, request, &asked.facts, None, why)).await
}

/// Brings a stale page up to date in the background, unless somebody does already.
pub(crate) fn refresh<S, B>(fetch: Fetch<S>, request: Request<B>, variant: Variant)
where
    S: Inner<B>,
    B: http_body::Body + Send + 'static,
{
    let (parts, _no_content) = request.into_parts();
    let recipe = Some(&variant.head.vary);
    if let Joined::Lead(lead) = join(&fetch, &parts.headers, recipe, None) {
        let mut headers = parts.headers.clone();
        validation::make_conditional(&mut headers, &[&variant.head.validators]);
        let errand: Errand<B> = Errand {
            request: bodiless(headers, parts.uri),
            client: Arc::new(parts.headers),
            variant: Some(variant),
        };
        tokio::spawn(async move { drop(lead::lead::<S, B>(fetch, lead, errand).await) });
    }
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

fn bodiless<B>(headers: HeaderMap, uri: Uri) -> Request<RequestBody<B>> {
    let mut request = Request::new(RequestBody::Empty);
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
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
    B: http_body::Body + Send + 'static,
{
    let now = fetch.cache.now();
    match led {
        Led::Shared(mut parts, head, reader) => {
            let account = Account::forwarded(Handling::Miss, why).stored();
            if let Some(response) = as_asked(&asked.ask(), &head, &reader, &account, now) {
                return Ok(response);
            }
            let told = account.cache_status(Some(&head.freshness), now);
            parts.headers.append(CACHE_STATUS, told);
            Ok(Response::from_parts(parts, Body::shared(reader, account.note)))
        }
        Led::Validated(variant) => {
            Ok(respond::from_store(&variant, &asked.ask(), &validated(why), now))
        }
        Led::Stale(variant, reason) => {
            let account = Account::cached(Note::new(Handling::Stale, reason));
            Ok(respond::from_store(&variant, &asked.ask(), &account, now))
        }
        Led::Unshared(response, _) if response.status() == StatusCode::NOT_MODIFIED => {
            // The condition was ours, so this 304 is no answer for the client.
            alone(fetch, asked, why).await
        }
        Led::Unshared(response, reason) => {
            let account = Account::forwarded(Handling::Miss, why).not_stored(reason);
            Ok(alone::dress(response, &account, now))
        }
        Led::Failed(reason) => Err(FetchError::application(why, reason)),
    }
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
