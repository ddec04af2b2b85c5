//! What does a hit cost with other caches for axum? `axum-caches NAME ADDRESS` serves the benches' application behind the one
//! called so, each as its own documentation says, in memory. (`tower-http-cache` 0.6 wants response bodies that are `Sync`, which
//! axum's are not.)

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::http::StatusCode;
use tower::ServiceBuilder;

#[path = "../../src/axum_site.rs"]
mod axum_site;
#[path = "../../src/content.rs"]
#[allow(dead_code, reason = "the benches' other pages")]
mod content;

const LIFETIME: Duration = Duration::from_secs(86_400);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (name, address) = arguments.next().zip(arguments.next()).context("NAME ADDRESS")?;
    let listener = TcpListener::bind(address)?;
    let site = axum_site::router(&[])?;
    let site: Router = match name.as_str() {
        "http-cache-tower-server" => {
            let layer =
                http_cache_tower_server::ServerCacheLayer::new(http_cache::MokaManager::default());
            site.layer(ServiceBuilder::new().layer(HandleErrorLayer::new(failed)).layer(layer))
        }
        "axum-response-cache" => {
            site.layer(axum_response_cache::CacheLayer::with_lifespan(LIFETIME))
        }
        _ => bail!("no cache is called {name}"),
    };
    axum_site::serve(listener, site)
}

async fn failed(error: axum::BoxError) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
