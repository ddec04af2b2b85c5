//! The service: sends elsewhere, or passes on.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::{HttpsRedirectFuture, HttpsRedirectLayer};
use crate::Reply;

/// Sends requests by the wrong scheme to the other one, and passes on the others.
#[derive(Clone, Debug)]
pub struct HttpsRedirectService<S> {
    inner: S,
    layer: HttpsRedirectLayer,
}

impl<S> HttpsRedirectService<S> {
    pub(super) const fn new(inner: S, layer: HttpsRedirectLayer) -> Self {
        Self { inner, layer }
    }
}

impl<S, B, U> Service<Request<B>> for HttpsRedirectService<S>
where
    S: Service<Request<B>, Response = Response<U>>,
{
    type Response = Response<Reply<U>>;
    type Error = S::Error;
    type Future = HttpsRedirectFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let scheme = self.layer.scheme(&request);
        if let Some(scheme) = scheme
            && let Some((answer, reason)) = self.layer.elsewhere(&request, scheme)
        {
            return HttpsRedirectFuture::sent(answer, reason, self.layer.adds_to(Some(scheme)));
        }
        HttpsRedirectFuture::inner(self.inner.call(request), self.layer.adds_to(scheme))
    }
}
