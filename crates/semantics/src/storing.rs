//! Whether a response may be stored, and which of its fields: [RFC 9111 §3].
//!
//! `may_store` says why not, in the order in which an operator wants to hear it: what the application
//! forbids, then what is not safe to share, then what would be of no use.
//!
//! [RFC 9111 §3]: https://www.rfc-editor.org/rfc/rfc9111#section-3

use http::{
    HeaderMap, HeaderName, Method, StatusCode, Uri,
    header::{
        AGE, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, DATE,
        EXPIRES, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE, VARY,
    },
};

use crate::field::cache_control::{self, Flags};
use crate::field::names::{
    CDN_CACHE_CONTROL, KEEP_ALIVE, PROXY_AUTHENTICATION_INFO, PROXY_CONNECTION, SURROGATE_CONTROL,
};
use crate::field::targeted::Governing;
use crate::field::{date, list};
use crate::{Freshness, Reason, RequestDirectives, Settings, Timestamp, Timing, Vary};
use crate::{invalidation, range};

/// A request and the head of its response.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's fields, as the client sent them: `Authorization` and directives are looked for.
    pub request: &'a HeaderMap,
    /// The response's status.
    pub status: StatusCode,
    /// The response's fields, before [`strip_for_storing`].
    pub response: &'a HeaderMap,
}

/// Decides whether a shared cache may store the response. For a 304 that has just updated a stored
/// response, ask again with the updated fields and the stored status.
///
/// # Errors
///
/// The reason why not.
pub fn may_store(exchange: &Exchange<'_>, settings: &Settings) -> Result<(), Reason> {
    let governing = Governing::of(exchange.response, settings);
    let flags = governing.directives.flags;
    method_allows(exchange, settings)?;
    if !status_allows(exchange.status) {
        return Err(Reason::StatusNotCacheable);
    }
    // RFC 9111 §5.2.2.3: must-understand outranks no-store, but only for statuses we understand.
    let must_understand = flags.has(Flags::MUST_UNDERSTAND);
    if must_understand && !is_understood(exchange.status) {
        return Err(Reason::NotUnderstood);
    }
    if flags.has(Flags::NO_STORE) && !must_understand {
        return Err(Reason::NoStore);
    }
    if flags.has(Flags::PRIVATE) {
        return Err(Reason::Private);
    }
    // Deviates from RFC 9111 §7.3, which leaves it to the application: a cookie is one visitor's. A list
    // like no-cache="Set-Cookie" does not help, since frameworks send it with every cookie.
    if exchange.response.contains_key(SET_COOKIE) {
        return Err(Reason::SetCookie);
    }
    if exchange.request.contains_key(AUTHORIZATION) && !allows_authorization(governing) {
        return Err(Reason::Authorization);
    }
    // RFC 9111 §4.1: a stored response with Vary: * never matches.
    if exchange.response.contains_key(VARY) && Vary::of(exchange.response) == Vary::Any {
        return Err(Reason::VaryAny);
    }
    // RFC 9111 §3.3: we can store one range, not multipart/byteranges.
    if exchange.status == StatusCode::PARTIAL_CONTENT
        && range::content_range(exchange.response).is_none()
    {
        return Err(Reason::BadContentRange);
    }
    // RFC 9111 §5.2.1.5
    if RequestDirectives::of(exchange.request, settings).no_store {
        return Err(Reason::RequestNoStore);
    }
    is_useful(exchange, flags, settings)
}

/// RFC 9110 §9.2.3: GET; POST only with explicit freshness and Content-Location (§9.3.3).
fn method_allows(exchange: &Exchange<'_>, settings: &Settings) -> Result<(), Reason> {
    let allowed = match *exchange.method {
        Method::GET => true,
        Method::POST => {
            exchange.status.is_success()
                && exchange.status != StatusCode::PARTIAL_CONTENT
                && exchange.response.contains_key(CONTENT_LOCATION)
                && freshness_on_arrival(exchange, settings).source.is_explicit()
        }
        _ => false,
    };
    if allowed { Ok(()) } else { Err(Reason::Method) }
}

/// Final statuses that speak of the page rather than of one client's request or connection.
///
/// Not stored: 304 and 412, which answer preconditions; 416, which answers a range; 428, 429, 431 and 511
/// (RFC 6585 §3-6 forbid it); and those by which a request's own oddities would reach others: 401, 407,
/// 408, 411, 413, 417, 421, 425, 426.
fn status_allows(status: StatusCode) -> bool {
    !status.is_informational()
        && !matches!(
            status.as_u16(),
            304 | 401
                | 407
                | 408
                | 411
                | 412
                | 413
                | 416
                | 417
                | 421
                | 425
                | 426
                | 428
                | 429
                | 431
                | 511
        )
}

