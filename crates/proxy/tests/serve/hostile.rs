//! HTTP/2 requests that would be something else as HTTP/1.1: RFC 9113 §8.1.1, §8.2, §8.3, §10.3.
//!
//! Every one is refused before the application hears of it, or comes out as exactly the bytes that stand here.

use larder_proxy::Server;
use larder_testkit::http2::{Http2, Outcome, Request, code};
use larder_testkit::{Origin, Script};
use larder_tls::rustls::version::TLS13;

use crate::secure::{self, offer, shake};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n";

/// What may become of a hostile request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// RFC 9113 §8.1.1: a malformed request is a stream error. §5.4.2: which may end the connection instead.
    Malformed,
    /// An answer of ours.
    Status(u16),
}

use Refused::{Malformed, Status};

impl Refused {
    fn is(self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Malformed, Outcome::Reset(code) | Outcome::GoAway(code)) => {
                *code == code::PROTOCOL_ERROR
            }
            (Status(expected), Outcome::Answered(status, _)) => *status == expected,
            _ => false,
        }
    }
}

fn get() -> Request {
    Request::new("GET")
}

fn post() -> Request {
    Request::new("POST")
}

fn origin() -> Origin {
    Origin::answering(|_| Script::answer("200 OK", "", "page"))
}

/// How a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    ClearText,
    Tls,
}

impl Over {
    const ALL: [Self; 2] = [Self::ClearText, Self::Tls];

    /// Sends `request` on a connection of its own.
    fn send(self, server: &Server, request: &Request) -> Outcome {
        let mut client = match self {
            Self::ClearText => Http2::connect(server.addresses()[0]),
            Self::Tls => over_tls(server),
        };
        client.request(1, request);
        client.outcome(1)
    }

    /// The same request, or bytes of one, as it is when it comes so.
    fn said(self, text: String) -> String {
        match self {
            Self::ClearText => text,
            Self::Tls => {
                text.replace("proto: http\r", "proto: https\r").replace("port: 80", "port: 443")
            }
        }
    }

    fn request(self, request: Request) -> Request {
        match self {
            Self::ClearText => request,
            Self::Tls => request.instead(":scheme", "http", "https"),
        }
    }
}

fn over_tls(server: &Server) -> Http2 {
    let config = offer(&[&TLS13], &["h2"]);
    let tls = shake(server.https_addresses()[0], &config, "site.test").expect("a handshake");
    Http2::over(tls, &[])
}

