//! How is something asked? One request at a time, GET or HEAD, at a named address, slowly, and never for longer than it takes.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, HeaderMap, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use larder_policy::Scheme;
use larder_semantics::{Timestamp, Timing};
use larder_tls::look::Looker;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::limits::{
    ADDRESSES_MAX, BODY_BYTES_MAX, BODY_MAX, CONNECT_MAX, HEAD_MAX, REQUESTS_MAX, RUN_MAX,
};
use super::probe::{Answer, Asked, AskedBy};
use super::site::Base;

/// Who asks. Servers' logs should say what this was.
const NAME: HeaderValue = HeaderValue::from_static("larder-doctor");

/// Why something was not asked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// [`REQUESTS_MAX`].
    Requests,
    /// [`RUN_MAX`].
    Time,
}

/// Asks, and counts.
#[derive(Debug)]
pub(super) struct Client {
    /// Between two requests.
    pause: Duration,
    next: Instant,
    end: Instant,
    asked: usize,
    looker: Looker,
}

impl Client {
    /// Begins now. `pause` is the time from one request to the next.
    pub(super) fn new(pause: Duration, looker: Looker) -> Self {
        let now = Instant::now();
        Self { pause, next: now, end: now + RUN_MAX, asked: 0, looker }
    }

    /// How many requests were made.
    pub(super) const fn asked(&self) -> usize {
        self.asked
    }

    /// Asks. The answer, or in a line why there is none; [`Stop`] if it was not asked.
    pub(super) async fn ask(
        &mut self,
        base: &Base,
        asked: &Asked,
    ) -> Result<Result<Answer, String>, Stop> {
        if self.asked >= REQUESTS_MAX {
            return Err(Stop::Requests);
        }
        if self.next >= self.end {
            return Err(Stop::Time);
        }
        sleep_until(self.next).await;
        self.next = Instant::now() + self.pause;
        self.asked += 1;
        match timeout_at(self.end, exchange(&self.looker, base, asked)).await {
            Ok(came) => Ok(came),
            Err(_elapsed) => Err(Stop::Time),
        }
    }
}

async fn exchange(looker: &Looker, base: &Base, asked: &Asked) -> Result<Answer, String> {
    let (stream, peer) = connect(base).await?;
    match (base.scheme, &base.tls) {
        (Scheme::Http, _) => speak(stream, peer, asked).await,
        // As Larder would: what it refuses, it can't ask.
        (Scheme::Https, Some((tls, name))) => {
            let secured = timeout(CONNECT_MAX, tls.handshake(name, stream));
            let secured = secured
                .await
                .map_err(|_| format!("no TLS handshake in {CONNECT_MAX:?}"))?
                .map_err(|error| format!("no TLS with {base}: {error}"))?;
            speak(secured, peer, asked).await
        }
        (Scheme::Https, None) => {
            let looking = timeout(CONNECT_MAX, looker.look(&base.host, stream));
            let (stream, certificate) = looking
                .await
                .map_err(|_| format!("no TLS handshake in {CONNECT_MAX:?}"))?
                .map_err(|error| format!("no TLS with {base}: {error}"))?;
            let answer = speak(stream, peer, asked).await?;
            Ok(Answer { certificate, ..answer })
        }
    }
}

/// Tries the addresses of a name one after the other.
async fn connect(base: &Base) -> Result<(TcpStream, IpAddr), String> {
    let place = format!("{}:{}", base.host, base.port);
    let looked_up = timeout(CONNECT_MAX, lookup_host((base.host.as_str(), base.port)));
    let addresses = looked_up
        .await
        .map_err(|_| format!("the name {} was not looked up in time", base.host))?
        .map_err(|error| format!("the name {} does not resolve: {error}", base.host))?;
    let mut last = format!("the name {} has no address", base.host);
    for address in addresses.take(ADDRESSES_MAX) {
        match timeout(CONNECT_MAX, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok((stream, address.ip())),
            Ok(Err(error)) => last = format!("no connection to {place}: {error}"),
            Err(_elapsed) => last = format!("no connection to {place} in {CONNECT_MAX:?}"),
        }
    }
    Err(last)
}

async fn speak(stream: impl Connection, peer: IpAddr, asked: &Asked) -> Result<Answer, String> {
    let no_answer = |error: hyper::Error| format!("no proper answer: {error}");
    let io = TokioIo::new(stream);
    let (mut sender, connection) = handshake(io).await.map_err(no_answer)?;
    let driver = tokio::spawn(connection);
    let request_time = now();
    let waiting = timeout(HEAD_MAX, sender.send_request(request(asked)?));
    let outcome = match waiting.await {
        Ok(Ok(response)) => {
            let timing = Timing { request_time, response_time: now() };
            let (head, mut body) = response.into_parts();
            let body = read(&mut body).await;
            Ok(Answer {
                status: head.status,
                fields: head.headers,
                body,
                peer: Some(peer),
                certificate: None,
                timing,
            })
        }
        Ok(Err(error)) => Err(no_answer(error)),
        Err(_elapsed) => Err(format!("no answer in {HEAD_MAX:?}")),
    };
    driver.abort();
    outcome
}

/// What a connection is.
trait Connection: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static> Connection for T {}

async fn handshake<T: Read + Write + Unpin + Send + 'static>(
    io: T,
) -> hyper::Result<(http1::SendRequest<Empty<Bytes>>, http1::Connection<T, Empty<Bytes>>)> {
    http1::Builder::new().max_buf_size(64 * 1024).handshake(io).await
}

fn request(asked: &Asked) -> Result<Request<Empty<Bytes>>, String> {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = asked.method.into();
    *request.uri_mut() =
        asked.target.parse::<Uri>().map_err(|error| format!("{:?}: {error}", asked.target))?;
    *request.headers_mut() = asked.fields.clone();
    let fields = request.headers_mut();
    let put = |fields: &mut HeaderMap, name, value| {
        fields.entry(name).or_insert(value);
    };
    put(fields, USER_AGENT, NAME);
    put(fields, ACCEPT, HeaderValue::from_static("text/html, */*;q=0.8"));
    put(fields, ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    debug_assert!(matches!(asked.method, AskedBy::Get | AskedBy::Head));
    Ok(request)
}

/// The body, up to a size and a time. What breaks off is looked at as far as it came.
async fn read(body: &mut Incoming) -> Vec<u8> {
    let mut read = Vec::new();
    let end = Instant::now() + BODY_MAX;
    while let Ok(Some(Ok(frame))) = timeout_at(end, body.frame()).await {
        if let Some(data) = frame.data_ref() {
            let room = BODY_BYTES_MAX.saturating_sub(read.len());
            read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            if data.len() >= room {
                break;
            }
        }
    }
    read
}

#[expect(clippy::disallowed_methods, reason = "the edge: here the present moment comes from")]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
