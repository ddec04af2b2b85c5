//! Which requests are answered with an error of ours? RFC 9112 §2.2, §3.2, §6.3; RFC 9113 §8.2.
//!
//! What two parsers could read differently, and what is too large. Nothing refused here is forwarded, and the connection ends
//! with the answer, as the request's end is in doubt. What the cache and the application could not answer is the cache's to tell.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{
    CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY,
    UPGRADE,
};
use http::{Method, Request, Response};
use larder_policy::front::Door;
use larder_policy::hygiene::{Removal, Route};
use larder_policy::{Arrival, CanonicalHost, Cleaned, Front, Scheme, hygiene};
use larder_semantics::Reason;
use larder_tower::answer::{self, After};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::context::{ConnContext, Protocol};
use crate::door;
use crate::dropped;
use crate::inbound::Inbound;
use crate::limits;
use crate::metrics::Metrics;
use crate::purge::{Counter, Own, Taken};
use crate::reply::Reply;

/// Puts [`Frame`] around a service.
#[derive(Clone, Debug)]
pub(crate) struct FrameLayer {
    /// The connection.
    pub(crate) context: Arc<ConnContext>,
    /// What is answered at the door.
    pub(crate) front: Arc<Front>,
    /// Where it is counted what is struck out.
    pub(crate) metrics: Arc<Metrics>,
    /// Most fields a head may have.
    pub(crate) fields_max: usize,
    /// Where purges are taken.
    pub(crate) counter: Counter,
}

impl<S> Layer<S> for FrameLayer {
    type Service = Frame<S>;

    fn layer(&self, inner: S) -> Frame<S> {
        let (context, front) = (Arc::clone(&self.context), Arc::clone(&self.front));
        Frame {
            inner,
            context,
            front,
            metrics: Arc::clone(&self.metrics),
            fields_max: self.fields_max,
            counter: self.counter.clone(),
        }
    }
}

/// Refuses what must not go on, and answers for what failed.
#[derive(Clone, Debug)]
pub(crate) struct Frame<S> {
    inner: S,
    context: Arc<ConnContext>,
    front: Arc<Front>,
    metrics: Arc<Metrics>,
    fields_max: usize,
    counter: Counter,
}

impl<S> Frame<S> {
    fn check<'a>(
        &self,
        request: &'a Request<Inbound>,
        scheme: Scheme,
    ) -> Result<CanonicalHost<'a>, Reason> {
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target > limits::TARGET_BYTES_MAX {
            return Err(Reason::UriTooLong);
        }
        if request.headers().len() > self.fields_max {
            return Err(Reason::HeadTooLarge);
        }
        let host = hygiene::check(
            request.method(),
            request.uri(),
            request.version(),
            request.headers(),
            scheme,
        )
        .map_err(|refusal| refusal.reason)?;
        // A trusted proxy may name its own connection's scheme, or its visitor's; one that only passes
        // bytes on leaves what its visitor named.
        if !hygiene::scheme_agrees(request.uri(), scheme)
            && !self.context.scheme_is_in_doubt
            && !self.front.trust.trusts(self.context.peer.ip())
        {
            return Err(Reason::OtherScheme);
        }
        if self.front.refuses(request.headers()) {
            return Err(Reason::UnderscoredField);
        }
        Ok(host)
    }

    /// What is answered here: errors, purges, and what the site has answered at its door.
    fn answer(&self, request: &mut Request<Inbound>, scheme: Scheme) -> Entrance {
        // Before the door: those who purge often name the cache's own address, and come by http.
        if self.counter.concerns(request)
            && let Ok(host) = self.check(request, scheme)
        {
            let host = host.into_owned();
            // Both have to be let, where a PROXY protocol header announced another.
            let peers = [self.context.socket, self.context.peer.ip()];
            match self.counter.take(request, host.as_str(), peers) {
                Some(Taken::Answered((head, text, reason))) => {
                    return Entrance::Closed(Here::Own(Box::new((head, text)), reason));
                }
                Some(Taken::Waits(answer)) => return Entrance::Waits(answer),
                None => {}
            }
        }
        let host = match self.check(request, scheme) {
            Ok(host) => host,
            Err(reason) => return Entrance::Closed(Here::Refused(reason)),
        };
        let method = request.method();
        let Some(door) = self.front.door(scheme, method, host.as_str(), request.uri()) else {
            return Entrance::Open;
        };
        Entrance::Closed(match door {
            Door::As(host) => return Entrance::As(Box::new(host)),
            Door::UnknownHost => Here::Refused(Reason::UnknownHost),
            Door::Health => Here::Own(Box::new(door::health(method)), Reason::Health),
            Door::Redirect(to, reason) => {
                Here::Own(Box::new(door::redirect(to, reason, method)), reason)
            }
        })
    }

    /// Takes off what no page may be chosen by.
    fn strike(&self, request: &mut Request<Inbound>) {
        if self.context.protocol == Protocol::H2 {
            join_cookies(request.headers_mut());
        }
        let Some((struck, cleaned)) = strike_listed(request.headers_mut(), &self.front) else {
            return;
        };
        if cleaned.is_of_note() {
            dropped::count(&self.metrics, &self.front, &self.context, &cleaned);
        }
        request.extensions_mut().insert(struck);
    }
}

