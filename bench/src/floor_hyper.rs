//! What hyper itself costs: a service that answers from a map, with the same twelve response fields
//! that a stored page has. The distance from here to Larder is what our own layers cost.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::content::{Page, date_now};

/// Whether a slow head is given up on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Never: the least that hyper costs.
    None,
    /// After ten seconds, by hyper's own timer.
    Head,
}

struct Stored {
    fields: HeaderMap,
    body: Bytes,
}

/// Serves the two fixed pages until killed.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener, timer: Timer) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let pages: Rc<HashMap<String, Stored>> =
        Rc::new([Page::Small, Page::Large].into_iter().map(stored).collect::<Result<_, _>>()?);
    local.block_on(&runtime, accept(listener, timer, pages))
}

async fn accept(
    listener: TcpListener,
    timer: Timer,
    pages: Rc<HashMap<String, Stored>>,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut server = http1::Builder::new();
    if timer == Timer::Head {
        server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
    }
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let pages = Rc::clone(&pages);
        let service = service_fn(move |request: Request<Incoming>| {
            let response = answer(&pages, request.uri().path());
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = server.serve_connection(TokioIo::new(stream), service);
        // A client's failure only ends its connection.
        drop(tokio::task::spawn_local(async move { drop(connection.await) }));
    }
}

fn answer(pages: &HashMap<String, Stored>, path: &str) -> Response<Full<Bytes>> {
    let Some(page) = pages.get(path) else {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let mut response = Response::new(Full::new(page.body.clone()));
    *response.headers_mut() = page.fields.clone();
    response
}

/// A page as a cache keeps it: parsed fields and a body.
fn stored(page: Page) -> anyhow::Result<(String, Stored)> {
    let (mut head, mut body, mut target) = (Vec::new(), Vec::new(), Vec::new());
    page.write_head(&date_now(), &mut head);
    page.write_body(&mut body);
    page.write_target(&mut target);
    let mut fields = HeaderMap::new();
    for line in String::from_utf8(head)?.lines().skip(1).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").context("a field has a colon")?;
        let name = HeaderName::from_bytes(name.as_bytes())?;
        fields.append(name, HeaderValue::from_str(value)?);
    }
    Ok((String::from_utf8(target)?, Stored { fields, body: body.into() }))
}
