//! What was really sent to the application, and what came back? A service between the cache and the connection that writes
//! both down, and does to a request what the proxy does to it there, by the same function.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::Empty;
use larder_cache::{Clock, SystemClock};
use larder_policy::forwarded::Client;
use larder_policy::front::Telling;
use larder_policy::hygiene::Route;
use larder_policy::{Front, Policy, Scheme, hygiene};
use larder_semantics::{Reason, Timing};
use larder_tower::ForNobody;
use larder_tower::internals::AsItIs;
use larder_upstream::{Upstream, UpstreamBody, UpstreamError};
use tower_service::Service;

/// A request to the application, and its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// On behalf of which of the two requests, from 0.
    pub(super) round: usize,
    /// Whether it was made for nobody in particular.
    pub(super) for_nobody: bool,
    pub(super) method: Method,
    pub(super) target: String,
    /// The fields as the cache made them.
    pub(super) asked: HeaderMap,
    /// The fields as they were sent.
    pub(super) sent: HeaderMap,
    pub(super) answer: Result<Answer, Failed>,
}

/// The head of an answer, without the connection's fields.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) fields: HeaderMap,
    pub(super) timing: Timing,
}

/// No answer.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) reason: Reason,
    pub(super) text: String,
}

/// What was written down.
#[derive(Debug, Default)]
pub(super) struct Record {
    round: AtomicUsize,
    exchanges: Mutex<Vec<Exchange>>,
}

impl Record {
    /// What follows is on behalf of the next request.
    pub(super) fn next_round(&self) {
        self.round.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it, in the order in which it was answered.
    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, exchange: Exchange) {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    }
}

/// Sends requests on, and writes down.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    pub(super) upstream: Upstream,
    pub(super) record: Arc<Record>,
    pub(super) scheme: Scheme,
    pub(super) host: String,
    pub(super) client: IpAddr,
    pub(super) front: Arc<Front>,
    pub(super) policy: Arc<Policy>,
}

impl Service<Request<Empty<Bytes>>> for Recorder {
    type Response = Response<UpstreamBody>;
    type Error = UpstreamError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, UpstreamError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        // The upstream decides when the request comes.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Empty<Bytes>>) -> Self::Future {
        let asked = request.headers().clone();
        let for_nobody = request.extensions().get::<ForNobody>().is_some();
        let as_it_is = request.extensions().get::<AsItIs>().is_some();
        let route = if as_it_is { Route::Passed } else { Route::of(request.method()) };
        let style = &self.front.style;
        let client = if for_nobody {
            Client::nobody(self.scheme, style)
        } else {
            Client::new(self.client, self.scheme, style)
        };
        let host = Some(&self.host).filter(|host| !host.is_empty());
        let host = host.and_then(|host| HeaderValue::from_str(host).ok());
        let received = Version::HTTP_11;
        let headers = request.headers_mut();
        let telling = Telling { client: &client, host: host.as_ref(), received, route };
        drop(self.front.hand_on(headers, &telling));
        let sent = headers.clone();
        // Not among what is shown: for some minutes it counts with any request.
        if for_nobody {
            self.policy.identity.prove(headers, SystemClock.now());
        }
        let method = request.method().clone();
        let target = hygiene::target(request.uri()).into_owned();
        let record = Arc::clone(&self.record);
        let round = record.round.load(Ordering::Relaxed);
        let request_time = SystemClock.now();
        let answering = self.upstream.call(request);
        Box::pin(async move {
            let answer = answering.await;
            let timing = Timing { request_time, response_time: SystemClock.now() };
            let answer_told = match &answer {
                Ok(response) => {
                    let mut fields = response.headers().clone();
                    larder_semantics::strip_hop_by_hop(&mut fields);
                    Ok(Answer { status: response.status(), fields, timing })
                }
                Err(error) => Err(Failed { reason: error.reason(), text: error.to_string() }),
            };
            let answer_told =
                Exchange { round, for_nobody, method, target, asked, sent, answer: answer_told };
            record.write(answer_told);
            answer
        })
    }
}