/// The statuses whose caching rules we know: the final ones of RFC 9110 §15 and RFC 9111.
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=206 | 300..=303 | 305 | 307 | 308 | 400 | 402..=406 | 409 | 410 | 414 | 415 | 422
            | 500..=505
    )
}

/// RFC 9111 §3.5
const fn allows_authorization(governing: Governing) -> bool {
    let shared = Flags::PUBLIC.and(Flags::MUST_REVALIDATE);
    governing.directives.flags.has(shared) || governing.directives.s_maxage.is_some()
}

/// Whether the response could ever be used: RFC 9111 §3, last item, and common sense.
fn is_useful(exchange: &Exchange<'_>, flags: Flags, settings: &Settings) -> Result<(), Reason> {
    let freshness = freshness_on_arrival(exchange, settings);
    if freshness.has_validator {
        return Ok(());
    }
    // RFC 9111 §5.2.2.4: no-cache demands a validation, and nothing to validate with is here.
    if flags.has(Flags::NO_CACHE) {
        return Err(Reason::NoLifetimeNorValidator);
    }
    let has_window =
        freshness.stale_while_revalidate.or(freshness.stale_if_error).is_some_and(|w| !w.is_zero());
    if !freshness.lifetime.is_zero() || has_window {
        return Ok(());
    }
    if freshness.source.is_explicit() {
        Err(Reason::AlreadyExpired)
    } else {
        Err(Reason::NoLifetimeNorValidator)
    }
}

/// Its lifetime does not depend on when it came, if it has a `Date`; without one the most favourable time
/// is taken, and its freshness is decided when it is used.
fn freshness_on_arrival(exchange: &Exchange<'_>, settings: &Settings) -> Freshness {
    let date = exchange.response.get(DATE).and_then(|value| date::parse(value.as_bytes()));
    let received = date.unwrap_or(Timestamp::default());
    let timing = Timing { request_time: received, response_time: received };
    Freshness::of(exchange.status, exchange.response, timing, settings)
}

/// RFC 9110 §9.3.3: whether the response to a POST may answer later GETs of `target`: its
/// `Content-Location` says that it is what a GET would have got. `target` is absolute.
#[must_use]
pub fn post_stores_get(exchange: &Exchange<'_>, target: &Uri) -> bool {
    let mut lines = exchange.response.get_all(CONTENT_LOCATION).iter();
    let (Some(location), None) = (lines.next(), lines.next()) else {
        return false;
    };
    *exchange.method == Method::POST
        && exchange.status.is_success()
        && invalidation::resolve(target, location.as_bytes()).is_some_and(|location| {
            invalidation::is_same_origin(target, &location)
                && location.path_and_query() == target.path_and_query()
        })
}

/// Leaves the fields to store: RFC 9111 §3.1. Without those of the connection and those that a qualified
/// `no-cache` or `private` lists (§5.2.2.4, §5.2.2.7).
pub fn strip_for_storing(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = cache_control::listed_fields(headers)
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| !is_end_to_end(name))
        .collect();
    for name in listed {
        headers.remove(name);
    }
    strip_hop_by_hop(headers);
}

/// Takes out what is meant for one connection: RFC 9110 §7.6.1. For requests and responses.
///
/// A request's must be stripped before variants are chosen: otherwise a client chooses by a field that
/// the application never gets.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let listed: Vec<HeaderName> = connection_options(headers)
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            .filter(|name| !is_end_to_end(name))
            .collect();
        for name in listed {
            headers.remove(name);
        }
    }
    for name in [
        &CONNECTION,
        &KEEP_ALIVE,
        &PROXY_CONNECTION,
        &TE,
        &TRAILER,
        &TRANSFER_ENCODING,
        &UPGRADE,
        &PROXY_AUTHENTICATE,
        &PROXY_AUTHENTICATION_INFO,
        &PROXY_AUTHORIZATION,
    ] {
        headers.remove(name);
    }
}

/// The names that `Connection` lists.
pub(crate) fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(CONNECTION).iter().flat_map(|line| list::tokens(line.as_bytes()))
}

/// Whether a field belongs to the one connection it came over, or to the message's framing.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION]
        .contains(name)
        || [&KEEP_ALIVE, &PROXY_CONNECTION, &PROXY_AUTHENTICATION_INFO].contains(&name)
}

/// RFC 9110 §7.6.1: fields meant for every recipient must not be listed in Connection. Deviates from it
/// in not believing a list that names them: losing one would turn a private or stale page into a shared
/// and fresh one, or break the framing.
fn is_end_to_end(name: &HeaderName) -> bool {
    [AGE, CACHE_CONTROL, CONTENT_LENGTH, DATE, EXPIRES, HOST, SET_COOKIE, VARY].contains(name)
        || [&CDN_CACHE_CONTROL, &SURROGATE_CONTROL].contains(&name)
}
