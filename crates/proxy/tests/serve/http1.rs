//! HTTP/1.1 as clients speak it.

use std::io::Read as _;

use larder_semantics::Reason;
use larder_testkit::{Origin, ReadError, Script, Signal};

use crate::{connect, eventually, serve};

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::answering(|request| {
        Script::answer("200 OK", "Cache-Control: max-age=60\r\n", request.path().to_owned())
    });
    let server = serve(&origin);
    let mut client = connect(&server);
    let all: String =
        (0..50).map(|n| format!("GET /{} HTTP/1.1\r\nHost: site.test\r\n\r\n", n % 5)).collect();
    client.send(all);
    for n in 0..50 {
        assert_eq!(client.read_response().text(), format!("/{}", n % 5));
    }
    assert_eq!(origin.request_count(), 5);
}

#[test]
fn beginnings_like_the_http2_preface_are_http1_unless_it_is_the_whole() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let server = serve(&origin);
    for method in ["PRI", "PR", "P", "PUT", "PRIX"] {
        let mut client = connect(&server);
        // Byte by byte, so that every split of the preface is seen.
        for byte in format!("{method} / HTTP/1.1\r\nHost: site.test\r\n\r\n").bytes() {
            client.send([byte]);
        }
        let response = client.read_response();
        assert_eq!(response.text(), "page", "{method}");
    }
}

#[test]
fn the_application_sees_the_client_as_larder_saw_it() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let server = serve(&origin);
    let mut client = connect(&server);
    let fields = "X-Forwarded-For: 1.2.3.4\r\nX_Real_Name: x\r\nForwarded: for=1.2.3.4\r\nConnection: x-hop\r\n\
                  X-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nVia: 1.1 other\r\n";
    assert_eq!(
        client.request("POST", "/", &format!("{fields}Content-Length: 0\r\n")).text(),
        "page"
    );
    let seen = &origin.requests()[0];
    assert_eq!(seen.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.field("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.field("x-forwarded-host"), Some("site.test"));
    for gone in ["x_real_name", "forwarded", "x-hop", "keep-alive", "connection", "te"] {
        assert_eq!(seen.field(gone), None, "{gone}");
    }
    assert!(seen.all("via").contains(&"1.1 larder"), "{:?}", seen.all("via"));
}

#[test]
fn a_field_that_connection_lists_does_not_choose_a_page() {
    let origin = Origin::answering(|request| {
        let language = request.field("accept-language").unwrap_or("none").to_owned();
        Script::answer("200 OK", "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n", language)
    });
    let server = serve(&origin);
    let mut client = connect(&server);
    let listed = "Accept-Language: de\r\nConnection: keep-alive, Accept-Language\r\n";
    assert_eq!(client.request("GET", "/", listed).text(), "none");
    assert_eq!(client.request("GET", "/", "Accept-Language: de\r\n").text(), "de");
}

#[test]
fn a_chunked_body_goes_both_ways() {
    let origin = Origin::answering(|request| {
        let echoed = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n{:x}\r\n{}\r\n0\r\nX-Sum: 42\r\n\r\n",
            request.body.len(),
            String::from_utf8_lossy(&request.body)
        );
        Script::new().send(echoed)
    });
    let server = serve(&origin);
    let mut client = connect(&server);
    let fields = "TE: trailers\r\nConnection: te\r\nTransfer-Encoding: chunked\r\n";
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: site.test\r\n{fields}\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    ));
    let response = client.read_response();
    assert_eq!(response.text(), "hello world");
}

#[test]
fn expect_is_answered_here_and_not_sent_on() {
    let origin = Origin::answering(|request| Script::answer("200 OK", "", request.body.clone()));
    let server = serve(&origin);
    let mut client = connect(&server);
    client.send(
        "POST / HTTP/1.1\r\nHost: site.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    );
    assert_eq!(client.read_head().expect("100").status, 100);
    client.send("body");
    assert_eq!(client.read_response().text(), "body");
    assert_eq!(origin.requests()[0].field("expect"), None);
}

#[test]
fn a_body_left_unread_on_a_hit_is_no_request() {
    let origin =
        Origin::paths([("/", Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "page"))]);
    let server = serve(&origin);
    assert_eq!(connect(&server).get("/").text(), "page");
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n";
    let mut client = connect(&server);
    client.send(format!(
        "GET / HTTP/1.1\r\nHost: site.test\r\nContent-Length: {}\r\n\r\n{smuggled}",
        smuggled.len()
    ));
    assert_eq!(client.read_response().text(), "page");
    client.finish_sending();
    assert!(client.is_closed());
    assert_eq!(origin.count_of("/smuggled"), 0);
}

#[test]
fn an_application_that_dies_in_the_middle_is_seen_as_that_by_every_kind_of_client() {
    for fields in ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"] {
        let server = dying(fields);
        let mut client = connect(&server.1);
        let outcome = {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            client.try_read_response()
        };
        assert!(
            matches!(outcome, Err(ReadError::Truncated | ReadError::Reset)),
            "{fields:?}: {outcome:?}"
        );
    }
}

/// An application whose body breaks off, and a server in front of it.
fn dying(fields: &'static str) -> (Origin, larder_proxy::Server) {
    let body = if fields.starts_with('C') { "part" } else { "4\r\npart\r\n" };
    let origin = Origin::answering(move |_| {
        Script::new().send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}")).reset()
    });
    let server = serve(&origin);
    (origin, server)
}

#[test]
fn a_body_that_only_the_connections_end_delimits_is_never_ended_by_a_failure() {
    let server = dying("Transfer-Encoding: chunked\r\n");
    let mut client = connect(&server.1);
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    // An orderly end would make the part look like the whole: RFC 9112 §8.
    let mut taken = Vec::new();
    let error = client.stream().read_to_end(&mut taken).expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_tunnel_opens_only_after_the_applications_101() {
    let origin = Origin::answering(|request| {
        if request.path() == "/ws" {
            Script::new()
                .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello from there")
                .close()
        } else {
            Script::answer("200 OK", "", "no")
        }
    });
    let server = serve(&origin);
    let wish = "Connection: Upgrade\r\nUpgrade: echo\r\n";
    let mut client = connect(&server);
    assert_eq!(client.request("GET", "/plain", wish).text(), "no");
    client.send(format!("GET /ws HTTP/1.1\r\nHost: site.test\r\n{wish}\r\n"));
    let head = client.read_head().expect("101");
    assert_eq!(head.status, 101);
    assert_eq!(head.field("upgrade"), Some("echo"));
    let (rest, closed) = client.drain();
    assert_eq!(String::from_utf8_lossy(&rest), "hello from there");
    assert!(closed);
    drop(client);
    eventually("the tunnel's connection is over", || {
        crate::admin(&server, "/metrics").1.contains("larder_connections_open 0\n")
    });
}

#[test]
fn a_client_that_closes_its_side_behind_a_request_is_answered() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let server = serve(&origin);
    let mut client = connect(&server);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.finish_sending();
    assert_eq!(client.read_response().text(), "page");
    assert!(client.is_closed());
}

#[test]
fn a_request_whose_client_has_left_is_given_up() {
    let left = Signal::new();
    let seen = left.clone();
    let origin = Origin::answering(move |_| Script::new().await_close(&seen));
    let server = serve(&origin);
    let mut client = connect(&server);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let _requests = origin.wait_for_requests(1);
    drop(client);
    assert!(left.wait(), "the application's connection is closed");
    eventually("counted", || server.metrics().refused(Reason::ClientLeft) == 1);
}
