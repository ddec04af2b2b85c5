//! The future of a response: the inner service's, with what browsers are told for the future, or a redirect that is at hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use larder_policy::Front;
use larder_semantics::Reason;
use pin_project_lite::pin_project;

use super::layer::{Sent, add_hsts};
use crate::Reply;

pin_project! {
    /// The response of a [`HttpsRedirectService`](super::HttpsRedirectService).
    #[derive(Debug)]
    pub struct HttpsRedirectFuture<F> {
        #[pin]
        state: State<F>,
        // Only where there is something to add.
        front: Option<Arc<Front>>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateOf]
    enum State<F> {
        Inner { #[pin] future: F },
        // In a box, so that the future of all others is no larger for it.
        Sent { answer: Option<Box<Sent>>, reason: Reason },
    }
}

impl<F> HttpsRedirectFuture<F> {
    #[inline]
    pub(super) const fn inner(future: F, front: Option<Arc<Front>>) -> Self {
        Self { state: State::Inner { future }, front }
    }

    #[cold]
    pub(super) fn sent(answer: Sent, reason: Reason, front: Option<Arc<Front>>) -> Self {
        Self { state: State::Sent { answer: Some(Box::new(answer)), reason }, front }
    }
}

impl<F, U, E> Future for HttpsRedirectFuture<F>
where
    F: Future<Output = Result<Response<U>, E>>,
{
    type Output = Result<Response<Reply<U>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.state.project() {
            StateOf::Inner { future } => {
                let mut response = ready!(future.poll(cx))?;
                if let Some(front) = this.front {
                    add_hsts(response.headers_mut(), front);
                }
                Poll::Ready(Ok(response.map(Reply::inner)))
            }
            StateOf::Sent { answer, reason } => {
                // A future that has given its answer is not polled again.
                let Some(mut answer) = answer.take() else { return Poll::Pending };
                if let Some(front) = this.front {
                    add_hsts(&mut answer.0.headers, front);
                }
                Poll::Ready(Ok(Reply::response(*answer, *reason)))
            }
        }
    }
}
