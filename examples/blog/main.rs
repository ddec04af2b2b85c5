//! How does a site with log-in, forms and messages live behind a cache of its own? A blog of four routes in axum: its front page and
//! posts are made once for strangers and once for members, and a comment purges what it changes.
//!
//! ```sh
//! BLOG_MARKER_KEY=$(openssl rand -base64 48) cargo run -p larder-examples --bin example-blog 127.0.0.1:8000
//! ```

mod forms;
mod pages;
mod sessions;
mod site;

use std::error::Error;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::routing::{get, post};
use axum::{Router, ServiceExt};
use http::{Extensions, Response};
use larder_tower::{CacheLayer, HygieneLayer, IdentityLayer, Peer, Rules, SchemeLayer, Signer};
use tokio::net::TcpListener;
use tower::ServiceBuilder;

use crate::sessions::Sessions;
use crate::site::Site;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let rules = Rules::from_toml("blog/larder.toml", include_str!("larder.toml"))?;
    let cache = CacheLayer::new(&rules);
    // `for_plain_http`: a site by https leaves it out, and the marker is sent by https only.
    let signer = Signer::new(&rules).ok_or("the rules name no key for markers")?.for_plain_http();
    let site = Site::new(cache.purger(), Sessions::new(signer));

    let blog = Router::new()
        .route("/", get(pages::front))
        .route("/posts/{slug}", get(pages::post))
        .route("/posts/{slug}/comments", post(forms::comment))
        .route("/me", get(pages::me))
        .route("/login", get(pages::login).post(forms::log_in))
        .route("/logout", post(forms::log_out))
        .layer(IdentityLayer::new(&rules))
        .with_state(site);

    // Around the whole router, and not by `Router::layer`: what is fetched for many has nothing of one visitor's request,
    // their route's parameters neither, so the router has to be asked.
    let cached = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(SchemeLayer::from(&rules).peer_from(peer))
        .layer(HygieneLayer::from(&rules))
        .layer(cache.clone())
        .service(blog);

    // What is not for the cache stands beside it: why is a page stored, or not?
    let all =
        Router::new().route_service("/-/explain", cache.explain_service()).fallback_service(cached);

    let listener = TcpListener::bind(address).await?;
    announce(&listener)?;
    let service = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(all);
    axum::serve(listener, service).await?;
    Ok(())
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
