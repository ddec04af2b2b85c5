//! Time limits for clients. Short ones, waited for by reading: what comes is the end of the wait.

use std::io::Read as _;

use larder_semantics::Reason;
use larder_testkit::{Origin, Script, Signal};

use crate::{SHORT, connect, eventually, serve, start};

#[test]
fn a_head_that_does_not_end_is_408() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let server = start(&origin, |config| config.timeouts.header = SHORT);
    for begun in ["G", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX"] {
        let mut client = connect(&server);
        client.send(begun);
        let response = client.read_response();
        assert_eq!(response.status(), 408, "{begun:?}");
        assert_eq!(response.field("connection"), Some("close"));
        assert!(client.is_closed());
    }
    // Also on a connection that was good before.
    let mut client = connect(&server);
    assert_eq!(client.get("/").text(), "page");
    client.send("GET /");
    assert_eq!(client.read_response().status(), 408);
    eventually("counted", || server.metrics().refused(Reason::HeadTimeout) == 4);
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let server = start(&origin, |config| config.timeouts.idle = SHORT);
    let mut fresh = connect(&server);
    assert!(fresh.is_closed());
    let mut used = connect(&server);
    assert_eq!(used.get("/").text(), "page");
    assert!(used.is_closed());
}

#[test]
fn a_body_that_does_not_go_on_is_408() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let server = start(&origin, |config| config.timeouts.body = SHORT);
    let mut client = connect(&server);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    assert_eq!(client.read_response().status(), 408);
    assert!(client.is_closed());
    eventually("counted", || server.metrics().refused(Reason::BodyTimeout) == 1);
    let cut_off = &origin.wait_for_requests(1)[0];
    assert!(cut_off.malformed.is_some(), "the application saw no complete request");
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let body = vec![b'x'; 32 << 20];
    let origin = Origin::answering(move |_| {
        Script::answer("200 OK", "Cache-Control: no-store\r\n", body.clone())
    });
    let server = start(&origin, |config| config.timeouts.send = SHORT);
    let mut client = connect(&server);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("given up", || server.metrics().refused(Reason::SendTimeout) == 1);
    let mut taken = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count @ 1..) = client.stream().read(&mut buffer) {
        taken += count;
    }
    assert!(taken < 32 << 20, "not all of it");
}

#[test]
fn an_application_may_take_longer_than_any_limit_for_clients() {
    let go = Signal::new();
    let held = go.clone();
    let origin =
        Origin::answering(move |_| Script::new().wait(&held).respond("200 OK", "", "late"));
    let server = start(&origin, |config| {
        config.timeouts.header = SHORT;
        config.timeouts.idle = SHORT;
        config.timeouts.body = SHORT;
        config.timeouts.send = SHORT;
    });
    // Another client's limit passes meanwhile: that is how the test knows that time has passed.
    let mut slow = connect(&server);
    slow.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let _requests = origin.wait_for_requests(1);
    for _ in 0..2 {
        let mut other = connect(&server);
        other.send("GET");
        assert_eq!(other.read_response().status(), 408);
    }
    go.fire();
    assert_eq!(slow.read_response().text(), "late");
}

#[test]
fn a_slow_but_steady_reader_gets_everything() {
    let body = vec![b'x'; 1 << 20];
    let origin = Origin::answering(move |_| {
        Script::answer("200 OK", "Cache-Control: no-store\r\n", body.clone())
    });
    let server = serve(&origin);
    let mut client = connect(&server);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let _head = client.read_head().expect("a head");
    let mut total = 0;
    while let Some(piece) = client.read_piece().expect("whole") {
        total += piece.len();
    }
    assert_eq!(total, 1 << 20);
}
