//! Asking for one request only; what comes may be kept, freshen or invalidate what is stored.

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode};
use larder_cache::collapse::Epoch;
use larder_cache::finish::Finish;
use larder_cache::flight::Outcome;
use larder_cache::publish::Settled;
use larder_cache::receive::{Answer as Received, Draft, Freshened, content_length};
use larder_cache::respond::{self, Account, Ask, CACHE_STATUS};
use larder_cache::variant::Variant;
use larder_cache::{Body, Facts, Handling, Note};
use larder_policy::hygiene;
use larder_semantics::{Failure, Reason, Timestamp, invalidation, validation};

use super::ask::Sent;
use super::lead::{self, Verdict, usable_stale, weigh};
use super::shared::validated;
use super::{Answer, Fetch};
use crate::error::FetchError;
use crate::inner::Inner;

/// Asks for a GET or HEAD on its own. `stored` is what is there but can't be used as it is.
pub(super) async fn ask<S, B>(
    mut fetch: Fetch<S>,
    mut request: Request<B>,
    facts: &Facts,
    stored: Option<Variant>,
    why: Reason,
) -> Answer<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let since = fetch.cache.flights().epoch(&fetch.page.key);
    let method = request.method().clone();
    let client = request.headers().clone();
    let ask = Ask { method: &method, headers: &client, range: &facts.range, dress: None };
    // RFC 9111 §4.3.5: a HEAD goes on as it came and says something about what is stored.
    let validates = stored.as_ref().filter(|_| method == Method::GET);
    if let Some(variant) = validates {
        validation::make_conditional(request.headers_mut(), &[variant.head.asked_with()]);
    }
    let Sent { response, timing, birth } = match fetch.send(request).await {
        Ok(answer) => answer,
        Err(reason) => {
            let stale = usable_stale(&fetch, stored, Failure::Disconnected);
            let error = FetchError::application(why, reason);
            return stale.map_or(Err(error), |stale| Ok(serve_stale(&fetch, stale, &ask)));
        }
    };
    if response.status().is_server_error() {
        let failure = Failure::Status(response.status());
        if let Some(stale) = usable_stale(&fetch, stored.clone(), failure) {
            return Ok(serve_stale(&fetch, stale, &ask));
        }
    }
    if method == Method::HEAD {
        let sent = Sent { response, timing, birth };
        return Ok(head_answer(&fetch, &client, sent, stored.as_ref(), why));
    }
    let (parts, body) = response.into_parts();
    let received = Received {
        method: &method,
        request: &client,
        status: parts.status,
        response: &parts.headers,
        timing,
        sharing: None,
        birth: &birth,
    };
    let account = Account::forwarded(handling_of(why), why);
    let now = timing.response_time;
    match weigh(&fetch, &received, stored.as_ref()) {
        Verdict::Valid(newer) => {
            take_in(&fetch, &newer);
            Ok(respond::from_store(&newer.variant, &ask, &validated(why), now))
        }
        Verdict::Keep(draft) => {
            let response = Response::from_parts(parts, body);
            match in_vain(&fetch, &draft, response.headers()) {
                Some(reason) => Ok(dress(response, &account.not_stored(reason), now)),
                None => Ok(keep(fetch, response, draft, since, &account).await),
            }
        }
        Verdict::Refuse(reason) => {
            if !parts.status.is_server_error() && parts.status != StatusCode::NOT_MODIFIED {
                fetch.cache.mark_uncacheable(&fetch.page.key, reason);
            }
            let account = account.not_stored(reason);
            Ok(dress(Response::from_parts(parts, body), &account, now))
        }
    }
}

/// Why there is no use in trying to keep the page: not long ago it outgrew what is kept, and does not say its length now either;
/// or it had a token.
fn in_vain<S>(fetch: &Fetch<S>, draft: &Draft, response: &HeaderMap) -> Option<Reason> {
    let known = fetch.cache.uncacheable(&fetch.page.key)?;
    let is_endless = known == Reason::TooLarge && content_length(response).is_none();
    let is_looked_at = draft.finish != Finish::AsItIs;
    let is_refused = known.is_token() || known == Reason::HtmlSlow;
    (is_endless || is_looked_at && is_refused).then_some(known)
}

