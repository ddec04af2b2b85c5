//! Each time limit, and that nobody pays for another's slowness.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use http_body_util::BodyExt;
use socket2::{Domain, Socket, Type};
use tokio::time::Instant;

use super::{Reason, Server, Settings, broken_body, call, fed, get, text};
use crate::{Balancer, Target, Upstream};

const CONNECT: Duration = Duration::from_secs(3);
const FIRST_BYTE: Duration = Duration::from_secs(20);
const BETWEEN_BYTES: Duration = Duration::from_secs(10);

fn settings() -> Settings {
    Settings {
        connect: CONNECT,
        first_byte: FIRST_BYTE,
        between_bytes: BETWEEN_BYTES,
        ..Settings::default()
    }
}

#[track_caller]
fn assert_about(begun: Instant, limit: Duration) {
    let took = begun.elapsed();
    assert!(took >= limit && took < limit + Duration::from_millis(50), "{took:?} of {limit:?}");
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_answer() {
    let server = Server::start().await;
    let upstream = server.upstream_with(settings()).await;
    let begun = Instant::now();
    let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), server.accept());
    let error = answer.unwrap_err();
    assert_about(begun, FIRST_BYTE);
    assert_eq!(error.reason(), Reason::FirstByteTimeout);
    assert_eq!(error.status(), 504);
    let line = error.to_string();
    assert!(line.contains(&server.target().to_string()) && !line.contains('\n'), "{line}");
    peer.head().await;
    assert!(peer.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn interim_responses_and_parts_of_a_head_do_not_prolong_the_first_byte_limit() {
    let server = Server::start().await;
    let upstream = server.upstream_with(settings()).await;
    let begun = Instant::now();
    let (answer, _peer) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = server.accept().await;
        peer.head().await;
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            peer.send("HTTP/1.1 103 Early Hints\r\n\r\n").await;
        }
        peer.send("HTTP/1.1 200 OK\r\n").await;
        peer
    });
    assert_eq!(answer.unwrap_err().reason(), Reason::FirstByteTimeout);
    assert_about(begun, FIRST_BYTE);
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_a_new_one_for_each_request_of_a_connection() {
    let server = Server::start().await;
    let upstream = server.upstream_with(settings()).await;
    let mut peer = super::warm_up(&server, &upstream).await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (answer, _) = tokio::join!(call(&upstream, get("/")), async {
            tokio::time::sleep(FIRST_BYTE.saturating_sub(Duration::from_secs(1))).await;
            peer.answer("slow").await
        });
        assert_eq!(text(answer).await, "slow");
    }
    let begun = Instant::now();
    let (answer, _) = tokio::join!(call(&upstream, get("/")), peer.head());
    assert_eq!(answer.unwrap_err().reason(), Reason::FirstByteTimeout);
    assert_about(begun, FIRST_BYTE);
}

#[tokio::test(start_paused = true)]
async fn an_application_that_pauses_inside_its_answer() {
    for framing in ["content-length: 10", "transfer-encoding: chunked", "x: y"] {
        let server = Server::start().await;
        let upstream = server.upstream_with(settings()).await;
        let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), async {
            let mut peer = server.accept().await;
            peer.head().await;
            peer.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n1\r\na\r\n")).await;
            peer
        });
        let begun = Instant::now();
        assert_eq!(broken_body(answer).await, Reason::BetweenBytesTimeout, "{framing}");
        assert_about(begun, BETWEEN_BYTES);
        assert!(peer.is_closed().await, "{framing}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_short_pauses_are_fine_and_so_is_a_slow_reader() {
    let server = Server::start().await;
    let upstream = server.upstream_with(settings()).await;
    let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = server.accept().await;
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n").await;
        peer
    });
    let mut body = answer.unwrap().into_body();
    let writer = tokio::spawn(async move {
        for _ in 0..10 {
            tokio::time::sleep(BETWEEN_BYTES.saturating_sub(Duration::from_secs(1))).await;
            peer.send("a").await;
        }
        peer.send("0123456789").await;
        peer
    });
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().into_data().unwrap().len();
        if read >= 9 {
            tokio::time::sleep(BETWEEN_BYTES * 5).await;
        }
    }
    assert_eq!(read, 20);
    writer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_read_an_upload() {
    let server = Server::start().await;
    let upstream = server.upstream_with(settings()).await;
    let (sender, body) = fed();
    let request = Request::post("/").header("host", "h").body(body).unwrap();
    let feeder = tokio::spawn(async move {
        let piece = Bytes::from(vec![b'x'; 1 << 20]);
        while sender.send(Ok(Frame::data(piece.clone()))).await.is_ok() {}
    });
    let begun = Instant::now();
    let (answer, _peer) = tokio::join!(call(&upstream, request), async {
        let mut peer = server.accept().await;
        peer.head().await;
        peer
    });
    assert_eq!(answer.unwrap_err().reason(), Reason::BetweenBytesTimeout);
    // The kernel takes some more while it makes room, at real time.
    let took = begun.elapsed();
    assert!(took >= BETWEEN_BYTES && took < BETWEEN_BYTES * 2, "{took:?}");
    feeder.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_uploads_slowly_is_not_the_applications_fault() {
    let server = Server::start().await;
    let upstream = server.upstream_with(settings()).await;
    let (sender, body) = fed();
    let request = Request::post("/").header("host", "h").body(body).unwrap();
    let (answer, (), ()) = tokio::join!(
        call(&upstream, request),
        async {
            for _ in 0..3 {
                tokio::time::sleep(super::LONG / 4).await;
                sender.send(Ok(Frame::data(Bytes::from("a")))).await.unwrap();
            }
            drop(sender);
        },
        async {
            let mut peer = server.accept().await;
            peer.head().await;
            peer.bytes(b"1\r\na\r\n1\r\na\r\n1\r\na\r\n0\r\n\r\n".len()).await;
            tokio::time::sleep(FIRST_BYTE.saturating_sub(Duration::from_secs(1))).await;
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    );
    assert_eq!(text(answer).await, "ok");
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_accept() {
    // A queue of one that is full: the kernel drops what comes then.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let _first = std::net::TcpStream::connect(address).unwrap();
    let balancer = Balancer::resolve([Target::new("127.0.0.1", address.port())]).await.unwrap();
    let upstream = Upstream::new(balancer, settings());
    let begun = Instant::now();
    let error = call(&upstream, get("/")).await.unwrap_err();
    assert_eq!(error.reason(), Reason::ConnectTimeout);
    assert_eq!(error.status(), 504);
    assert_about(begun, CONNECT);
}
