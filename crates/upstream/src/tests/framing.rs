//! Responses that can not be trusted: refused before they begin, or broken off where they end.

use super::{Peer, Reason, Server, Settings, broken_body, call, get, reason, text};

/// Sends `bytes` as the answer to one request, then closes unless the test keeps the peer.
async fn answered_with(server: &Server, bytes: &[u8]) -> Peer {
    let mut peer = server.accept().await;
    peer.head().await;
    peer.send(bytes).await;
    peer
}

#[tokio::test(start_paused = true)]
async fn a_malformed_head_is_a_502_and_ends_the_connection() {
    let cases: &[(&str, &str)] = &[
        ("an unknown coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: abcdef\r\n\r\nx"),
        (
            "chunked not alone",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunked twice",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("a coding in a 304", "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: abcdef\r\n\r\n"),
        (
            "both framings",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n0\r\n\r\n",
        ),
        (
            "differing lengths",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        ),
        ("differing lengths in one line", "HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\nab"),
        (
            "differing lengths in a 304",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        ),
        ("a signed length", "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na"),
        (
            "a length beyond numbers",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\na",
        ),
        ("chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("HTTP/0.9", "<html>hello</html>\r\n\r\n"),
        ("HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"),
        ("no status", "HTTP/1.1 OK\r\n\r\n"),
        ("a folded line", "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n"),
        ("a folded first line", "HTTP/1.1 200 OK\r\n x: a\r\ncontent-length: 0\r\n\r\n"),
        ("a space before the colon", "HTTP/1.1 200 OK\r\nx : a\r\ncontent-length: 0\r\n\r\n"),
        ("a field without a name", "HTTP/1.1 200 OK\r\n: a\r\ncontent-length: 0\r\n\r\n"),
        ("a NUL", "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"),
        ("a bare CR", "HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n"),
        (
            "a change of protocol",
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        ),
    ];
    for (name, bytes) in cases {
        let server = Server::start().await;
        let upstream = server.upstream().await;
        let (answer, mut peer) =
            tokio::join!(call(&upstream, get("/")), answered_with(&server, bytes.as_bytes()));
        let error = answer.expect_err(name);
        assert_eq!(error.reason(), Reason::MalformedResponse, "{name}");
        assert_eq!(error.status(), 502, "{name}");
        assert!(peer.is_closed().await, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_equal_lengths_become_one() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2, 2\r\n\r\nab";
    let (answer, _peer) = tokio::join!(call(&upstream, get("/")), answered_with(&server, bytes));
    let lengths: Vec<_> =
        answer.as_ref().unwrap().headers().get_all("content-length").iter().cloned().collect();
    assert_eq!(lengths, ["2"]);
    assert_eq!(text(answer).await, "ab");
}

#[tokio::test(start_paused = true)]
async fn a_head_beyond_its_limit_is_malformed() {
    let settings = Settings { response_head_bytes_max: 10_000, ..Settings::default() };
    for (name, length, fits) in [("below", 9_000, true), ("beyond", 11_000, false)] {
        let server = Server::start().await;
        let upstream = server.upstream_with(settings.clone()).await;
        let field = "x".repeat(length);
        let bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nx: {field}\r\n\r\na");
        let (answer, _peer) =
            tokio::join!(call(&upstream, get("/")), answered_with(&server, bytes.as_bytes()));
        if fits {
            assert_eq!(text(answer).await, "a", "{name}");
        } else {
            assert_eq!(reason(answer), Reason::MalformedResponse, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_without_an_end_is_malformed_not_memory() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = answered_with(&server, b"HTTP/1.1 200 OK\r\n").await;
        let line = format!("x: {}\r\n", "y".repeat(1000));
        // Writing fails when the other side has had enough.
        while tokio::io::AsyncWriteExt::write_all(&mut peer.stream, line.as_bytes()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(reason(answer), Reason::MalformedResponse);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_too_early_is_an_error_not_an_end() {
    let cases: &[(&str, &[u8], Reason)] = &[
        ("length not reached", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", Reason::ClosedEarly),
        ("nothing of the length", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", Reason::ClosedEarly),
        ("inside a chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\nabc", Reason::ClosedEarly),
        ("between chunks", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", Reason::ClosedEarly),
        ("inside the last chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", Reason::ClosedEarly),
        ("inside trailers", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y", Reason::ClosedEarly),
        ("no size", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n", Reason::MalformedResponse),
        ("a signed size", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", Reason::MalformedResponse),
        ("a prefixed size", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", Reason::MalformedResponse),
        ("an overflowing size", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n", Reason::MalformedResponse),
        ("a chunk longer than its size", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n", Reason::MalformedResponse),
        ("a bare LF after a size", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", Reason::MalformedResponse),
        ("a bare LF in an extension", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n", Reason::MalformedResponse),
    ];
    for (name, bytes, expected) in cases {
        let server = Server::start().await;
        let upstream = server.upstream().await;
        let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
            drop(answered_with(&server, bytes).await);
        });
        assert_eq!(broken_body(answer).await, *expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_connection_is_not_the_end_of_a_body_without_length() {
    for (reset, name) in [(true, "reset"), (false, "closed")] {
        let server = Server::start().await;
        let upstream = server.upstream().await;
        let (answer, peer) = tokio::join!(
            call(&upstream, get("/")),
            answered_with(&server, b"HTTP/1.1 200 OK\r\n\r\nabc")
        );
        let answer = answer.unwrap();
        if reset {
            peer.reset();
            assert_eq!(broken_body(Ok(answer)).await, Reason::ClosedEarly, "{name}");
        } else {
            drop(peer);
            assert_eq!(text(Ok(answer)).await, "abc", "{name}");
        }
    }
}
