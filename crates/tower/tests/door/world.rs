//! A service that says what came to it, requests to it, and a listener for what layers notice.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use larder_tower::{Arrival, Cleaned, Peer, Reason, Unclear, Watch};
use tower::{Service, ServiceExt as _};

pub(crate) type Sent = Request<Full<Bytes>>;

/// Fields of a request: names and values.
pub(crate) type Fields<'a> = &'a [(&'a str, &'a str)];

type Came = (http::request::Parts, Option<Arrival>);

/// What an inner service got to see of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Came>>>);

impl Seen {
    /// A service that remembers each request and answers 200 with what the request says the answer is to have: its
    /// fields that begin with `answer-`.
    pub(crate) fn service(
        &self,
    ) -> impl Service<Sent, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static {
        let seen = self.clone();
        tower::service_fn(move |request: Sent| {
            let (head, _) = request.into_parts();
            let arrival = head.extensions.get().copied();
            let mut response = Response::new(Full::from("page"));
            for (name, value) in &head.headers {
                if let Some(name) = name.as_str().strip_prefix("answer-") {
                    let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
                    response.headers_mut().append(name, value.clone());
                }
            }
            seen.0.lock().expect("not poisoned").push((head, arrival));
            std::future::ready(Ok(response))
        })
    }

    /// The last request.
    pub(crate) fn last(&self) -> Came {
        self.0.lock().expect("not poisoned").last().cloned().expect("one came")
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().expect("not poisoned").len()
    }

    /// The names of the last request's fields, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.last().0.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort_unstable();
        names
    }
}

/// A GET, or another method in front of its URL, of this peer.
pub(crate) fn request(line: &str, peer: &str, fields: &[(&str, &str)]) -> Sent {
    let (method, url) = line.split_once(' ').unwrap_or(("GET", line));
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    if !peer.is_empty() {
        request = request.extension(Peer::from(address(peer)));
    }
    request.body(Full::default()).expect("a request")
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Status, fields and text of an answer.
pub(crate) async fn ask<S, U>(service: &S, request: Sent) -> (u16, HeaderMap, String)
where
    S: Service<Sent, Response = Response<U>, Error = Infallible> + Clone,
    U: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let response = service.clone().oneshot(request).await.expect("it can't fail");
    let (head, body) = response.into_parts();
    let text = body.collect().await.expect("the whole body").to_bytes();
    (head.status.as_u16(), head.headers, String::from_utf8(text.to_vec()).expect("text"))
}

/// One field of an answer, as text.
pub(crate) fn field<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

/// What was noticed, in order.
#[derive(Debug, Default)]
pub(crate) struct Noticed(pub(crate) Mutex<Vec<String>>);

impl Noticed {
    pub(crate) fn watch(self: &Arc<Self>) -> Arc<dyn Watch> {
        let watch: Arc<Self> = Arc::clone(self);
        watch
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }

    fn push(&self, what: String) {
        self.0.lock().expect("not poisoned").push(what);
    }
}

impl Watch for Noticed {
    fn unclear(&self, peer: IpAddr, unclear: Unclear) {
        self.push(format!("{peer} {}", unclear.token()));
    }

    fn cleaned(&self, cleaned: &Cleaned) {
        let Cleaned { underscored, overriding, told_of_client, .. } = cleaned;
        self.push(format!(
            "{underscored} underscored, {overriding} override, {told_of_client} forwarded"
        ));
    }

    fn refused(&self, reason: Reason) {
        self.push(reason.token().to_owned());
    }
}
