//! How is one HTTP/2 stream answered? RFC 9113 §8.
//!
//! A response that fails in the middle is reset (§8.1.1), never ended: a reader must not take the
//! part for the whole. Bytes are taken from the pipeline only as fast as the client takes them.
//!
//! A future that is polled where the stream is accepted: a hit is over then. What has to wait moves
//! into a task of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use larder_semantics::Reason;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::h2_body::{content_length, inbound};
use super::h2_lane::Lane;
use super::site::{Site, Worker};
use super::state::ConnState;
use crate::clock;
use crate::inbound::Inbound;
use crate::limits;
use crate::settings::SharedLimits;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// A stream in progress: the connection is not idle while one is.
#[derive(Debug)]
struct Open(Arc<ConnState>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.stream_closed();
    }
}

type Answer<P> = <<P as Site>::Service as Service<Request<Inbound>>>::Future;

/// A stream that is being answered.
pub(crate) struct Stream<P: Site> {
    lane: Lane<P>,
    respond: SendResponse<Bytes>,
    is_head: bool,
    step: Step<Answer<P>, P::Body>,
    worker: Arc<Worker<P>>,
    _open: Open,
}

enum Step<F, B> {
    /// The pipeline has not answered yet.
    Head(F),
    Body(Pump<B>),
}

impl<P: Site> Stream<P> {
    pub(crate) fn new(
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        mut lane: Lane<P>,
        worker: &Arc<Worker<P>>,
        state: &Arc<ConnState>,
    ) -> Self {
        state.stream_opened();
        let open = Open(Arc::clone(state));
        let is_head = *request.method() == Method::HEAD;
        let step = Step::Head(lane.service.call(inbound(request, &worker.limits)));
        Self { lane, respond, is_head, step, worker: Arc::clone(worker), _open: open }
    }

    /// What it was answered with; for another stream once this one is over.
    pub(crate) fn into_lane(self) -> Lane<P> {
        self.lane
    }

    /// Sends the head of `response`. `None`: there is nothing after it, or nobody to take it.
    fn begin(&mut self, response: Response<P::Body>) -> Option<Pump<P::Body>> {
        let (mut head, body) = response.into_parts();
        dress(&mut head, &body, self.is_head);
        let left = content_length(&head.headers);
        let bodiless = self.is_head
            || body.is_end_stream()
            || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let sent = self.respond.send_response(Response::from_parts(head, ()), bodiless);
        let stream = sent.ok().filter(|_| !bodiless)?;
        Some(Pump { body, stream, left, piece: None, wait: None })
    }

    fn end(&mut self, outcome: &Result<(), Stopped>) {
        let Step::Body(Pump { stream, .. }) = &mut self.step else { return };
        match outcome {
            Ok(()) | Err(Stopped::Gone) => {}
            Err(Stopped::Failed) => stream.send_reset(h2::Reason::INTERNAL_ERROR),
            Err(Stopped::NotTaken) => {
                self.worker.connections.counters().refuse(Reason::SendTimeout);
                stream.send_reset(h2::Reason::CANCEL);
            }
        }
    }
}

impl<P: Site> Future for Stream<P> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            match &mut this.step {
                Step::Head(answer) => {
                    let answered = Pin::new(answer).poll(cx);
                    let interim = &this.lane.interim;
                    if answered.is_pending() {
                        interim.task().set(cx.waker());
                    }
                    for head in interim.take() {
                        // A client that went away in between is noticed at the next step.
                        drop(this.respond.send_informational(head));
                    }
                    let Poll::Ready(answer) = answered else {
                        // The client may not want it any more.
                        return this.respond.poll_reset(cx).map(drop);
                    };
                    interim.close();
                    let Ok(response) = answer else {
                        this.respond.send_reset(h2::Reason::INTERNAL_ERROR);
                        return Poll::Ready(());
                    };
                    match this.begin(response) {
                        Some(pump) => this.step = Step::Body(pump),
                        None => return Poll::Ready(()),
                    }
                }
                Step::Body(pump) => {
                    let outcome = ready!(pump.poll(&this.worker.limits, cx));
                    this.end(&outcome);
                    return Poll::Ready(());
                }
            }
        }
    }
}

