//! How does an application behind nginx, which ends TLS, send visitors to https, without a circle and without believing what
//! visitors say themselves? `nginx.conf` beside this file is nginx's side of it.
//!
//! ```sh
//! cargo run -p larder-examples --bin example-behind-nginx 127.0.0.1:8000 127.0.0.2
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::routing::get;
use axum::{Extension, Router, ServiceExt};
use http::header::CACHE_CONTROL;
use http::{Extensions, Response};
use larder_tower::{
    Arrival, CacheLayer, HttpsRedirectLayer, HygieneLayer, Peer, Rules, SchemeLayer,
};
use tokio::net::TcpListener;
use tower::ServiceBuilder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let nginx = arguments.next().unwrap_or_else(|| "127.0.0.2".to_owned());

    // Read from above as a request goes: who and by which scheme; what of it is sound; where it belongs; what is kept.
    let scheme = SchemeLayer::builder()
        .trusted_proxies([nginx])
        .scheme_from("X-Forwarded-Proto")
        .peer_from(peer)
        .build()?;
    let hygiene = HygieneLayer::builder().hosts(["site.test"]).build()?;
    let https = HttpsRedirectLayer::builder().hsts(Duration::from_secs(600)).build()?;
    let cache = CacheLayer::new(&Rules::from_toml("rules", "")?);
    let application = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(scheme)
        .layer(hygiene)
        .layer(https)
        .layer(cache)
        .service(Router::new().route("/", get(front)).route("/whoami", get(whoami)));

    let listener = TcpListener::bind(address).await?;
    announce(&listener)?;
    let service =
        ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(application);
    axum::serve(listener, service).await?;
    Ok(())
}

async fn front() -> ([(http::HeaderName, &'static str); 1], &'static str) {
    ([(CACHE_CONTROL, "max-age=60")], "Bread and jam.\n")
}

/// Says of a request what the application knows of it: what was decided, and not what anybody wrote into it.
async fn whoami(Extension(arrival): Extension<Arrival>) -> String {
    format!("You are {}, by {}.\n", arrival.client, arrival.scheme.as_str())
}

/// axum tells whose connection it is in an extension of its own.
fn peer(extensions: &Extensions) -> Option<Peer> {
    extensions.get().map(|ConnectInfo(address): &ConnectInfo<SocketAddr>| Peer(address.ip()))
}

#[expect(clippy::print_stdout, reason = "a program says where it listens")]
fn announce(listener: &TcpListener) -> std::io::Result<()> {
    println!("listening on http://{}", listener.local_addr()?);
    Ok(())
}
