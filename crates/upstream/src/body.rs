//! A response's body on its way from the application.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use larder_semantics::Reason;

use crate::UpstreamError;
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
    incoming: Option<Incoming>,
    held: Option<Held>,
    /// Bytes to come, where the response says.
    left: Option<u64>,
    /// The application owes a piece, and its deadline is set.
    waiting: bool,
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
        if link.wire.is_uploading() {
            // RFC 9112 §9.3: what the application does not want to read any more would be in the
            // way of the next request.
            link.wire.abandon();
            return;
        }
        if let Afterwards::Keep(idle) = afterwards {
            let worker = lease.worker();
            worker.pool.put(lease.target(), link, idle, worker.settings.idle_max);
        }
    }
}

impl UpstreamBody {
    pub(crate) fn new(incoming: Incoming, held: Held) -> Self {
        let left = incoming.size_hint().exact();
        let mut body = Self { incoming: Some(incoming), held: Some(held), left, waiting: false };
        if left == Some(0) {
            body.complete();
        }
        body
    }

    /// Of a response that has none.
    pub(crate) fn none() -> Self {
        Self { incoming: None, held: None, left: Some(0), waiting: false }
    }

    fn complete(&mut self) {
        self.incoming = None;
        self.left = Some(0);
        if let Some(held) = self.held.take() {
            held.release();
        }
    }

    fn wait(&mut self) {
        if let (Some(held), false) = (&self.held, self.waiting) {
            held.link.wire.waiting_for_piece();
            self.waiting = true;
        }
    }

    fn stop_waiting(&mut self) {
        if let (Some(held), true) = (&self.held, self.waiting) {
            held.link.wire.piece_arrived();
            self.waiting = false;
        }
    }

    fn break_off(&mut self, reason: Reason, cause: Option<hyper::Error>) -> UpstreamError {
        self.incoming = None;
        let Some(held) = self.held.take() else {
            return UpstreamError::nowhere(reason);
        };
        let wire = &held.link.wire;
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
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
        {
            return Reason::MalformedResponse;
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
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        let Poll::Ready(next) = Pin::new(incoming).poll_frame(cx) else {
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
            Some(Err(error)) => Some(Err(this.break_off(reason_of(&error), Some(error)))),
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
            held.link.wire.abandon();
        }
    }
}
