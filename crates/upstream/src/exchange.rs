//! One exchange with an application: place, connection, request, response, and one more try.
//!
//! A request is tried a second time, on a new connection and preferably at another target, only
//! - when nothing of it was sent: no connection could be opened (and there is another target), or
//!   hyper handed it back untouched; or
//! - when it can do no harm (RFC 9110 §9.2.2: an idempotent method, no body) and a connection that
//!   had been used before ended without a single byte of an answer. Applications close unused
//!   connections when they like, so this is no sign of trouble.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::header::UPGRADE;
use http::request::Parts;
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::upgrade::OnUpgrade;
use larder_semantics::Reason;

use crate::body::{Held, reason_of, said_by};
use crate::connect::connect;
use crate::limits::INTERIM_MAX;
use crate::outgoing::Outgoing;
use crate::pool::Link;
use crate::request::{BodyLength, Upgrading, canonical, is_idempotent};
use crate::response::{Malformed, check};
use crate::upgrade::{Wish, join};
use crate::worker::{Lease, Worker};
use crate::{Interim, UpstreamBody, UpstreamError};

pub(crate) type Exchange =
    Pin<Box<dyn Future<Output = Result<Response<UpstreamBody>, UpstreamError>> + Send>>;

/// What is to be known of a request while it is away.
struct Plan {
    /// Sending it twice does no harm.
    repeatable: bool,
    interim: Option<Interim>,
    wish: Option<Wish>,
}

/// A request that has a place at a target and is ready to be sent.
struct Ready {
    request: Request<Outgoing>,
    lease: Lease,
    plan: Plan,
}

/// Which try it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Try {
    /// A second one is possible.
    First,
    Last,
}

struct Failed {
    error: UpstreamError,
    /// The request, if it may be tried again.
    again: Option<Request<Outgoing>>,
}

/// Begins an exchange. The ordinary request, over a connection that is there, is sent at once, so
/// that its future holds only what is needed after that.
pub(crate) fn exchange(worker: &Arc<Worker>, head: Parts, body: Outgoing) -> Exchange {
    let ready = match prepare(worker, head, body) {
        Ok(ready) => ready,
        Err(error) => return Box::pin(std::future::ready(Err(error))),
    };
    let lease = &ready.lease;
    match worker.pool.take(lease.target(), lease.backend().generation()) {
        Some(link) => Box::pin(over_used(ready, link)),
        None => Box::pin(over_new(Try::First, ready)),
    }
}

fn prepare(worker: &Arc<Worker>, mut head: Parts, body: Outgoing) -> Result<Ready, UpstreamError> {
    let plan = Plan::of(&mut head, &body);
    let upgrading = if plan.wish.is_some() { Upgrading::Yes } else { Upgrading::No };
    canonical(&mut head, length_of(&body), upgrading).map_err(UpstreamError::nowhere)?;
    let lease = Lease::take(worker, None)?;
    let mut request = Request::from_parts(head, body);
    plan.listen(&mut request);
    Ok(Ready { request, lease, plan })
}

fn over_used(
    ready: Ready,
    mut link: Link,
) -> impl Future<Output = Result<Response<UpstreamBody>, UpstreamError>> + Send {
    let Ready { request, mut lease, plan } = ready;
    let copy = plan.repeatable.then(|| plan.copy(&request));
    let sent = send(&mut link, request);
    async move {
        match sent.await {
            Ok(response) => accept(response, link, lease, plan.wish),
            Err(error) => {
                let failed = blame(Try::First, &mut lease, &link, error, copy);
                Box::pin(again(failed, lease, plan)).await
            }
        }
    }
}

async fn over_new(which: Try, ready: Ready) -> Result<Response<UpstreamBody>, UpstreamError> {
    let Ready { request, mut lease, plan } = ready;
    let failed = match connect(lease.worker(), lease.target()).await {
        Ok(mut link) => match send(&mut link, request).await {
            Ok(response) => return accept(response, link, lease, plan.wish),
            Err(error) => blame(which, &mut lease, &link, error, None),
        },
        Err(error) => {
            lease.failed();
            let elsewhere = which == Try::First && lease.worker().balancer.len() > 1;
            Failed { error, again: elsewhere.then_some(request) }
        }
    };
    Box::pin(again(failed, lease, plan)).await
}

/// The second try, when there may be one.
async fn again(
    failed: Failed,
    lease: Lease,
    plan: Plan,
) -> Result<Response<UpstreamBody>, UpstreamError> {
    let Some(request) = failed.again else { return Err(failed.error) };
    tracing::debug!(error = %failed.error, "trying again");
    let worker = Arc::clone(lease.worker());
    let avoid = lease.target();
    // Its place is free, should this one have been the last.
    drop(lease);
    let lease = Lease::take(&worker, Some(avoid))?;
    over_new(Try::Last, Ready { request, lease, plan }).await
}

