//! Changes of protocol: RFC 9110 §7.8.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{Server, Settings, call};
use crate::{Balancer, Upstream, UpstreamBody, UpstreamError};

const WISH: &str =
    "GET /chat HTTP/1.1\r\nhost: example.org\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
const YES: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";

/// A client's end of a connection whose requests go straight to `upstream`.
fn front(upstream: &Upstream) -> DuplexStream {
    let (client, server) = tokio::io::duplex(4096);
    let upstream = upstream.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let upstream = upstream.clone();
        async move { answer(&upstream, request).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(server), service)
        .with_upgrades();
    tokio::spawn(connection);
    client
}

async fn answer(
    upstream: &Upstream,
    mut request: Request<Incoming>,
) -> Result<Response<UpstreamBody>, UpstreamError> {
    let on_upgrade = hyper::upgrade::on(&mut request);
    request.extensions_mut().insert(on_upgrade);
    call(upstream, request).await
}

async fn read(stream: &mut DuplexStream, count: usize) -> String {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn head(stream: &mut DuplexStream) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push_str(&read(stream, 1).await);
    }
    head
}

#[tokio::test(start_paused = true)]
async fn after_a_101_bytes_go_both_ways_until_one_side_ends() {
    let server = Server::start().await;
    let balancer = Balancer::resolve([server.target()]).await.unwrap();
    let upstream = Upstream::new(balancer.clone(), Settings::default());
    let mut client = front(&upstream);
    // What the client sends too early waits.
    client.write_all(format!("{WISH}early ").as_bytes()).await.unwrap();
    let mut peer = server.accept().await;
    let request = peer.head().await;
    assert!(request.contains("connection: upgrade\r\n"), "{request}");
    assert!(request.contains("upgrade: websocket\r\n"), "{request}");
    let early = tokio::time::timeout(Duration::from_secs(1), peer.more()).await;
    assert!(early.is_err(), "nothing goes on before the 101");
    // The first bytes of the new protocol may come along with the 101.
    peer.send(format!("{YES}hello ")).await;
    let response = head(&mut client).await;
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    assert!(response.to_lowercase().contains("upgrade: websocket\r\n"), "{response}");
    assert_eq!(read(&mut client, 6).await, "hello ");
    assert_eq!(peer.bytes(6).await, b"early ");
    for n in 0..10 {
        let word = format!("word {n}");
        client.write_all(word.as_bytes()).await.unwrap();
        assert_eq!(peer.bytes(word.len()).await, word.as_bytes());
        peer.send(&word).await;
        assert_eq!(read(&mut client, word.len()).await, word);
    }
    assert_eq!(balancer.statistics()[0].in_flight, 1);
    drop(client);
    assert!(peer.is_closed().await);
    drop(peer);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(balancer.statistics()[0].in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn any_other_answer_is_an_ordinary_response() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut client = front(&upstream);
    client.write_all(WISH.as_bytes()).await.unwrap();
    let mut peer = server.accept().await;
    peer.answer("no").await;
    let response = head(&mut client).await;
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert_eq!(read(&mut client, 2).await, "no");
    // And the connection is still HTTP.
    client.write_all(b"GET /next HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let request = peer.answer("next").await;
    assert!(request.starts_with("GET /next "), "{request}");
    assert!(head(&mut client).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_protocol_nobody_asked_for_is_refused() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    for chosen in ["upgrade: h2c\r\n", "", "upgrade: websocket\r\nupgrade: h2c\r\n"] {
        let (connection, mut peer) = tokio::join!(
            async {
                let mut client = front(&upstream);
                client.write_all(WISH.as_bytes()).await.unwrap();
                let mut all = String::new();
                client.read_to_string(&mut all).await.unwrap();
                all
            },
            async {
                let mut peer = server.accept().await;
                peer.head().await;
                let line = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n";
                peer.send(format!("{line}{chosen}\r\n")).await;
                peer
            }
        );
        // The front has no answer of its own for a failed service, it just closes.
        assert_eq!(connection, "", "{chosen}");
        assert!(peer.is_closed().await, "{chosen}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_without_a_client_that_is_ready_is_not_asked_for() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let request = Request::get("/").header("host", "h").header("connection", "upgrade");
    let request = request.header("upgrade", "websocket").body(Empty::<Bytes>::new()).unwrap();
    let (answer, head) =
        tokio::join!(call(&upstream, request), async { server.accept().await.answer("ok").await });
    assert_eq!(head, "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    assert_eq!(super::text(answer).await, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_silent_tunnel_is_closed_after_its_limit() {
    let limit = Duration::from_secs(30);
    let server = Server::start().await;
    let settings = Settings { between_bytes: limit, ..Settings::default() };
    let upstream = server.upstream_with(settings).await;
    let mut client = front(&upstream);
    client.write_all(WISH.as_bytes()).await.unwrap();
    let mut peer = server.accept().await;
    peer.head().await;
    peer.send(YES).await;
    head(&mut client).await;
    for _ in 0..5 {
        tokio::time::sleep(limit.saturating_sub(Duration::from_secs(1))).await;
        peer.send("x").await;
        assert_eq!(read(&mut client, 1).await, "x");
    }
    let begun = tokio::time::Instant::now();
    assert!(peer.is_closed().await);
    let took = begun.elapsed();
    assert!(took >= limit && took < limit + Duration::from_secs(1), "{took:?}");
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_on_talking_to_nobody_is_stopped() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut client = front(&upstream);
    client.write_all(WISH.as_bytes()).await.unwrap();
    let mut peer = server.accept().await;
    peer.head().await;
    peer.send(YES).await;
    head(&mut client).await;
    drop(peer);
    let mut written = 0;
    while client.write_all(b"hello").await.is_ok() {
        written += 1;
        assert!(written < 10_000, "nobody stops it");
        tokio::task::yield_now().await;
    }
}
