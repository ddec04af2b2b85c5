//! What is taken off a request before it is keyed and sent on.
//!
//! - Fields of this connection: RFC 9110 §7.6.1, and what `Connection` lists.
//! - Names with an underscore. CGI and WSGI give `X_Real_Name` and `X-Real-Name` to the application as one variable, so an
//!   underscored name gets past whatever was decided about the other.
//! - What tells of the client's address and scheme: only Larder knows ([`forwarded::write`](crate::forwarded::write)).
//!
//! One pass of its own instead of `larder_semantics::strip_hop_by_hop`: it is on the path of every request, and most of what
//! that takes off is not there. Besides, `Trailer` stays here.
//!
//! It has to be done before a stored page is chosen: `Connection: accept-language` would else choose by a field that the
//! application never sees, and a forged `X-Forwarded-Proto` would do so where an application varies on it.

use crate::limits::UNDERSCORED_NAMES_MAX;
use http::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
};

/// Whether the client takes trailers (RFC 9110 §10.1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TeTrailers {
    /// It said so.
    Accepted,
    /// It did not.
    #[default]
    NotAccepted,
}

/// What was taken off and is still of use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// How many lines had a name with an underscore.
    pub underscored: usize,
    /// The first few of their names, for the log.
    pub underscored_names: Vec<HeaderName>,
    /// How many lines told of the client's address and scheme. Forged, unless a trusted peer sent them.
    pub told_of_client: usize,
    /// `TE: trailers`, which holds for this connection and may be said anew on the next.
    pub te_trailers: TeTrailers,
    /// `Upgrade`, if `Connection` listed it (RFC 9110 §7.8 asks for both).
    pub upgrade: Option<HeaderValue>,
}

/// Takes off `headers` what is not for the application, or not the client's to say. `Host` and `Content-Length` stay.
///
/// One pass over the names; allocates only to remember what is to be removed.
pub fn clean_for_application(headers: &mut HeaderMap) -> Cleaned {
    let mut cleaned = Cleaned::default();
    let mut unwanted: Vec<HeaderName> = Vec::new();
    let mut connection_is_present = false;
    for (name, value) in &*headers {
        if *name == header::CONNECTION {
            connection_is_present = true;
            read_connection(value, headers, &mut cleaned, &mut unwanted);
            continue;
        }
        let text = name.as_str();
        let has_underscore = contains_underscore(text.as_bytes());
        if has_underscore {
            cleaned.underscored += 1;
            if cleaned.underscored <= UNDERSCORED_NAMES_MAX {
                cleaned.underscored_names.push(name.clone());
            }
        } else if !may_be_unwanted(text) {
            continue;
        } else if text == "te" && lists_trailers(value) {
            cleaned.te_trailers = TeTrailers::Accepted;
        }
        let tells = tells_of_client(text);
        cleaned.told_of_client += usize::from(tells);
        if has_underscore || tells || is_of_connection(text) {
            unwanted.push(name.clone());
        }
    }
    // On nearly every request, and the only field of its kind on it: not worth a place in the list.
    if connection_is_present {
        headers.remove(header::CONNECTION);
    }
    for name in unwanted {
        headers.remove(name);
    }
    cleaned
}

/// What one line of `Connection` says: an upgrade, and fields that are to go because of it.
fn read_connection(
    line: &HeaderValue,
    headers: &HeaderMap,
    cleaned: &mut Cleaned,
    unwanted: &mut Vec<HeaderName>,
) {
    for option in list(line) {
        if option.eq_ignore_ascii_case(b"upgrade") {
            cleaned.upgrade = headers.get(header::UPGRADE).cloned();
        } else if is_field(option)
            && let Ok(name) = std::str::from_utf8(option)
            // Thousands of names may be listed. Only those that are there are worth an allocation.
            && headers.contains_key(name)
        {
            unwanted.extend(HeaderName::from_bytes(option));
        }
    }
}

fn lists_trailers(line: &HeaderValue) -> bool {
    list(line).any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
}

/// RFC 9110 §5.6.1: members of a comma-separated list, empty ones left out. None of our fields has quoted commas.
fn list(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|it| !it.is_empty())
}

/// Whether a connection option names a field that is to go because of it.
///
/// The usual options name none, or one that goes anyway. `Host` and the framing fields are what a request means
/// (RFC 9110 §7.6.1: never to be listed); taking them away would change it after it was checked.
fn is_field(option: &[u8]) -> bool {
    const KEPT: [&[u8]; 6] =
        [b"keep-alive", b"close", b"te", b"host", b"content-length", b"transfer-encoding"];
    !KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(option))
}

