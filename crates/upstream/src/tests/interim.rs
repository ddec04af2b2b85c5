//! Interim responses: RFC 9110 §15.2, RFC 8297.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Server, call, get, text};
use crate::Interim;
use crate::limits::INTERIM_MAX;

fn recorder() -> (Interim, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let interim = Interim::new(move |status, fields| {
        let link = fields.get("link").map_or("", |value| value.to_str().unwrap());
        record.lock().push(format!("{} {link}", status.as_u16()));
    });
    (interim, seen)
}

#[tokio::test(start_paused = true)]
async fn interim_responses_are_told_in_order_and_before_the_response() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let (interim, seen) = recorder();
    let mut request = get("/");
    request.extensions_mut().insert(interim);
    let during = Arc::clone(&seen);
    let (answer, ()) = tokio::join!(call(&upstream, request), async {
        let mut peer = server.accept().await;
        peer.head().await;
        peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
            .await;
        while during.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        peer.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </b>\r\n\r\n")
            .await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na").await;
    });
    assert_eq!(answer.as_ref().unwrap().status(), 200);
    assert!(!answer.as_ref().unwrap().headers().contains_key("link"));
    assert_eq!(*seen.lock(), ["103 </a>", "102 ", "103 </b>"]);
    assert_eq!(text(answer).await, "a");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_interim_responses_is_cut() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let (interim, seen) = recorder();
    let mut request = get("/");
    request.extensions_mut().insert(interim);
    let (answer, ()) = tokio::join!(call(&upstream, request), async {
        let mut peer = server.accept().await;
        peer.head().await;
        for _ in 0..1000 {
            peer.send("HTTP/1.1 103 Early Hints\r\n\r\n").await;
        }
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na").await;
    });
    assert_eq!(text(answer).await, "a");
    assert_eq!(seen.lock().len(), INTERIM_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_still_tells_its_interim_responses() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut old = super::warm_up(&server, &upstream).await;
    let (interim, seen) = recorder();
    let mut request = get("/");
    request.extensions_mut().insert(interim);
    let (answer, ()) = tokio::join!(call(&upstream, request), async {
        old.head().await;
        drop(old);
        let mut peer = server.accept().await;
        peer.head().await;
        peer.send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n").await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na").await;
    });
    assert_eq!(text(answer).await, "a");
    assert_eq!(*seen.lock(), ["103 </a>"]);
}