/// Whether a request goes further in.
enum Entrance {
    Open,
    /// As if it were for this host.
    As(Box<HeaderValue>),
    Closed(Here),
    /// A purge that waits for published pages to go.
    Waits(Purging),
}

/// The answer to a purge, later.
type Purging = Pin<Box<dyn Future<Output = Own> + Send>>;

/// Makes a request one for `host`, whichever it names.
fn rename(request: &mut Request<Inbound>, host: HeaderValue) {
    request.headers_mut().insert(HOST, host);
    if request.uri().authority().is_some() {
        let target = hygiene::target(request.uri()).parse();
        // It was part of a URI before.
        *request.uri_mut() = target.unwrap_or_default();
    }
}

/// Fields that were struck out because `Connection` lists them, and what else went with them. An extension of the request.
#[derive(Clone, Debug)]
pub(crate) struct Struck(pub(crate) Arc<[(HeaderName, Removal)]>);

impl<S, B> Service<Request<Inbound>> for Frame<S>
where
    S: Service<Request<Inbound>, Response = Response<B>, Error = Infallible>,
{
    type Response = Response<Reply<B>>;
    type Error = Infallible;
    type Future = FrameFuture<S::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Inbound>) -> Self::Future {
        // Before a purge makes another of it: whoever says REFRESH wants to read the page.
        let method = request.method().clone();
        let arrival = request.extensions().get::<Arrival>();
        let scheme = arrival.map_or(self.context.scheme, |arrival| arrival.scheme);
        let here = match self.answer(&mut request, scheme) {
            Entrance::Open => None,
            Entrance::As(host) => {
                rename(&mut request, *host);
                None
            }
            Entrance::Closed(here) => Some(State::Here { here: Some(here) }),
            Entrance::Waits(answer) => Some(State::Waits { answer }),
        };
        let state = here.unwrap_or_else(|| {
            self.strike(&mut request);
            State::Inner { future: self.inner.call(request) }
        });
        // RFC 6797 §7.2: never by http.
        let adds = scheme == Scheme::Https && self.front.https.hsts.is_some();
        FrameFuture { state, method, front: adds.then(|| Arc::clone(&self.front)) }
    }
}

pin_project! {
    /// The answer of [`Frame`].
    pub(crate) struct FrameFuture<F> {
        #[pin]
        state: State<F>,
        method: Method,
        // Only where there is something to add.
        front: Option<Arc<Front>>,
    }
}

/// What is answered without anybody further in.
#[derive(Debug)]
enum Here {
    Refused(Reason),
    Own(Box<door::Answer>, Reason),
}

