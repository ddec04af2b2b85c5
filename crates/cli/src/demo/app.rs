//! The demo's application: a plain HTTP/1.1 server in a thread of its own.
//!
//! It knows nothing of Larder, as an application should.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::pages;
use super::respond::{self, Answer};
use super::state::{Mode, State};
use super::visit::Visit;

/// No form of the demo needs more.
const BODY_BYTES_MAX: usize = 8 * 1024;

/// The application closes the connection instead of answering.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("switched to closing connections")
    }
}

impl std::error::Error for Closed {}

/// Starts it and returns where it listens. It ends with the process.
pub(super) fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("demo-application".into()).spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            accept(&listener).await;
        });
    })?;
    Ok(address)
}

async fn accept(listener: &tokio::net::TcpListener) {
    let state = Arc::new(State::default());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&state)));
            }
            // Out of file descriptors, most likely: some are given back in a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { answer(request, &state).await }
    });
    // Who went away, or was closed on, is nobody's concern here.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, state: &State) -> Result<Answer, Closed> {
    let (head, body) = request.into_parts();
    let mut visit = Visit {
        method: if head.method == Method::HEAD { Method::GET } else { head.method },
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body: bytes::Bytes::new(),
    };
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(whole) => visit.body = whole.to_bytes(),
        Err(_) => {
            let why = "A form of this application is never that long.";
            return Ok(respond::refusal(&visit, state, StatusCode::PAYLOAD_TOO_LARGE, why));
        }
    }
    // The switch itself always works: how else would it be switched back?
    if visit.path != "/switch" {
        match state.mode() {
            Mode::Working => {}
            Mode::Errors => return Ok(pages::switch::broken(&visit, state)),
            Mode::Closed => return Err(Closed),
        }
    }
    Ok(route(&visit, state).await)
}

/// Path and method to page.
async fn route(visit: &Visit, state: &State) -> Answer {
    let post = visit.method == Method::POST;
    let (get, posted): (bool, bool) = match visit.path.as_str() {
        "/" | "/slow" | "/me" | "/hello" | "/stream" => (true, false),
        "/login" | "/form" | "/switch" => (true, true),
        "/logout" => (false, true),
        _ => return respond::refusal(visit, state, StatusCode::NOT_FOUND, "No such page."),
    };
    if !(get && visit.method == Method::GET || posted && post) {
        let allow = match (get, posted) {
            (true, true) => "GET, HEAD, POST",
            (true, false) => "GET, HEAD",
            (false, _) => "POST",
        };
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let answer = respond::refusal(visit, state, status, "Not with this method.");
        return respond::with(answer, header::ALLOW, allow);
    }
    match visit.path.as_str() {
        "/slow" => pages::slow::show(visit, state).await,
        "/me" => pages::login::me(visit, state),
        "/login" if post => pages::login::log_in(visit, state),
        "/login" => pages::login::show(visit, state),
        "/logout" => pages::login::log_out(visit, state),
        "/form" if post => pages::guestbook::write(visit, state),
        "/form" => pages::guestbook::show(visit, state),
        "/hello" => pages::hello::show(visit, state),
        "/stream" => pages::stream::show(),
        "/switch" if post => pages::switch::turn(visit, state),
        "/switch" => pages::switch::show(visit, state),
        _ => pages::index::show(visit, state),
    }
}