/// Puts the newer head on the stored response, or forgets it where that forbids to share it.
fn take_in<S>(fetch: &Fetch<S>, newer: &Freshened) {
    match newer.keep {
        Ok(()) => fetch.cache.freshen(&fetch.page.key, &newer.variant, None),
        Err(_) => fetch.cache.forget(&fetch.page.key, &newer.variant),
    }
}

fn handling_of(why: Reason) -> Handling {
    if why == Reason::KnownUncacheable { Handling::Pass } else { Handling::Miss }
}

/// Hands the visitor's own request for a page that is shared on, with all that it came with, because the answer made for all
/// was not one to share. Nothing of its answer is kept.
pub(super) async fn own<S, B>(
    mut fetch: Fetch<S>,
    request: Request<B>,
    why: Reason,
    refused: &Refused,
) -> Answer<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let sent = fetch.send(request).await;
    let Sent { response, timing, .. } =
        sent.map_err(|reason| FetchError::application(why, reason))?;
    let account = Account::forwarded(Handling::Pass, why).not_stored(refused.reason);
    let response = dress(response, &account, timing.response_time);
    let mut response = dressed(&fetch, response);
    refused.tell(response.headers_mut());
    Ok(response)
}

/// Why an answer made for all was not one to share.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reason: Reason,
    /// The cookie that it sets, if that is why.
    pub(super) cookie: Option<String>,
}

impl Refused {
    /// Names the cookie at the end of our line of `Cache-Status`.
    fn tell(&self, headers: &mut HeaderMap) {
        let Some(cookie) = &self.cookie else { return };
        let Some(line) = headers.get_all(CACHE_STATUS).iter().next_back() else { return };
        // RFC 9651 §3.3.3: what can't stand in a string is left out.
        let name: String =
            cookie.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
        let line = [line.as_bytes(), b"; cookie=\"", name.as_bytes(), b"\""].concat();
        let lines: Vec<_> = headers.get_all(CACHE_STATUS).iter().cloned().collect();
        let Ok(line) = http::HeaderValue::try_from(line) else { return };
        headers.remove(CACHE_STATUS);
        for before in lines.iter().rev().skip(1).rev() {
            headers.append(CACHE_STATUS, before.clone());
        }
        headers.append(CACHE_STATUS, line);
    }
}

/// The visitor's own answer as a rule wants it seen.
fn dressed<S, U>(fetch: &Fetch<S>, mut response: Response<Body<U>>) -> Response<Body<U>> {
    if let Some(dress) = fetch.own_dress() {
        dress.apply(response.headers_mut(), std::time::Duration::ZERO);
    }
    response
}

/// Hands a request on that the cache may not look into. Its answer may invalidate what is stored
/// (RFC 9111 §4.4), or, to a POST, be stored (RFC 9110 §9.3.3).
pub(super) async fn pass<S, B>(
    mut fetch: Fetch<S>,
    request: Request<B>,
    why: Reason,
) -> Answer<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let since = fetch.cache.flights().epoch(&fetch.page.key);
    let method = request.method().clone();
    // Where a rule has a word, only a GET fills a page.
    // What was asked for in truth may be another method and another page.
    let may_fill = method == Method::POST
        && fetch.ruled.is_none()
        && !hygiene::has_override(request.headers());
    let client = may_fill.then(|| request.headers().clone());
    let sent = fetch.send(request).await;
    let Sent { response, timing, birth } =
        sent.map_err(|reason| FetchError::application(why, reason))?;
    let now = timing.response_time;
    if invalidation::invalidates(&method, response.status())
        && let Some(settled) = invalidate(&fetch, response.headers())
    {
        // Nobody hears of a change before its old pages are gone elsewhere, too, or that is seen to.
        settled.await;
    }
    let account = Account::forwarded(Handling::Pass, why);
    let Some(client) = client else {
        return Ok(dressed(&fetch, dress(response, &account, now)));
    };
    let (parts, body) = response.into_parts();
    let received = Received {
        method: &method,
        request: &client,
        status: parts.status,
        response: &parts.headers,
        timing,
        sharing: None,
        birth: &birth,
    };
    let target = fetch.page.target();
    let draft = target
        .ok_or(Reason::Method)
        .and_then(|target| received.draft_of_post(&target, &fetch.cache.options()));
    let too_large = content_length(&parts.headers)
        .is_some_and(|length| length > fetch.cache.kept_max(&fetch.page.key));
    let response = Response::from_parts(parts, body);
    match draft {
        Ok(draft) if !too_large => {
            // What is kept is a success, so it was itself a change.
            Ok(keep(fetch, response, draft, since.after_own_change(), &account).await)
        }
        Ok(_) | Err(_) => Ok(dress(response, &account, now)),
    }
}

