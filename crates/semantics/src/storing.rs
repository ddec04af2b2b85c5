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
use crate::{Freshness, Reason, RequestDirectives, Settings, Timing, Vary};
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
    // A rule's lifetime would make no-cache mean nothing; a page to be validated each time is not one to share by rule.
    if settings.terms.is_some() && flags.has(Flags::NO_CACHE) {
        return Err(Reason::NoCache);
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

/// Whether a response says in words of its own that it is for everybody: `public`, `s-maxage`, or a field addressed to caches
/// like this one.
#[must_use]
pub fn says_shared(response: &HeaderMap, settings: &Settings) -> bool {
    let governing = Governing::of(response, settings);
    governing.is_targeted
        || governing.directives.s_maxage.is_some()
        || governing.directives.flags.has(Flags::PUBLIC)
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
    let received = date.unwrap_or_default();
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
    // RFC 9111 §3.1: trailers may be discarded, and are; then nothing is to announce them.
    headers.remove(TRAILER);
}

/// Takes out what is meant for one connection: RFC 9110 §7.6.1. For requests and responses. `Trailer` is
/// not among it: it announces fields that go all the way.
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Fields, headers};

    fn stored(
        method: &Method,
        request: Fields<'_>,
        status: u16,
        response: Fields<'_>,
    ) -> Result<(), Reason> {
        let exchange = Exchange {
            method,
            request: &headers(request),
            status: StatusCode::from_u16(status).unwrap(),
            response: &headers(response),
        };
        may_store(&exchange, &Settings::default())
    }

    const CC: &str = "cache-control";
    const MA: (&str, &str) = (CC, "max-age=60");
    const ETAG: (&str, &str) = ("etag", r#""a""#);

    #[test]
    fn what_the_response_forbids_is_not_stored() {
        let cases: [(Fields<'_>, Result<(), Reason>); 31] = [
            (&[MA], Ok(())),
            (&[(CC, "no-store")], Err(Reason::NoStore)),
            (&[(CC, "max-age=60, No-StOrE"), ("expires", "0")], Err(Reason::NoStore)),
            (&[(CC, r#"no-store="a", max-age=60"#)], Err(Reason::NoStore)),
            (&[(CC, "private, max-age=60")], Err(Reason::Private)),
            (&[(CC, r#"private="""#), MA], Err(Reason::Private)),
            (&[(CC, r#"private="a""#), MA], Ok(())),
            (&[MA, ("set-cookie", "a=b")], Err(Reason::SetCookie)),
            (&[MA, ("set-cookie", "a=b"), (CC, "public")], Err(Reason::SetCookie)),
            (
                &[MA, ("set-cookie", "a=b"), (CC, r#"no-cache="set-cookie""#)],
                Err(Reason::SetCookie),
            ),
            (&[MA, ("set-cookie2", "a=b")], Ok(())),
            (&[MA, ("vary", "*")], Err(Reason::VaryAny)),
            (&[MA, ("vary", ""), ("vary", "*")], Err(Reason::VaryAny)),
            (&[MA, ("vary", "Foo, Bar")], Ok(())),
            (&[], Err(Reason::NoLifetimeNorValidator)),
            (&[ETAG], Ok(())),
            (&[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")], Ok(())),
            (&[(CC, "max-age=0")], Err(Reason::AlreadyExpired)),
            (&[(CC, "max-age=0"), ETAG], Ok(())),
            (&[(CC, "max-age=0, stale-while-revalidate=1")], Ok(())),
            (&[(CC, "max-age=0, stale-while-revalidate=0")], Err(Reason::AlreadyExpired)),
            (&[("expires", "0")], Err(Reason::AlreadyExpired)),
            (&[("expires", "Thu, 18 Aug 2050 02:01:18 GMT")], Ok(())),
            (&[(CC, "no-cache, max-age=60")], Err(Reason::NoLifetimeNorValidator)),
            (&[(CC, "no-cache"), ETAG], Ok(())),
            (&[(CC, "no-store"), ("surrogate-control", "max-age=60;larder")], Ok(())),
            (&[(CC, "no-store"), ("surrogate-control", "max-age=60;other")], Err(Reason::NoStore)),
            (&[MA, ("surrogate-control", "no-store")], Err(Reason::NoStore)),
            (&[(CC, "no-store"), ("cdn-cache-control", "max-age=60")], Ok(())),
            (&[MA, ("cdn-cache-control", "no-store")], Err(Reason::NoStore)),
            (&[MA, ("cdn-cache-control", "no-store, &")], Ok(())),
        ];
        for (response, expected) in cases {
            assert_eq!(stored(&Method::GET, &[], 200, response), expected, "{response:?}");
        }
    }

    #[test]
    fn any_final_status_is_stored_when_it_speaks_of_the_page() {
        let explicit = [
            200, 201, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414,
            422, 451, 499, 500, 501, 502, 503, 504, 599,
        ];
        for status in explicit {
            assert_eq!(stored(&Method::GET, &[], status, &[MA]), Ok(()), "{status}");
        }
        let never = [
            100, 101, 103, 304, 401, 407, 408, 411, 412, 413, 416, 417, 421, 425, 426, 428, 429,
            431, 511,
        ];
        for status in never {
            let actual = stored(&Method::GET, &[], status, &[MA]);
            assert_eq!(actual, Err(Reason::StatusNotCacheable), "{status}");
        }
    }

    #[test]
    fn must_understand_outranks_no_store_for_understood_statuses_only() {
        let cases = [
            (200, "max-age=60, must-understand, no-store", Ok(())),
            (200, "max-age=60, must-understand", Ok(())),
            (404, "max-age=60, must-understand, no-store", Ok(())),
            (599, "max-age=60, must-understand, no-store", Err(Reason::NotUnderstood)),
            (599, "max-age=60, must-understand", Err(Reason::NotUnderstood)),
            (299, "max-age=60, must-understand", Err(Reason::NotUnderstood)),
            (200, "max-age=60, must-understand, private", Err(Reason::Private)),
        ];
        for (status, line, expected) in cases {
            assert_eq!(
                stored(&Method::GET, &[], status, &[(CC, line)]),
                expected,
                "{status} {line}"
            );
        }
    }

    #[test]
    fn authorization_needs_permission() {
        let cases = [
            ("max-age=60", Err(Reason::Authorization)),
            ("max-age=60, proxy-revalidate", Err(Reason::Authorization)),
            ("max-age=60, public", Ok(())),
            ("max-age=60, must-revalidate", Ok(())),
            ("s-maxage=60", Ok(())),
        ];
        for (line, expected) in cases {
            let actual = stored(&Method::GET, &[("authorization", "FOO")], 200, &[(CC, line)]);
            assert_eq!(actual, expected, "{line}");
        }
    }

    #[test]
    fn a_part_is_stored_only_when_it_says_which() {
        let cases = [
            ("bytes 0-4/10", Ok(())),
            ("bytes 0-4/*", Ok(())),
            ("bytes 0-10/10", Err(Reason::BadContentRange)),
            ("bytes */10", Err(Reason::BadContentRange)),
        ];
        for (range, expected) in cases {
            let actual = stored(&Method::GET, &[], 206, &[MA, ("content-range", range)]);
            assert_eq!(actual, expected, "{range}");
        }
        let multipart = stored(&Method::GET, &[], 206, &[MA]);
        assert_eq!(multipart, Err(Reason::BadContentRange));
        // On a 200 the field means nothing.
        assert_eq!(stored(&Method::GET, &[], 200, &[MA, ("content-range", "x")]), Ok(()));
    }

    #[test]
    fn get_is_stored_and_post_with_explicit_freshness_and_content_location() {
        let location = ("content-location", "/a");
        let modified = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
        let post = Method::POST;
        let cases: [(&Method, u16, Fields<'_>, Result<(), Reason>); 8] = [
            (&Method::GET, 200, &[MA], Ok(())),
            (&Method::HEAD, 200, &[MA], Err(Reason::Method)),
            (&Method::PUT, 200, &[MA, location], Err(Reason::Method)),
            (&post, 200, &[MA, location], Ok(())),
            (&post, 200, &[MA], Err(Reason::Method)),
            (&post, 200, &[modified, location], Err(Reason::Method)),
            (&post, 404, &[MA, location], Err(Reason::Method)),
            (&post, 206, &[MA, location], Err(Reason::Method)),
        ];
        for (method, status, response, expected) in cases {
            assert_eq!(
                stored(method, &[], status, response),
                expected,
                "{method} {status} {response:?}"
            );
        }
    }

    #[test]
    fn a_post_stores_for_get_only_under_its_own_url() {
        let target = Uri::from_static("http://example.com/a/b?q=1");
        let cases = [
            (&["/a/b?q=1"][..], true),
            (&["b?q=1"], true),
            (&["?q=1"], true),
            (&[""], true),
            (&["http://EXAMPLE.com:80/a/b?q=1"], true),
            (&["/a/b"], false),
            (&["/a/b?q=2"], false),
            (&["https://example.com/a/b?q=1"], false),
            (&["http://other.example/a/b?q=1"], false),
            (&["/a/b?q=1", "/a/b?q=1"], false),
            (&[], false),
        ];
        for (locations, expected) in cases {
            let mut response = headers(&[MA]);
            for location in locations {
                response.append(CONTENT_LOCATION, HeaderValue::from_static(location));
            }
            let request = HeaderMap::new();
            let exchange = |method| {
                let (request, response) = (&request, &response);
                Exchange { method, request, status: StatusCode::OK, response }
            };
            assert_eq!(
                post_stores_get(&exchange(&Method::POST), &target),
                expected,
                "{locations:?}"
            );
            assert!(!post_stores_get(&exchange(&Method::PUT), &target), "{locations:?}");
        }
    }

    #[test]
    fn a_clients_no_store_counts_only_when_honoured() {
        let (request, response) = (headers(&[(CC, "no-store")]), headers(&[MA]));
        let exchange = Exchange {
            method: &Method::GET,
            request: &request,
            status: StatusCode::OK,
            response: &response,
        };
        assert_eq!(may_store(&exchange, &Settings::default()), Ok(()));
        let honouring = Settings { honour_request_directives: true, ..Settings::default() };
        assert_eq!(may_store(&exchange, &honouring), Err(Reason::RequestNoStore));
    }

    #[test]
    fn connection_fields_and_listed_fields_are_not_stored() {
        let mut fields = headers(&[
            ("connection", "a, B, cache-control, close"),
            ("connection", "set-cookie"),
            ("keep-alive", "x"),
            ("proxy-connection", "x"),
            ("proxy-authenticate", "x"),
            ("proxy-authentication-info", "x"),
            ("proxy-authorization", "x"),
            ("te", "x"),
            ("trailer", "x"),
            ("transfer-encoding", "x"),
            ("upgrade", "x"),
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("d", "4"),
            ("e", "5"),
            ("content-range", "kept"),
            (CC, r#"no-cache="C", private="d, vary", max-age=60"#),
            ("vary", "Foo"),
        ]);
        strip_for_storing(&mut fields);
        let mut kept: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
        kept.sort_unstable();
        assert_eq!(kept, [CC, "content-range", "e", "vary"]);
    }

    proptest! {
        #[test]
        fn no_store_private_and_cookies_are_never_stored(
            before in "[ -~]{0,20}", forbidding in prop_oneof![Just("no-store"), Just("private")], after in "[ -~]{0,20}",
        ) {
            let line = format!("{before}, {forbidding}, {after}");
            // Inside a quoted-string it would be no directive.
            prop_assume!(!before.contains("=\""));
            prop_assert!(stored(&Method::GET, &[], 200, &[ETAG, (CC, &line)]).is_err(), "{}", line);
            let with_cookie = stored(&Method::GET, &[], 200, &[ETAG, (CC, &before), ("set-cookie", "")]);
            prop_assert!(with_cookie.is_err());
        }

        #[test]
        fn stripping_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut fields = HeaderMap::from_iter([(CONNECTION, value.clone()), (CACHE_CONTROL, value)]);
                strip_for_storing(&mut fields);
                prop_assert!(!fields.contains_key(CONNECTION));
            }
        }
    }
}
