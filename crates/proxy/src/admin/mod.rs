//! Is Larder alive, is it ready, what has it done, what would it do, what shall it forget or fetch? A listener of its own, on loopback
//! by default.

mod explain;
mod openapi;
mod order;
mod purge;
mod warm;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::exposition::{self, Sources};
use crate::{limits, published};

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers admin requests for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, sources: Arc<Sources>) {
    let places = Arc::new(Semaphore::new(limits::ADMIN_CONNECTIONS_MAX));
    loop {
        let Ok((socket, peer)) = listener.accept().await else {
            tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            continue;
        };
        // One too many is closed: a scraper comes again.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let sources = Arc::clone(&sources);
        tokio::spawn(async move {
            let service = service_fn(|request: Request<hyper::body::Incoming>| {
                let sources = Arc::clone(&sources);
                async move {
                    let response = match request.uri().path() {
                        "/purge" => purge::page(request, peer.ip(), &sources).await,
                        "/warm" => warm::page(request, peer.ip(), &sources).await,
                        _ => answer(&request, &sources),
                    };
                    Ok::<_, Infallible>(response)
                }
            });
            let outcome = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits::ADMIN_HEAD)
                .max_buf_size(limits::ADMIN_HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(socket), service)
                .await;
            if let Err(error) = outcome {
                tracing::debug!(%error, "admin connection");
            }
            drop(place);
        });
    }
}

fn answer<B>(request: &Request<B>, sources: &Arc<Sources>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let query = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" if sources.draining.load(Ordering::Relaxed) => {
            text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        }
        "/readyz" => text(StatusCode::OK, "ready\n"),
        "/metrics" => match exposition::render(sources) {
            Ok(metrics) => {
                let mut response = Response::new(Full::from(metrics));
                response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
                response
            }
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "metrics can't be written\n"),
        },
        "/openapi.json" => openapi::page(),
        "/published" => {
            let view = published::view(sources.desk.published());
            order::json(StatusCode::OK, "application/json", &view)
        }
        "/explain" => explain::page(query, request.headers(), sources),
        _ => text(
            StatusCode::NOT_FOUND,
            "/healthz, /readyz, /metrics, /explain?url=, /purge, /warm, /published, /openapi.json\n",
        ),
    }
}

fn text(status: StatusCode, line: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(line));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
