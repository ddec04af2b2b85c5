//! The service: decides, passes on, and tells in what comes back.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::{HeaderPolicyFuture, HeaderPolicyLayer};

/// Passes requests on, and says in the responses what the rules come to.
#[derive(Clone, Debug)]
pub struct HeaderPolicyService<S> {
    inner: S,
    layer: HeaderPolicyLayer,
}

impl<S> HeaderPolicyService<S> {
    pub(super) const fn new(inner: S, layer: HeaderPolicyLayer) -> Self {
        Self { inner, layer }
    }
}

impl<S, B, U> Service<Request<B>> for HeaderPolicyService<S>
where
    S: Service<Request<B>, Response = Response<U>>,
{
    type Response = Response<U>;
    type Error = S::Error;
    type Future = HeaderPolicyFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let ruled = self.layer.rule(&request);
        HeaderPolicyFuture::new(self.inner.call(request), ruled)
    }
}
