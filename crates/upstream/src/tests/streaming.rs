//! Bodies: complete, in order, no faster than they are read, with their trailers.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;

use super::{Reason, Server, call, fed, get, post, reason, text};

#[tokio::test(start_paused = true)]
async fn the_size_is_known_exactly_until_the_end() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = server.accept().await;
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc").await;
        peer
    });
    let mut body = answer.unwrap().into_body();
    assert_eq!(body.size_hint().exact(), Some(6));
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
    assert_eq!(body.size_hint().exact(), Some(3));
    assert!(!body.is_end_stream());
    peer.send("def").await;
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "def");
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
    // The connection went back with the last byte, while the body still exists.
    let (answer, _) = tokio::join!(call(&upstream, get("/")), peer.answer("again"));
    assert_eq!(text(answer).await, "again");
}

#[tokio::test(start_paused = true)]
async fn trailers_follow_the_data_and_the_connection_is_reused() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = server.accept().await;
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n").await;
        peer.send("3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 7\r\n\r\n").await;
        peer
    });
    let collected = answer.unwrap().into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "7");
    assert_eq!(collected.to_bytes(), "abcde");
    let (answer, _) = tokio::join!(call(&upstream, get("/")), peer.answer("again"));
    assert_eq!(text(answer).await, "again");
}

#[tokio::test(start_paused = true)]
async fn a_body_of_unknown_size_goes_chunked_with_its_trailers_even_in_a_get() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    for method in ["POST", "GET"] {
        let (sender, body) = fed();
        let request = Request::builder().method(method).uri("/").header("host", "h");
        let request = request.header("trailer", "x-sum").body(body).unwrap();
        let (answer, head, ()) = tokio::join!(
            call(&upstream, request),
            async {
                let mut peer = server.accept().await;
                let head = peer.head().await;
                let expected = b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 7\r\n\r\n";
                assert_eq!(peer.bytes(expected.len()).await, expected);
                peer.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                    .await;
                head
            },
            async {
                sender.send(Ok(Frame::data(Bytes::from("abc")))).await.unwrap();
                sender.send(Ok(Frame::data(Bytes::from("de")))).await.unwrap();
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", HeaderValue::from_static("7"));
                sender.send(Ok(Frame::trailers(trailers))).await.unwrap();
            }
        );
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
        assert_eq!(answer.unwrap().status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_of_known_size_goes_with_its_length() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let (answer, head) = tokio::join!(call(&upstream, post("hello")), async {
        let mut peer = server.accept().await;
        let head = peer.head().await;
        assert_eq!(peer.bytes(5).await, b"hello");
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        head
    });
    assert_eq!(head, "POST / HTTP/1.1\r\nhost: example.org\r\ncontent-length: 5\r\n\r\n");
    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_makes_the_application_wait() {
    const TOTAL: usize = 64 << 20;
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let (sent, progress) = tokio::sync::watch::channel(0_usize);
    let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = server.accept().await;
        peer.head().await;
        peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {TOTAL}\r\n\r\n")).await;
        peer
    });
    let writer = tokio::spawn(async move {
        let piece = vec![b'x'; 64 << 10];
        for _ in 0..TOTAL / piece.len() {
            peer.stream.write_all(&piece).await.unwrap();
            sent.send_modify(|count| *count += piece.len());
        }
    });
    let mut body = answer.unwrap().into_body();
    let mut read = 0;
    let mut stuck_at = 0;
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().into_data().unwrap().len();
        if read > TOTAL / 2 && stuck_at == 0 {
            // Hours without reading: time moves only when nobody can do anything any more.
            tokio::time::sleep(super::LONG).await;
            stuck_at = *progress.borrow() - read;
        }
    }
    assert_eq!(read, TOTAL);
    writer.await.unwrap();
    // What the kernel holds for both sockets (some 10 MiB by default), and our own read-ahead: far
    // from all of what was left.
    assert!(stuck_at < 24 << 20, "{stuck_at} bytes were taken without being read");
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_is_passed_on_and_the_rest_of_the_request_is_not_sent() {
    for (close, read) in [(false, true), (true, true), (false, false)] {
        let server = Server::start().await;
        let upstream = server.upstream().await;
        let (sender, body) = fed();
        let request = Request::post("/").header("host", "h").body(body).unwrap();
        let feeder = tokio::spawn(async move {
            let piece = Bytes::from(vec![b'x'; 64 << 10]);
            while sender.send(Ok(Frame::data(piece.clone()))).await.is_ok() {}
        });
        let (answer, peer) = tokio::join!(call(&upstream, request), async {
            let mut peer = server.accept().await;
            peer.head().await;
            peer.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig").await;
            if close { None } else { Some(peer) }
        });
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 413, "close: {close}");
        if read {
            assert_eq!(text(Ok(answer)).await, "big", "close: {close}");
        } else {
            drop(answer);
        }
        // The body is let go at once, not when somebody reads it or an idle limit is over.
        let begun = tokio::time::Instant::now();
        feeder.await.unwrap();
        let took = begun.elapsed();
        assert!(took < std::time::Duration::from_millis(100), "close: {close}, read: {read}");
        drop(peer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_breaks_off_is_to_blame_itself() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    for declared in [None, Some(10)] {
        let (sender, body) = fed();
        let request = Request::post("/").header("host", "h");
        let (answer, mut peer, ()) = tokio::join!(
            async {
                match declared {
                    None => call(&upstream, request.body(body).unwrap()).await,
                    Some(length) => {
                        let body = Announced { body, length };
                        call(&upstream, request.body(body).unwrap()).await
                    }
                }
            },
            server.accept(),
            async {
                sender.send(Ok(Frame::data(Bytes::from("abc")))).await.unwrap();
                if declared.is_none() {
                    sender.send(Err("the client left")).await.unwrap();
                }
                drop(sender);
            }
        );
        assert_eq!(reason(answer), Reason::BadRequestBody);
        // What arrived, if anything, can not be taken for a complete request.
        while peer.more().await > 0 {}
        let arrived = String::from_utf8_lossy(&peer.unread);
        assert!(!arrived.ends_with("0\r\n\r\n"), "{arrived}");
    }
}

/// A body that promises more than it has.
struct Announced<B> {
    body: B,
    length: u64,
}

impl<B: Body + Unpin> Body for Announced<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.length)
    }
}
