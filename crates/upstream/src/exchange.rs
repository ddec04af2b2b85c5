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
use http::{Request, Response, StatusCode, Version, response};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::upgrade::OnUpgrade;
use larder_semantics::Reason;

use crate::body::{Flow, Held, reason_of, said_by};
use crate::connect::{connect, drive};
use crate::direct::{Direct, watch};
use crate::limits::INTERIM_MAX;
use crate::outgoing::Outgoing;
use crate::plain::over_direct;
use crate::pool::{Driven, Link, Prefer};
use crate::request::{BodyLength, Upgrading, canonical, is_idempotent};
use crate::response::{Afterwards, Malformed, check};
use crate::upgrade::{Wish, join};
use crate::worker::{Lease, Worker};
use crate::{Interim, UpstreamBody, UpstreamError};

pub(crate) type Exchange =
    Pin<Box<dyn Future<Output = Result<Response<UpstreamBody>, UpstreamError>> + Send>>;

/// What becomes of a request.
pub(crate) type Answer = Result<Response<UpstreamBody>, UpstreamError>;

/// What is to be known of a request while it is away.
pub(crate) struct Plan {
    /// Sending it twice does no harm.
    pub(crate) repeatable: bool,
    interim: Option<Interim>,
    wish: Option<Wish>,
}

/// A request that has a place at a target and is ready to be sent.
pub(crate) struct Ready {
    pub(crate) head: Parts,
    body: Outgoing,
    pub(crate) lease: Lease,
    pub(crate) plan: Plan,
}

impl Ready {
    /// Which connection it would rather have: only hyper's are for bodies and other protocols.
    fn prefer(&self) -> Prefer {
        let is_plain = self.body.is_empty() && self.plan.wish.is_none();
        if is_plain { Prefer::Direct } else { Prefer::Driven }
    }
}

/// Which try it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try {
    /// A second one is possible.
    First,
    Last,
}

struct Failed {
    error: UpstreamError,
    /// The request, if it may be tried again.
    again: Option<Request<Outgoing>>,
}

/// Begins an exchange.
pub(crate) fn exchange(
    worker: &Arc<Worker>,
    head: Parts,
    body: Outgoing,
    interim: Option<Interim>,
) -> Exchange {
    let ready = match prepare(worker, head, body, interim) {
        Ok(ready) => ready,
        Err(error) => return Box::pin(std::future::ready(Err(error))),
    };
    match at_rest(&ready) {
        Some(Link::Direct(direct)) if ready.prefer() == Prefer::Direct => {
            Box::pin(over_direct(Try::First, ready, direct))
        }
        Some(Link::Direct(direct)) => Box::pin(over_changed(ready, direct)),
        Some(Link::Driven(driven)) => Box::pin(over_driven(Try::First, ready, driven)),
        None => Box::pin(over_new(Try::First, ready)),
    }
}

/// A connection that has nothing to do, and from which nothing came.
fn at_rest(ready: &Ready) -> Option<Link> {
    let lease = &ready.lease;
    let pool = &lease.worker().pool;
    loop {
        let mut link = pool.take(lease.target(), lease.backend().generation(), ready.prefer())?;
        if link.is_quiet() {
            return Some(link);
        }
    }
}

fn prepare(
    worker: &Arc<Worker>,
    mut head: Parts,
    body: Outgoing,
    interim: Option<Interim>,
) -> Result<Ready, UpstreamError> {
    let plan = Plan::of(&mut head, &body, interim);
    let upgrading = if plan.wish.is_some() { Upgrading::Yes } else { Upgrading::No };
    canonical(&mut head, length_of(&body), upgrading).map_err(UpstreamError::nowhere)?;
    let lease = Lease::take(worker, None)?;
    Ok(Ready { head, body, lease, plan })
}

/// A direct connection for a request that needs one of hyper's.
async fn over_changed(ready: Ready, direct: Direct) -> Answer {
    let lease = &ready.lease;
    let driven = drive(direct, None, lease.worker(), lease.backend().target()).await?;
    over_driven(Try::First, ready, driven).await
}

