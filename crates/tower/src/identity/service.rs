//! The service: says who asks, and passes on.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::{IdentityFuture, IdentityLayer};

/// Puts a [`Visitor`](super::Visitor) into the extensions of every request, and passes it on.
#[derive(Clone, Debug)]
pub struct IdentityService<S> {
    inner: S,
    layer: IdentityLayer,
}

impl<S> IdentityService<S> {
    pub(super) const fn new(inner: S, layer: IdentityLayer) -> Self {
        Self { inner, layer }
    }
}

impl<S, B, U> Service<Request<B>> for IdentityService<S>
where
    S: Service<Request<B>, Response = Response<U>>,
{
    type Response = Response<U>;
    type Error = S::Error;
    type Future = IdentityFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let watch = self.layer.mark(&mut request).watch();
        IdentityFuture::new(self.inner.call(request), watch)
    }
}
