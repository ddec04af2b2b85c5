//! The service: refuses, or passes on what is sound.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::HygieneFuture;
use super::layer::Hygiene;
use crate::Reply;
use crate::answer::{self, After};

/// Refuses requests that are not sound, and passes on the others.
#[derive(Clone, Debug)]
pub struct HygieneService<S> {
    inner: S,
    hygiene: Arc<Hygiene>,
}

impl<S> HygieneService<S> {
    pub(super) const fn new(inner: S, hygiene: Arc<Hygiene>) -> Self {
        Self { inner, hygiene }
    }
}

impl<S, B, U> Service<Request<B>> for HygieneService<S>
where
    S: Service<Request<B>, Response = Response<U>>,
{
    type Response = Response<Reply<U>>;
    type Error = S::Error;
    type Future = HygieneFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.hygiene.enter(&mut request) {
            Ok(()) => HygieneFuture::inner(self.inner.call(request)),
            Err(reason) => {
                self.hygiene.watch.refused(reason);
                // Where a request ends that was not understood is in doubt. Later versions have no such field.
                let after = match request.version() {
                    http::Version::HTTP_2 | http::Version::HTTP_3 => After::KeepOpen,
                    _ => After::Close,
                };
                HygieneFuture::refused(answer::refusal(reason, request.method(), after), reason)
            }
        }
    }
}
