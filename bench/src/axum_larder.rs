//! The axum application of `axum_site` with the cache's layer around it, as `docs/rust.md` says.

use std::net::TcpListener;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use larder_tower::{CacheLayer, Rules};
use tower::{Layer as _, ServiceExt};

use crate::axum_site::{self, More};

/// What a hit has beside the page's own fields: the application that is measured beside it answers with as many bytes.
pub const FIELDS_OF_A_HIT: More =
    &[("age", "1"), ("cache-status", "larder; hit; ttl=86399; detail=fresh")];

/// Serves until killed, on one thread.
///
/// # Errors
/// When the listener fails.
pub fn serve(listener: TcpListener) -> anyhow::Result<()> {
    let rules = Rules::from_toml("larder.toml", "")?;
    let site = CacheLayer::new(&rules).layer(axum_site::router(&[])?);
    let boxed = |response: Response<_>| response.map(Body::new);
    axum_site::serve(listener, ServiceExt::<Request>::map_response(site, boxed))
}
