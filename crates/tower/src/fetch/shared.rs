//! Asking together with others: one fetch for everybody who wants the same page.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Method, Request, Response, StatusCode, Uri};
use larder_cache::collapse::{Joined, Wanted};
use larder_cache::respond::{self, Account, Ask, CACHE_STATUS};
use larder_cache::variant::{Head, Variant};
use larder_cache::{Body, Facts, Handling, Note, Plan, limits, plan};
use larder_semantics::range::RangeRequest;
use larder_semantics::{Reason, validation};
use tokio::sync::oneshot;
use tower_service::Service;

use super::follow::{self, Followed};
use super::lead::{self, Errand, Led};
use super::{Answer, Fetch, alone};
use crate::{FetchError, RequestBody};

/// Fetches, or validates `variant`, together with others.
pub(super) async fn answer<S, B, U>(
    fetch: Fetch<S>,
    request: Request<B>,
    facts: Facts,
    mut variant: Option<Variant>,
    mut reason: Reason,
) -> Answer<U>
where
    S: Service<Request<RequestBody<B>>, Response = Response<U>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Reason>,
    B: http_body::Body + Send + 'static,
    U: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    U::Error: Into<Reason>,
{
    for _ in 0..limits::LOOKS_MAX {
        match join(&fetch, request.headers(), &facts.range, variant.is_some()) {
            Joined::Lead(lead) => {
                let (sender, receiver) = oneshot::channel();
                let errand = Errand {
                    request: errand_request(request.headers(), request.uri(), &facts, &variant),
                    client: request.headers().clone(),
                    variant,
                };
                tokio::spawn(lead::lead(fetch.clone(), lead, errand, Some(sender)));
                // The task always tells, unless it panicked.
                let led = receiver.await.unwrap_or(Led::Failed(Reason::ClosedEarly));
                return conclude(fetch, request, &facts, led, reason).await;
            }
            Joined::Follow(flight) => {
                let ask = ask_of(&request, &facts);
                match follow::follow(&fetch, &flight, &ask, &facts, reason).await {
                    Followed::Answer(answer) => return answer,
                    Followed::Alone => break,
                    Followed::LookAgain => {}
                }
            }
            Joined::Full => break,
        }
        // What was waited for turned out not to be for this request: look at what is known now.
        let page = fetch.cache.look_up(&fetch.page.key);
        let now = fetch.cache.now();
        let semantics = fetch.cache.options().semantics.clone();
        match plan(page.as_deref(), request.headers(), &facts, &semantics, now) {
            Plan::Fetch(why) => (variant, reason) = (None, why),
            Plan::Validate(stored, why) => (variant, reason) = (Some(stored), why),
            Plan::Serve { variant, note, .. } => {
                let account = Account::cached(Note::new(Handling::Collapsed, note.reason));
                return Ok(respond::from_store(&variant, &ask_of(&request, &facts), &account, now));
            }
            Plan::Alone(..) | Plan::Pass(_) | Plan::Unsatisfiable => break,
        }
    }
    alone::ask(fetch, request, &facts, None, reason).await
}

/// Brings a stale page up to date in the background, unless somebody does already.
pub(crate) fn refresh<S, B, U>(fetch: Fetch<S>, client: &HeaderMap, uri: &Uri, variant: Variant)
where
    S: Service<Request<RequestBody<B>>, Response = Response<U>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Reason>,
    B: http_body::Body + Send + 'static,
    U: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    U::Error: Into<Reason>,
{
    if let Joined::Lead(lead) = join(&fetch, client, &RangeRequest::None, true) {
        let request = validating_request(client, uri, &variant);
        let errand = Errand { request, client: client.clone(), variant: Some(variant) };
        tokio::spawn(lead::lead::<S, B, U>(fetch, lead, errand, None));
    }
}

/// Joins the fetch of this page that is in progress, or begins one.
fn join<S>(fetch: &Fetch<S>, client: &HeaderMap, range: &RangeRequest, validates: bool) -> Joined {
    let page = fetch.cache.look_up(&fetch.page.key);
    let wanted = Wanted {
        key: &fetch.page.key,
        request: client,
        recipe: page.as_deref().and_then(|page| page.recipe()),
        range: range_line(client, range).filter(|_| !validates),
    };
    fetch.cache.flights().join_or_lead(&wanted)
}

