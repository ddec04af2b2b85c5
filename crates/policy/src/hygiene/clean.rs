//! What is taken off a request before it is keyed and sent on.
//!
//! - Fields of this connection: RFC 9110 §7.6.1, and what `Connection` lists.
//! - Names with an underscore. CGI and WSGI give `X_Real_Name` and `X-Real-Name` to the application as one variable, so an
//!   underscored name gets past whatever was decided about the other.
//! - What tells of the client's address and scheme: only Larder knows ([`forwarded::write`](crate::forwarded::write)).
//! - What asks for something else than the method and the URL say, on routes whose answers may be stored.
//!
//! One pass of its own instead of `larder_semantics::strip_hop_by_hop`: it is on the path of every request, and most of what
//! that takes off is not there. Besides, `Trailer` stays here.
//!
//! What `Connection` lists has to go before a stored page is chosen: `Connection: accept-language` would else choose by a field
//! that the application never sees.

use super::fields::FieldRules;
use super::overrides::Route;
use crate::limits::DROPPED_NAMES_MAX;
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
    /// How many lines had a name with an underscore that goes no further.
    pub underscored: usize,
    /// The first few of their names, for the log.
    pub underscored_names: Vec<HeaderName>,
    /// How many lines asked for something else than the method and the URL say.
    pub overriding: usize,
    /// The first few of their names, for the log.
    pub overriding_names: Vec<HeaderName>,
    /// How many lines told of the client's address and scheme. Forged, unless a trusted peer sent them.
    pub told_of_client: usize,
    /// `TE: trailers`, which holds for this connection and may be said anew on the next.
    pub te_trailers: TeTrailers,
    /// `Upgrade`, if `Connection` listed it (RFC 9110 §7.8 asks for both).
    pub upgrade: Option<HeaderValue>,
}

impl Cleaned {
    /// Whether something was taken off that is counted.
    #[must_use]
    pub const fn is_of_note(&self) -> bool {
        self.underscored + self.overriding + self.told_of_client > 0
    }
}

/// Takes off `headers` what is not for the application, or not the client's to say. `Host` and `Content-Length` stay.
///
/// One pass over the names; allocates only to remember what is to be removed.
pub fn clean(headers: &mut HeaderMap, rules: &FieldRules, route: Route) -> Cleaned {
    sweep(headers, rules, route, Told::TakenOff)
}

/// The same for a request of a trusted peer whose word about the client is to be read further in: that stays, in the spellings with
/// dashes.
pub fn clean_of_trusted(headers: &mut HeaderMap, rules: &FieldRules, route: Route) -> Cleaned {
    sweep(headers, rules, route, Told::Kept)
}

/// What becomes of the fields about the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    TakenOff,
    Kept,
}

