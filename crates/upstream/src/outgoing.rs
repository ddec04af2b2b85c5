//! The request's body on its way to the application.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

use crate::wire::Wire;

type BoxError = Box<dyn Error + Send + Sync>;

/// A request's body of any type, which reports its progress to the wire. Most requests have none
/// and cost nothing here.
pub(crate) struct Outgoing {
    inner: Option<UnsyncBoxBody<Bytes, BoxError>>,
    wire: Option<Arc<Wire>>,
    /// Bytes still to come, when their number is known.
    left: Option<u64>,
}

impl Outgoing {
    pub(crate) fn empty() -> Self {
        Self { inner: None, wire: None, left: Some(0) }
    }

    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let left = body.size_hint().exact();
        // `is_end_stream` may be false for a body of no bytes; either sign will do.
        if body.is_end_stream() || left == Some(0) {
            return Self::empty();
        }
        Self { inner: Some(body.map_err(Into::into).boxed_unsync()), wire: None, left }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inner.is_none()
    }

    pub(crate) fn length(&self) -> Option<u64> {
        self.left
    }

    /// Says which connection is going to carry it.
    pub(crate) fn carried_by(&mut self, wire: &Arc<Wire>) {
        if self.inner.is_some() {
            self.wire = Some(Arc::clone(wire));
        }
    }

    fn tell(&self, what: impl FnOnce(&Wire)) {
        if let Some(wire) = &self.wire {
            what(wire);
        }
    }

    fn finish(&mut self) {
        if let Some(wire) = self.wire.take() {
            wire.upload_finished();
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(inner).poll_frame(cx);
        match &polled {
            Poll::Pending => this.tell(|wire| {
                wire.remember_task(cx.waker());
                wire.client_is_slow();
            }),
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                this.left = this.left.map(|left| left.saturating_sub(length));
                if this.left == Some(0) || frame.is_trailers() || this.is_end_stream() {
                    this.finish();
                } else {
                    this.tell(|wire| {
                        wire.remember_task(cx.waker());
                        wire.piece_taken();
                    });
                }
            }
            Poll::Ready(Some(Err(_))) => this.tell(Wire::upload_failed),
            // RFC 9112 §6.3: an announced length that is not reached is not an end.
            Poll::Ready(None) if this.left.is_some_and(|left| left > 0) => {
                this.tell(Wire::upload_failed);
            }
            Poll::Ready(None) => this.finish(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
