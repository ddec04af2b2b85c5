//! What does an HTTP/2 client send behind its head? RFC 9113 §8.1: DATA, then perhaps trailers.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use http::Request;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::inbound::{Inbound, InboundError};
use crate::settings::SharedLimits;

/// A request with its body as the pipeline takes it.
pub(crate) fn inbound(request: Request<RecvStream>, limits: &SharedLimits) -> Request<Inbound> {
    if request.body().is_end_stream() {
        return request.map(|_| Inbound::Empty);
    }
    let length = content_length(request.headers());
    request.map(|body| {
        let limits = Arc::clone(limits);
        Inbound::H2(Box::new(H2Body { body, length, data_over: false, limits, wait: None }))
    })
}

/// The length that a head announces.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A request's body from an HTTP/2 stream.
pub(crate) struct H2Body {
    body: RecvStream,
    length: Option<u64>,
    data_over: bool,
    limits: SharedLimits,
    /// Set up only when a wait begins: bodies that come at once need no timer.
    wait: Option<Pin<Box<Sleep>>>,
}

impl std::fmt::Debug for H2Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H2Body").field("length", &self.length).finish_non_exhaustive()
    }
}

impl H2Body {
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InboundError>>> {
        let came = self.poll_part(cx);
        if came.is_ready() {
            self.wait = None;
            return came;
        }
        let limit = self.limits.load().body;
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(limit)));
        wait.as_mut().poll(cx).map(|()| Some(Err(InboundError::TimedOut)))
    }

    fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InboundError>>> {
        if !self.data_over {
            match std::task::ready!(self.body.poll_data(cx)) {
                Some(Ok(data)) => {
                    // Room for as much more: whoever polls has taken the piece before.
                    let released = self.body.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(
                        released.map(|()| Frame::data(data)).map_err(InboundError::H2),
                    ));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(InboundError::H2(error)))),
                None => self.data_over = true,
            }
        }
        let trailers = std::task::ready!(self.body.poll_trailers(cx));
        Poll::Ready(trailers.map_err(InboundError::H2).transpose().map(|t| t.map(Frame::trailers)))
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        // The length is of the whole body; hyper's client only asks before the first piece.
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
