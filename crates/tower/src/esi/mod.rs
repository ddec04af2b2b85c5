//! What stands in the includes of a page (ESI Language Specification 1.0)? Each is asked for as the visitor would ask for it.
//!
//! All of a page begin at once, when the page is answered; what stands before the first is sent meanwhile. An include goes through
//! the rules and the cache like any other request, with the visitor's cookies, to the page's own site. One that fails is
//! tried again as its `alt`; then nothing stands there, if it says `onerror="continue"`, and else the page breaks off: it is
//! never shown as whole without a part that it was to have.

mod address;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};
use larder_cache::limits::{
    INCLUDE_BYTES_MAX, INCLUDE_WAITED_FOR, INCLUDES_ALL_MAX, INCLUDES_DEEP_MAX,
};
use larder_cache::{Body, Cache, Includes};
use larder_html::Include;
use larder_policy::{Arrival, hygiene};
use larder_semantics::Reason;
use tokio::task::JoinHandle;

use crate::cache::{Of, arrival_of, include};
use crate::inner::Inner;

/// Everything that is needed to ask for parts of a visitor's page.
#[derive(Clone, Debug)]
pub(crate) struct Table<S> {
    cache: Arc<Cache>,
    inner: S,
    of: Of,
    page: Uri,
    visitor: HeaderMap,
    arrival: Option<Arrival>,
}

impl<S: Clone> Table<S> {
    /// For the page that `request` asks for.
    pub(crate) fn of<B>(cache: &Arc<Cache>, inner: &S, of: Of, request: &Request<B>) -> Self {
        Self {
            cache: Arc::clone(cache),
            inner: inner.clone(),
            of,
            page: request.uri().clone(),
            visitor: request.headers().clone(),
            arrival: arrival_of(request),
        }
    }

    /// Puts the parts into a response, if it has places for some.
    pub(crate) fn lay<B>(mut self, response: Response<Body<S::Body>>) -> Response<Body<S::Body>>
    where
        S: Inner<B>,
        B: http_body::Body + Default + Send + 'static,
    {
        let Some(template) = response.body().template() else { return response };
        if let Some(line) = response.headers().get(header::SET_COOKIE) {
            // A secret that the visitor has from now on.
            if let Some(pair) = pair_of(line) {
                self.visitor.append(header::COOKIE, pair);
            }
        }
        self.of.asked.get_or_insert_default();
        let parts = template.includes().iter().map(|include| {
            let (table, include) = (self.clone(), include.clone());
            Part::Awaited(tokio::spawn(async move { table.fetch::<B>(&include).await }))
        });
        let parts = Parts(parts.collect());
        response.map(|body| body.with_includes(Box::new(parts)))
    }

    /// The bytes of an include.
    async fn fetch<B>(self, include: &Include) -> Result<Bytes, Reason>
    where
        S: Inner<B>,
        B: http_body::Body + Default + Send + 'static,
    {
        let addresses = std::iter::once(&include.src).chain(&include.alt);
        let all = async {
            for address in addresses {
                if let Ok(bytes) = self.ask::<B>(address).await {
                    return Ok(bytes);
                }
            }
            Err(Reason::IncludeFailed)
        };
        let brought = tokio::time::timeout(INCLUDE_WAITED_FOR, all).await;
        match brought.unwrap_or(Err(Reason::IncludeFailed)) {
            Err(_) if include.onerror_continue => Ok(Bytes::new()),
            brought => brought,
        }
    }

    async fn ask<B>(&self, address: &str) -> Result<Bytes, Reason>
    where
        S: Inner<B>,
        B: http_body::Body + Default + Send + 'static,
    {
        let before =
            self.of.asked.as_ref().map_or(0, |asked| asked.fetch_add(1, Ordering::Relaxed));
        if self.of.deep >= INCLUDES_DEEP_MAX || before >= INCLUDES_ALL_MAX {
            return Err(Reason::IncludeFailed);
        }
        let page = hygiene::target(&self.page);
        let site = (self.of.scheme, &*self.of.host);
        let uri = address::resolve(address, site, &page).ok_or(Reason::IncludeFailed)?;
        let mut request = Request::new(B::default());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri;
        *request.headers_mut() = asked(&self.visitor);
        if let Some(arrival) = self.arrival {
            request.extensions_mut().insert(arrival);
        }
        let of = Of { has_body: false, deep: self.of.deep + 1, ..self.of.clone() };
        let answer: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(include::<S, B>(&self.cache, &self.inner, of, request));
        let response = answer.await.map_err(|error| error.reason)?;
        let is_readable = !response.headers().contains_key(header::CONTENT_ENCODING);
        if !response.status().is_success() || !is_readable {
            return Err(Reason::IncludeFailed);
        }
        collect(response.into_body()).await
    }
}

/// Name and value of a cookie that is set.
fn pair_of(line: &HeaderValue) -> Option<HeaderValue> {
    let pair = line.as_bytes().split(|byte| *byte == b';').next()?;
    HeaderValue::from_bytes(pair).ok()
}

/// What is sent for an include: the visitor's fields, but what is about the page, its form and its bytes.
fn asked(visitor: &HeaderMap) -> HeaderMap {
    const NOT: [HeaderName; 13] = [
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_UNMODIFIED_SINCE,
        header::IF_RANGE,
        header::RANGE,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::TRANSFER_ENCODING,
        header::EXPECT,
        header::UPGRADE,
        header::CONNECTION,
        header::TE,
    ];
    let mut headers = visitor.clone();
    for name in &NOT {
        headers.remove(name);
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
}

/// A whole body, if it is no larger than may be included.
async fn collect<U>(body: U) -> Result<Bytes, Reason>
where
    U: http_body::Body<Data = Bytes>,
{
    let mut body = pin!(body);
    let mut all = BytesMut::new();
    loop {
        let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
        let Some(frame) = frame else { return Ok(all.freeze()) };
        let Ok(data) = frame.map_err(|_| Reason::IncludeFailed)?.into_data() else { continue };
        if all.len() + data.len() > INCLUDE_BYTES_MAX {
            return Err(Reason::IncludeFailed);
        }
        all.extend_from_slice(&data);
    }
}

/// The parts of one page. Those that nobody waits for any more are given up.
#[derive(Debug)]
struct Parts(Vec<Part>);

#[derive(Debug)]
enum Part {
    Awaited(JoinHandle<Result<Bytes, Reason>>),
    Given,
}

impl Includes for Parts {
    fn poll_next(
        &mut self,
        include: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Reason>>> {
        let Some(part) = self.0.get_mut(include) else {
            return Poll::Ready(Some(Err(Reason::IncludeFailed)));
        };
        let Part::Awaited(task) = part else { return Poll::Ready(None) };
        let brought = ready!(Pin::new(task).poll(cx)).unwrap_or(Err(Reason::IncludeFailed));
        *part = Part::Given;
        match brought {
            Ok(bytes) if bytes.is_empty() => Poll::Ready(None),
            brought => Poll::Ready(Some(brought)),
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for part in &self.0 {
            if let Part::Awaited(task) = part {
                task.abort();
            }
        }
    }
}
