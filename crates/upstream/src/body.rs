//! A response's body on its way from the application.

use std::error::Error;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use larder_semantics::Reason;

use crate::UpstreamError;
use crate::connect::tls_reason;
use crate::error::Cause;
use crate::pool::Link;
use crate::response::Afterwards;
use crate::wire::Wire;
use crate::worker::Lease;

/// A response's body: data and trailers as the application sends them, no faster than they are
/// read. Ends only when the response is complete by its framing, and then gives the connection
/// back; breaks off with an error otherwise. The frames may share a larger read buffer: copy what
/// is kept for long.
#[derive(Debug)]
pub struct UpstreamBody {
    flow: Flow,
    /// Boxed, because responses are moved around a lot, those from the cache too.
    held: Option<Box<Held>>,
    /// Bytes to come, where the response says.
    left: Option<u64>,
    /// The application owes a piece, and its deadline is set.
    waiting: bool,
}

/// Where the bytes come from.
#[derive(Debug)]
pub(crate) enum Flow {
    /// From hyper.
    Incoming(Incoming),
    /// From the direct connection that is held; what came with the head is here.
    Direct(Bytes),
    /// A direct connection that failed, which is told at the next turn.
    Failed(Failure),
    Over,
}

/// What a body keeps until its end.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) link: Link,
    pub(crate) lease: Lease,
    pub(crate) afterwards: Afterwards,
}

impl Held {
    /// The response is complete: the connection rests, if it is good for another request.
    fn release(self) {
        let Self { link, lease, afterwards } = self;
        if link.wire().is_uploading() {
            // RFC 9112 §9.3: what the application does not want to read any more would be in the
            // way of the next request.
            link.wire().abandon();
            return;
        }
        if let Afterwards::Keep(idle) = afterwards {
            let worker = lease.worker();
            worker.pool.put(lease.target(), link, idle, worker.settings.idle_max);
        }
    }
}

impl UpstreamBody {
    pub(crate) fn new(flow: Flow, left: Option<u64>, held: Held) -> Self {
        let mut body = Self { flow, held: Some(Box::new(held)), left, waiting: false };
        if left == Some(0) {
            body.complete();
        }
        body
    }

    /// Of a response that has none.
    pub(crate) fn none() -> Self {
        Self { flow: Flow::Over, held: None, left: Some(0), waiting: false }
    }

    fn complete(&mut self) {
        self.flow = Flow::Over;
        self.left = Some(0);
        if let Some(held) = self.held.take() {
            held.release();
        }
    }

    /// The next piece from a direct connection.
    fn poll_direct(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if let Flow::Direct(read) = &mut self.flow
            && !read.is_empty()
        {
            return Poll::Ready(Some(Ok(Frame::data(mem::take(read)))));
        }
        let (Some(Held { link: Link::Direct(direct), .. }), Some(left)) =
            (self.held.as_deref_mut(), self.left)
        else {
            return Poll::Ready(None);
        };
        let wanted = usize::try_from(left).unwrap_or(usize::MAX);
        let failure = match ready!(direct.poll_read(cx, wanted)) {
            Ok(0) => Failure(Reason::ClosedEarly, None),
            Ok(_) => return Poll::Ready(Some(Ok(Frame::data(direct.take_at_most(left))))),
            Err(error) => {
                Failure(tls_reason(&error).unwrap_or(Reason::ClosedEarly), Some(error.into()))
            }
        };
        // Whoever passes the body on has to get what came so far out of its hands first: a client
        // that is sent nothing at all takes an answer that broke off for none, and asks again.
        self.flow = Flow::Failed(failure);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn wait(&mut self) {
        if let (Some(held), false) = (&self.held, self.waiting) {
            held.link.wire().waiting_for_piece();
            self.waiting = true;
        }
    }

    fn stop_waiting(&mut self) {
        if let (Some(held), true) = (&self.held, self.waiting) {
            held.link.wire().piece_arrived();
            self.waiting = false;
        }
    }

    fn break_off(&mut self, reason: Reason, cause: Option<Cause>) -> UpstreamError {
        self.flow = Flow::Over;
        let Some(held) = self.held.take() else {
            return UpstreamError::nowhere(reason);
        };
        let wire = held.link.wire();
        let reason = said_by(wire).unwrap_or(reason);
        wire.abandon();
        let backend = held.lease.backend();
        if reason != Reason::BadRequestBody {
            backend.count_failure();
        }
        let error = UpstreamError::new(reason, backend.target());
        match cause {
            Some(cause) => error.because(cause),
            None => error,
        }
    }
}

/// Why there is no more of a body.
#[derive(Debug)]
pub(crate) struct Failure(Reason, Option<Cause>);

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        Self(reason_of(&error), Some(error.into()))
    }
}

/// What the connection's parts know better than hyper's error.
pub(crate) fn said_by(wire: &Wire) -> Option<Reason> {
    wire.over().or_else(|| wire.did_upload_fail().then_some(Reason::BadRequestBody))
}

/// Whether hyper could not read on for what it read, or for want of bytes.
pub(crate) fn reason_of(error: &hyper::Error) -> Reason {
    if error.is_parse() || error.is_parse_too_large() {
        return Reason::MalformedResponse;
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if let Some(reason) = tls_reason(io) {
                return reason;
            }
            if matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) {
                return Reason::MalformedResponse;
            }
        }
        source = cause.source();
    }
    Reason::ClosedEarly
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let this = &mut *self;
        let polled = match &mut this.flow {
            Flow::Incoming(incoming) => Pin::new(incoming).poll_frame(cx).map_err(Failure::from),
            Flow::Direct(_) => this.poll_direct(cx),
            Flow::Failed(_) | Flow::Over => match mem::replace(&mut this.flow, Flow::Over) {
                Flow::Failed(failure) => Poll::Ready(Some(Err(failure))),
                Flow::Incoming(_) | Flow::Direct(_) | Flow::Over => return Poll::Ready(None),
            },
        };
        let Poll::Ready(next) = polled else {
            this.wait();
            return Poll::Pending;
        };
        this.stop_waiting();
        Poll::Ready(match next {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                this.left = this.left.map(|left| left.saturating_sub(length));
                if this.left == Some(0) || frame.is_trailers() {
                    this.complete();
                }
                Some(Ok(frame))
            }
            Some(Err(Failure(reason, cause))) => Some(Err(this.break_off(reason, cause))),
            // hyper reports a short body itself; this is for the day when it does not.
            None if this.left.is_some_and(|left| left > 0) => {
                Some(Err(this.break_off(Reason::ClosedEarly, None)))
            }
            None => {
                this.complete();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        if let Some(held) = &self.held {
            // Left before its end, so the rest of it lies on the connection.
            held.link.wire().abandon();
        }
    }
}