/// The line that the application is sent when a range is asked for of a page that is not stored.
fn range_line<'a>(client: &'a HeaderMap, range: &RangeRequest) -> Option<&'a http::HeaderValue> {
    match range {
        RangeRequest::None => None,
        RangeRequest::Single(_) | RangeRequest::Several => client.get(header::RANGE),
    }
}

fn errand_request<B>(
    client: &HeaderMap,
    uri: &Uri,
    facts: &Facts,
    variant: &Option<Variant>,
) -> Request<RequestBody<B>> {
    match variant {
        Some(variant) => validating_request(client, uri, variant),
        None => filling_request(client, uri, &facts.range),
    }
}

/// A request whose answer fills the cache: the client's conditions are not the cache's.
fn filling_request<B>(
    client: &HeaderMap,
    uri: &Uri,
    range: &RangeRequest,
) -> Request<RequestBody<B>> {
    let mut headers = client.clone();
    validation::strip_conditions(&mut headers);
    if let Some(line) = range_line(client, range) {
        headers.insert(header::RANGE, line.clone());
        if let Some(condition) = client.get(header::IF_RANGE) {
            headers.insert(header::IF_RANGE, condition.clone());
        }
    }
    bodiless(headers, uri)
}

/// A request that validates `variant` (RFC 9111 §4.3.1).
fn validating_request<B>(
    client: &HeaderMap,
    uri: &Uri,
    variant: &Variant,
) -> Request<RequestBody<B>> {
    let mut headers = client.clone();
    validation::make_conditional(&mut headers, &[&variant.head.validators]);
    bodiless(headers, uri)
}

fn bodiless<B>(headers: HeaderMap, uri: &Uri) -> Request<RequestBody<B>> {
    let mut request = Request::new(RequestBody::Empty);
    *request.method_mut() = Method::GET;
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers;
    request
}

/// What a request asks for.
pub(super) fn ask_of<'a, B>(request: &'a Request<B>, facts: &'a Facts) -> Ask<'a> {
    Ask { method: request.method(), headers: request.headers(), range: &facts.range }
}

/// Makes the asker's response out of what its fetch brought.
async fn conclude<S, B, U>(
    fetch: Fetch<S>,
    request: Request<B>,
    facts: &Facts,
    led: Led<U>,
    why: Reason,
) -> Answer<U>
where
    S: Service<Request<RequestBody<B>>, Response = Response<U>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Reason>,
    B: http_body::Body + Send + 'static,
    U: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    U::Error: Into<Reason>,
{
    let now = fetch.cache.now();
    match led {
        Led::Shared(parts, head, reader) => {
            let account = Account::forwarded(Handling::Miss, why).stored();
            if let Some(response) = as_asked(&request, facts, &head, &reader, &account, now) {
                return Ok(response);
            }
            let told = account.cache_status(Some(&head.freshness), now);
            let mut parts = *parts;
            parts.headers.append(CACHE_STATUS, told);
            Ok(Response::from_parts(parts, Body::shared(reader, account.note)))
        }
        Led::Validated(variant) => {
            let account = validated(why);
            Ok(respond::from_store(&variant, &ask_of(&request, facts), &account, now))
        }
        Led::Stale(variant, reason) => {
            let account = Account::cached(Note::new(Handling::Stale, reason));
            Ok(respond::from_store(&variant, &ask_of(&request, facts), &account, now))
        }
        Led::Unshared(response, _) if response.status() == StatusCode::NOT_MODIFIED => {
            // The condition was ours, so this 304 is no answer for the client.
            alone::ask(fetch, request, facts, None, why).await
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
fn as_asked<B, U>(
    request: &Request<B>,
    facts: &Facts,
    head: &Head,
    reader: &larder_cache::flight::Reader,
    account: &Account,
    now: larder_semantics::Timestamp,
) -> Option<Response<Body<U>>> {
    let headers = request.headers();
    let special = headers.contains_key(header::IF_NONE_MATCH)
        || headers.contains_key(header::IF_MODIFIED_SINCE)
        || matches!(facts.range, RangeRequest::Single(_));
    if !special || head.exact_range.is_some() {
        return None;
    }
    let flight = Arc::clone(reader.flight());
    respond::from_flight(head, &flight, &ask_of(request, facts), account, now)
}
