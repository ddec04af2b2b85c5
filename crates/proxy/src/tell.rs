//! Who is told the whole explanation? Clients that the site trusts (`debug.trusted`), in the `detail` of `Cache-Status`.
//!
//! RFC 9211 §2.8: `detail` is a token or a string. Everybody gets the reason's token; a trusted peer gets a string that begins
//! with it: the rule's place, its audience, how the visitor is known, the reason in words, what was not sent. Never who the
//! visitor is, nor any value of theirs.
//!
//! Whether a peer is trusted is found once for a connection, from the socket's address; for each request where that is a
//! proxy's that says who asks. For all others this layer is a pointer that is null.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, Version};
use ipnet::IpNet;
use larder_cache::Cache;
use larder_policy::explain::{Peer, Removed};
use larder_policy::{Arrival, Front, Scheme, Visit, hygiene};
use larder_semantics::Reason;
use larder_tower::hygiene::Struck;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::context::ConnContext;
use crate::explain::explain;
use crate::inbound::Inbound;
use crate::reply::Noted;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Longest explanation in a field, in bytes: names that a client sends are part of it, and clients have limits of their own
/// for heads.
const DETAIL_BYTES_MAX: usize = 1024;

/// Puts [`Tell`] around a service.
#[derive(Clone, Debug)]
pub(crate) struct TellLayer(Option<Arc<To>>);

/// What an explanation is made from.
#[derive(Debug)]
struct To {
    cache: Arc<Cache>,
    front: Arc<Front>,
    trusted: Arc<[IpNet]>,
    peer: Arrival,
}

impl TellLayer {
    /// For a connection: on if its peer is among `trusted`, or a proxy of one who may be.
    pub(crate) fn new(
        trusted: &Arc<[IpNet]>,
        front: &Arc<Front>,
        context: &ConnContext,
        cache: &Arc<Cache>,
    ) -> Self {
        let peer = Arrival { scheme: context.scheme, client: context.peer.ip() };
        let asks_for_others = !trusted.is_empty() && front.trust.trusts(peer.client);
        let is_on = asks_for_others || is_among(trusted, peer.client);
        let to = || To {
            cache: Arc::clone(cache),
            front: Arc::clone(front),
            trusted: Arc::clone(trusted),
            peer,
        };
        Self(is_on.then(|| Arc::new(to())))
    }
}

/// An IPv4 client of a dual-stack socket counts as what it is.
fn is_among(trusted: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    trusted.iter().any(|network| network.contains(&peer))
}

impl<S> Layer<S> for TellLayer {
    type Service = Tell<S>;

    fn layer(&self, inner: S) -> Tell<S> {
        Tell { inner, to: self.0.clone() }
    }
}

/// Tells trusted clients why.
#[derive(Clone, Debug)]
pub(crate) struct Tell<S> {
    inner: S,
    to: Option<Arc<To>>,
}

impl<S, B> Service<Request<Inbound>> for Tell<S>
where
    S: Service<Request<Inbound>, Response = Response<B>>,
    B: Noted,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = TellFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Inbound>) -> Self::Future {
        let asked = self.to.as_ref().and_then(|to| Asked::of(to, &request).map(Box::new));
        TellFuture { inner: self.inner.call(request), asked }
    }
}

/// A request that is to be explained once its answer is there: by then it is known who the visitor is.
#[derive(Debug)]
struct Asked {
    to: Arc<To>,
    scheme: Scheme,
    method: Method,
    target: String,
    host: String,
    headers: HeaderMap,
    /// What was taken off before it came here.
    struck: Option<Struck>,
}

impl Asked {
    /// Nothing, if who asks is not to be told.
    fn of(to: &Arc<To>, request: &Request<Inbound>) -> Option<Self> {
        let arrival = request.extensions().get::<Arrival>().copied().unwrap_or(to.peer);
        if !is_among(&to.trusted, arrival.client) {
            return None;
        }
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        // It was checked before: only HTTP/1.0 may lack a host.
        let host = hygiene::check(method, uri, Version::HTTP_10, headers, arrival.scheme);
        let host = host.map_or_else(|_| String::new(), |host| host.as_str().to_owned());
        Some(Self {
            scheme: arrival.scheme,
            method: method.clone(),
            target: hygiene::target(uri).into_owned(),
            host,
            headers: headers.clone(),
            struck: request.extensions().get::<Struck>().cloned(),
            to: Arc::clone(to),
        })
    }

