//! What happened to each request, in numbers and in the log?
//!
//! The outermost layer: it sees every answer, refused ones too, and follows the body to its end,
//! because only there are its length and its duration known.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use larder_cache::{Handling, Note};
use larder_policy::Front;
use larder_semantics::Reason;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::context::ConnContext;
use crate::inbound::Inbound;
use crate::log::{AccessLog, Draft};
use crate::metrics::Metrics;
use crate::reply::Noted;

/// Puts [`Observe`] around a service.
#[derive(Clone, Debug)]
pub(crate) struct ObserveLayer(pub(crate) Arc<Observing>);

/// Whose requests are observed, and where that goes.
#[derive(Debug)]
pub(crate) struct Observing {
    /// The connection.
    pub(crate) context: Arc<ConnContext>,
    /// Where it is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Where it is written.
    pub(crate) log: Arc<AccessLog>,
    /// Whose word about the visitor is taken.
    pub(crate) front: Arc<Front>,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner, to: Arc::clone(&self.0) }
    }
}

/// Counts and logs requests.
#[derive(Clone, Debug)]
pub(crate) struct Observe<S> {
    inner: S,
    to: Arc<Observing>,
}

impl<S, B> Service<Request<Inbound>> for Observe<S>
where
    S: Service<Request<Inbound>, Response = Response<B>>,
    B: Noted,
{
    type Response = Response<Observed<B>>;
    type Error = S::Error;
    type Future = ObserveFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Inbound>) -> Self::Future {
        let draft = self.to.log.is_on().then(|| Box::new(Draft::of(&request)));
        let record = Record {
            to: Arc::clone(&self.to),
            begun: Instant::now(),
            draft,
            status: None,
            note: Note::new(Handling::Refused, Reason::ClientLeft),
            bytes: 0,
        };
        ObserveFuture { inner: self.inner.call(request), record: Some(record) }
    }
}

/// One request; written down when it is dropped, wherever that happens.
#[derive(Debug)]
struct Record {
    to: Arc<Observing>,
    begun: Instant,
    draft: Option<Box<Draft>>,
    status: Option<StatusCode>,
    note: Note,
    bytes: u64,
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        if self.status.is_none() {
            self.note.reason = self.to.context.cut_off.reason();
        }
        let status = self.status.or_else(|| self.note.reason.status()).unwrap_or_default();
        let worker = self.to.context.worker;
        self.to.metrics.worker(worker).request(self.note, status, self.bytes, took);
        if let Some(draft) = self.draft.take() {
            let entry = draft.finish(crate::log::Ending {
                client: self.to.context.peer.ip(),
                begun: self.begun,
                took,
                status,
                bytes: self.bytes,
                note: self.note,
                warms: false,
            });
            self.to.log.write(worker, entry);
        }
    }
}

pin_project! {
    /// The answer of [`Observe`].
    #[derive(Debug)]
    pub(crate) struct ObserveFuture<F> {
        #[pin]
        inner: F,
        record: Option<Record>,
    }
}

impl<F, B, E> Future for ObserveFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Noted,
{
    type Output = Result<Response<Observed<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let mut record = this.record.take();
        if let Some(record) = &mut record {
            record.status = Some(response.status());
            record.note = response.body().note();
        }
        Poll::Ready(Ok(response.map(|body| Observed { body, record })))
    }
}

pin_project! {
    /// A body that is counted while it passes.
    #[derive(Debug)]
    pub(crate) struct Observed<B> {
        #[pin]
        body: B,
        record: Option<Record>,
    }
}

impl<B: Noted<Data = Bytes>> Body for Observed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        if let Some(record) = this.record {
            match &frame {
                Some(Ok(frame)) => {
                    record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                }
                Some(Err(error)) => record.note.reason = B::failure(error),
                None => {}
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
