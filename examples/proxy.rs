//! What is the least that makes a caching proxy of the layer? hyper's server before it and hyper's client behind it. The public tests
//! of HTTP caches run through this program too (`conformance/`).
//!
//! ```sh
//! cargo run -p larder-examples --bin example-proxy http://127.0.0.1:8000
//! ```

use std::error::Error;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use larder_tower::{CacheLayer, RequestBody, Rules};
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let origin: Uri = std::env::args().nth(1).ok_or("which application?")?.parse()?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let client = client.map_request(move |request| towards(&origin, request));
    let proxy = CacheLayer::new(&Rules::from_toml("larder.toml", "")?).layer(client);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(&listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let own = |request: Request<Incoming>| request.map(RequestBody::from);
        let service = TowerToHyperService::new(proxy.clone().map_request(own));
        let mut server = http1::Builder::new();
        let connection =
            server.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        drop(tokio::spawn(async { drop(connection.await) }));
    }
}

/// The client wants to be told where to send a request.
fn towards(
    origin: &Uri,
    mut request: Request<RequestBody<Incoming>>,
) -> Request<RequestBody<Incoming>> {
    let mut parts = origin.clone().into_parts();
    parts.path_and_query = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request
}

#[expect(clippy::print_stdout, reason = "a program says where it listens")]
fn announce(listener: &TcpListener) -> std::io::Result<()> {
    println!("listening on http://{}", listener.local_addr()?);
    Ok(())
}