    /// The explanation of an answer that came about by `reason`.
    fn detail(&self, reason: Reason) -> String {
        let visit = Visit {
            scheme: self.scheme,
            host: &self.host,
            method: &self.method,
            target: &self.target,
            headers: &self.headers,
        };
        let To { cache, front, peer, .. } = &*self.to;
        let peer = if front.trust.trusts(peer.client) { Peer::Trusted } else { Peer::Anybody };
        let mut explanation = explain(cache, front, peer, &visit);
        if let Some(Struck(struck)) = &self.struck {
            let struck = struck.iter().map(|(name, why)| Removed::new(name, *why));
            explanation.sent.removed.extend(struck);
        }
        string(&format!("{reason}: {}; {}", reason.text(), explanation.brief()))
    }
}

/// RFC 9651 §4.1.6: a string, cut to a sensible length. What can't stand in one is shown as `?`.
fn string(text: &str) -> String {
    let mut string = String::with_capacity(text.len() + 2);
    string.push('"');
    for character in text.chars() {
        // A character may take two bytes, and the quote at the end one.
        if string.len() + 3 > DETAIL_BYTES_MAX {
            break;
        }
        match character {
            '"' | '\\' => {
                string.push('\\');
                string.push(character);
            }
            ' '..='~' => string.push(character),
            _ => string.push('?'),
        }
    }
    string.push('"');
    string
}

/// Our line with `detail` in place of the token. Ours is the last one.
fn put(headers: &mut HeaderMap, detail: &str) {
    let mut lines: Vec<_> = headers.get_all(CACHE_STATUS).iter().cloned().collect();
    let Some(ours) = lines.pop().and_then(|line| detailed(&line, detail)) else { return };
    headers.remove(CACHE_STATUS);
    for line in lines.into_iter().chain([ours]) {
        headers.append(CACHE_STATUS, line);
    }
}

fn detailed(line: &HeaderValue, detail: &str) -> Option<HeaderValue> {
    let line = line.to_str().ok()?;
    let (before, after) = line.split_once("; detail=")?;
    // A token ends where the next parameter begins.
    let rest = after.find(';').and_then(|at| after.get(at..)).unwrap_or_default();
    HeaderValue::try_from(format!("{before}; detail={detail}{rest}")).ok()
}

pin_project! {
    /// The answer of [`Tell`].
    #[derive(Debug)]
    pub(crate) struct TellFuture<F> {
        #[pin]
        inner: F,
        asked: Option<Box<Asked>>,
    }
}

impl<F, B, E> Future for TellFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Noted,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = ready!(this.inner.poll(cx));
        if let (Some(asked), Ok(response)) = (this.asked.take(), &mut answer) {
            let reason = response.body().note().reason;
            put(response.headers_mut(), &asked.detail(reason));
        }
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_has_only_what_can_stand_in_one_and_ends() {
        assert_eq!(string("a \"b\" \\ é\n"), "\"a \\\"b\\\" \\\\ ??\"");
        for text in ["x".repeat(5000), "\"".repeat(5000)] {
            let string = string(&text);
            assert!(string.len() <= DETAIL_BYTES_MAX, "{}", string.len());
            assert!(string.ends_with('"') && !string.ends_with("\\\\\""), "{string}");
        }
    }

    #[test]
    fn only_our_line_is_changed_and_only_its_detail() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&["larder; hit; ttl=5; detail=fresh"], &["larder; hit; ttl=5; detail=\"x\""]),
            (
                &["other; detail=a", "larder; fwd=miss; detail=set-cookie; cookie=\"c\""],
                &["other; detail=a", "larder; fwd=miss; detail=\"x\"; cookie=\"c\""],
            ),
            (&["larder; hit"], &["larder; hit"]),
            (&[], &[]),
        ];
        for (lines, expected) in cases {
            let values = lines.iter().map(|line| (CACHE_STATUS, HeaderValue::from_static(line)));
            let mut headers: HeaderMap = values.collect();
            put(&mut headers, "\"x\"");
            let actual: Vec<_> = headers.get_all(CACHE_STATUS).iter().collect();
            assert_eq!(actual, expected, "{lines:?}");
        }
    }

    #[test]
    fn peers_are_trusted_by_network_and_a_mapped_address_is_what_it_is() {
        let trusted = ["10.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network"));
        for (peer, expected) in
            [("10.1.2.3", true), ("11.0.0.1", false), ("::ffff:10.0.0.1", true), ("::1", true)]
        {
            assert_eq!(is_among(&trusted, peer.parse().expect(peer)), expected, "{peer}");
        }
        assert!(!is_among(&[], "127.0.0.1".parse().expect("an address")));
    }
}
