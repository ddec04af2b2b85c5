//! Whether a request is one that everybody reads alike: RFC 9112 §3, §6; RFC 9113 §8.3; RFC 9110 §7.2, §10.1.1.
//!
//! Refused: a missing, repeated or malformed `Host`, or one that is not the target's; any transfer coding but one
//! `chunked`; a length that is repeated, malformed or beside a transfer coding; `CONNECT`; an expectation that cannot be met.
//! Unknown methods pass.
//!
//! What `http` and hyper have already settled is not seen here: a fragment is cut off a target, bare line feeds and
//! repeated equal lengths are accepted, the length beside a transfer coding may be gone. What goes on is re-serialised.

use crate::{
    host::{CanonicalHost, canonical},
    limits::CONTENT_LENGTH_DIGITS_MAX,
    scheme::Scheme,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};
use larder_semantics::Reason;
use std::borrow::Cow;

/// Why a request is not answered, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 417 or 501.
    pub status: StatusCode,
    /// For the log and the counters.
    pub reason: Reason,
}

impl Refusal {
    fn of(reason: Reason) -> Self {
        Self { status: reason.status().unwrap_or(StatusCode::BAD_REQUEST), reason }
    }

    const fn bad(reason: Reason) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason }
    }
}

/// What the one pass over the fields found.
#[derive(Default)]
struct Framing<'a> {
    host: Option<&'a HeaderValue>,
    transfer_encoding: Option<&'a HeaderValue>,
    content_length: Option<&'a HeaderValue>,
}

/// Checks a request's head and gives its site. On the hit path: one pass over the fields, and no allocation when the host is
/// sent in canonical form.
///
/// # Errors
/// The first thing wrong, most telling first: method, fields, target, host. The connection is to be closed after the answer.
pub fn check<'a>(
    method: &Method,
    uri: &'a Uri,
    version: Version,
    headers: &'a HeaderMap,
    scheme: Scheme,
) -> Result<CanonicalHost<'a>, Refusal> {
    // RFC 9110 §9.3.6: a tunnel is not what a gateway is for.
    if method == Method::CONNECT {
        return Err(Refusal::of(Reason::UnsupportedMethod));
    }
    let framing = framing(headers, version)?;
    if let Some(coding) = framing.transfer_encoding {
        check_coding(coding, version)?;
        // RFC 9112 §6.3 item 3: ought to be handled as an error.
        if framing.content_length.is_some() {
            return Err(Refusal::bad(Reason::BadContentLength));
        }
    }
    if let Some(length) = framing.content_length {
        check_length(length)?;
    }
    check_target(method, uri, version)?;
    site(uri, version, framing.host, scheme)
}

/// The path and query that keys and applications see: as received, but never without its path.
#[must_use]
pub fn target(uri: &Uri) -> Cow<'_, str> {
    let received = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    // `http://host?query`: RFC 9112 §3.2.1, an empty path is sent as "/".
    if received.starts_with('?') {
        Cow::Owned(format!("/{received}"))
    } else {
        Cow::Borrowed(received)
    }
}

/// Whether the target names the scheme that the request came by, or none.
///
/// RFC 9110 §7.4: a request for `https` is to be refused where it did not come by TLS, unless a trusted gateway sent it. Ours is
/// decided without the target, so nothing would be mistaken; but who sends such a request means another connection.
#[must_use]
pub fn scheme_agrees(uri: &Uri, scheme: Scheme) -> bool {
    uri.scheme_str().is_none_or(|named| named == scheme.as_str())
}

fn framing(headers: &HeaderMap, version: Version) -> Result<Framing<'_>, Refusal> {
    let mut found = Framing::default();
    let bare = version == Version::HTTP_2;
    for (name, value) in headers {
        if bare && is_padded(value.as_bytes()) {
            return Err(Refusal::bad(Reason::MalformedRequest));
        }
        if *name == header::HOST {
            refuse_second(found.host.replace(value), Reason::RepeatedHost)?;
        } else if *name == header::TRANSFER_ENCODING {
            refuse_second(found.transfer_encoding.replace(value), Reason::BadTransferEncoding)?;
        } else if *name == header::CONTENT_LENGTH {
            // RFC 9112 §6.3 item 5 would let equal ones pass. Nobody sends them honestly.
            refuse_second(found.content_length.replace(value), Reason::BadContentLength)?;
        } else if *name == header::EXPECT && !value.as_bytes().eq_ignore_ascii_case(b"100-continue")
        {
            // RFC 9110 §10.1.1: the only expectation there is.
            return Err(Refusal::of(Reason::BadExpect));
        }
    }
    Ok(found)
}

