//! Exchanges with scripted servers over real sockets.
//!
//! A test is one conversation, written in its order: what the [`Server`] accepts, reads and sends,
//! and what becomes of the request. Time is paused: it moves when nobody has anything to do.
//!
//! All conversations are held twice, by TCP ([`tcp`]) and inside TLS ([`tls`], which has some of its own).

#![expect(clippy::duplicate_mod, reason = "each conversation is held in two ways")]

mod tcp;
mod tls;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use larder_semantics::Reason;
use larder_testkit::tls::{ALL_VERSIONS, Authority, Valid};
use larder_tls::client::{ClientTls, Name, Trust};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, server};
use tower_service::Service;

use crate::{Balancer, Settings, Target, Upstream, UpstreamBody, UpstreamError};

type Answer = Result<Response<UpstreamBody>, UpstreamError>;

/// Longer than any limit a test sets.
const LONG: Duration = Duration::from_secs(3600);

/// A listening socket whose every byte is scripted.
struct Server<const TLS: bool> {
    listener: TcpListener,
    inside: Option<Inside>,
}

/// What a server behind TLS is known by.
struct Inside {
    acceptor: TlsAcceptor,
    client: ClientTls,
    name: Name,
}

/// The name that certificates are for.
const NAME: &str = "app.example";

impl Inside {
    /// Those of one process have the same certificate, as those of one application have.
    fn ordinary() -> Self {
        static SAME: OnceLock<(TlsAcceptor, ClientTls)> = OnceLock::new();
        let (acceptor, client) = SAME.get_or_init(|| {
            let authority = Authority::new();
            let server = authority.certify(&[NAME], Valid::Now).server(ALL_VERSIONS);
            let client = ClientTls::new(&Trust::Only(authority.file().to_owned())).unwrap();
            (TlsAcceptor::from(Arc::new(server)), client)
        });
        Self::of(acceptor.clone(), client.clone(), NAME)
    }

    fn of(acceptor: TlsAcceptor, client: ClientTls, name: &str) -> Self {
        Self { acceptor, client, name: Name::parse(name).unwrap() }
    }
}

impl<const TLS: bool> Server<TLS> {
    async fn start() -> Self {
        Self::at(0).await
    }

    async fn at(port: u16) -> Self {
        Self::with(port, TLS.then(Inside::ordinary)).await
    }

    async fn with(port: u16, inside: Option<Inside>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        Self { listener, inside }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    fn target(&self) -> Target {
        let target = Target::new("127.0.0.1", self.address().port());
        match &self.inside {
            Some(inside) => target.over_tls(inside.client.clone(), inside.name.clone()),
            None => target,
        }
    }

    async fn accept(&self) -> Peer {
        let stream = self.accept_tcp().await;
        let stream = match &self.inside {
            Some(inside) => {
                Line::Tls(Box::new(inside.acceptor.accept(stream).await.expect("no handshake")))
            }
            None => Line::Tcp(stream),
        };
        Peer { stream, unread: Vec::new() }
    }

    async fn accept_tcp(&self) -> TcpStream {
        let (stream, _) =
            timeout(LONG, self.listener.accept()).await.expect("no connection").unwrap();
        // The kernel's own timers know nothing of a test's time.
        stream.set_nodelay(true).unwrap();
        stream
    }

    async fn nobody_comes(&self) {
        let came = timeout(Duration::from_secs(1), self.listener.accept()).await;
        assert!(came.is_err(), "there should be no further connection");
    }

    async fn upstream(&self) -> Upstream {
        self.upstream_with(Settings::default()).await
    }

    async fn upstream_with(&self, settings: Settings) -> Upstream {
        Upstream::new(Balancer::resolve([self.target()]).await.unwrap(), settings)
    }
}

/// How a peer's bytes go.
enum Line {
    Tcp(TcpStream),
    Tls(Box<server::TlsStream<TcpStream>>),
}

impl Line {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// The server's end of a connection. When dropped, it closes as its protocol wants it.
struct Peer {
    stream: Line,
    unread: Vec<u8>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Line::Tls(stream) = &mut self.stream {
            let (tcp, session) = stream.get_mut();
            session.send_close_notify();
            flush(tcp, session);
        }
    }
}

/// Sends what is to be sent.
fn flush(tcp: &TcpStream, session: &mut rustls::ServerConnection) {
    let mut bytes = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut bytes).unwrap();
    }
    // Nobody may be there to take it.
    drop(tcp.try_write(&bytes));
}

impl Peer {
    /// Ends the connection below: nothing is said inside TLS.
    fn cut(self) {
        drop(self.cut_off());
    }

    fn reset(self) {
        let tcp = self.cut_off();
        socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap();
    }

    fn cut_off(mut self) -> std::net::TcpStream {
        use std::os::fd::AsFd as _;
        let tcp = self.stream.tcp().as_fd().try_clone_to_owned().unwrap();
        if let Line::Tls(stream) = &mut self.stream {
            // As if it had been said already.
            let session = stream.get_mut().1;
            session.send_close_notify();
            session.write_tls(&mut Vec::new()).unwrap();
        }
        std::net::TcpStream::from(tcp)
    }

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
        self.stream.flush().await.unwrap();
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
async fn warm_up<const TLS: bool>(server: &Server<TLS>, upstream: &Upstream) -> Peer {
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
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, &'static str>>> {
        self.0.poll_recv(cx)
    }
}

fn fed() -> (tokio::sync::mpsc::Sender<Result<http_body::Frame<Bytes>, &'static str>>, Fed) {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    (sender, Fed(receiver))
}
