//! Exchanges with scripted servers over real sockets.
//!
//! A test is one conversation, written in its order: what the [`Server`] accepts, reads and sends,
//! and what becomes of the request. Time is paused: it moves when nobody has anything to do.

mod balancing;
mod framing;
mod interim;
mod plain;
mod pooling;
mod streaming;
mod time_limits;
mod tunnels;

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use larder_semantics::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tower_service::Service;

use crate::{Balancer, Settings, Target, Upstream, UpstreamBody, UpstreamError};

type Answer = Result<Response<UpstreamBody>, UpstreamError>;

/// Longer than any limit a test sets.
const LONG: Duration = Duration::from_secs(3600);

/// A listening socket whose every byte is scripted.
struct Server(TcpListener);

impl Server {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn target(&self) -> Target {
        Target::new("127.0.0.1", self.0.local_addr().unwrap().port())
    }

    async fn accept(&self) -> Peer {
        let (stream, _) = timeout(LONG, self.0.accept()).await.expect("no connection").unwrap();
        // The kernel's own timers know nothing of a test's time.
        stream.set_nodelay(true).unwrap();
        Peer { stream, unread: Vec::new() }
    }

    async fn nobody_comes(&self) {
        let came = timeout(Duration::from_secs(1), self.0.accept()).await;
        assert!(came.is_err(), "there should be no further connection");
    }

    async fn upstream(&self) -> Upstream {
        self.upstream_with(Settings::default()).await
    }

    async fn upstream_with(&self, settings: Settings) -> Upstream {
        Upstream::new(Balancer::resolve([self.target()]).await.unwrap(), settings)
    }
}

/// The server's end of a connection.
struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Peer {
    /// Reads up to the end of a head and returns it as text.
    async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(self.more().await > 0, "closed inside a head");
        }
    }

    /// Reads exactly `count` bytes.
    async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.more().await > 0, "closed early");
        }
        self.unread.drain(..count).collect()
    }

    async fn more(&mut self) -> usize {
        timeout(LONG, self.stream.read_buf(&mut self.unread)).await.expect("no bytes").unwrap()
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Answers a request in the ordinary way.
    async fn answer(&mut self, text: &str) -> String {
        let head = self.head().await;
        self.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len())).await;
        head
    }

    /// Waits until the other side closes, and says whether it sent nothing more.
    async fn is_closed(&mut self) -> bool {
        match timeout(LONG, self.stream.read_buf(&mut self.unread)).await.expect("left open") {
            Ok(0) | Err(_) => self.unread.is_empty(),
            Ok(_) => false,
        }
    }
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path).header("host", "example.org").body(Empty::new()).unwrap()
}

fn post(body: &'static str) -> Request<Full<Bytes>> {
    Request::post("/").header("host", "example.org").body(Full::from(body)).unwrap()
}

/// A call that does not wait to be polled by its test.
async fn call<B>(upstream: &Upstream, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    upstream.clone().call(request).await
}

async fn text(answer: Answer) -> String {
    let body = answer.unwrap().into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

fn reason(answer: Answer) -> Reason {
    answer.expect_err("there should be no response").reason()
}

/// Reads a body to its end, which has to be an error.
async fn broken_body(answer: Answer) -> Reason {
    let collected = answer.unwrap().into_body().collect().await;
    collected.expect_err("the body should break off").reason()
}

/// One complete exchange that leaves an unused connection behind.
async fn warm_up(server: &Server, upstream: &Upstream) -> Peer {
    let (answer, peer) = tokio::join!(call(upstream, get("/first")), async {
        let mut peer = server.accept().await;
        peer.answer("first").await;
        peer
    });
    assert_eq!(text(answer).await, "first");
    peer
}

/// A body of which a test holds the other end.
struct Fed(tokio::sync::mpsc::Receiver<Result<http_body::Frame<Bytes>, &'static str>>);

impl Body for Fed {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, &'static str>>> {
        self.0.poll_recv(cx)
    }
}

fn fed() -> (tokio::sync::mpsc::Sender<Result<http_body::Frame<Bytes>, &'static str>>, Fed) {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    (sender, Fed(receiver))
}
