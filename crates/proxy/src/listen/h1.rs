//! How is an HTTP/1.1 connection served? hyper parses and writes; this is what it leaves to us.
//!
//! Time limits and 408 (RFC 9110 §15.5.9), interim responses before the final one, the end of a
//! connection after a refusal (RFC 9112 §9.6), and that a body which failed is never mistaken for a
//! complete one, even where its end is the connection's end (RFC 9112 §8).

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use larder_semantics::Reason;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::io::ConnIo;
use super::site::{Site, Worker};
use super::state::{ConnState, Phase, Verdict};
use crate::context::ConnContext;
use crate::error;
use crate::inbound::{Inbound, InboundError};
use crate::limits;

/// How a connection's task ended.
enum End {
    Over(Result<(), hyper::Error>),
    Late(Verdict),
}

/// Serves one HTTP/1.x connection to its end.
pub(crate) async fn serve<P: Site>(io: ConnIo, worker: Arc<Worker<P>>, context: Arc<ConnContext>) {
    let state = Arc::clone(io.state());
    let counters = Arc::clone(&worker.connections);
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(worker.settings.head_bytes_max.max(limits::READ_BUFFER_BYTES_MIN))
        .max_header_size(worker.settings.head_bytes_max)
        // A client may close its side behind its request; see `ConnIo` for those that have left.
        .half_close(true);
    if worker.settings.head_fields_max > 100 {
        // hyper's own 100 live on the stack; more are allocated for every request.
        builder.max_headers(worker.settings.head_fields_max);
    }
    let service = Adapter::new(worker, Arc::clone(&context), Arc::clone(&state));
    let mut connection = builder.serve_connection(io, service).with_upgrades();
    let mut watched = false;
    let mut told_to_end = false;
    let end = poll_fn(|cx| {
        if !watched {
            // A task has the same waker all its life.
            watched = true;
            state.task().set(cx.waker());
            state.interim.task().set(cx.waker());
        }
        if let Some(verdict) = state.verdict() {
            return Poll::Ready(End::Late(verdict));
        }
        let polled = Pin::new(&mut connection).poll(cx);
        if polled.is_pending() && state.is_draining() && !told_to_end {
            // After a poll: a request that lies in the socket already is still answered.
            told_to_end = true;
            Pin::new(&mut connection).graceful_shutdown();
            return Pin::new(&mut connection).poll(cx).map(End::Over);
        }
        polled.map(End::Over)
    })
    .await;
    let in_pipeline = state.phase() == Phase::Waiting;
    if let End::Late(Verdict::Refuse(reason) | Verdict::Abort(reason)) = end {
        if in_pipeline {
            // The pipeline counts and logs it.
            context.cut_off.because(reason);
        } else {
            counters.counters().refuse(reason);
        }
    }
    let told_idle = state.is_draining() && state.phase() == Phase::Idle;
    // Dropping the service also drops what the pipeline was still doing for this client.
    let io = connection.into_parts().map(|parts| parts.io);
    match end {
        End::Over(Ok(())) => {
            if !told_idle && let Some(io) = io {
                io.linger().await;
            }
        }
        End::Over(Err(error)) => {
            failed(&error, io, &state, counters.counters()).await;
        }
        End::Late(Verdict::CloseIdle) => {
            if let Some(io) = io {
                io.take_leave();
            }
        }
        End::Late(Verdict::Refuse(_)) => {
            if let Some(mut io) = io.filter(|_| !state.is_write_blocked()) {
                io.try_write(error::raw(StatusCode::REQUEST_TIMEOUT).as_bytes());
                io.linger().await;
            }
        }
        End::Late(Verdict::Abort(_)) => {
            if let Some(io) = io {
                io.reset_on_close();
            }
        }
    }
}

async fn failed(
    error: &hyper::Error,
    io: Option<ConnIo>,
    state: &ConnState,
    counters: &crate::metrics::WorkerMetrics,
) {
    if error.is_parse() {
        // hyper has answered 400, 414 or 431 itself.
        counters.refuse(if error.is_parse_too_large() {
            Reason::HeadTooLarge
        } else {
            Reason::MalformedRequest
        });
        if let Some(io) = io {
            io.linger().await;
        }
        return;
    }
    tracing::debug!(%error, "client connection ended early");
    // RFC 9112 §8: an HTTP/1.0 body without a length ends with the connection, so an ordinary close
    // would make the part that was sent look like the whole.
    if state.is_close_delimited()
        && let Some(io) = io
    {
        io.reset_on_close();
    }
}

