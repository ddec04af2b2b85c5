//! What comes before HTTP on a connection? A PROXY protocol header, a TLS handshake, or one after the other, as its listener
//! says.
//!
//! Both are heads to the time limits: `timeouts.header` from the first byte on, `timeouts.idle` before it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use larder_policy::Scheme;
use larder_policy::proxy_protocol::{self, Announced, HEADER_BYTES_MAX, Header};
use larder_semantics::Reason;
use larder_tls::rustls::{self, HandshakeKind, ProtocolVersion};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connection;
use super::io::ConnIo;
use super::site::{Site, Worker};
use super::state::{ConnState, Phase, Verdict};
use super::stream::Carrier;
use super::sweep::Entry;
use crate::context::Caller;
use crate::error;
use crate::metrics::{Handshake, HandshakeFailure, WorkerMetrics};
use crate::settings::Door;

/// Nothing follows: what there was to count and to say is counted and said.
struct Over;

/// Serves one connection to its end.
pub(crate) async fn serve<P: Site>(
    mut socket: TcpStream,
    entry: Entry,
    worker: Arc<Worker<P>>,
    peer: SocketAddr,
    door: Door,
) {
    let state = Arc::clone(&entry.state);
    let mut caller =
        Caller { peer, socket: peer.ip(), scheme: Scheme::Http, scheme_is_in_doubt: false };
    if door.proxied {
        match announced(&mut socket, &state, &worker, peer).await {
            Ok(announced) => {
                caller.peer = announced.source.unwrap_or(peer);
                caller.scheme = announced.scheme.unwrap_or(Scheme::Http);
                caller.scheme_is_in_doubt = announced.scheme.is_none();
            }
            Err(Over) => return,
        }
    }
    let Some(tls) = worker.tls.as_ref().filter(|_| door.tls) else {
        state.enter(Phase::Idle);
        return Box::pin(connection::serve(ConnIo::new(socket, entry), worker, caller)).await;
    };
    (caller.scheme, caller.scheme_is_in_doubt) = (Scheme::Https, false);
    let counters = worker.connections.counters();
    match speaks_plainly(&socket, &state, counters).await {
        Ok(false) => {}
        Ok(true) => {
            counters.handshake_failed(HandshakeFailure::PlainHttp);
            counters.refuse(Reason::PlainHttp);
            let mut io = ConnIo::new(socket, entry);
            io.try_write(error::raw_because(Reason::PlainHttp).as_bytes());
            return io.linger().await;
        }
        Err(Over) => return,
    }
    let handshake = Box::pin(TlsAcceptor::from(tls.config()).accept(Carrier::from(socket)));
    match heeded(&state, counters, handshake).await {
        Ok(Ok(stream)) => {
            counters.handshake(kind(&stream));
            state.enter(Phase::Idle);
            Box::pin(connection::serve(ConnIo::new(stream, entry), worker, caller)).await;
        }
        Ok(Err(error)) => {
            let failure = failure(&error);
            counters.handshake_failed(failure);
            tracing::debug!(peer = %caller.peer, kind = failure.token(), %error, "no TLS handshake");
        }
        Err(Over) => counters.handshake_failed(HandshakeFailure::Timeout),
    }
}

/// Does something within the time limits.
async fn heeded<T>(
    state: &ConnState,
    counters: &WorkerMetrics,
    future: impl Future<Output = T>,
) -> Result<T, Over> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        state.task().set(cx.waker());
        match state.verdict() {
            Some(Verdict::Refuse(reason) | Verdict::Abort(reason)) => {
                counters.refuse(reason);
                return Poll::Ready(Err(Over));
            }
            Some(Verdict::CloseIdle) => return Poll::Ready(Err(Over)),
            None => {}
        }
        let polled = future.as_mut().poll(cx).map(Ok);
        // Nothing has come and nothing more is wanted.
        if polled.is_pending() && state.is_draining() && state.phase() == Phase::Idle {
            return Poll::Ready(Err(Over));
        }
        polled
    })
    .await
}

/// What the PROXY protocol header says, which is taken from the socket to its last byte and no further.
async fn announced<P: Site>(
    socket: &mut TcpStream,
    state: &ConnState,
    worker: &Worker<P>,
    peer: SocketAddr,
) -> Result<Announced, Over> {
    let counters = worker.connections.counters();
    if !worker.trusts(peer.ip()) {
        counters.refuse(Reason::ProxyUntrusted);
        tracing::debug!(%peer, "no trusted proxy: {}", Reason::ProxyUntrusted);
        return Err(Over);
    }
    match heeded(state, counters, header(socket, state)).await? {
        Ok(Some(announced)) => Ok(announced),
        Ok(None) => {
            counters.refuse(Reason::ProxyHeader);
            tracing::debug!(%peer, "{}", Reason::ProxyHeader.text());
            Err(Over)
        }
        // A balancer that only looks whether somebody listens leaves without a word.
        Err(_) => Err(Over),
    }
}

async fn header(socket: &mut TcpStream, state: &ConnState) -> io::Result<Option<Announced>> {
    let mut bytes = vec![0; HEADER_BYTES_MAX];
    let mut filled = 0;
    loop {
        let Some(free) = bytes.get_mut(filled..).filter(|free| !free.is_empty()) else {
            return Ok(None);
        };
        let seen = socket.peek(free).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        state.bytes_came();
        let read = proxy_protocol::read(bytes.get(..filled + seen).unwrap_or_default());
        let (wanted, announced) = match read {
            Header::Whole(announced, length) => (length.saturating_sub(filled), Some(announced)),
            Header::Partial => (seen, None),
            Header::Malformed => return Ok(None),
        };
        // Taken so that the next look waits for what has not come yet.
        if let Some(part) = bytes.get_mut(filled..filled + wanted) {
            socket.read_exact(part).await?;
        }
        if announced.is_some() {
            return Ok(announced);
        }
        filled += wanted;
    }
}

/// Whether the first byte is that of an HTTP request line and not of a TLS record (RFC 8446 §5.1).
async fn speaks_plainly(
    socket: &TcpStream,
    state: &ConnState,
    counters: &WorkerMetrics,
) -> Result<bool, Over> {
    let mut first = [0];
    let seen = heeded(state, counters, socket.peek(&mut first)).await?;
    match seen {
        Ok(1..) => {
            state.bytes_came();
            Ok(first[0].is_ascii_uppercase())
        }
        Ok(0) | Err(_) => {
            counters.handshake_failed(HandshakeFailure::Closed);
            Err(Over)
        }
    }
}

fn kind(stream: &TlsStream<Carrier>) -> Handshake {
    let session = stream.get_ref().1;
    let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    match (session.protocol_version() == Some(ProtocolVersion::TLSv1_3), resumed) {
        (true, false) => Handshake::Tls13,
        (true, true) => Handshake::Tls13Resumed,
        (false, false) => Handshake::Tls12,
        (false, true) => Handshake::Tls12Resumed,
    }
}

fn failure(error: &io::Error) -> HandshakeFailure {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        None => HandshakeFailure::Closed,
        Some(rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol) => {
            HandshakeFailure::NothingInCommon
        }
        Some(rustls::Error::AlertReceived(_)) => HandshakeFailure::Refused,
        Some(
            rustls::Error::InvalidMessage(_)
            | rustls::Error::InappropriateMessage { .. }
            | rustls::Error::InappropriateHandshakeMessage { .. }
            | rustls::Error::PeerMisbehaved(_)
            | rustls::Error::DecryptError
            | rustls::Error::PeerSentOversizedRecord,
        ) => HandshakeFailure::Malformed,
        Some(_) => HandshakeFailure::Other,
    }
}
