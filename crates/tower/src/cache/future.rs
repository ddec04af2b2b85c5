//! The future of a response: at hand for a hit, to be waited for otherwise.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use larder_cache::Body;

use crate::FetchError;

type Answer<U> = Result<Response<Body<U>>, FetchError>;

/// The response of a [`CacheService`](super::CacheService).
pub struct CacheFuture<U> {
    kind: Kind<U>,
}

enum Kind<U> {
    Ready(Option<Answer<U>>),
    Fetch(Pin<Box<dyn Future<Output = Answer<U>> + Send>>),
}

impl<U> CacheFuture<U> {
    pub(super) const fn ready(answer: Answer<U>) -> Self {
        Self { kind: Kind::Ready(Some(answer)) }
    }

    pub(super) const fn fetch(fetch: Pin<Box<dyn Future<Output = Answer<U>> + Send>>) -> Self {
        Self { kind: Kind::Fetch(fetch) }
    }
}

impl<U> std::fmt::Debug for CacheFuture<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            Kind::Ready(_) => "ready",
            Kind::Fetch(_) => "fetch",
        };
        f.debug_tuple("CacheFuture").field(&kind).finish()
    }
}

// Nothing in it is pinned: the answer is moved out, and the fetch has its own box.
impl<U> Unpin for CacheFuture<U> {}

impl<U> Future for CacheFuture<U> {
    type Output = Answer<U>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<U>> {
        match &mut self.kind {
            // A future that has given its answer is not polled again.
            Kind::Ready(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Kind::Fetch(fetch) => fetch.as_mut().poll(cx),
        }
    }
}