/// Hands a request to a connection's task.
fn send(
    link: &mut Link,
    mut request: Request<Outgoing>,
) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>> + use<> {
    request.body_mut().carried_by(&link.wire);
    link.wire.begin(link.used, !request.body().is_empty());
    link.sender.try_send_request(request)
}

impl Plan {
    /// Takes what concerns us out of the request's extensions; nothing else of them goes on.
    fn of(head: &mut Parts, body: &Outgoing) -> Self {
        let mut extensions = mem::take(&mut head.extensions);
        let wish = head.headers.get(UPGRADE).and_then(|protocols| {
            let client = extensions.remove::<OnUpgrade>()?;
            Some(Wish { protocols: protocols.clone(), client })
        });
        Self {
            repeatable: body.is_empty() && wish.is_none() && is_idempotent(&head.method),
            interim: extensions.remove::<Interim>(),
            wish,
        }
    }

    fn listen(&self, request: &mut Request<Outgoing>) {
        let Some(Interim(callback)) = self.interim.clone() else { return };
        let heard = AtomicUsize::new(0);
        hyper::ext::on_informational(request, move |response| {
            // RFC 9110 §15.2: 100 answers an Expect, which we do not send, and hyper keeps 101.
            let status = response.status();
            if status != StatusCode::CONTINUE && heard.fetch_add(1, Relaxed) < INTERIM_MAX {
                callback(status, response.headers());
            }
        });
    }

    /// A second copy of a request without a body.
    fn copy(&self, request: &Request<Outgoing>) -> Request<Outgoing> {
        let mut copy = Request::new(Outgoing::empty());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        self.listen(&mut copy);
        copy
    }
}

fn length_of(body: &Outgoing) -> BodyLength {
    if body.is_empty() {
        return BodyLength::None;
    }
    body.length().map_or(BodyLength::Unknown, BodyLength::Known)
}

/// Finds out why there is no response, whose fault it is, and whether to try again.
fn blame(
    which: Try,
    lease: &mut Lease,
    link: &Link,
    mut error: TrySendError<Request<Outgoing>>,
    copy: Option<Request<Outgoing>>,
) -> Failed {
    let wire = &link.wire;
    let handed_back = error.take_message();
    let untouched = handed_back.is_some();
    let cause = error.into_error();
    let reason = match said_by(wire) {
        Some(reason) => reason,
        // Bytes that came before the request was begun answer nothing.
        None if untouched && wire.was_heard() => Reason::MalformedResponse,
        None => reason_of(&cause),
    };
    let again = match (which, handed_back) {
        (Try::Last, _) => None,
        (Try::First, Some(request)) => Some(request),
        // A limit that was reached, or a client that failed, would only do so again.
        (Try::First, None) if said_by(wire).is_none() && !wire.was_heard() => copy,
        (Try::First, None) => None,
    };
    if again.is_none() {
        #[expect(clippy::wildcard_enum_match_arm, reason = "all others say that nobody answered")]
        match reason {
            Reason::BadRequestBody => {}
            // It did answer, so it is not ejected for it.
            Reason::MalformedResponse => lease.backend().count_failure(),
            _ => lease.failed(),
        }
    }
    let error = UpstreamError::new(reason, lease.backend().target()).because(cause);
    Failed { error, again }
}

/// Checks a response and lets its body hold the connection and the place.
fn accept(
    response: Response<Incoming>,
    link: Link,
    mut lease: Lease,
    wish: Option<Wish>,
) -> Result<Response<UpstreamBody>, UpstreamError> {
    link.wire.head_arrived();
    lease.succeeded();
    let (mut head, incoming) = response.into_parts();
    let settings = &lease.worker().settings;
    let verdict = if head.status == StatusCode::SWITCHING_PROTOCOLS {
        let application = head.extensions.remove::<OnUpgrade>();
        match (wish, application) {
            (Some(wish), Some(application)) if wish.is_met_by(&head.headers) => {
                link.wire.become_tunnel();
                let idle = settings.between_bytes;
                join(wish.client, application, lease, idle);
                return Ok(Response::from_parts(head, UpstreamBody::none()));
            }
            _ => Err(Malformed::Upgrade),
        }
    } else {
        check(head.status, head.version, &mut head.headers, settings.idle)
    };
    match verdict {
        Ok(afterwards) => {
            // RFC 9110 §2.5: the version is each connection's own.
            head.version = Version::HTTP_11;
            let body = UpstreamBody::new(incoming, Held { link, lease, afterwards });
            Ok(Response::from_parts(head, body))
        }
        Err(malformed) => {
            link.wire.abandon();
            let backend = lease.backend();
            backend.count_failure();
            let error = UpstreamError::new(Reason::MalformedResponse, backend.target());
            Err(error.because(malformed.text()))
        }
    }
}
