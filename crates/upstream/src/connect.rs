//! Opening a connection: the addresses of a target in turn, and TLS where it wants it, within one time
//! limit.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use larder_semantics::Reason;
use larder_tls::client::{Failure, failure_of};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::direct::Direct;
use crate::driver::Driver;
use crate::pool::Driven;
use crate::socket::{Before, Socket};
use crate::stream::Stream;
use crate::wire::Wire;
use crate::worker::Worker;
use crate::{Target, UpstreamError};

/// Opens a connection to a target.
pub(crate) async fn connect(worker: &Arc<Worker>, target: usize) -> Result<Direct, UpstreamError> {
    let backend = worker.balancer.backend(target);
    let generation = backend.generation();
    let (addresses, first) = backend.addresses();
    let dialled = dial(worker, backend.target(), &addresses, first).await;
    let (stream, at) = dialled.inspect_err(|error| {
        if is_of_tls(error.reason()) {
            backend.distrust(error);
        }
    })?;
    backend.trust_again();
    backend.prefer(at);
    Ok(Direct::new(stream, Arc::new(Wire::new(worker.limits())), generation))
}

/// Gives a connection to a task of hyper's; with `before`, in the middle of an exchange.
pub(crate) async fn drive(
    direct: Direct,
    before: Option<Before>,
    worker: &Worker,
    target: &Target,
) -> Result<Driven, UpstreamError> {
    let Direct { stream, wire, generation, used, .. } = direct;
    wire.become_driven();
    let begun = before.is_some();
    let io = TokioIo::new(Socket::new(stream, Arc::clone(&wire), before));
    let (sender, connection) = worker
        .http1
        .handshake(io)
        .await
        .map_err(|error| UpstreamError::new(Reason::ConnectFailed, target).because(error))?;
    tokio::spawn(Driver::new(connection.with_upgrades(), Arc::clone(&wire), worker.tick));
    Ok(Driven { sender, wire, generation, used, begun })
}

/// Tries the addresses in turn, beginning with the one that answered last. Each gets an equal
/// share of the time that is left, so that one that swallows packets does not hide the others.
async fn dial(
    worker: &Worker,
    target: &Target,
    addresses: &[SocketAddr],
    first: usize,
) -> Result<(Stream, usize), UpstreamError> {
    let begun = Instant::now();
    let mut last = UpstreamError::new(Reason::NoUpstream, target);
    for tried in 0..addresses.len() {
        let at = (first + tried) % addresses.len();
        let used = Instant::now().saturating_duration_since(begun);
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = worker.settings.connect.saturating_sub(used) / left.max(1);
        let error = match timeout(share, open(target, addresses[at])).await {
            Ok(Ok(stream)) => return Ok((stream, at)),
            Ok(Err(error)) => error,
            Err(_elapsed) => UpstreamError::new(Reason::ConnectTimeout, target),
        };
        // That one address has a bad certificate tells more than that another has nobody.
        if !is_of_tls(last.reason()) {
            last = error;
        }
    }
    Err(last)
}

/// One address: the connection, and TLS inside it.
async fn open(target: &Target, address: SocketAddr) -> Result<Stream, UpstreamError> {
    let failed = |reason, error| Err(UpstreamError::new(reason, target).because(error));
    let stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => return failed(reason(&error), error),
    };
    // A request is written at once as a whole; waiting for more of it would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY not set");
    }
    let Some((tls, name)) = target.tls() else { return Ok(Stream::Plain(stream)) };
    match tls.handshake(name, stream).await {
        Ok(secured) => Ok(Stream::Tls(Box::new(secured))),
        Err(error) => failed(tls_reason(&error).unwrap_or(Reason::TlsFailed), error),
    }
}

fn reason(error: &io::Error) -> Reason {
    // The kernel has a limit of its own.
    if error.kind() == io::ErrorKind::TimedOut {
        Reason::ConnectTimeout
    } else {
        Reason::ConnectFailed
    }
}

/// What an error says of TLS, where it is TLS's: some are told only after the handshake (RFC 8446 §4.4.2.4:
/// a client's certificate that was not shown).
pub(crate) fn tls_reason(error: &io::Error) -> Option<Reason> {
    Some(match failure_of(error)? {
        Failure::Untrusted => Reason::CertificateUntrusted,
        Failure::WrongName => Reason::CertificateWrongName,
        Failure::Expired => Reason::CertificateExpired,
        Failure::Protocol => Reason::TlsFailed,
    })
}

fn is_of_tls(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CertificateUntrusted
            | Reason::CertificateWrongName
            | Reason::CertificateExpired
            | Reason::TlsFailed
    )
}
