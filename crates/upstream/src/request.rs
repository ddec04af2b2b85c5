//! The one form in which a request is written to an application: RFC 9112 §3.2.1, §6.
//!
//! Origin-form target, HTTP/1.1, exactly one `Host`, no fields that belong to one connection but
//! those of an upgrade, and exactly one statement of the body's length, which is our own. What a
//! client wrote about it never goes on, so there is nothing two parsers could read differently.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};
use larder_semantics::Reason;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What is known of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    None,
    Known(u64),
    Unknown,
}

/// Whether the request asks to change the protocol and its caller is ready for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrading {
    Yes,
    No,
}

/// Brings a request's head into its canonical form. Removes the fields that it knows to belong to
/// one connection; those that `Connection` lists are the caller's.
pub(crate) fn canonical(
    head: &mut Parts,
    body: BodyLength,
    upgrading: Upgrading,
) -> Result<(), Reason> {
    if head.method == Method::CONNECT {
        return Err(Reason::UnsupportedMethod);
    }
    head.version = Version::HTTP_11;
    let found = Found::of(&head.headers);
    one_host(head, found.hosts)?;
    origin_form(&mut head.uri);
    let fields = &mut head.headers;
    if found.of_connection {
        for name in [KEEP_ALIVE, PROXY_CONNECTION, TE, EXPECT, TRANSFER_ENCODING, CONNECTION] {
            fields.remove(name);
        }
    }
    match upgrading {
        Upgrading::Yes => {
            fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        Upgrading::No if found.of_connection => {
            fields.remove(UPGRADE);
        }
        Upgrading::No => {}
    }
    state_length(&head.method, fields, body);
    Ok(())
}

/// What one pass over the names finds: looking for each one costs more, and most are not there.
struct Found {
    hosts: usize,
    /// There may be fields of the connection.
    of_connection: bool,
}

impl Found {
    fn of(fields: &HeaderMap) -> Self {
        let mut found = Self { hosts: 0, of_connection: false };
        for name in fields.iter().map(|(name, _)| name.as_str()) {
            match name.len() {
                4 if name == "host" => found.hosts += 1,
                2 | 6 | 7 | 10 | 16 | 17 => found.of_connection |= is_of_connection(name),
                _ => {}
            }
        }
        found
    }
}

fn is_of_connection(name: &str) -> bool {
    matches!(
        name,
        "te" | "expect"
            | "upgrade"
            | "connection"
            | "keep-alive"
            | "proxy-connection"
            | "transfer-encoding"
    )
}

/// RFC 9112 §3.2: without a `Host`, an absolute target has the same to say.
fn one_host(head: &mut Parts, hosts: usize) -> Result<(), Reason> {
    match hosts {
        1 => Ok(()),
        0 => {
            let authority = head.uri.authority().ok_or(Reason::MissingHost)?;
            let host = authority.as_str().rsplit('@').next().unwrap_or_default();
            let host = HeaderValue::from_str(host).map_err(|_| Reason::BadHost)?;
            head.headers.insert(HOST, host);
            Ok(())
        }
        _ => Err(Reason::RepeatedHost),
    }
}

fn origin_form(uri: &mut Uri) {
    if uri.scheme().is_some() || uri.authority().is_some() {
        let slash = || PathAndQuery::from_static("/");
        *uri = Uri::from(uri.path_and_query().cloned().unwrap_or_else(slash));
    }
}

fn state_length(method: &Method, fields: &mut HeaderMap, body: BodyLength) {
    match body {
        BodyLength::None => {
            // RFC 9110 §8.6: say that there is none where one would be expected.
            let expected = [Method::POST, Method::PUT, Method::PATCH].contains(method);
            if expected || fields.contains_key(CONTENT_LENGTH) {
                fields.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        BodyLength::Known(length) => {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        BodyLength::Unknown => {
            fields.remove(CONTENT_LENGTH);
            fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
}

/// RFC 9110 §9.2.2: the methods that a proxy may repeat on its own when a connection broke.
pub(crate) fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE]
        .contains(method)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn written(
        request: http::request::Builder,
        body: BodyLength,
        upgrading: Upgrading,
    ) -> Result<(String, Vec<String>), Reason> {
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        canonical(&mut head, body, upgrading)?;
        assert_eq!(head.version, Version::HTTP_11);
        let mut fields: Vec<_> = head
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        fields.sort();
        Ok((head.uri.to_string(), fields))
    }

    #[test]
    fn targets_become_origin_form_and_keep_their_raw_text() {
        let cases = [
            ("/a%2Fb/../c?q=1&&x", "/a%2Fb/../c?q=1&&x"),
            ("http://example.org/a?b", "/a?b"),
            ("http://example.org", "/"),
            ("http://example.org?b", "/?b"),
            ("*", "*"),
        ];
        for (given, expected) in cases {
            let request = Request::builder().uri(given).header(HOST, "example.org");
            let (uri, _) = written(request, BodyLength::None, Upgrading::No).unwrap();
            assert_eq!(uri, expected, "{given}");
        }
    }

    #[test]
    fn there_is_exactly_one_host() {
        let absolute = || Request::builder().uri("http://u@example.org:81/");
        let cases = [
            (absolute().header(HOST, "other"), Ok("host: other")),
            (absolute(), Ok("host: example.org:81")),
            (Request::builder().uri("/"), Err(Reason::MissingHost)),
            (absolute().header(HOST, "a").header(HOST, "a"), Err(Reason::RepeatedHost)),
        ];
        for (request, expected) in cases {
            let actual = written(request, BodyLength::None, Upgrading::No);
            assert_eq!(actual.map(|(_, fields)| fields), expected.map(|f| vec![f.to_owned()]));
        }
    }

    #[test]
    fn the_length_is_stated_once_and_by_us() {
        use BodyLength::{Known, None, Unknown};
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], BodyLength, &'a [&'a str]);
        let cases: &[Case<'_>] = &[
            ("GET", &[], None, &[]),
            ("GET", &[("content-length", "5")], None, &["content-length: 0"]),
            ("POST", &[], None, &["content-length: 0"]),
            ("DELETE", &[], None, &[]),
            ("POST", &[("content-length", "5")], Known(7), &["content-length: 7"]),
            ("POST", &[("transfer-encoding", "chunked")], Known(7), &["content-length: 7"]),
            ("GET", &[("transfer-encoding", "gzip")], Unknown, &["transfer-encoding: chunked"]),
            ("POST", &[("content-length", "5")], Unknown, &["transfer-encoding: chunked"]),
        ];
        for (method, given, body, expected) in cases {
            let mut request = Request::builder().method(*method).header(HOST, "h");
            for (name, value) in *given {
                request = request.header(*name, *value);
            }
            let (_, mut fields) = written(request, *body, Upgrading::No).unwrap();
            fields.retain(|field| field != "host: h");
            assert_eq!(fields, *expected, "{method} {given:?} {body:?}");
        }
    }

    #[test]
    fn only_an_upgrade_keeps_fields_of_the_connection() {
        let request = || {
            Request::builder()
                .header(HOST, "h")
                .header(CONNECTION, "keep-alive, Upgrade")
                .header(UPGRADE, "websocket")
                .header(KEEP_ALIVE, "timeout=5")
                .header(PROXY_CONNECTION, "keep-alive")
                .header(TE, "trailers")
                .header(EXPECT, "100-continue")
        };
        let (_, plain) = written(request(), BodyLength::None, Upgrading::No).unwrap();
        assert_eq!(plain, ["host: h"]);
        let (_, upgrade) = written(request(), BodyLength::None, Upgrading::Yes).unwrap();
        assert_eq!(upgrade, ["connection: upgrade", "host: h", "upgrade: websocket"]);
    }

    #[test]
    fn connect_is_not_sent() {
        let request = Request::builder().method("CONNECT").uri("h:1").header(HOST, "h:1");
        let refused = written(request, BodyLength::None, Upgrading::No);
        assert_eq!(refused, Err(Reason::UnsupportedMethod));
    }
}