/// Whether a name begins as one of the lists below does. Most do not, and need not be compared with each.
fn may_be_unwanted(name: &str) -> bool {
    matches!(
        name.as_bytes().first(),
        Some(b'c' | b'k' | b'p' | b't' | b'u' | b'e' | b'h' | b'f' | b'x')
    )
}

/// Eight bytes at a time: names are too short for the machinery that searches long texts.
fn contains_underscore(name: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let in_eight = |eight: &[u8; 8]| {
        let zero_where_found = u64::from_ne_bytes(*eight) ^ u64::from_ne_bytes([b'_'; 8]);
        zero_where_found.wrapping_sub(ONES) & !zero_where_found & HIGH != 0
    };
    match name.last_chunk() {
        // The last eight overlap those before, so that none is left over.
        Some(last) => in_eight(last) || name.as_chunks().0.iter().any(in_eight),
        None => name.contains(&b'_'),
    }
}

/// RFC 9110 §7.6.1, §11.7, RFC 9113 §3.1; `Keep-Alive` and `Proxy-Connection` by custom. `Transfer-Encoding` because the body
/// is framed anew, `Expect` because its 100 is given here. `Trailer` stays: it speaks of the content (RFC 9110 §6.6.2).
fn is_of_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "upgrade"
            | "transfer-encoding"
            | "expect"
            | "http2-settings"
            | "proxy-authorization"
            | "proxy-authenticate"
            | "proxy-authentication-info"
    )
}

