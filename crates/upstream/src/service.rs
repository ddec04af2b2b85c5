//! The crate's face towards a stack of services.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;

use crate::exchange::{Exchange, exchange};
use crate::outgoing::Outgoing;
use crate::worker::Worker;
use crate::{Balancer, Settings, UpstreamBody, UpstreamError};

/// A request extension: called for each 1xx response but 100 and 101, in order, before the
/// response itself. It runs on the connection's task and must not block.
#[derive(Clone)]
pub struct Interim(pub Arc<InterimCallback>);

/// What an [`Interim`] calls with an interim response's status and fields.
pub type InterimCallback = dyn Fn(StatusCode, &HeaderMap) + Send + Sync;

impl Interim {
    /// Calls `callback` for each interim response.
    pub fn new(callback: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }
}

impl fmt::Debug for Interim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interim")
    }
}

/// The applications, as one worker sees them: a service of HTTP/1.1 requests. Cheap to clone; the
/// clones share a pool of connections, which live on the runtime that opened them.
///
/// A request's own extensions are not used but [`Interim`] and, when it has an `Upgrade` field,
/// [`OnUpgrade`](hyper::upgrade::OnUpgrade) of its client. Its `Host` is sent as it is, so is a
/// `Trailer`, without which hyper sends no trailers.
///
/// A response's version is always HTTP/1.1. Its fields are the application's, those of the
/// connection included, and share the connection's read buffer: strip the former, and copy what is
/// kept for long.
#[derive(Clone, Debug)]
pub struct Upstream(Arc<Worker>);

impl Upstream {
    /// A worker's own pool to the targets of `balancer`.
    #[must_use]
    pub fn new(balancer: Balancer, settings: Settings) -> Self {
        Self(Arc::new(Worker::new(balancer, settings)))
    }

    /// An exchange whose 1xx responses are told to `interim`. The service takes that from the
    /// request's extensions, which costs a table of them.
    pub fn ask<B>(&self, request: Request<B>, interim: Option<Interim>) -> Exchange
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        exchange(&self.0, head, Outgoing::new(body), interim)
    }
}

impl<B> Service<Request<B>> for Upstream
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<UpstreamBody>;
    type Error = UpstreamError;
    type Future = Exchange;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        // Whether there is room is decided per target, when the request comes.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let interim = request.extensions_mut().remove::<Interim>();
        self.ask(request, interim)
    }
}
