//! Which connection a request uses, and when it is sent a second time.

use std::time::Duration;

use super::{Reason, Server, Settings, call, get, post, reason, text, warm_up};

#[tokio::test(start_paused = true)]
async fn the_next_request_uses_the_same_connection() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut peer = warm_up(&server, &upstream).await;
    for n in 0..3 {
        let (answer, head) =
            tokio::join!(call(&upstream, get("/again?x=%2F")), peer.answer("more"));
        assert_eq!(text(answer).await, "more", "request {n}");
        assert_eq!(head, "GET /again?x=%2F HTTP/1.1\r\nhost: example.org\r\n\r\n");
    }
    server.nobody_comes().await;
}

#[tokio::test(start_paused = true)]
async fn a_response_without_a_body_gives_its_connection_back_at_once() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut peer = warm_up(&server, &upstream).await;
    for head in [
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    ] {
        let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
            peer.head().await;
            peer.send(head).await;
        });
        // The response is still there, its connection is not needed for it.
        let _answer = answer.unwrap();
    }
    server.nobody_comes().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_at_rest_is_closed_after_the_idle_limit() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut peer = warm_up(&server, &upstream).await;
    let begun = tokio::time::Instant::now();
    assert!(peer.is_closed().await);
    let rested = begun.elapsed();
    let idle = Settings::default().idle;
    assert!(rested >= idle && rested < idle + Duration::from_millis(100), "{rested:?}");
    let (answer, _) = tokio::join!(call(&upstream, get("/")), async {
        server.accept().await.answer("fresh").await
    });
    assert_eq!(text(answer).await, "fresh");
}

#[tokio::test(start_paused = true)]
async fn the_keep_alive_field_shortens_the_rest() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let (answer, _peer) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = server.accept().await;
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 1\r\n\r\na").await;
        peer
    });
    assert_eq!(text(answer).await, "a");
    tokio::time::advance(Duration::from_millis(501)).await;
    let (answer, _) = tokio::join!(call(&upstream, get("/")), async {
        server.accept().await.answer("fresh").await
    });
    assert_eq!(text(answer).await, "fresh");
}

#[tokio::test(start_paused = true)]
async fn http_1_0_and_connection_close_end_a_connection() {
    for head in [
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nkeep-alive: timeout=0\r\ncontent-length: 1\r\n\r\na",
    ] {
        let server = Server::start().await;
        let upstream = server.upstream().await;
        let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), async {
            let mut peer = server.accept().await;
            peer.head().await;
            peer.send(head).await;
            peer
        });
        assert_eq!(answer.as_ref().unwrap().version(), http::Version::HTTP_11);
        assert_eq!(text(answer).await, "a", "{head}");
        assert!(peer.is_closed().await, "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_get_whose_reused_connection_dies_is_repeated_exactly_once() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut old = warm_up(&server, &upstream).await;
    let (answer, heads) = tokio::join!(call(&upstream, get("/second")), async {
        let first = old.head().await;
        drop(old);
        (first, server.accept().await.answer("second").await)
    });
    assert_eq!(text(answer).await, "second");
    assert_eq!(heads.0, heads.1);

    let mut old = warm_up(&server, &upstream).await;
    let (answer, ()) = tokio::join!(call(&upstream, get("/third")), async {
        old.head().await;
        drop(old);
        let mut new = server.accept().await;
        new.head().await;
        drop(new);
        server.nobody_comes().await;
    });
    assert_eq!(reason(answer), Reason::ClosedEarly);
}

#[tokio::test(start_paused = true)]
async fn a_first_request_on_a_connection_is_not_repeated() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = server.accept().await;
        peer.head().await;
        drop(peer);
        server.nobody_comes().await;
    });
    assert_eq!(reason(answer), Reason::ClosedEarly);
}

#[tokio::test(start_paused = true)]
async fn what_could_have_had_an_effect_is_not_repeated() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let empty_post = || get("/").map(|body| body);
    for name in ["POST with a body", "POST without a body", "PUT with a body"] {
        let mut old = warm_up(&server, &upstream).await;
        let mut request = match name {
            "POST without a body" => empty_post().map(|_| http_body_util::Full::default()),
            _ => post("body"),
        };
        if name.starts_with("POST") {
            *request.method_mut() = http::Method::POST;
        } else {
            *request.method_mut() = http::Method::PUT;
        }
        let (answer, ()) = tokio::join!(call(&upstream, request), async {
            old.head().await;
            drop(old);
            server.nobody_comes().await;
        });
        assert_eq!(reason(answer), Reason::ClosedEarly, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_get_is_not_repeated_once_a_byte_of_an_answer_came() {
    for piece in ["H", "HTTP/1.1 103 Early Hints\r\n\r\n"] {
        let server = Server::start().await;
        let upstream = server.upstream().await;
        let mut old = warm_up(&server, &upstream).await;
        let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
            old.head().await;
            old.send(piece).await;
            drop(old);
            server.nobody_comes().await;
        });
        assert_eq!(reason(answer), Reason::ClosedEarly, "{piece}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_that_nobody_noticed_yet_costs_a_post_nothing() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let old = warm_up(&server, &upstream).await;
    // No turn of the runtime's loop lies between the close and the request.
    drop(old);
    let (answer, head) = tokio::join!(call(&upstream, post("body")), async {
        let mut peer = server.accept().await;
        let head = peer.answer("new").await;
        assert_eq!(peer.bytes(4).await, b"body");
        head
    });
    assert_eq!(text(answer).await, "new");
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
}

#[tokio::test(start_paused = true)]
async fn bytes_beyond_a_response_are_never_the_next_one() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let evil = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    for when in ["with it", "after it, seen", "after it, unseen"] {
        let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), async {
            let mut peer = server.accept().await;
            peer.head().await;
            let good = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";
            let excess = if when == "with it" { evil } else { "" };
            peer.send(format!("{good}{excess}")).await;
            peer
        });
        assert_eq!(text(answer).await, "good");
        if when != "with it" {
            peer.send(evil).await;
        }
        if when == "after it, seen" {
            assert!(peer.is_closed().await, "{when}");
        }
        let (answer, _) = tokio::join!(call(&upstream, post("x")), async {
            server.accept().await.answer("fresh").await
        });
        assert_eq!(text(answer).await, "fresh", "{when}");
        assert!(peer.is_closed().await, "{when}");
        // Let the last connection grow old.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_connections_rest_than_are_allowed() {
    let server = Server::start().await;
    let settings = Settings { idle_max: 1, ..Settings::default() };
    let upstream = server.upstream_with(settings).await;
    let (one, two, mut peers) =
        tokio::join!(call(&upstream, get("/1")), call(&upstream, get("/2")), async {
            let mut peers = [server.accept().await, server.accept().await];
            for peer in &mut peers {
                peer.answer("a").await;
            }
            peers
        });
    assert_eq!(text(one).await, "a");
    assert_eq!(text(two).await, "a");
    let begun = tokio::time::Instant::now();
    let closed = tokio::select! {
        _ = async { peers[0].stream.tcp().readable().await } => 0,
        _ = async { peers[1].stream.tcp().readable().await } => 1,
    };
    assert!(peers[closed].is_closed().await);
    assert!(begun.elapsed() < Duration::from_secs(1), "not by the idle limit");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_caller_leaves_closes_its_connection() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut waiting = Box::pin(call(&upstream, get("/")));
    let mut peer = tokio::select! {
        _ = &mut waiting => panic!("nobody answered"),
        peer = async {
            let mut peer = server.accept().await;
            peer.head().await;
            peer
        } => peer,
    };
    drop(waiting);
    assert!(peer.is_closed().await);
}