/// RFC 9111 §4.4: the target, and what `Location` and `Content-Location` of the same origin name; RFC 9875 §3: the groups of
/// the same origin that the answer names.
fn invalidate<S>(fetch: &Fetch<S>, response: &HeaderMap) -> Option<Settled> {
    fetch.cache.invalidate(&fetch.page.key);
    fetch.cache.invalidate_groups(&fetch.page.key, response);
    let mut others = Vec::new();
    if let Some(target) = fetch.page.target() {
        let options = fetch.cache.options();
        for other in invalidation::also_invalidated(&target, response) {
            if let Some(key) = fetch.page.key_of(&other, &options.policy) {
                fetch.cache.invalidate(key.as_bytes());
                others.push(key);
            }
        }
    }
    fetch.cache.publisher()?;
    let others = others.iter().map(larder_policy::KeyBuf::as_bytes);
    let keys: Vec<&[u8]> = std::iter::once(&*fetch.page.key).chain(others).collect();
    fetch.cache.tell_out_of_date(&keys, response)
}

/// Sends a response on while it is being stored, unless the page was invalidated `since`.
async fn keep<S, U>(
    fetch: Fetch<S>,
    response: Response<U>,
    draft: Draft,
    since: Epoch,
    account: &Account,
) -> Response<Body<U>>
where
    S: Send + Sync + 'static,
    U: http_body::Body<Data = Bytes> + Send + 'static,
    U::Error: Into<Reason>,
{
    let now = draft.head.freshness.response_time;
    // A part answers those only who ask for the same part.
    let range = draft.head.exact_range.clone();
    let Some(lead) = fetch.cache.flights().lead_alone(&fetch.page.key, range, since, draft.born())
    else {
        return dress(response, &account.not_stored(Reason::InvalidatedMeanwhile), now);
    };
    let Some(reader) = lead.flight().reader(0, None) else {
        return dress(response, account, now);
    };
    let (mut parts, body) = response.into_parts();
    let freshness = draft.head.freshness;
    let looked_at = lead::begin(&fetch.cache, lead, draft, (&parts, body), None);
    let account = match looked_at.wait_a_moment().await {
        Some(Outcome::Unshared(reason)) => account.not_stored(reason),
        None | Some(_) => account.stored(),
    };
    parts.headers.append(CACHE_STATUS, account.cache_status(Some(&freshness), now));
    Response::from_parts(parts, Body::shared(reader, account.note))
}

/// The answer to a HEAD, after what it says about the stored response was taken in.
fn head_answer<S, U>(
    fetch: &Fetch<S>,
    client: &HeaderMap,
    Sent { response, timing, birth }: Sent<U>,
    stored: Option<&Variant>,
    why: Reason,
) -> Response<Body<U>> {
    if let Some(variant) = stored {
        let received = Received {
            method: &Method::HEAD,
            request: client,
            status: response.status(),
            response: response.headers(),
            timing,
            sharing: None,
            birth: &birth,
        };
        if let Some(newer) = received.freshened_by_head(variant, &fetch.cache.options()) {
            take_in(fetch, &newer);
        }
    }
    dress(response, &Account::forwarded(Handling::Miss, why), timing.response_time)
}

/// A stale response, because the application failed.
fn serve_stale<S, U>(
    fetch: &Fetch<S>,
    (variant, reason): (Variant, Reason),
    ask: &Ask<'_>,
) -> Response<Body<U>> {
    let account = Account::cached(Note::new(Handling::Stale, reason));
    respond::from_store(&variant, ask, &account, fetch.cache.now())
}

/// The application's response, with our line of `Cache-Status`.
pub(super) fn dress<U>(
    response: Response<U>,
    account: &Account,
    now: Timestamp,
) -> Response<Body<U>> {
    let mut response = response.map(|body| Body::upstream(body, account.note));
    response.headers_mut().append(CACHE_STATUS, account.cache_status(None, now));
    response
}