/// Between hyper and the pipeline.
struct Adapter<P: Site> {
    worker: Arc<Worker<P>>,
    context: Arc<ConnContext>,
    state: Arc<ConnState>,
    pipeline: RefCell<(u64, P::Service)>,
}

impl<P: Site> Adapter<P> {
    fn new(worker: Arc<Worker<P>>, context: Arc<ConnContext>, state: Arc<ConnState>) -> Self {
        let pipeline = RefCell::new(worker.connect(Arc::clone(&context)));
        Self { worker, context, state, pipeline }
    }
}

impl<P: Site> hyper::service::Service<Request<Incoming>> for Adapter<P> {
    type Response = Response<Outbound<P::Body>>;
    type Error = P::Error;
    type Future = Answer<<P::Service as Service<Request<Inbound>>>::Future, P::Body>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let has_body = !request.body().is_end_stream();
        let old = request.version() == Version::HTTP_10;
        self.state.request_began(has_body, old);
        if !old {
            // RFC 9110 §15.2: no 1xx to an HTTP/1.0 client.
            self.state.interim.open();
        }
        let request = request.map(|body| {
            if has_body {
                let state = Arc::clone(&self.state);
                Inbound::H1(H1Body { body, exchange: state.exchange(), state })
            } else {
                Inbound::Empty
            }
        });
        let mut pipeline = self.pipeline.borrow_mut();
        if pipeline.0 != self.worker.generation() {
            // The configuration was changed since this connection's last request.
            *pipeline = self.worker.connect(Arc::clone(&self.context));
        }
        Answer { future: pipeline.1.call(request), ready: None, state: Arc::clone(&self.state) }
    }
}

pin_project! {
    /// The pipeline's answer, held back until interim responses before it are written.
    #[derive(Debug)]
    pub(crate) struct Answer<F, B> {
        #[pin]
        future: F,
        ready: Option<Response<B>>,
        state: Arc<ConnState>,
    }
}

impl<F, B, E> Future for Answer<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Outbound<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.ready.is_none() {
            let answer = ready!(this.future.poll(cx));
            this.state.interim.close();
            *this.ready = Some(answer?);
        }
        if this.state.interim.any() {
            // hyper flushes after this, the queue is written there, and that wakes us.
            return Poll::Pending;
        }
        let Some(response) = this.ready.take() else { return Poll::Pending };
        // RFC 9110 §7.8: after 101 the bytes are somebody else's protocol.
        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        this.state.enter(if upgraded { Phase::Tunnel } else { Phase::Answering });
        let state = (!upgraded).then(|| Arc::clone(this.state));
        let exchange = this.state.exchange();
        Poll::Ready(Ok(response.map(|body| Outbound { body, state, exchange })))
    }
}

pin_project! {
    /// A response's body, which tells the connection when it is over.
    #[derive(Debug)]
    pub(crate) struct Outbound<B> {
        #[pin]
        body: B,
        state: Option<Arc<ConnState>>,
        exchange: u64,
    }

    impl<B> PinnedDrop for Outbound<B> {
        fn drop(this: Pin<&mut Self>) {
            let exchange = this.exchange;
            if let Some(state) = this.project().state.take() {
                state.half_over(exchange);
            }
        }
    }
}

impl<B: Body> Body for Outbound<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request's body from an HTTP/1.1 connection.
#[derive(Debug)]
pub(crate) struct H1Body {
    body: Incoming,
    exchange: u64,
    state: Arc<ConnState>,
}

impl H1Body {
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InboundError>>> {
        let outcome = Pin::new(&mut self.body).poll_frame(cx);
        if outcome.is_pending() {
            self.state.body_waits();
        } else {
            self.state.body_came();
        }
        outcome.map_err(InboundError::H1)
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for H1Body {
    fn drop(&mut self) {
        if self.exchange == self.state.exchange() {
            self.state.body_came();
            self.state.half_over(self.exchange);
        }
    }
}