/// Sends each request by clear text and by TLS, and says what was not refused as expected.
fn all_refused(cases: Vec<(&str, Request, Refused)>) {
    let origin = origin();
    let (server, _folder) = secure::serve(&origin, "", "");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, request, expected) in cases {
        for over in Over::ALL {
            let outcome = over.send(&server, &over.request(request.clone()));
            if !expected.is(&outcome) {
                wrong.push(format!("{over:?}, {name}: {outcome}, not {expected:?}"));
            }
            let requests = origin.requests();
            for request in requests.iter().skip(seen) {
                wrong.push(format!("{name}: {:?} came out", String::from_utf8_lossy(&request.raw)));
            }
            seen = requests.len();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Sends each request by clear text and by TLS, and compares what the application got.
fn all_come_out(cases: Vec<(&str, Request, String)>) {
    let origin = origin();
    let (server, _folder) = secure::serve(&origin, "", "");
    let mut count = 0;
    for (name, request, expected) in cases {
        for over in Over::ALL {
            let outcome = over.send(&server, &over.request(request.clone()));
            assert_eq!(outcome.status(), Some(200), "{over:?}, {name}");
            let came = origin.requests();
            count += 1;
            assert_eq!(came.len(), count, "{over:?}, {name}: one request is one request");
            let last = String::from_utf8_lossy(&came[count - 1].raw).into_owned();
            assert_eq!(last, over.said(expected.clone()), "{over:?}, {name}");
        }
    }
}

#[test]
fn bytes_that_end_a_line_never_leave_a_field() {
    let values: [(&str, &[u8]); 8] = [
        ("CR LF and a field", b"a\r\nX-Admin: 1"),
        (
            "CR LF CR LF and a request",
            b"a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n",
        ),
        ("LF", b"a\nX-Admin: 1"),
        ("CR", b"a\rX-Admin: 1"),
        ("NUL", b"a\0b"),
        ("CR LF at the end", b"a\r\n"),
        ("a control character", b"a\x01b"),
        ("DEL", b"a\x7fb"),
    ];
    let mut cases = Vec::new();
    for field in
        ["x-field", "cookie", "host", "content-type", ":authority", ":path", ":method", ":scheme"]
    {
        for (name, value) in values {
            let bytes = if field.starts_with(':') {
                get().with(field, [get_value(field), value].concat())
            } else {
                get().plus(field, value)
            };
            cases.push((name, bytes, Malformed));
        }
    }
    all_refused(cases);
}

fn get_value(pseudo: &str) -> &'static [u8] {
    match pseudo {
        ":authority" => b"site.test",
        ":path" => b"/",
        ":method" => b"GET",
        _ => b"http",
    }
}

#[test]
fn a_name_is_a_token_in_lower_case() {
    let names: [(&str, &[u8]); 17] = [
        ("empty", b""),
        ("a colon inside", b"x:y"),
        ("a colon at the end", b"x:"),
        ("a field inside", b"x: 1\r\nx-admin"),
        ("a request inside", b"x: 1\r\n\r\nGET /smuggled HTTP/1.1\r\nhost"),
        ("upper case", b"X-Field"),
        ("one letter in upper case", b"x-fielD"),
        ("a space inside", b"x field"),
        ("a space at the end", b"transfer-encoding "),
        ("a space at the beginning", b" transfer-encoding"),
        ("a tab", b"x\ty"),
        ("LF", b"x\ny"),
        ("CR", b"x\ry"),
        ("NUL", b"x\0y"),
        ("DEL", b"x\x7fy"),
        ("beyond ASCII", b"x\xe9y"),
        ("a delimiter", b"x(y)"),
    ];
    let case = |(name, bytes): (&'static str, &[u8])| (name, get().plus(bytes, "1"), Malformed);
    all_refused(names.into_iter().map(case).collect());
}

#[test]
fn pseudo_fields_are_there_once_and_first() {
    all_refused(vec![
        ("two methods", get().plus(":method", "GET"), Malformed),
        ("two paths", get().plus(":path", "/b"), Malformed),
        ("two authorities", get().plus(":authority", "b"), Malformed),
        ("two schemes", get().plus(":scheme", "http"), Malformed),
        ("an unknown one", get().plus(":admin", "1"), Malformed),
        ("an empty name behind the colon", get().plus(":", "1"), Malformed),
        ("one of a response", get().plus(":status", "200"), Malformed),
        ("a protocol without CONNECT", get().plus(":protocol", "websocket"), Malformed),
        ("behind a field", get().without(":path").plus("x", "1").plus(":path", "/"), Malformed),
        ("in upper case", get().without(":path").plus(":Path", "/"), Malformed),
        ("no method", get().without(":method"), Malformed),
        ("no path", get().without(":path"), Malformed),
        ("no scheme", get().without(":scheme"), Malformed),
        ("no pseudo field at all", Request::empty().plus("host", "site.test"), Malformed),
        ("nothing", Request::empty(), Malformed),
        ("neither authority nor host", get().without(":authority"), Status(400)),
        ("empty method", get().with(":method", ""), Malformed),
        ("empty scheme", get().with(":scheme", ""), Status(400)),
        ("empty authority", get().with(":authority", ""), Malformed),
    ]);
}

#[test]
fn a_method_is_one_word_and_opens_no_tunnel() {
    let mut cases = Vec::new();
    for method in
        ["GET /smuggled HTTP/1.1\r\nX:", "GET /b", " GET", "GET ", "G\tET", "GE\"T", "G\u{e9}T"]
    {
        cases.push((method, get().with(":method", method), Malformed));
    }
    let connect = Request::empty().plus(":method", "CONNECT").plus(":authority", "site.test:80");
    let extended = Request::new("CONNECT").plus(":protocol", "websocket");
    cases.extend([
        ("CONNECT", connect.clone(), Status(501)),
        ("CONNECT with a body", connect.data(SMUGGLED), Status(501)),
        ("CONNECT with a path", Request::new("CONNECT"), Malformed),
        ("extended CONNECT", extended, Malformed),
    ]);
    all_refused(cases);
}

#[test]
fn a_path_is_a_path() {
    let paths = [
        ("empty", ""),
        ("relative", "smuggled"),
        ("absolute", "http://other.test/"),
        ("a space", "/a b"),
        ("a request line", "/ HTTP/1.1\r\nHost: other.test\r\n\r\nGET /smuggled"),
        ("a version behind a space", "/ HTTP/1.1"),
        ("a tab", "/a\tb"),
        ("a space in the query", "/?a b"),
        ("a backslash at the beginning", "\\a"),
        ("DEL", "/a\x7f"),
    ];
    let case = |(name, path)| (name, get().with(":path", path), Malformed);
    let mut cases: Vec<_> = paths.into_iter().map(case).collect();
    // What is a part of a URI is ours to refuse.
    cases.extend([
        ("a query alone", get().with(":path", "?a"), Status(400)),
        ("an asterisk", get().with(":path", "*"), Status(400)),
    ]);
    all_refused(cases);
}

#[test]
fn a_request_names_one_site() {
    let refused = Status(400);
    all_refused(vec![
        ("another host", get().plus("host", "other.test"), refused),
        ("another port", get().plus("host", "site.test:81"), refused),
        ("an empty host", get().plus("host", ""), refused),
        ("two hosts", get().plus("host", "site.test").plus("host", "other.test"), refused),
        ("the same host twice", get().plus("host", "site.test").plus("host", "site.test"), refused),
        (
            "two hosts and no authority",
            get().without(":authority").plus("host", "a").plus("host", "b"),
            refused,
        ),
        ("a list of hosts", get().without(":authority").plus("host", "a.test, b.test"), refused),
        ("user information", get().with(":authority", "me@site.test"), refused),
        (
            "user information in host",
            get().without(":authority").plus("host", "me@site.test"),
            refused,
        ),
        ("a path", get().with(":authority", "site.test/a"), Malformed),
        ("a query", get().with(":authority", "site.test?a"), Malformed),
        ("a space", get().with(":authority", "site.test a"), Malformed),
        ("a backslash", get().with(":authority", "site.test\\a"), Malformed),
        ("a port that is none", get().with(":authority", "site.test:a"), refused),
        ("a port too large", get().with(":authority", "site.test:99999"), refused),
        ("a path in host", get().without(":authority").plus("host", "site.test/a"), refused),
    ]);
}

#[test]
fn a_scheme_is_that_of_the_connection() {
    all_refused(vec![
        ("another protocol", get().with(":scheme", "ftp"), Status(400)),
        ("a scheme with a site", get().with(":scheme", "http://other.test"), Malformed),
        ("a scheme with a space", get().with(":scheme", "http "), Malformed),
    ]);
    let origin = origin();
    let (server, _folder) = secure::serve(&origin, "", "");
    for (over, scheme, other) in [(Over::ClearText, "http", "https"), (Over::Tls, "https", "http")]
    {
        let outcome = over.send(&server, &get().with(":scheme", other));
        assert_eq!(outcome.status(), Some(421), "{over:?}");
        let outcome = over.send(&server, &get().with(":scheme", scheme));
        assert_eq!(outcome.status(), Some(200), "{over:?}");
    }
    assert_eq!(origin.request_count(), 2);
}

#[test]
fn what_belongs_to_a_connection_is_not_sent() {
    let fields = [
        ("connection", "close"),
        ("connection", "keep-alive, x-field"),
        ("connection", ""),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "h2c"),
        ("upgrade", "websocket"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("transfer-encoding", ""),
        ("transfer-encoding", "gzip, chunked"),
        ("te", "gzip"),
        ("te", "trailers, chunked"),
        ("te", ""),
    ];
    let mut cases = Vec::new();
    for (name, value) in fields {
        cases.push((name, get().plus(name, value), Malformed));
        cases.push((name, post().plus(name, value).data("0\r\n\r\n").data(SMUGGLED), Malformed));
    }
    all_refused(cases);
}

#[test]
fn a_length_is_kept_or_the_request_is_not_made() {
    let length = |value: &str| post().plus("content-length", value);
    all_refused(vec![
        ("less than said, at once", length("5"), Malformed),
        ("less than said", length("5").data("1234"), Malformed),
        ("more than said", length("5").data("123456"), Malformed),
        ("more than said, in two", length("5").data("12345").data(SMUGGLED), Malformed),
        ("more than none", length("0").data(SMUGGLED), Malformed),
        ("less, and trailers", length("5").data("1234").trailer("x", "1"), Malformed),
        ("on GET with END_STREAM", get().plus("content-length", "5"), Malformed),
        ("two that differ", length("5").plus("content-length", "6").data("12345"), Malformed),
        ("two that are equal", length("5").plus("content-length", "5").data("12345"), Status(400)),
        ("a list", length("5, 5").data("12345"), Malformed),
        ("a sign", length("+5").data("12345"), Malformed),
        ("a minus", length("-5").data("12345"), Malformed),
        ("a space before", length(" 5").data("12345"), Malformed),
        ("a space behind", length("5 ").data("12345"), Malformed),
        ("hexadecimal", length("0x5").data("12345"), Malformed),
        ("empty", length("").data("12345"), Malformed),
        ("too large to count", length("18446744073709551621").data("12345"), Malformed),
    ]);
}

#[test]
fn white_space_around_a_value_is_refused() {
    let values = [" 1", "1 ", "\t1", "1\t", " ", " chunked"];
    let case = |value| (value, get().plus("x-field", value), Status(400));
    all_refused(values.into_iter().map(case).collect());
}

/// What the application gets beside what the test sent.
const TOLD: &str = "surrogate-capability: larder=\"Surrogate/1.0\"\r\nx-forwarded-for: 127.0.0.1\r\n\
                    x-forwarded-proto: http\r\nx-forwarded-host: site.test\r\nx-forwarded-port: 80\r\n";

#[test]
fn what_is_allowed_comes_out_as_these_bytes_and_no_more() {
    let head = |line: &str, fields: &str| {
        format!("{line} HTTP/1.1\r\n{fields}{TOLD}host: site.test\r\nvia: 2.0 larder\r\n\r\n")
    };
    let plain = |fields: &str| head("GET /", fields);
    let path = |path: &'static str| get().with(":path", path);
    let cases = vec![
        ("plain", get(), plain("")),
        (
            "host beside authority",
            get().plus("host", "site.test"),
            format!("GET / HTTP/1.1\r\nhost: site.test\r\n{TOLD}via: 2.0 larder\r\n\r\n"),
        ),
        (
            "a request in a value",
            get().plus("x", "GET /smuggled HTTP/1.1"),
            plain("x: GET /smuggled HTTP/1.1\r\n"),
        ),
        ("escaped line breaks", get().plus("x", "a%0d%0ab"), plain("x: a%0d%0ab\r\n")),
        (
            "a value that looks like a field",
            get().plus("x", "transfer-encoding: chunked"),
            plain("x: transfer-encoding: chunked\r\n"),
        ),
        (
            "escaped line breaks in the path",
            path("/a%0d%0aHost:%20b"),
            head("GET /a%0d%0aHost:%20b", ""),
        ),
        ("a fragment goes nowhere", path("/a#/../admin"), head("GET /a", "")),
        ("another's URL as a path", path("//other.test/a"), head("GET //other.test/a", "")),
        ("dots are the application's to read", path("/../a/./b"), head("GET /../a/./b", "")),
        ("an underscore is gone", get().plus("transfer_encoding", "chunked"), plain("")),
        ("its own word about itself is gone", get().plus("x-forwarded-proto", "https"), plain("")),
        ("trailers are said anew or not at all", get().plus("te", "trailers"), plain("")),
        (
            "no length for no body",
            get().plus("content-length", "0"),
            plain("content-length: 0\r\n"),
        ),
        (
            "cookies in one line",
            get().plus("cookie", "a=1").plus("cookie", "b=2"),
            plain("cookie: a=1; b=2\r\n"),
        ),
        ("a method of nobody", Request::new("SMUGGLE"), head("SMUGGLE /", "")),
    ];
    all_come_out(cases);
}

#[test]
fn a_body_is_framed_anew_whatever_is_in_it() {
    let head = |fields: &str, framing: &str| {
        format!(
            "POST / HTTP/1.1\r\n{fields}{TOLD}host: site.test\r\nvia: 2.0 larder\r\n{framing}\r\n"
        )
    };
    let sized = |fields: &str, body: &str| format!("{}{body}", head(fields, ""));
    let chunked = |fields: &str, body: &str| {
        format!("{}{body}", head(fields, "transfer-encoding: chunked\r\n"))
    };
    let length = SMUGGLED.len();
    let cases = vec![
        (
            "a request as a body",
            post().data(SMUGGLED),
            chunked("", &format!("{length:X}\r\n{SMUGGLED}\r\n0\r\n\r\n")),
        ),
        (
            "the same with its length",
            post().plus("content-length", length.to_string()).data(SMUGGLED),
            sized(&format!("content-length: {length}\r\n"), SMUGGLED),
        ),
        (
            "an end of chunks as a body",
            post().data("0\r\n\r\n"),
            chunked("", "5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
        ),
    ];
    all_come_out(cases);
}

#[test]
fn trailers_are_no_second_head() {
    let post = || {
        let listed =
            "transfer-encoding, content-length, host, x-sum, :path, connection, authorization";
        post().plus("trailer", listed).plus("te", "trailers").data("body")
    };
    let cases = [
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("te", "gzip"),
        ("X-Upper", "1"),
        ("x", "a\r\nb: c"),
        ("x", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n"),
        (":path ", "/b"),
    ];
    let origin = origin();
    let (server, _folder) = secure::serve(&origin, "", "");
    for (name, value) in cases {
        let mut client = Http2::connect(server.addresses()[0]);
        client.request(1, &post().trailer(name, value));
        let outcome = client.outcome(1);
        assert!(Malformed.is(&outcome) || outcome.status() == Some(502), "{name}: {outcome}");
    }
    // The head may have gone on before the trailers came: then the application sees a body that breaks off.
    for request in origin.requests() {
        assert!(request.malformed.is_some(), "{}", String::from_utf8_lossy(&request.raw));
    }
    // RFC 9113 §8.1 calls pseudo fields there malformed too; the h2 crate leaves them out, and nobody sees them.
    let left_out = [
        (":path", "/b"),
        (":status", "200"),
        ("content-length", "9"),
        ("host", "other.test"),
        ("authorization", "Basic eA=="),
        ("cookie", "a=b"),
        ("x-forwarded-for", "1.2.3.4"),
    ];
    let before = origin.request_count();
    for (number, (name, value)) in left_out.into_iter().enumerate() {
        let mut client = Http2::connect(server.addresses()[0]);
        client.request(1, &post().trailer(name, value));
        assert_eq!(client.outcome(1).status(), Some(200), "{name}");
        let came = origin.requests();
        assert_eq!(came.len(), before + number + 1, "{name}: one request is one request");
        let came = came.last().expect("came");
        assert!(
            came.malformed.is_none() && came.trailers.is_empty(),
            "{name}: {:?}",
            came.trailers
        );
        assert_eq!((came.target.as_str(), came.body.as_slice()), ("/", &b"body"[..]), "{name}");
    }
}