pin_project! {
    #[project = StateOf]
    enum State<F> {
        Here { here: Option<Here> },
        Waits { answer: Purging },
        Inner { #[pin] future: F },
    }
}

impl<F, B> Future for FrameFuture<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = Result<Response<Reply<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(Ok(match this.state.project() {
            StateOf::Inner { future } => {
                let mut response = ready!(future.poll(cx))?;
                // Not where all answers meet: each move of a response costs a hit.
                if let Some(front) = this.front {
                    add_hsts(response.headers_mut(), front);
                }
                response.map(Reply::Inner)
            }
            StateOf::Waits { answer } => {
                let (head, text, reason) = ready!(answer.as_mut().poll(cx));
                let here = Here::Own(Box::new((head, text)), reason);
                with_hsts(here.answer(this.method), this.front.as_deref())
            }
            StateOf::Here { here } => match here.take() {
                Some(here) => with_hsts(here.answer(this.method), this.front.as_deref()),
                // A future that has given its answer is not polled again.
                None => return Poll::Pending,
            },
        }))
    }
}

impl Here {
    fn answer<B>(self, method: &Method) -> Response<Reply<B>> {
        match self {
            Self::Refused(reason) => refuse(reason, method),
            Self::Own(answer, reason) => {
                let (head, text) = *answer;
                Response::from_parts(head, Reply::own(text, reason))
            }
        }
    }
}

/// What the application says itself comes before what the site says for all.
fn add_hsts(headers: &mut HeaderMap, front: &Front) {
    if let Some(hsts) = &front.https.hsts {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
    }
}

fn with_hsts<B>(mut response: Response<B>, front: Option<&Front>) -> Response<B> {
    if let Some(front) = front {
        add_hsts(response.headers_mut(), front);
    }
    response
}

/// RFC 9113 §8.2.3: HTTP/2 may send each cookie as a field of its own; for everybody else they are one, joined by `; `. Joined
/// by a comma, as other fields are, cookies would be lost.
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    if lines.by_ref().take(2).count() < 2 {
        return;
    }
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    // Made of values with something between them that a value may hold.
    if let Ok(joined) = HeaderValue::try_from(lines.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// RFC 9110 §7.6.1: what `Connection` lists is for us, not for the application, so it must not choose
/// a stored page either: with `Connection: accept-language`, the page that the application made
/// without that field would be stored as the one for its value.
///
/// The usual options, which name no such field, cost one comparison.
fn strike_listed(headers: &mut HeaderMap, front: &Front) -> Option<(Struck, Cleaned)> {
    const USUAL: [&str; 5] = ["keep-alive", "close", "upgrade", "te", "http2-settings"];
    let is_usual = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| {
            let mut options = value.split(',').map(str::trim);
            options.all(|option| USUAL.iter().any(|usual| option.eq_ignore_ascii_case(usual)))
        })
    };
    if headers.get_all(CONNECTION).iter().all(is_usual) {
        return None;
    }
    let before: Vec<HeaderName> = headers.keys().cloned().collect();
    // What overrides where it may not is known further in.
    let route = Route::Passed;
    let cleaned = hygiene::clean(headers, &front.fields, route);
    let struck = before.into_iter().filter(|name| !headers.contains_key(name)).map(|name| {
        let why = front.fields.removal(&name, route).unwrap_or(Removal::Connection);
        (name, why)
    });
    let struck = Struck(struck.collect());
    if let Some(protocols) = &cleaned.upgrade {
        headers.insert(UPGRADE, protocols.clone());
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    Some((struck, cleaned))
}

fn refuse<B>(reason: Reason, method: &Method) -> Response<Reply<B>> {
    let (head, text) = answer::refusal(reason, method, After::Close);
    Response::from_parts(head, Reply::own(text, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_that_came_apart_become_one_line_in_order() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&[], &[]),
            (&["a=1; b=2"], &["a=1; b=2"]),
            (&["a=1", "b=2", "a=3"], &["a=1; b=2; a=3"]),
            (&["a=1; b=2", "c"], &["a=1; b=2; c"]),
        ];
        for (sent, joined) in cases {
            let mut headers = HeaderMap::new();
            for line in sent {
                headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
            }
            join_cookies(&mut headers);
            let lines: Vec<_> = headers.get_all(COOKIE).iter().collect();
            assert_eq!(lines, joined, "{sent:?}");
        }
    }
}