/// RFC 9113 §8.2.1: a value neither begins nor ends with white space. As HTTP/1.1 it would be taken off, by some.
const fn is_padded(value: &[u8]) -> bool {
    matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t'])
}

fn refuse_second(first: Option<&HeaderValue>, reason: Reason) -> Result<(), Refusal> {
    first.map_or(Ok(()), |_| Err(Refusal::bad(reason)))
}

/// RFC 9112 §6.1: exactly `chunked`, and only where chunked exists.
fn check_coding(value: &HeaderValue, version: Version) -> Result<(), Refusal> {
    let bad = Err(Refusal::bad(Reason::BadTransferEncoding));
    // RFC 9112 §6.1 for HTTP/1.0, RFC 9113 §8.2.2 for HTTP/2: faulty framing.
    if version != Version::HTTP_11 {
        return bad;
    }
    if value.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let Ok(list) = value.to_str() else { return bad };
    let mut codings = list.split(',').map(|coding| coding.trim_matches([' ', '\t']));
    let last_is_chunked =
        codings.next_back().is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let mut others_are_unknown = codings
        .map(|coding| !coding.eq_ignore_ascii_case("chunked") && is_token(coding))
        .peekable();
    // A well-formed coding that we have not got, properly ended by chunked, is not the client's fault.
    if last_is_chunked && others_are_unknown.peek().is_some() && others_are_unknown.all(|ok| ok) {
        return Err(Refusal {
            status: StatusCode::NOT_IMPLEMENTED,
            reason: Reason::BadTransferEncoding,
        });
    }
    bad
}