/// An exchange that hyper conducts.
pub(crate) async fn over_driven(which: Try, ready: Ready, mut link: Driven) -> Answer {
    let Ready { head, body, mut lease, plan } = ready;
    let mut request = Request::from_parts(head, body);
    plan.listen(&mut request);
    let repeatable = which == Try::First && link.used && plan.repeatable;
    let copy = repeatable.then(|| plan.copy(&request));
    match send(&mut link, request).await {
        Ok(response) => accept(response, link, lease, plan.wish),
        Err(error) => {
            let Failed { error, again: request } = blame(which, &mut lease, &link, error, copy);
            let Some(request) = request else { return Err(error) };
            let (head, body) = request.into_parts();
            Box::pin(again(error, Ready { head, body, lease, plan })).await
        }
    }
}

async fn over_new(which: Try, mut ready: Ready) -> Answer {
    let (worker, target) = (Arc::clone(ready.lease.worker()), ready.lease.target());
    match connect(&worker, target).await {
        Ok(direct) if ready.prefer() == Prefer::Direct => {
            watch(&direct, &worker, target);
            over_direct(which, ready, direct).await
        }
        Ok(direct) => {
            let driven = drive(direct, None, &worker, ready.lease.backend().target()).await?;
            over_driven(which, ready, driven).await
        }
        Err(error) => {
            ready.lease.failed();
            if which == Try::First && worker.balancer.len() > 1 {
                return Box::pin(again(error, ready)).await;
            }
            Err(error)
        }
    }
}

/// The second try.
pub(crate) async fn again(error: UpstreamError, ready: Ready) -> Answer {
    tracing::debug!(%error, "trying again");
    let Ready { head, body, lease, plan } = ready;
    let worker = Arc::clone(lease.worker());
    let avoid = lease.target();
    // Its place is free, should this one have been the last.
    drop(lease);
    let lease = Lease::take(&worker, Some(avoid))?;
    over_new(Try::Last, Ready { head, body, lease, plan }).await
}

/// Hands a request to a connection's task.
fn send(
    link: &mut Driven,
    mut request: Request<Outgoing>,
) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>> + use<> {
    request.body_mut().carried_by(&link.wire);
    if !link.begun {
        link.wire.begin(link.used, !request.body().is_empty());
    }
    link.begun = false;
    link.sender.try_send_request(request)
}

impl Plan {
    /// Takes what concerns us out of the request's extensions; nothing else of them goes on.
    fn of(head: &mut Parts, body: &Outgoing, interim: Option<Interim>) -> Self {
        let mut extensions = mem::take(&mut head.extensions);
        let wish = head.headers.get(UPGRADE).and_then(|protocols| {
            let client = extensions.remove::<OnUpgrade>()?;
            Some(Wish { protocols: protocols.clone(), client })
        });
        Self {
            repeatable: body.is_empty() && wish.is_none() && is_idempotent(&head.method),
            interim,
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
    link: &Driven,
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

/// Checks a response of hyper's.
fn accept(
    response: Response<Incoming>,
    link: Driven,
    mut lease: Lease,
    wish: Option<Wish>,
) -> Answer {
    link.wire.head_arrived();
    lease.succeeded();
    let (mut head, incoming) = response.into_parts();
    let settings = &lease.worker().settings;
    let checked = if head.status == StatusCode::SWITCHING_PROTOCOLS {
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
    let left = incoming.size_hint().exact();
    pass_on(head, checked, Flow::Incoming(incoming), left, Link::Driven(link), lease)
}

/// Lets the body of a response that is found to be good hold the connection and the place.
pub(crate) fn pass_on(
    mut head: response::Parts,
    checked: Result<Afterwards, Malformed>,
    flow: Flow,
    left: Option<u64>,
    link: Link,
    lease: Lease,
) -> Answer {
    match checked {
        Ok(afterwards) => {
            // RFC 9110 §2.5: the version is each connection's own.
            head.version = Version::HTTP_11;
            let body = UpstreamBody::new(flow, left, Held { link, lease, afterwards });
            Ok(Response::from_parts(head, body))
        }
        Err(malformed) => {
            link.wire().abandon();
            let backend = lease.backend();
            backend.count_failure();
            let error = UpstreamError::new(Reason::MalformedResponse, backend.target());
            Err(error.because(malformed.text()))
        }
    }
}
