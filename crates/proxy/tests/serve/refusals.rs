//! What is refused: the answer, the end of the connection, the counter; and nothing goes on.

use larder_semantics::Reason;
use larder_testkit::{Origin, Script};

use crate::{admin, connect, eventually, serve, start};

fn application() -> Origin {
    Origin::answering(|_| Script::answer("200 OK", "", "the application"))
}

/// What is wrong, the bytes, the status, the reason.
#[expect(clippy::too_many_lines, reason = "a table")]
fn attempts() -> Vec<(&'static str, String, u16, Reason)> {
    let long = "a".repeat(20_000);
    vec![
        ("no such line", "GARBAGE\r\n\r\n".into(), 400, Reason::MalformedRequest),
        ("bad version", "GET / HTTP/9.9\r\nHost: a\r\n\r\n".into(), 400, Reason::MalformedRequest),
        (
            "NUL in a value",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n".into(),
            400,
            Reason::MalformedRequest,
        ),
        (
            "folded line",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n".into(),
            400,
            Reason::MalformedRequest,
        ),
        (
            "space before colon",
            "GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n".into(),
            400,
            Reason::MalformedRequest,
        ),
        ("no Host", "GET / HTTP/1.1\r\n\r\n".into(), 400, Reason::MissingHost),
        (
            "two Hosts",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".into(),
            400,
            Reason::RepeatedHost,
        ),
        ("bad Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".into(), 400, Reason::BadHost),
        (
            "target is not Host",
            "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n".into(),
            400,
            Reason::HostMismatch,
        ),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".into(),
            400,
            Reason::MalformedRequest,
        ),
        (
            "bad length",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na".into(),
            400,
            Reason::MalformedRequest,
        ),
        (
            "gzip, chunked",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
                .into(),
            400,
            Reason::BadTransferEncoding,
        ),
        (
            "gzip",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n".into(),
            400,
            Reason::MalformedRequest,
        ),
        (
            "chunked in HTTP/1.0",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
            400,
            Reason::MalformedRequest,
        ),
        (
            "a tunnel",
            "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n".into(),
            501,
            Reason::UnsupportedMethod,
        ),
        (
            "an odd expectation",
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n".into(),
            417,
            Reason::BadExpect,
        ),
        (
            "long target",
            format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
            414,
            Reason::UriTooLong,
        ),
        (
            "large head",
            format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(200_000)),
            431,
            Reason::HeadTooLarge,
        ),
        (
            "many fields",
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "a: b\r\n".repeat(150)),
            431,
            Reason::HeadTooLarge,
        ),
    ]
}

#[test]
fn malformed_requests_are_refused_counted_and_not_forwarded() {
    let origin = application();
    let server = serve(&origin);
    for (name, request, status, reason) in attempts() {
        let before = server.metrics().refused(reason);
        let mut client = connect(&server);
        client.send(&request);
        let response = client.try_read_response();
        let response = response.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(response.status(), status, "{name}");
        assert!(client.is_closed(), "{name}: closed");
        eventually(name, || server.metrics().refused(reason) == before + 1);
    }
    assert_eq!(origin.request_count(), 0);
}

#[test]
fn our_refusals_say_close_and_why_and_a_following_request_is_not_read() {
    let origin = application();
    let server = serve(&origin);
    let mut client = connect(&server);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = client.read_response();
    assert_eq!(response.field("connection"), Some("close"));
    assert_eq!(response.field("cache-status"), Some("larder; detail=repeated-host"));
    assert_eq!(response.field("content-type"), Some("text/plain; charset=utf-8"));
    assert!(client.is_closed());
    assert_eq!(origin.request_count(), 0);
    let metrics = admin(&server, "/metrics").1;
    assert!(metrics.contains("larder_refused_total{reason=\"repeated-host\"} 1\n"), "{metrics}");
}

#[test]
fn a_failed_application_is_a_line_without_details_and_the_connection_goes_on() {
    let origin = Origin::answering(|_| Script::new().send("nonsense\r\n\r\n").close());
    let server = serve(&origin);
    let mut client = connect(&server);
    for method in ["GET", "HEAD", "GET"] {
        let response = client.request(method, "/", "");
        assert_eq!(response.status(), 502, "{method}");
        assert!(!response.text().contains("nonsense"));
        assert_eq!(response.text().is_empty(), method == "HEAD");
        assert!(response.cache_status().starts_with("larder; "), "{}", response.cache_status());
    }
}

#[test]
fn one_connection_too_many_is_told_so() {
    let origin = application();
    let server = start(&origin, |config| config.limits.connections_max = 1);
    let mut first = connect(&server);
    assert_eq!(first.get("/").status(), 200);
    let mut second = connect(&server);
    let response = second.read_response();
    assert_eq!(response.status(), 503);
    assert!(second.is_closed());
    assert_eq!(first.get("/").status(), 200);
    drop(first);
    eventually("room again", || {
        let mut client = connect(&server);
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.try_read_response().is_ok_and(|response| response.status() == 200)
    });
    assert!(server.metrics().refused(Reason::TooManyConnections) >= 1);
}