/// RFC 9110 §5.6.2, for codings: letters, digits and dashes are all that registered ones are made of.
fn is_token(coding: &str) -> bool {
    !coding.is_empty() && coding.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// RFC 9110 §8.6: `1*DIGIT`, and no more than can be counted.
fn check_length(value: &HeaderValue) -> Result<(), Refusal> {
    let bytes = value.as_bytes();
    let digits = bytes.len() <= CONTENT_LENGTH_DIGITS_MAX && bytes.iter().all(u8::is_ascii_digit);
    let countable = digits && value.to_str().is_ok_and(|digits| digits.parse::<u64>().is_ok());
    if countable { Ok(()) } else { Err(Refusal::bad(Reason::BadContentLength)) }
}

/// RFC 9112 §3.2: origin-form, absolute-form, or the asterisk of OPTIONS. Authority-form belongs to CONNECT.
fn check_target(method: &Method, uri: &Uri, version: Version) -> Result<(), Refusal> {
    let malformed = Err(Refusal::bad(Reason::MalformedRequest));
    match uri.scheme_str() {
        None if uri.authority().is_some() => return malformed,
        // What the client names does not choose the scheme; but what is not HTTP is not for us.
        None | Some("http" | "https") => {}
        Some(_) => return malformed,
    }
    match uri.path_and_query().map(|target| target.as_str().as_bytes()) {
        Some([b'/', ..]) => Ok(()),
        Some(b"*") if method == Method::OPTIONS => Ok(()),
        // RFC 9113 §8.3.1: with HTTP/2 the path comes apart from the authority, and is never empty.
        Some([b'?', ..]) if uri.authority().is_some() && version != Version::HTTP_2 => Ok(()),
        Some(_) | None => malformed,
    }
}

/// RFC 9110 §7.2, RFC 9112 §3.2.2, RFC 9113 §8.3.1: target and `Host` name one site, or the request is refused.
fn site<'a>(
    uri: &'a Uri,
    version: Version,
    host: Option<&'a HeaderValue>,
    scheme: Scheme,
) -> Result<CanonicalHost<'a>, Refusal> {
    let named = |bytes| canonical(bytes, scheme).map_err(Refusal::bad);
    let from_host = host.map(|host| named(host.as_bytes())).transpose()?;
    let from_target = uri.authority().map(|it| named(it.as_str().as_bytes())).transpose()?;
    match (from_host, from_target) {
        (Some(host), Some(target)) if host != target => Err(Refusal::bad(Reason::HostMismatch)),
        (Some(host), _) => Ok(host),
        // RFC 9112 §3.2: HTTP/1.1 sends Host even beside an absolute-form target.
        (None, _) if version == Version::HTTP_11 => Err(Refusal::bad(Reason::MissingHost)),
        (None, Some(target)) => Ok(target),
        (None, None) if version == Version::HTTP_10 => Ok(CanonicalHost::UNNAMED),
        (None, None) => Err(Refusal::bad(Reason::MissingHost)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HeaderName;
    use proptest::prelude::*;

    type Fields<'a> = &'a [(&'a str, &'a str)];
    type Outcome<T> = Result<T, (u16, Reason)>;

    const HOST: (&str, &str) = ("host", "example.com");

    fn run(version: Version, method: &str, uri: &str, fields: Fields<'_>) -> Outcome<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let uri: Uri = uri.parse().unwrap();
        check(&method, &uri, version, &headers, Scheme::Http)
            .map(|host| host.as_str().to_owned())
            .map_err(|refusal| (refusal.status.as_u16(), refusal.reason))
    }

    #[test]
    fn the_site_is_found_wherever_its_version_puts_it() {
        const OK: Outcome<&str> = Ok("example.com");
        let missing = Err((400, Reason::MissingHost));
        let repeated = Err((400, Reason::RepeatedHost));
        let mismatch = Err((400, Reason::HostMismatch));
        let bad = Err((400, Reason::BadHost));
        let other = ("host", "other.example");
        let (h10, h11, h2) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
        let absolute = "http://example.com/a";
        let cases: &[(&str, Version, &str, Fields<'_>, Outcome<&str>)] = &[
            ("host", h11, "/a", &[HOST], OK),
            ("host in another spelling", h11, "/a", &[("host", "EXAMPLE.com.:80")], OK),
            ("no host", h11, "/a", &[], missing),
            ("no host beside absolute-form", h11, absolute, &[], missing),
            ("empty host", h11, "/a", &[("host", "")], bad),
            ("two hosts", h11, "/a", &[HOST, other], repeated),
            ("the same host twice", h11, "/a", &[HOST, HOST], repeated),
            ("two hosts in one line", h11, "/a", &[("host", "a.example, b.example")], bad),
            ("agreeing absolute-form", h11, absolute, &[HOST], OK),
            ("agreeing after canonicalisation", h11, "http://EXAMPLE.com:80/a", &[HOST], OK),
            ("disagreeing absolute-form", h11, absolute, &[other], mismatch),
            ("disagreeing port", h11, "http://example.com:81/a", &[HOST], mismatch),
            ("userinfo in the target", h11, "http://me@example.com/a", &[HOST], bad),
            ("other scheme of HTTP", h11, "https://example.com/a", &[HOST], OK),
            ("HTTP/1.0 with host", h10, "/a", &[HOST], OK),
            ("HTTP/1.0 without host", h10, "/a", &[], Ok("")),
            ("HTTP/1.0 with empty host", h10, "/a", &[("host", "")], bad),
            ("HTTP/1.0 absolute-form", h10, absolute, &[], OK),
            ("HTTP/1.0 two hosts", h10, "/a", &[HOST, HOST], repeated),
            ("HTTP/2 authority", h2, absolute, &[], OK),
            ("HTTP/2 both", h2, absolute, &[HOST], OK),
            ("HTTP/2 host only", h2, "/a", &[HOST], OK),
            ("HTTP/2 disagreeing", h2, absolute, &[other], mismatch),
            ("HTTP/2 neither", h2, "/a", &[], missing),
        ];
        for (name, version, uri, fields, expected) in cases {
            let actual = run(*version, "GET", uri, fields);
            assert_eq!(actual.as_deref().map_err(|it| *it), *expected, "{name}");
        }
    }

    #[test]
    fn a_target_may_name_the_scheme_it_came_by_and_no_other() {
        let cases = [
            ("/a", Scheme::Http, true),
            ("/a", Scheme::Https, true),
            ("*", Scheme::Https, true),
            ("http://example.com/a", Scheme::Http, true),
            ("HTTPS://example.com/a", Scheme::Https, true),
            ("https://example.com/a", Scheme::Http, false),
            ("http://example.com/a", Scheme::Https, false),
        ];
        for (uri, scheme, agrees) in cases {
            assert_eq!(scheme_agrees(&uri.parse().unwrap(), scheme), agrees, "{uri} {scheme:?}");
        }
    }

    #[test]
    fn http2_has_no_white_space_around_values_and_no_path_without_its_slash() {
        let malformed = Err((400, Reason::MalformedRequest));
        let absolute = "http://example.com/a";
        let cases: &[(&str, &str, Fields<'_>, Outcome<()>)] = &[
            ("inside", absolute, &[("x", "a b\tc")], Ok(())),
            ("empty", absolute, &[("x", "")], Ok(())),
            ("before", absolute, &[("x", " a")], malformed),
            ("behind", absolute, &[("x", "a ")], malformed),
            ("a tab before", absolute, &[("x", "\ta")], malformed),
            ("a tab behind", absolute, &[("x", "a\t")], malformed),
            ("nothing else", absolute, &[("x", " ")], malformed),
            ("a query without a path", "http://example.com?a", &[], malformed),
        ];
        for (name, uri, fields, expected) in cases {
            let actual = run(Version::HTTP_2, "GET", uri, fields).map(|_| ());
            assert_eq!(actual, *expected, "{name}");
        }
        assert!(run(Version::HTTP_11, "GET", "/a", &[HOST, ("x", " a ")]).is_ok());
    }

    #[test]
    fn a_target_has_a_form_that_its_method_allows() {
        let malformed = Err((400, Reason::MalformedRequest));
        let unsupported = Err((501, Reason::UnsupportedMethod));
        let cases = [
            ("origin-form", "GET", "/a?b", Ok(())),
            ("unknown method", "M-SEARCH", "/a", Ok(())),
            ("unknown method in lower case", "get", "/a", Ok(())),
            ("asterisk of OPTIONS", "OPTIONS", "*", Ok(())),
            ("asterisk of another", "GET", "*", malformed),
            ("authority-form", "GET", "example.com:80", malformed),
            ("a word", "GET", "example", malformed),
            ("CONNECT", "CONNECT", "example.com:80", unsupported),
            ("CONNECT in origin-form", "CONNECT", "/a", unsupported),
            ("another protocol", "GET", "ftp://example.com/a", malformed),
            ("absolute-form without path", "GET", "http://example.com", Ok(())),
            ("absolute-form with query only", "GET", "http://example.com?a", Ok(())),
        ];
        for (name, method, uri, expected) in cases {
            let actual = run(Version::HTTP_11, method, uri, &[HOST]).map(|_| ());
            assert_eq!(actual, expected, "{name}");
        }
    }

    #[test]
    fn framing_is_exact_or_refused() {
        let unknown = Err((501, Reason::BadTransferEncoding));
        let coding = Err((400, Reason::BadTransferEncoding));
        let length = Err((400, Reason::BadContentLength));
        let te = "transfer-encoding";
        let cl = "content-length";
        let cases: &[(&str, Fields<'_>, Outcome<()>)] = &[
            ("chunked", &[(te, "chunked")], Ok(())),
            ("chunked in capitals", &[(te, "CHUNKED")], Ok(())),
            ("another coding before it", &[(te, "gzip, chunked")], unknown),
            ("two others before it", &[(te, "gzip , br,chunked")], unknown),
            ("another coding", &[(te, "gzip")], coding),
            ("identity", &[(te, "identity")], coding),
            ("chunked not last", &[(te, "chunked, gzip")], coding),
            ("chunked twice", &[(te, "chunked, chunked")], coding),
            ("two lines", &[(te, "chunked"), (te, "chunked")], coding),
            ("two lines, another first", &[(te, "gzip"), (te, "chunked")], coding),
            ("empty", &[(te, "")], coding),
            ("empty member", &[(te, ", chunked")], coding),
            ("a parameter", &[(te, "chunked;a=b")], coding),
            ("a misspelling", &[(te, "xchunked")], coding),
            ("a space inside", &[(te, "chu nked")], coding),
            ("quoted", &[(te, "\"chunked\"")], coding),
            ("a trailing tab", &[(te, "chunked\t")], coding),
            ("obs-text", &[(te, "chunked\u{a0}")], coding),
            ("beside a length", &[(te, "chunked"), (cl, "5")], length),
            ("a length", &[(cl, "5")], Ok(())),
            ("zero", &[(cl, "0")], Ok(())),
            ("leading zeros", &[(cl, "005")], Ok(())),
            ("the largest", &[(cl, "18446744073709551615")], Ok(())),
            ("one more", &[(cl, "18446744073709551616")], length),
            ("endless zeros", &[(cl, "000000000000000000000")], length),
            ("no digits", &[(cl, "")], length),
            ("a sign", &[(cl, "+5")], length),
            ("negative", &[(cl, "-5")], length),
            ("hexadecimal", &[(cl, "0x5")], length),
            ("a space", &[(cl, "5 5")], length),
            ("a list of equals", &[(cl, "5, 5")], length),
            ("equal lines", &[(cl, "5"), (cl, "5")], length),
            ("different lines", &[(cl, "5"), (cl, "6")], length),
            ("an expectation", &[("expect", "100-Continue")], Ok(())),
            ("another expectation", &[("expect", "200-ok")], Err((417, Reason::BadExpect))),
            (
                "one of both",
                &[("expect", "100-continue"), ("expect", "x")],
                Err((417, Reason::BadExpect)),
            ),
        ];
        for (name, fields, expected) in cases {
            let with_host: Vec<_> = std::iter::once(&HOST).chain(*fields).copied().collect();
            let actual = run(Version::HTTP_11, "POST", "/a", &with_host).map(|_| ());
            assert_eq!(actual, *expected, "{name}");
        }
    }

    #[test]
    fn only_http_1_1_has_transfer_codings() {
        for version in [Version::HTTP_10, Version::HTTP_2] {
            let actual = run(version, "POST", "/a", &[HOST, ("transfer-encoding", "chunked")]);
            assert_eq!(actual, Err((400, Reason::BadTransferEncoding)), "{version:?}");
        }
    }

    #[test]
    fn a_target_always_has_its_path() {
        let cases = [
            ("/a?b=c", "/a?b=c"),
            ("/", "/"),
            ("/%41/../b;c?d?e", "/%41/../b;c?d?e"),
            ("/a?", "/a?"),
            ("http://h", "/"),
            ("http://h?x", "/?x"),
            ("http://h/a", "/a"),
            ("*", "*"),
        ];
        for (uri, expected) in cases {
            assert_eq!(target(&uri.parse().unwrap()), expected, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn no_request_panics_and_every_accepted_one_has_one_host(
            uri in "(http://)?[a-z/?*@:.]{1,12}",
            lines in prop::collection::vec((
                prop::sample::select(vec!["host", "content-length", "transfer-encoding", "expect", "x-a"]),
                prop::collection::vec(any::<u8>(), 0..8),
            ), 0..5),
            version in prop::sample::select(vec![Version::HTTP_10, Version::HTTP_11, Version::HTTP_2]),
        ) {
            let Ok(uri) = uri.parse::<Uri>() else { return Ok(()) };
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    headers.append(name, value);
                }
            }
            if let Ok(host) = check(&Method::GET, &uri, version, &headers, Scheme::Https) {
                prop_assert!(headers.get_all("host").iter().count() <= 1);
                prop_assert!(!host.is_unnamed() || version == Version::HTTP_10);
                prop_assert!(target(&uri).starts_with('/'));
            }
        }
    }
}
