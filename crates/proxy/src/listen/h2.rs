//! How is an HTTP/2 connection served? RFC 9113, over the `h2` crate itself, because hyper's server
//! has no way to send 103 (RFC 8297).
//!
//! `h2` frames, checks fields (§8.2) and lengths (§8.1.1), keeps the windows and counts resets; here
//! are the limits it gets, one task per stream ([`super::h2_stream`]), and the connection's end.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Connection, SendResponse};
use http::Request;
use larder_semantics::Reason;

use super::h2_stream;
use super::io::ConnIo;
use super::site::{Site, Worker};
use super::state::{ConnState, Phase, Verdict};
use crate::context::Caller;
use crate::limits;

/// Serves one HTTP/2 connection to its end.
pub(crate) async fn serve<P: Site>(io: ConnIo, worker: Arc<Worker<P>>, caller: Caller) {
    let state = Arc::clone(io.state());
    let counters = Arc::clone(&worker.connections);
    let mut handshake = std::pin::pin!(builder(&worker).handshake::<ConnIo, Bytes>(io));
    // The client's SETTINGS are still to come: the limit for heads holds until then.
    let connection = poll_fn(|cx| {
        state.task().set(cx.waker());
        if let Some(verdict) = state.verdict() {
            return Poll::Ready(Err(verdict));
        }
        handshake.as_mut().poll(cx).map(Ok)
    })
    .await;
    let mut connection = match connection {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            count(&error, &counters);
            return;
        }
        Err(Verdict::Refuse(reason) | Verdict::Abort(reason)) => {
            counters.counters().refuse(reason);
            return;
        }
        Err(Verdict::CloseIdle) => return,
    };
    state.enter(Phase::Streams);
    let mut ending = Ending::default();
    loop {
        match poll_fn(|cx| next(&mut connection, &state, &mut ending, cx)).await {
            Next::Stream(request, respond) => {
                let task = h2_stream::serve(
                    request,
                    respond,
                    Arc::clone(&worker),
                    caller,
                    h2_stream::Open::new(&state),
                );
                tokio::spawn(task);
            }
            Next::Over => return,
            Next::Failed(error) => {
                count(&error, &counters);
                return;
            }
            Next::Abort(reason) => {
                counters.counters().refuse(reason);
                return;
            }
        }
    }
}

fn builder<P: Site>(worker: &Worker<P>) -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(limits::H2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(worker.settings.head_bytes_max).unwrap_or(u32::MAX))
        .initial_window_size(limits::H2_STREAM_WINDOW)
        .initial_connection_window_size(limits::H2_CONNECTION_WINDOW)
        .max_send_buffer_size(limits::H2_SEND_BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(limits::H2_PENDING_RESETS_MAX)
        .max_local_error_reset_streams(Some(limits::H2_LOCAL_RESETS_MAX));
    builder
}

/// Which ways of ending have been begun.
#[derive(Debug, Default)]
struct Ending {
    graceful: bool,
    at_once: bool,
}

#[expect(clippy::large_enum_variant, reason = "moved once, at once")]
enum Next {
    Stream(Request<RecvStream>, SendResponse<Bytes>),
    Over,
    Failed(h2::Error),
    Abort(Reason),
}

fn next(
    connection: &mut Connection<ConnIo, Bytes>,
    state: &ConnState,
    ending: &mut Ending,
    cx: &mut Context<'_>,
) -> Poll<Next> {
    match state.verdict() {
        Some(Verdict::CloseIdle) if !ending.at_once => {
            ending.at_once = true;
            // RFC 9113 §6.8: the last stream's number is in it, so a request that crosses it on the
            // way is known not to have been seen.
            connection.abrupt_shutdown(h2::Reason::NO_ERROR);
        }
        Some(Verdict::CloseIdle) | None => {}
        Some(Verdict::Refuse(reason) | Verdict::Abort(reason)) => {
            return Poll::Ready(Next::Abort(reason));
        }
    }
    if state.is_draining() && !ending.graceful {
        ending.graceful = true;
        connection.graceful_shutdown();
    }
    connection.poll_accept(cx).map(|accepted| match accepted {
        Some(Ok((request, respond))) => Next::Stream(request, respond),
        Some(Err(error)) => Next::Failed(error),
        None => Next::Over,
    })
}

/// What the client did against the protocol is counted; that it left is not.
fn count(error: &h2::Error, counters: &super::sweep::Connections) {
    if error.is_library() && !error.is_io() {
        counters.counters().refuse(Reason::MalformedRequest);
    }
    tracing::debug!(%error, "HTTP/2 connection ended early");
}
