//! 1xx responses on HTTP/1.1.

use larder_testkit::{Origin, Script, Signal};

use crate::{connect, serve};

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";

#[test]
fn hints_arrive_before_the_answer_is_made_and_the_connection_goes_on() {
    let go = Signal::new();
    let held = go.clone();
    let origin = Origin::answering(move |request| {
        if request.path() == "/slow" {
            Script::new().send("HTTP/1.1 102 Processing\r\n\r\n").send(HINTS).wait(&held).respond(
                "200 OK",
                "Cache-Control: no-store\r\n",
                "made",
            )
        } else {
            Script::answer("200 OK", "Cache-Control: no-store\r\n", "quick")
        }
    });
    let server = serve(&origin);
    let mut client = connect(&server);
    for round in 0..2 {
        client.send("GET /slow HTTP/1.1\r\nHost: site.test\r\n\r\n");
        let first = client.read_head().expect("102");
        assert_eq!(first.status, 102, "round {round}");
        let second = client.read_head().expect("103");
        assert_eq!(second.status, 103);
        assert_eq!(second.field("link"), Some("</a.css>; rel=preload"));
        // Only now may the answer be made: the hints did not wait for it.
        go.fire();
        let response = client.read_response();
        assert_eq!((response.status(), response.text()), (200, "made".to_owned()));
        let response = client.get("/quick");
        assert_eq!(response.interim, Vec::new());
        assert_eq!(response.text(), "quick");
    }
}

#[test]
fn hints_and_answer_sent_at_once_keep_their_order() {
    let origin = Origin::answering(|_| {
        let mut all = HINTS.repeat(3).into_bytes();
        all.extend_from_slice(
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nCache-Control: no-store\r\n\r\npage",
        );
        Script::new().send(all)
    });
    let server = serve(&origin);
    let mut client = connect(&server);
    for _ in 0..20 {
        let response = client.get("/");
        assert_eq!(response.interim.len(), 3);
        assert_eq!(response.text(), "page");
    }
}

#[test]
fn an_old_client_gets_no_interim_response() {
    let origin = Origin::answering(|_| {
        Script::new().send(HINTS).respond("200 OK", "Cache-Control: no-store\r\n", "page")
    });
    let server = serve(&origin);
    let mut client = connect(&server);
    client.send("GET / HTTP/1.0\r\nHost: site.test\r\n\r\n");
    let response = client.read_response();
    assert_eq!(response.interim, Vec::new());
    assert_eq!(response.text(), "page");
}

#[test]
fn a_refresh_behind_a_served_page_never_speaks_into_the_next_request() {
    let go = Signal::new();
    let held = go.clone();
    let refreshed = Signal::new();
    let done = refreshed.clone();
    let origin = Origin::answering(move |request| {
        let first = request.field("if-none-match").is_none();
        match request.path() {
            "/page" if first => Script::answer(
                "200 OK",
                "ETag: \"1\"\r\nCache-Control: max-age=0, stale-while-revalidate=60\r\n",
                "page",
            ),
            "/page" => Script::new().send(HINTS).fire(&done).respond(
                "304 Not Modified",
                "ETag: \"1\"\r\nCache-Control: max-age=60\r\n",
                "",
            ),
            _ => {
                Script::new().wait(&held).respond("200 OK", "Cache-Control: no-store\r\n", "other")
            }
        }
    });
    let server = serve(&origin);
    let mut client = connect(&server);
    assert_eq!(client.get("/page").text(), "page");
    // Served stale, refreshed behind; the next request is there at the same moment.
    client.send(
        "GET /page HTTP/1.1\r\nHost: site.test\r\n\r\nGET /other HTTP/1.1\r\nHost: site.test\r\n\r\n",
    );
    let stale = client.read_response();
    assert_eq!(stale.text(), "page", "{stale:?}");
    assert!(refreshed.wait(), "the refresh was answered");
    go.fire();
    let other = client.read_response();
    assert_eq!(other.text(), "other");
    assert_eq!(other.interim, Vec::new());
}
