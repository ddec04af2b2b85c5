//! A request's body where its type has no value for "none".

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A body, or none.
    ///
    /// The cache makes requests of its own, without content: the type of a request's body must have a value that says so, its
    /// [`Default`]. Those of axum, tonic and `http-body-util` have. hyper's `Incoming` has not, and is wrapped:
    ///
    /// ```
    /// # fn of<T>(request: http::Request<T>) -> http::Request<larder_tower::RequestBody<T>> {
    /// request.map(larder_tower::RequestBody::from)
    /// # }
    /// ```
    #[derive(Clone, Debug)]
    pub struct RequestBody<B> {
        #[pin]
        body: Option<B>,
    }
}

impl<B> RequestBody<B> {
    /// The body; `None` for a request of the cache's own.
    #[must_use]
    pub fn into_inner(self) -> Option<B> {
        self.body
    }
}

impl<B> Default for RequestBody<B> {
    /// No content.
    fn default() -> Self {
        Self { body: None }
    }
}

impl<B> From<B> for RequestBody<B> {
    fn from(body: B) -> Self {
        Self { body: Some(body) }
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.as_pin_mut().map_or(Poll::Ready(None), |body| body.poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
