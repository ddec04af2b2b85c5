//! The future of a response: at hand for a hit, to be waited for otherwise. What fails is answered here.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderName, Method, Request, Response, Version};
use larder_cache::Body;

use super::CacheBody;
use crate::answer::{self, After};
use crate::error::FetchError;
use crate::fetch::Brought;

type Answer<U> = Result<Response<Body<U>>, FetchError>;

/// A response of the cache's, or why there is none: `U` is what the inner service's bodies are read as.
pub(crate) struct Going<U> {
    kind: Kind<U>,
}

enum Kind<U> {
    Ready(Option<Answer<U>>),
    Fetch(Pin<Box<dyn Future<Output = Answer<U>> + Send>>),
}

impl<U> Going<U> {
    pub(super) const fn ready(answer: Answer<U>) -> Self {
        Self { kind: Kind::Ready(Some(answer)) }
    }

    pub(super) const fn fetch(fetch: Pin<Box<dyn Future<Output = Answer<U>> + Send>>) -> Self {
        Self { kind: Kind::Fetch(fetch) }
    }
}

// Nothing in it is pinned: the answer is moved out, and the fetch has its own box.
impl<U> Unpin for Going<U> {}

impl<U> Future for Going<U> {
    type Output = Answer<U>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<U>> {
        match &mut self.kind {
            // A future that has given its answer is not polled again.
            Kind::Ready(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Kind::Fetch(fetch) => fetch.as_mut().poll(cx),
        }
    }
}

/// The response of a [`CacheService`](super::CacheService).
///
/// Dropping it is the client leaving: a fetch that it began goes on in a task of its own, for others who wait and for the store.
pub struct CacheFuture<U> {
    going: Going<Brought<U>>,
    asked: Asked,
}

impl<U> CacheFuture<U> {
    pub(super) const fn new(going: Going<Brought<U>>, asked: Asked) -> Self {
        Self { going, asked }
    }
}

impl<U> std::fmt::Debug for CacheFuture<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.going.kind {
            Kind::Ready(_) => "ready",
            Kind::Fetch(_) => "fetch",
        };
        f.debug_tuple("CacheFuture").field(&kind).finish()
    }
}

impl<U> Future for CacheFuture<U> {
    type Output = Result<Response<CacheBody<U>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.going).poll(cx));
        Poll::Ready(Ok(match answer {
            Ok(response) => response.map(CacheBody::new),
            Err(error) => self.asked.refuse(&error).map(CacheBody::new),
        }))
    }
}

/// What of a request is to be known where it is answered that there is no answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    is_head: bool,
    /// Whether its version has connections that a response can end.
    can_close: bool,
}

impl Asked {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            is_head: request.method() == Method::HEAD,
            can_close: request.version() <= Version::HTTP_11,
        }
    }

    #[cold]
    fn refuse<U>(self, error: &FetchError) -> Response<Body<U>> {
        const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
        // What went wrong on the client's side left the request unfinished.
        let closes = self.can_close && error.status().is_client_error();
        let after = if closes { After::Close } else { After::KeepOpen };
        let method = if self.is_head { Method::HEAD } else { Method::GET };
        let (mut head, text) = answer::refusal(error.reason, &method, after);
        head.headers.insert(CACHE_STATUS, error.cache_status());
        Response::from_parts(head, Body::bytes(text, error.note()))
    }
}
