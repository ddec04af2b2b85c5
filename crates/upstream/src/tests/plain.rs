//! Ordinary exchanges, and how hyper goes on with those that turn out not to be.

use super::{Reason, Server, call, get, post, reason, text, warm_up};

/// Answers that are not plain, and their bodies.
const OTHERS: [(&str, &str); 4] = [
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc"),
    ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", "abc"),
    ("HTTP/1.1 200 OK\r\ncontent-length: 3, 3\r\n\r\nabc", "abc"),
    ("HTTP/1.1 200 OK\r\nconnection: keep-alive, x\r\ncontent-length: 0\r\n\r\n", ""),
];

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_once_whoever_reads_its_answer() {
    for (answer_text, body) in OTHERS {
        for pieces in [1, 2, 7] {
            let server = Server::start().await;
            let upstream = server.upstream().await;
            let mut peer = warm_up(&server, &upstream).await;
            let (answer, head) = tokio::join!(call(&upstream, get("/x?y")), async {
                let head = peer.head().await;
                for piece in answer_text.as_bytes().chunks(answer_text.len().div_ceil(pieces)) {
                    peer.send(piece).await;
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                head
            });
            assert_eq!(text(answer).await, body, "{answer_text}");
            assert_eq!(head, "GET /x?y HTTP/1.1\r\nhost: example.org\r\n\r\n");
            // And the connection is good for the next one.
            let (answer, head) = tokio::join!(call(&upstream, get("/z")), peer.answer("next"));
            assert_eq!(text(answer).await, "next", "{answer_text} in {pieces}");
            assert_eq!(head, "GET /z HTTP/1.1\r\nhost: example.org\r\n\r\n");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_answer_may_come_byte_by_byte() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let whole = "HTTP/1.1 299 Custom\r\ncontent-length: 4\r\nx: 1\r\nx: 2\r\n\r\nabcd";
    for pieces in [1, 2, 5, whole.len()] {
        let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
            let mut peer = server.accept().await;
            peer.head().await;
            for piece in whole.as_bytes().chunks(whole.len().div_ceil(pieces)) {
                peer.send(piece).await;
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 299);
        let phrase = answer.extensions().get::<hyper::ext::ReasonPhrase>();
        assert_eq!(phrase.map(hyper::ext::ReasonPhrase::as_bytes), Some(&b"Custom"[..]));
        let values: Vec<_> = answer.headers().get_all("x").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(text(Ok(answer)).await, "abcd", "in {pieces} pieces");
        // The other end was dropped: the next request finds that out.
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_can_use_the_connection_of_a_get_and_the_other_way_round() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut peer = warm_up(&server, &upstream).await;
    for _ in 0..2 {
        let (answer, head) = tokio::join!(call(&upstream, post("body")), async {
            let head = peer.answer("posted").await;
            assert_eq!(peer.bytes(4).await, b"body");
            head
        });
        assert_eq!(text(answer).await, "posted");
        assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
        let (answer, _) = tokio::join!(call(&upstream, get("/")), peer.answer("got"));
        assert_eq!(text(answer).await, "got");
    }
    server.nobody_comes().await;
}

#[tokio::test(start_paused = true)]
async fn a_large_body_arrives_whole_and_its_connection_is_used_again() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut peer = warm_up(&server, &upstream).await;
    let body: String = (0..200_000_u32).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
    for _ in 0..2 {
        let (answer, _) =
            tokio::join!(async { text(call(&upstream, get("/")).await).await }, peer.answer(&body));
        assert!(answer == body);
    }
    server.nobody_comes().await;
}

#[tokio::test(start_paused = true)]
async fn bytes_beyond_a_body_that_came_in_pieces_end_the_connection() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut peer = warm_up(&server, &upstream).await;
    let (answer, ()) = tokio::join!(async { text(call(&upstream, get("/")).await).await }, async {
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngo").await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        peer.send("odHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil").await;
    });
    assert_eq!(answer, "good");
    let (answer, _) = tokio::join!(call(&upstream, get("/")), async {
        server.accept().await.answer("fresh").await
    });
    assert_eq!(text(answer).await, "fresh");
    assert!(peer.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_large_request_head_is_sent_whole_to_one_who_reads_late() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut peer = warm_up(&server, &upstream).await;
    let mut request = get("/");
    let value = "v".repeat(60_000);
    for n in 0..100 {
        let name = http::HeaderName::try_from(format!("x-{n}")).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let (answer, head) = tokio::join!(call(&upstream, request), async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        peer.answer("read").await
    });
    assert_eq!(text(answer).await, "read");
    assert_eq!(head.matches(&value).count(), 100);
    assert!(head.ends_with("\r\n\r\n"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_off_after_a_byte_is_not_asked_for_again() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    for piece in ["HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na"]
    {
        let mut peer = warm_up(&server, &upstream).await;
        let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
            peer.head().await;
            peer.send(piece).await;
            drop(peer);
            server.nobody_comes().await;
        });
        let failed = match answer {
            Ok(answer) => super::broken_body(Ok(answer)).await,
            Err(error) => reason(Err(error)),
        };
        assert_eq!(failed, Reason::ClosedEarly, "{piece}");
    }
}
