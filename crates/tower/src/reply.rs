//! The body of what goes back to a client: the inner service's, or a line of a layer's own.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http::response::Parts;
use http_body::{Body, Frame, SizeHint};
use larder_semantics::Reason;
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response that a layer passes on, or of one that it gives itself: a line of text.
    ///
    /// Nothing is boxed and nothing is held: what the inner service's body says of its length, and when it is ready, is said here.
    #[derive(Debug)]
    pub struct Reply<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindOf]
    enum Kind<B> {
        Inner { #[pin] body: B },
        // Taken at the first poll.
        Own { text: Option<Bytes>, reason: Reason },
    }
}

impl<B> Reply<B> {
    /// The inner service's.
    pub const fn inner(body: B) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    /// A line of a layer's own; empty for none.
    #[must_use]
    pub fn own(text: Bytes, reason: Reason) -> Self {
        let text = (!text.is_empty()).then_some(text);
        Self { kind: Kind::Own { text, reason } }
    }

    /// A whole response with such a body.
    #[doc(hidden)]
    #[must_use]
    pub fn response((head, text): (Parts, Bytes), reason: Reason) -> Response<Self> {
        Response::from_parts(head, Self::own(text, reason))
    }

    /// The body that is passed on, if it is one. Otherwise why the layer answered by itself.
    ///
    /// # Errors
    /// The reason, where nobody further in was asked.
    pub const fn passed(&self) -> Result<&B, Reason> {
        match &self.kind {
            Kind::Inner { body } => Ok(body),
            Kind::Own { reason, .. } => Err(*reason),
        }
    }
}

impl<B: Body<Data = Bytes>> Body for Reply<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindOf::Inner { body } => body.poll_frame(cx),
            KindOf::Own { text, .. } => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Own { text, .. } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Own { text, .. } => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}
