//! An axum application of two pages from memory: what a cached hit in front of it is measured against, and what the caches are
//! put around. Also compiled into `bench/axum-caches`, so that all have the same application.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use tower::make::Shared;
use tower_service::Service;

use crate::content::{Page, date_now};

/// A page as an application would keep it that wants to be quick: parsed fields and a body.
#[derive(Debug)]
struct Stored {
    fields: HeaderMap,
    body: Bytes,
}

/// The fields that a page has beside its own: those that a cache would add, for an application that answers with the same bytes.
pub type More = &'static [(&'static str, &'static str)];

/// The application: each page has a handler.
///
/// # Errors
/// When a page here could not be a response.
pub fn router(more: More) -> anyhow::Result<Router> {
    let page = |page| anyhow::Ok(get(answer).with_state(Arc::new(stored(page, more)?)));
    Ok(Router::new().route("/2k", page(Page::Small)?).route("/100k", page(Page::Large)?))
}

async fn answer(State(page): State<Arc<Stored>>) -> Response {
    let mut response = Response::new(Body::from(page.body.clone()));
    *response.headers_mut() = page.fields.clone();
    response
}

fn stored(page: Page, more: More) -> anyhow::Result<Stored> {
    let (mut head, mut body) = (Vec::new(), Vec::new());
    page.write_head(&date_now(), &mut head);
    page.write_body(&mut body);
    let mut fields = HeaderMap::new();
    for line in String::from_utf8(head)?.lines().skip(1).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").context("a field has a colon")?;
        let name = HeaderName::from_bytes(name.as_bytes())?;
        fields.append(name, HeaderValue::from_str(value)?);
    }
    for (name, value) in more {
        fields.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Ok(Stored { fields, body: body.into() })
}

/// Serves until killed, on one thread.
///
/// # Errors
/// When the listener fails.
pub fn serve<S>(listener: TcpListener, service: S) -> anyhow::Result<()>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, Shared::new(service)).await.map_err(anyhow::Error::from)
    })
}