#[inline]
fn sweep(headers: &mut HeaderMap, rules: &FieldRules, route: Route, told: Told) -> Cleaned {
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
        let is_unwanted = if contains_underscore(text.as_bytes()) {
            !rules.passes(name)
                && note(name, &mut cleaned.underscored, &mut cleaned.underscored_names)
        } else if !may_be_unwanted(text) {
            false
        } else if tells_of_client(text) {
            let is_taken = told == Told::TakenOff;
            cleaned.told_of_client += usize::from(is_taken);
            is_taken
        } else if rules.is_unwanted_override(name, route) {
            note(name, &mut cleaned.overriding, &mut cleaned.overriding_names)
        } else {
            if text == "te" && lists_trailers(value) {
                cleaned.te_trailers = TeTrailers::Accepted;
            }
            is_of_connection(text)
        };
        if is_unwanted {
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

/// Counts a line, and remembers its name if it is among the first.
fn note(name: &HeaderName, lines: &mut usize, names: &mut Vec<HeaderName>) -> bool {
    *lines += 1;
    if names.len() < DROPPED_NAMES_MAX {
        names.push(name.clone());
    }
    true
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
pub(super) fn is_of_connection(name: &str) -> bool {
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
pub(super) fn tells_of_client(name: &str) -> bool {
    matches!(name, "forwarded" | "x-real-ip" | "front-end-https")
        || name.starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hygiene::{Passed, Removal, Underscores};
    use proptest::prelude::*;

    type Fields<'a> = &'a [(&'static str, &'static str)];

    fn fields(lines: Fields<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    /// As the site decides that decides nothing, for a page.
    fn clean_for_application(headers: &mut HeaderMap) -> Cleaned {
        clean(headers, &FieldRules::default(), Route::Stored)
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
                "overrides",
                &[("x-original-url", "/admin"), ("x-http-method-override", "PUT"), ("x-hosts", "")],
                &["x-hosts"],
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
    fn a_trusted_peers_word_stays_and_what_only_looks_like_it_goes() {
        let mut headers = fields(&[
            ("x-forwarded-for", "1"),
            ("forwarded", "for=1"),
            ("x_forwarded_for", "6.6.6.6"),
            ("x-original-url", "/admin"),
            ("connection", "close, x-a"),
            ("x-a", "1"),
        ]);
        let cleaned = clean_of_trusted(&mut headers, &FieldRules::default(), Route::Stored);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-forwarded-for", "forwarded"]);
        let counted = (cleaned.told_of_client, cleaned.underscored, cleaned.overriding);
        assert_eq!(counted, (0, 1, 1));
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
        assert_eq!(cleaned.underscored_names.len(), DROPPED_NAMES_MAX);
    }

    #[test]
    fn the_site_lets_through_what_it_names_and_no_other_spelling_of_it() {
        let names = ["sm_user", "x_tenant"].map(HeaderName::from_static);
        let passed = Passed::new(&names, &[]).unwrap();
        let rules = FieldRules {
            underscores: Underscores::Pass(passed),
            overrides: [HeaderName::from_static("x-http-method")].into(),
        };
        let sent: Fields<'_> = &[
            ("sm_user", "ann"),
            ("x_tenant", "1"),
            ("x-tenant", "2"),
            ("x_forwarded_for", "6.6.6.6"),
            ("content_length", "5"),
            ("sm-user_", "b"),
            ("x-http-method", "DELETE"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/admin"),
        ];
        for (route, left) in [
            (Route::Stored, &["sm_user", "x_tenant", "x-tenant", "x-http-method"][..]),
            (
                Route::Change,
                &["sm_user", "x_tenant", "x-tenant", "x-http-method", "x-http-method-override"],
            ),
        ] {
            let mut headers = fields(sent);
            let cleaned = clean(&mut headers, &rules, route);
            assert_eq!(
                headers.keys().map(HeaderName::as_str).collect::<Vec<_>>().len(),
                left.len()
            );
            assert!(left.iter().all(|name| headers.contains_key(*name)), "{route:?}: {headers:?}");
            assert_eq!((cleaned.underscored, cleaned.overriding), (3, sent.len() - 3 - left.len()));
        }
        let mut headers = fields(sent);
        let cleaned = clean(&mut headers, &rules, Route::Passed);
        assert!(headers.contains_key("x-original-url") && cleaned.overriding == 0);
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
            let overrides = crate::hygiene::override_of(&name).is_some();
            prop_assert!(may_be_unwanted(&name) || !overrides);
            prop_assert!(may_be_unwanted(&name) || !(is_of_connection(&name) || tells_of_client(&name)));
        }

        #[test]
        fn what_is_taken_off_is_what_is_told_of(
            names in prop::collection::vec("[a-z_-]{1,6}|te|upgrade|forwarded|x-forwarded-[a-z]|x-http-method|x-host", 0..12),
            route in prop::sample::select(vec![Route::Stored, Route::Change, Route::Passed])
        ) {
            let rules = FieldRules::default();
            let names: Vec<_> =
                names.iter().map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap()).collect();
            let mut headers: HeaderMap =
                names.iter().map(|name| (name.clone(), HeaderValue::from_static("1"))).collect();
            let before = headers.clone();
            clean(&mut headers, &rules, route);
            for name in before.keys() {
                let removal: Option<Removal> = rules.removal(name, route);
                prop_assert_eq!(removal.is_none(), headers.contains_key(name), "{}", name);
            }
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