/// The whole family, `-For` to `-Ssl`, and its standard form: an application that trusts one of them trusts the proxy.
fn tells_of_client(name: &str) -> bool {
    matches!(name, "forwarded" | "x-real-ip" | "front-end-https")
        || name.starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Fields<'a> = &'a [(&'static str, &'static str)];

    fn fields(lines: Fields<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn what_is_not_for_the_application_is_removed_and_the_rest_stays() {
        let cases: &[(&str, Fields<'_>, &[&str])] = &[
            (
                "browser",
                &[("host", "h"), ("connection", "keep-alive"), ("accept", "*/*")],
                &["host", "accept"],
            ),
            (
                "hop by hop",
                &[
                    ("keep-alive", "timeout=5"),
                    ("proxy-connection", "close"),
                    ("proxy-authorization", "Basic x"),
                    ("te", "trailers"),
                    ("upgrade", "h2c"),
                    ("http2-settings", "AAM"),
                    ("transfer-encoding", "chunked"),
                    ("expect", "100-continue"),
                    ("trailer", "x-sum"),
                    ("content-length", "3"),
                ],
                &["trailer", "content-length"],
            ),
            (
                "listed",
                &[("connection", "close, X-Foo"), ("x-foo", "1"), ("x-bar", "1")],
                &["x-bar"],
            ),
            (
                "listed twice",
                &[
                    ("connection", "x-a ,, x-b"),
                    ("connection", "\tX-C"),
                    ("x-a", "1"),
                    ("x-b", "1"),
                    ("x-c", "1"),
                ],
                &[],
            ),
            (
                "listed but for everybody",
                &[("connection", "accept-language"), ("accept-language", "de")],
                &[],
            ),
            (
                "listing the request's meaning",
                &[("connection", "host, content-length"), ("host", "h"), ("content-length", "1")],
                &["host", "content-length"],
            ),
            ("nonsense listed", &[("connection", "a b, \"q\", é"), ("x-foo", "1")], &["x-foo"]),
            (
                "underscores",
                &[
                    ("x_forwarded_for", "1.1.1.1"),
                    ("content_length", "5"),
                    ("_", "1"),
                    ("x-ok", "1"),
                ],
                &["x-ok"],
            ),
            (
                "the client's word about itself",
                &[
                    ("forwarded", "for=1"),
                    ("x-forwarded-for", "1"),
                    ("x-forwarded-proto", "https"),
                    ("x-forwarded-host", "e"),
                    ("x-forwarded-ssl", "on"),
                    ("x-forwarded-prefix", "/a"),
                    ("x-real-ip", "1"),
                    ("front-end-https", "on"),
                ],
                &[],
            ),
            (
                "overrides are not judged yet",
                &[("x-original-url", "/admin"), ("x-http-method-override", "PUT")],
                &["x-original-url", "x-http-method-override"],
            ),
            (
                "similar names",
                &[("x-forwarded", "1"), ("x-real-ip-of", "1"), ("via", "1.0 a")],
                &["x-forwarded", "x-real-ip-of", "via"],
            ),
        ];
        for (name, sent, left) in cases {
            let mut headers = fields(sent);
            clean_for_application(&mut headers);
            let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
            assert_eq!(&names.len(), &left.len(), "{name}: {names:?}");
            assert!(left.iter().all(|field| headers.contains_key(*field)), "{name}: {names:?}");
        }
    }

    #[test]
    fn trailers_and_upgrades_are_reported() {
        let cases: &[(&str, Fields<'_>, TeTrailers, Option<&str>)] = &[
            ("neither", &[], TeTrailers::NotAccepted, None),
            (
                "trailers",
                &[("connection", "te"), ("te", "gzip, Trailers")],
                TeTrailers::Accepted,
                None,
            ),
            ("other codings", &[("te", "gzip;q=0.5")], TeTrailers::NotAccepted, None),
            (
                "upgrade",
                &[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")],
                TeTrailers::NotAccepted,
                Some("websocket"),
            ),
            (
                "upgrade not listed",
                &[("connection", "keep-alive"), ("upgrade", "websocket")],
                TeTrailers::NotAccepted,
                None,
            ),
            ("upgrade listed only", &[("connection", "upgrade")], TeTrailers::NotAccepted, None),
        ];
        for (name, sent, te_trailers, upgrade) in cases {
            let cleaned = clean_for_application(&mut fields(sent));
            assert_eq!(cleaned.te_trailers, *te_trailers, "{name}");
            assert_eq!(
                cleaned.upgrade.as_ref().map(HeaderValue::as_bytes),
                upgrade.map(str::as_bytes),
                "{name}"
            );
        }
    }

    #[test]
    fn lines_that_tell_of_the_client_are_counted() {
        let mut headers = fields(&[
            ("x-forwarded-for", "1"),
            ("x-forwarded-for", "2"),
            ("front-end-https", "on"),
            ("x-forwarded", "no"),
            ("x_forwarded_proto", "https"),
        ]);
        let cleaned = clean_for_application(&mut headers);
        assert_eq!((cleaned.told_of_client, cleaned.underscored), (3, 1));
    }

    #[test]
    fn a_flood_of_underscores_is_counted_whole_and_remembered_in_part() {
        let mut headers = HeaderMap::new();
        for number in 0..90 {
            let name = HeaderName::from_bytes(format!("x_{number}").as_bytes()).unwrap();
            headers.insert(name, HeaderValue::from_static(""));
        }
        let cleaned = clean_for_application(&mut headers);
        assert!(headers.is_empty());
        assert_eq!(cleaned.underscored, 90);
        assert_eq!(cleaned.underscored_names.len(), UNDERSCORED_NAMES_MAX);
    }

    #[test]
    fn an_underscore_is_found_wherever_it_stands() {
        for length in 0..40 {
            let mut name = vec![b'a'; length];
            assert!(!contains_underscore(&name), "{length}");
            for at in 0..length {
                name[at] = b'_';
                assert!(contains_underscore(&name), "{at} of {length}");
                // What differs from an underscore in one bit, or follows one, is none.
                name[at] = b'^';
                assert!(!contains_underscore(&name), "{at} of {length}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_on_a_list_is_looked_for(name in "[a-z-]{1,12}|x-forwarded-[a-z]{0,5}|http2-settings|proxy-auth[a-z-]{0,20}") {
            prop_assert!(may_be_unwanted(&name) || !(is_of_connection(&name) || tells_of_client(&name)));
        }

        #[test]
        fn nothing_unwanted_is_left(
            lines in prop::collection::vec(("[a-z_-]{1,10}|connection|te|upgrade|forwarded", "[ -~]{0,30}"), 0..20)
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in &lines {
                headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
            }
            clean_for_application(&mut headers);
            for name in headers.keys() {
                let name = name.as_str();
                prop_assert!(!name.contains('_') && !is_of_connection(name) && !tells_of_client(name));
            }
            let before = headers.clone();
            prop_assert_eq!(clean_for_application(&mut headers), Cleaned::default());
            prop_assert_eq!(headers, before);
        }
    }
}
