//! The future of a response: the inner service's, marked.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use super::layer::Marks;

pin_project! {
    /// The response of a [`NeverCacheService`](super::NeverCacheService).
    #[derive(Debug)]
    pub struct NeverCacheFuture<F> {
        #[pin]
        inner: F,
        marks: Marks,
    }
}

impl<F> NeverCacheFuture<F> {
    pub(super) const fn new(inner: F, marks: Marks) -> Self {
        Self { inner, marks }
    }
}

impl<F, U, E> Future for NeverCacheFuture<F>
where
    F: Future<Output = Result<Response<U>, E>>,
{
    type Output = Result<Response<U>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        this.marks.put(response.headers_mut());
        Poll::Ready(Ok(response))
    }
}
