//! The service: passes on, and marks what comes back.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::{NeverCacheFuture, NeverCacheLayer};

/// Passes requests on, and tells caches not to keep the answers that were chosen.
#[derive(Clone, Debug)]
pub struct NeverCacheService<S> {
    inner: S,
    layer: NeverCacheLayer,
}

impl<S> NeverCacheService<S> {
    pub(super) const fn new(inner: S, layer: NeverCacheLayer) -> Self {
        Self { inner, layer }
    }
}

impl<S, B, U> Service<Request<B>> for NeverCacheService<S>
where
    S: Service<Request<B>, Response = Response<U>>,
{
    type Response = Response<U>;
    type Error = S::Error;
    type Future = NeverCacheFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (request, marks) = self.layer.choose(request);
        NeverCacheFuture::new(self.inner.call(request), marks)
    }
}
