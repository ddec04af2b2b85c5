//! What is answered that is neither a page nor a refusal? Purges, and whether Larder is there: what only the proxy has.
//!
//! In front of what is decided at the door: those who purge often name the cache's own address, and come by http; health checks
//! name any host. Both have to be requests that everybody reads alike all the same; what is not, the layer behind refuses.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request, Response, StatusCode};
use larder_policy::{Arrival, Front, Scheme};
use larder_semantics::Reason;
use larder_tower::https_redirect::add_hsts;
use larder_tower::{HygieneLayer, Reply, answer};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::context::ConnContext;
use crate::inbound::Inbound;
use crate::purge::{self, Counter, Taken};

/// Puts [`Own`] around a service.
#[derive(Clone, Debug)]
pub(crate) struct OwnLayer {
    /// The connection.
    pub(crate) context: Arc<ConnContext>,
    /// What is decided at the door.
    pub(crate) front: Arc<Front>,
    /// Which requests are refused further in.
    pub(crate) hygiene: HygieneLayer,
    /// Where purges are taken.
    pub(crate) counter: Counter,
}

impl<S> Layer<S> for OwnLayer {
    type Service = Own<S>;

    fn layer(&self, inner: S) -> Own<S> {
        Own { inner, with: self.clone() }
    }
}

/// Answers what is not for the site, and passes on the rest.
#[derive(Clone, Debug)]
pub(crate) struct Own<S> {
    inner: S,
    with: OwnLayer,
}

impl OwnLayer {
    /// What is answered here.
    fn answer(&self, request: &mut Request<Inbound>) -> Option<Here> {
        if self.counter.concerns(request)
            && let Ok(host) = self.hygiene.check(request)
        {
            let host = host.into_owned();
            // Both have to be let, where a PROXY protocol header announced another.
            let peers = [self.context.socket, self.context.peer.ip()];
            match self.counter.take(request, host.as_str(), peers) {
                Some(Taken::Answered(own)) => return Some(Here::Now(Box::new(own))),
                Some(Taken::Waits(answer)) => return Some(Here::Later(answer)),
                None => {}
            }
        }
        let method = request.method();
        if self.front.is_health(method, request.uri()) && self.hygiene.check(request).is_ok() {
            // Says nothing of the application.
            let (ok, reason) = (StatusCode::OK, Reason::Health);
            let (head, text) =
                answer::line_of(ok, HeaderMap::new(), "ok\n".to_owned(), reason, method);
            return Some(Here::Now(Box::new((head, text, reason))));
        }
        None
    }

    /// Where answers by this request's scheme are told something for the future.
    fn adds_to(&self, request: &Request<Inbound>) -> Option<Arc<Front>> {
        self.front.https.hsts.as_ref()?;
        let arrival = request.extensions().get::<Arrival>();
        let scheme = arrival.map_or(self.context.scheme, |arrival| arrival.scheme);
        // RFC 6797 §7.2: never by http.
        (scheme == Scheme::Https).then(|| Arc::clone(&self.front))
    }
}

/// What is answered without anybody further in.
enum Here {
    Now(Box<purge::Own>),
    /// A purge that waits for published pages to go.
    Later(Purging),
}

/// The answer to a purge, later.
type Purging = Pin<Box<dyn Future<Output = purge::Own> + Send>>;

impl<S, B> Service<Request<Inbound>> for Own<S>
where
    S: Service<Request<Inbound>, Response = Response<Reply<B>>, Error = Infallible>,
{
    type Response = Response<Reply<Reply<B>>>;
    type Error = Infallible;
    type Future = OwnFuture<S::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Inbound>) -> Self::Future {
        let front = self.with.adds_to(&request);
        let state = match self.with.answer(&mut request) {
            None => State::Inner { future: self.inner.call(request) },
            Some(Here::Now(own)) => State::Now { own: Some(own) },
            Some(Here::Later(answer)) => State::Later { answer },
        };
        OwnFuture { state, front }
    }
}

pin_project! {
    /// The answer of [`Own`].
    pub(crate) struct OwnFuture<F> {
        #[pin]
        state: State<F>,
        // Only where there is something to add.
        front: Option<Arc<Front>>,
    }
}

pin_project! {
    #[project = StateOf]
    enum State<F> {
        Inner { #[pin] future: F },
        Now { own: Option<Box<purge::Own>> },
        Later { answer: Purging },
    }
}

impl<F, B> Future for OwnFuture<F>
where
    F: Future<Output = Result<Response<Reply<B>>, Infallible>>,
{
    type Output = Result<Response<Reply<Reply<B>>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let own = match this.state.project() {
            StateOf::Inner { future } => {
                let mut response = ready!(future.poll(cx))?;
                // Further in it is added to what is not refused.
                if let Some(front) =
                    this.front.as_deref().filter(|_| response.body().passed().is_err())
                {
                    add_hsts(response.headers_mut(), front);
                }
                return Poll::Ready(Ok(response.map(Reply::inner)));
            }
            StateOf::Later { answer } => ready!(answer.as_mut().poll(cx)),
            StateOf::Now { own } => match own.take() {
                Some(own) => *own,
                // A future that has given its answer is not polled again.
                None => return Poll::Pending,
            },
        };
        let (mut head, text, reason) = own;
        if let Some(front) = this.front {
            add_hsts(&mut head.headers, front);
        }
        Poll::Ready(Ok(Reply::response((head, text), reason)))
    }
}
