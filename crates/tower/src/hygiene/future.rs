//! The future of a response: the inner service's, or a refusal that is at hand.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http::response::Parts;
use larder_semantics::Reason;
use pin_project_lite::pin_project;

use crate::Reply;

pin_project! {
    /// The response of a [`HygieneService`](super::HygieneService).
    #[derive(Debug)]
    pub struct HygieneFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateOf]
    enum State<F> {
        Inner { #[pin] future: F },
        // In a box, so that the future of all others is no larger for it.
        Refused { answer: Option<Box<(Parts, Bytes)>>, reason: Reason },
    }
}

impl<F> HygieneFuture<F> {
    #[inline]
    pub(super) const fn inner(future: F) -> Self {
        Self { state: State::Inner { future } }
    }

    #[cold]
    pub(super) fn refused(answer: (Parts, Bytes), reason: Reason) -> Self {
        Self { state: State::Refused { answer: Some(Box::new(answer)), reason } }
    }
}

impl<F, U, E> Future for HygieneFuture<F>
where
    F: Future<Output = Result<Response<U>, E>>,
{
    type Output = Result<Response<Reply<U>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateOf::Inner { future } => future.poll(cx).map_ok(|it| it.map(Reply::inner)),
            StateOf::Refused { answer, reason } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(Reply::response(*answer, *reason))),
                // A future that has given its answer is not polled again.
                None => Poll::Pending,
            },
        }
    }
}
