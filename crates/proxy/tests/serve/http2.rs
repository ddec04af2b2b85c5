//! HTTP/2 with prior knowledge, as the `h2` crate's client speaks it. Impolite ones: `hostile`, `floods`.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response, StatusCode};
use larder_proxy::Server;
use larder_semantics::Reason;
use larder_testkit::http2::{Http2, code};
use larder_testkit::{Origin, Script, Signal};

use crate::{SHORT, connect, serve, start};

/// Runs a test's client on a connection to `server`.
fn with_client<F: Future<Output = ()>>(
    server: &Server,
    test: impl FnOnce(SendRequest<Bytes>) -> F,
) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let socket =
            tokio::net::TcpStream::connect(server.addresses()[0]).await.expect("a connection");
        let (client, connection) = h2::client::handshake(socket).await.expect("a handshake");
        let driver = tokio::spawn(connection);
        let limited = tokio::time::timeout(larder_testkit::PATIENCE, test(client)).await;
        limited.expect("in time");
        driver.abort();
    });
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://site.test{path}")).body(()).expect("a request")
}

async fn body(response: &mut Response<h2::RecvStream>) -> Result<Vec<u8>, h2::Error> {
    let mut all = Vec::new();
    while let Some(piece) = response.body_mut().data().await {
        let piece = piece?;
        response.body_mut().flow_control().release_capacity(piece.len())?;
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

#[test]
fn pages_are_served_and_kept_over_http2() {
    let origin =
        Origin::paths([("/", Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "page"))]);
    let server = serve(&origin);
    with_client(&server, |client| async move {
        let mut client = client.ready().await.expect("ready");
        for _ in 0..3 {
            let (response, _) = client.send_request(get("/"), true).expect("sent");
            let mut response = response.await.expect("a response");
            assert_eq!(response.status(), StatusCode::OK);
            assert!(response.headers().contains_key("date"));
            assert_eq!(response.headers()["content-length"], "4");
            assert!(!response.headers().contains_key("connection"));
            assert_eq!(body(&mut response).await.expect("whole"), b"page");
        }
        let request = Request::head("http://site.test/").body(()).expect("a request");
        let (response, _) = client.send_request(request, true).expect("sent");
        let response = response.await.expect("a response");
        assert_eq!(response.headers()["content-length"], "4");
        assert!(response.body().is_end_stream());
    });
    assert_eq!(origin.request_count(), 1);
    assert_eq!(origin.requests()[0].field("via"), Some("2.0 larder"));
    // What one protocol stored, the other serves.
    assert_eq!(connect(&server).get("/").text(), "page");
    assert_eq!(origin.request_count(), 1);
}

#[test]
fn hints_arrive_before_the_answer_is_made() {
    let go = Signal::new();
    let held = go.clone();
    let origin = Origin::answering(move |_| {
        Script::new()
            .send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: keep-alive\r\n\r\n")
            .wait(&held)
            .respond("200 OK", "", "page")
    });
    let server = serve(&origin);
    with_client(&server, |client| async move {
        let mut client = client.ready().await.expect("ready");
        let (mut response, _) = client.send_request(get("/"), true).expect("sent");
        let hint = poll_fn(|cx| response.poll_informational(cx)).await;
        let hint = hint.expect("a hint").expect("no error");
        assert_eq!(hint.status(), StatusCode::EARLY_HINTS);
        assert_eq!(hint.headers()["link"], "</a.css>; rel=preload");
        go.fire();
        let mut response = response.await.expect("a response");
        assert_eq!(body(&mut response).await.expect("whole"), b"page");
    });
}

#[test]
fn bodies_and_trailers_go_both_ways() {
    let origin = Origin::answering(|request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        Script::new().send(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\nX-Sum: 42\r\n\r\n",
            body.len()
        ))
    });
    let server = serve(&origin);
    with_client(&server, |client| async move {
        let mut client = client.ready().await.expect("ready");
        let request = Request::post("http://site.test/")
            .header("te", "trailers")
            .body(())
            .expect("a request");
        let (response, mut stream) = client.send_request(request, false).expect("sent");
        // More than a window, so that it has to be opened again.
        let piece = Bytes::from(vec![b'x'; 100_000]);
        for _ in 0..10 {
            let mut piece = piece.clone();
            while !piece.is_empty() {
                stream.reserve_capacity(piece.len());
                let room =
                    poll_fn(|cx| stream.poll_capacity(cx)).await.expect("open").expect("room");
                stream.send_data(piece.split_to(room.min(piece.len())), false).expect("sent");
            }
        }
        stream.send_trailers(HeaderMap::new()).expect("sent");
        let mut response = response.await.expect("a response");
        assert_eq!(body(&mut response).await.expect("whole").len(), 1_000_000);
        let trailers = response.body_mut().trailers().await.expect("no error").expect("trailers");
        assert_eq!(trailers["x-sum"], "42");
    });
}

