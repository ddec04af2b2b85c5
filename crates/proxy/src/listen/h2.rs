//! How is an HTTP/2 connection served? RFC 9113, over the `h2` crate itself, because hyper's server
//! has no way to send 103 (RFC 8297).
//!
//! `h2` frames, checks fields (§8.2) and lengths (§8.1.1), keeps the windows and counts resets; here
//! are the limits it gets, the streams it begins ([`super::h2_stream`]), and the connection's end.
//!
//! What came together is answered together: all streams are accepted, then those that need nobody are
//! answered on the spot and the others get tasks, then all that is to be said is written at once.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Connection, SendResponse};
use http::Request;
use larder_semantics::Reason;

use super::h2_lane::Lanes;
use super::h2_stream::Stream;
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
    let connection = match connection {
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
    let lanes = Lanes::new(Arc::clone(&worker), caller);
    let (begun, ending) = (Vec::new(), Ending::default());
    let mut streams = Streams { connection, worker, state, lanes, begun, ending };
    match poll_fn(|cx| streams.poll(cx)).await {
        End::Over => {}
        End::Failed(error) => count(&error, &counters),
        End::Abort(reason) => counters.counters().refuse(reason),
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

/// How a connection ended.
enum End {
    Over,
    Failed(h2::Error),
    Abort(Reason),
}

/// A connection with the streams that begin on it.
struct Streams<P: Site> {
    connection: Connection<ConnIo, Bytes>,
    worker: Arc<Worker<P>>,
    state: Arc<ConnState>,
    lanes: Lanes<P>,
    /// Accepted and not looked at yet.
    begun: Vec<(Request<RecvStream>, SendResponse<Bytes>)>,
    ending: Ending,
}

impl<P: Site> Streams<P> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Poll::Ready(reason) = self.obey() {
            return Poll::Ready(End::Abort(reason));
        }
        if let Poll::Ready(end) = self.accept(cx) {
            return Poll::Ready(end);
        }
        if self.state.gathers() {
            self.state.gather(false);
            // All frames are written, and are waiting for this.
            if let Poll::Ready(end) = self.accept(cx) {
                return Poll::Ready(end);
            }
        }
        if !self.begun.is_empty() {
            // One answer is one write anyway.
            self.state.gather(self.begun.len() > 1);
            self.answer(cx);
            // Answers are written when the connection is polled; those given wake it.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Does what the sweep and the server want of the connection.
    fn obey(&mut self) -> Poll<Reason> {
        match self.state.verdict() {
            Some(Verdict::CloseIdle) if !self.ending.at_once => {
                self.ending.at_once = true;
                // RFC 9113 §6.8: the last stream's number is in it, so a request that crosses it on
                // the way is known not to have been seen.
                self.connection.abrupt_shutdown(h2::Reason::NO_ERROR);
            }
            Some(Verdict::CloseIdle) | None => {}
            Some(Verdict::Refuse(reason) | Verdict::Abort(reason)) => {
                return Poll::Ready(reason);
            }
        }
        if self.state.is_draining() && !self.ending.graceful {
            self.ending.graceful = true;
            self.connection.graceful_shutdown();
        }
        Poll::Pending
    }

    /// Reads and writes, and takes all streams that have come. Ready: the connection is over.
    fn accept(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            match ready!(self.connection.poll_accept(cx)) {
                Some(Ok(stream)) => self.begun.push(stream),
                Some(Err(error)) => return Poll::Ready(End::Failed(error)),
                None => return Poll::Ready(End::Over),
            }
        }
    }

    fn answer(&mut self, cx: &mut Context<'_>) {
        for (request, respond) in self.begun.drain(..) {
            let lane = self.lanes.take();
            let mut stream = Stream::new(request, respond, lane, &self.worker, &self.state);
            match Pin::new(&mut stream).poll(cx) {
                Poll::Ready(()) => self.lanes.give_back(stream.into_lane()),
                Poll::Pending => drop(tokio::spawn(stream)),
            }
        }
    }
}

/// What the client did against the protocol is counted; that it left is not.
fn count(error: &h2::Error, counters: &super::sweep::Connections) {
    if error.is_library() && !error.is_io() {
        counters.counters().refuse(Reason::MalformedRequest);
    }
    tracing::debug!(%error, "HTTP/2 connection ended early");
}
