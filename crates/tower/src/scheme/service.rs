//! The service: decides, and passes on.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;

use super::layer::Asks;

/// Passes requests on with an [`Arrival`](larder_policy::Arrival).
#[derive(Clone, Debug)]
pub struct SchemeService<S> {
    inner: S,
    asks: Option<Arc<Asks>>,
}

impl<S> SchemeService<S> {
    pub(super) const fn new(inner: S, asks: Option<Arc<Asks>>) -> Self {
        Self { inner, asks }
    }
}

impl<S, B> Service<Request<B>> for SchemeService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(asks) = &self.asks {
            asks.arrive(&mut request);
        }
        self.inner.call(request)
    }
}