#[test]
fn a_response_cut_off_is_a_reset_and_never_an_end() {
    for head in
        ["Content-Length: 100\r\n\r\npart", "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"]
    {
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}");
        let origin = Origin::answering(move |_| Script::new().send(bytes.clone()).close());
        let server = serve(&origin);
        with_client(&server, |client| async move {
            let mut client = client.ready().await.expect("ready");
            let (response, _) = client.send_request(get("/"), true).expect("sent");
            match response.await {
                Ok(response) if response.status() == StatusCode::BAD_GATEWAY => {}
                Ok(mut response) => {
                    let error = body(&mut response).await.expect_err("not the whole");
                    assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR));
                }
                Err(error) => assert!(error.is_reset(), "{error}"),
            }
            // The connection is none the worse for it.
            let request = Request::builder()
                .method("CONNECT")
                .uri("site.test:1")
                .body(())
                .expect("a request");
            let (response, _) = client.send_request(request, true).expect("sent");
            assert_eq!(response.await.expect("a response").status(), StatusCode::NOT_IMPLEMENTED);
        });
    }
}

#[test]
fn a_client_that_does_not_read_holds_the_application_back_and_then_is_reset() {
    let body = vec![b'x'; 8 << 20];
    let origin = Origin::answering(move |_| {
        Script::answer("200 OK", "Cache-Control: no-store\r\n", body.clone())
    });
    let server = start(&origin, |config| config.timeouts.send = SHORT);
    with_client(&server, |client| async move {
        let mut client = client.ready().await.expect("ready");
        let (response, _) = client.send_request(get("/"), true).expect("sent");
        let mut response = response.await.expect("a response");
        let error = loop {
            // Taken, but no room given back: the window stays closed.
            match response.body_mut().data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("the whole body came through a closed window"),
            }
        };
        assert_eq!(error.reason(), Some(h2::Reason::CANCEL));
    });
    assert_eq!(server.metrics().refused(Reason::SendTimeout), 1);
}

#[test]
fn a_drain_lets_streams_end_and_says_goodbye() {
    let go = Signal::new();
    let held = go.clone();
    let origin =
        Origin::answering(move |_| Script::new().wait(&held).respond("200 OK", "", "late"));
    let server = serve(&origin);
    with_client(&server, |client| async {
        let mut client = client.ready().await.expect("ready");
        let (response, _) = client.send_request(get("/"), true).expect("sent");
        while origin.request_count() == 0 {
            tokio::task::yield_now().await;
        }
        server.drain();
        go.fire();
        let mut response = response.await.expect("a response");
        assert_eq!(body(&mut response).await.expect("whole"), b"late");
        // The client keeps its end open: it is the server that ends the connection.
        while !server.is_over() {
            tokio::task::yield_now().await;
        }
        drop(client);
    });
}

#[test]
fn an_idle_connection_ends() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let server = start(&origin, |config| config.timeouts.idle = SHORT);
    with_client(&server, |client| async move {
        let mut client = client.ready().await.expect("ready");
        let (response, _) = client.send_request(get("/"), true).expect("sent");
        assert_eq!(response.await.expect("a response").status(), StatusCode::OK);
    });
    // RFC 9113 §6.8: a GOAWAY is the last thing said.
    let mut client = Http2::connect(server.addresses()[0]);
    assert_eq!(client.goodbye(), Some(code::NO_ERROR));
}
