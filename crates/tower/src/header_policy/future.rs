//! The future of a response: the inner service's, with what the rules say of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::layer::Ruled;

pin_project! {
    /// The response of a [`HeaderPolicyService`](super::HeaderPolicyService).
    #[derive(Debug)]
    pub struct HeaderPolicyFuture<F> {
        #[pin]
        inner: F,
        ruled: Option<Ruled>,
    }
}

impl<F> HeaderPolicyFuture<F> {
    pub(super) const fn new(inner: F, ruled: Option<Ruled>) -> Self {
        Self { inner, ruled }
    }
}

impl<F, U, E> Future for HeaderPolicyFuture<F>
where
    F: Future<Output = Result<Response<U>, E>>,
{
    type Output = Result<Response<U>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if let Some(ruled) = this.ruled {
            ruled.tell(&mut response);
        }
        Poll::Ready(Ok(response))
    }
}
