//! How does a plain hyper service get a cache? By a layer around it; the rules are said in code.
//!
//! ```sh
//! cargo run -p larder-examples --bin example-hyper
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use larder_tower::{CacheLayer, RequestBody, Rule, Rules};
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _, service_fn};

static MADE: AtomicU64 = AtomicU64::new(0);

async fn answer(
    request: Request<RequestBody<Incoming>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let number = MADE.fetch_add(1, Ordering::Relaxed) + 1;
    Ok(Response::new(Full::from(format!("{}: page {number}\n", request.uri().path()))))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let minute = Duration::from_secs(60);
    let rules = Rules::builder().rule(Rule::path("/kept/*").all_users().ttl(minute)).build()?;
    let cached = CacheLayer::new(&rules).layer(service_fn(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(&listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // hyper's bodies can't be empty out of nothing, and a fetch for many has none: that is what `RequestBody` is for.
        let own = |request: Request<Incoming>| request.map(RequestBody::from);
        let service = TowerToHyperService::new(cached.clone().map_request(own));
        let mut server = http1::Builder::new();
        let connection =
            server.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        // A client that goes away ends its connection, and nothing else.
        drop(tokio::spawn(async { drop(connection.await) }));
    }
}

#[expect(clippy::print_stdout, reason = "a program says where it listens")]
fn announce(listener: &TcpListener) -> std::io::Result<()> {
    println!("listening on http://{}", listener.local_addr()?);
    Ok(())
}