/// RFC 9113 §8.2.2: no connection-specific fields. RFC 9110 §6.6.1: `Date`, where nobody set one.
fn dress<B: Body>(head: &mut http::response::Parts, body: &B, is_head: bool) {
    head.version = Version::HTTP_2;
    for name in [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        head.headers.remove(name);
    }
    if !head.headers.contains_key(DATE) {
        head.headers.insert(DATE, clock::date());
    }
    if !is_head
        && !head.headers.contains_key(CONTENT_LENGTH)
        && !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        && let Some(length) = body.size_hint().exact()
    {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Why a body was not sent to its end.
enum Stopped {
    /// The client reset the stream or left.
    Gone,
    /// The pipeline's body failed, or is not as long as the head said.
    Failed,
    /// The client takes nothing.
    NotTaken,
}

/// A body on its way.
struct Pump<B> {
    body: B,
    stream: SendStream<Bytes>,
    /// Bytes to come, where the head said.
    left: Option<u64>,
    /// What the client's window had no room for, and whether it is the last.
    piece: Option<(Bytes, bool)>,
    /// Set up only when a wait for the client begins.
    wait: Option<Pin<Box<Sleep>>>,
}

impl<B: Body<Data = Bytes> + Unpin> Pump<B> {
    fn poll(&mut self, limits: &SharedLimits, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        loop {
            if let Some((data, last)) = self.piece.take()
                && ready!(self.send(data, last, limits, cx))?
            {
                return Poll::Ready(Ok(()));
            }
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                // Nobody reads: do not ask the application for more.
                return self.stream.poll_reset(cx).map(|_| Err(Stopped::Gone));
            };
            let Some(frame) = frame else {
                self.all_came()?;
                return Poll::Ready(self.finish());
            };
            match frame.map_err(|_| Stopped::Failed)?.into_data() {
                Ok(data) => {
                    if let Some(left) = self.left {
                        self.left =
                            Some(left.checked_sub(data.len() as u64).ok_or(Stopped::Failed)?);
                    }
                    let last = self.body.is_end_stream() && self.left.is_none_or(|left| left == 0);
                    self.piece = Some((data, last));
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        self.all_came()?;
                        let sent = self.stream.send_trailers(trailers);
                        return Poll::Ready(sent.map_err(|_| Stopped::Gone));
                    }
                }
            }
        }
    }

    fn all_came(&self) -> Result<(), Stopped> {
        if self.left.is_some_and(|left| left != 0) { Err(Stopped::Failed) } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<(), Stopped> {
        self.stream.send_data(Bytes::new(), true).map_err(|_| Stopped::Gone)
    }

    /// Sends one piece in as many frames as the client's window takes. `true` when the stream is over.
    fn send(
        &mut self,
        mut data: Bytes,
        last: bool,
        limits: &SharedLimits,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, Stopped>> {
        while !data.is_empty() {
            self.stream.reserve_capacity(data.len());
            let mut room = self.stream.capacity();
            if room == 0 {
                match self.wait_for_room(limits, cx) {
                    Poll::Ready(came) => room = came?,
                    Poll::Pending => {
                        self.piece = Some((data, last));
                        return Poll::Pending;
                    }
                }
            }
            let part = data.split_to(room.min(data.len()).min(limits::H2_DATA_BYTES_MAX));
            let ends = last && data.is_empty();
            self.stream.send_data(part, ends).map_err(|_| Stopped::Gone)?;
            if ends {
                return Poll::Ready(Ok(true));
            }
        }
        Poll::Ready(if last { self.finish().map(|()| true) } else { Ok(false) })
    }

    fn wait_for_room(
        &mut self,
        limits: &SharedLimits,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, Stopped>> {
        loop {
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(0))) => {}
                Poll::Ready(Some(Ok(room))) => {
                    self.wait = None;
                    return Poll::Ready(Ok(room));
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Err(Stopped::Gone)),
                Poll::Pending => break,
            }
        }
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(limits.load().send)));
        wait.as_mut().poll(cx).map(|()| Err(Stopped::NotTaken))
    }
}
