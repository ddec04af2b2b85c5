//! Larder inside a Rust application: the proxy's cache and rules as tower layers, for axum, hyper and everything else that is a
//! [`Service`](tower_service::Service) of HTTP. The proxy is made of the same.
//!
//! - [`Rules`]: the site's rules, from the file that `larder serve` reads, or in code.
//! - [`CacheLayer`]: the cache. Its [`Purger`] takes pages out; [`Tags`] are names that responses give themselves for that;
//!   [`CacheLayer::explain`] says what it would do with a request, and why.
//! - [`HeaderPolicyLayer`]: stores nothing, and tells other caches what the rules say.
//! - [`SchemeLayer`], [`HygieneLayer`], [`HttpsRedirectLayer`], [`NeverCacheLayer`]: what stands before a cache.
//! - [`IdentityLayer`]: who asks, for handlers; a [`Signer`] tells the cache at login.
//!
//! The first three types to know are [`Rules`], [`CacheLayer`] and [`Purger`]:
//!
//! ```
//! use axum::Router;
//! use axum::body::Body;
//! use axum::routing::get;
//! use http::Request;
//! use larder_tower::{CacheLayer, HygieneLayer, Rules};
//! use tower::{Layer, ServiceExt};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let rules = Rules::from_toml(
//!     "larder.toml",
//!     r#"
//!     [[rule]]
//!     path = "/blog/*"
//!     audience = "all-users"
//!     ttl = "10m"
//!     "#,
//! )?;
//! let cache = CacheLayer::new(&rules);
//! let blog: Router = Router::new().route("/blog/{slug}", get(async || "a post"));
//! // From the inside out: what a layer is put around comes after it.
//! let site = HygieneLayer::from(&rules).layer(cache.layer(blog));
//! let site: Router = Router::new().fallback_service(site);
//!
//! let ask = || Request::get("/blog/a").header("host", "example.com").body(Body::empty()).unwrap();
//! let first = site.clone().oneshot(ask()).await.unwrap();
//! assert!(first.headers()["cache-status"].to_str().unwrap().starts_with("larder; fwd=uri-miss"));
//! # // The body is stored by a task.
//! # tokio::task::yield_now().await;
//! let second = site.oneshot(ask()).await.unwrap();
//! assert!(second.headers()["cache-status"].to_str().unwrap().starts_with("larder; hit"));
//!
//! let purged = cache.purger().url("https://example.com/blog/a").unwrap();
//! assert_eq!(purged.pages, 1);
//! # Ok::<(), larder_tower::RulesError>(())
//! # }).unwrap();
//! ```
//!
//! It opens no socket, and reads no file but that of the rules. It spawns tasks on tokio's runtime; [`CacheLayer`] says which.
//! What it does not do: store on disk, publish for nginx, speak TLS. That is `larder serve`'s.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod answer;
mod body;
mod cache;
mod cause;
mod error;
mod esi;
mod explain;
mod fetch;
pub mod header_policy;
pub mod https_redirect;
pub mod hygiene;
pub mod identity;
mod inner;
#[doc(hidden)]
pub mod internals;
mod look_up;
pub mod never_cache;
mod notice;
mod purge;
mod reply;
mod rules;
pub mod scheme;

pub use body::RequestBody;
pub use cache::{
    CacheBody, CacheFuture, CacheLayer, CacheLayerBuilder, CacheService, Incomplete, Usage,
};
pub use explain::{ExplainBody, ExplainService, Explanation};
pub use header_policy::{HeaderPolicyLayer, HeaderPolicyService, Personal};
pub use https_redirect::{HttpsRedirectLayer, HttpsRedirectLayerBuilder, HttpsRedirectService};
pub use hygiene::{HygieneLayer, HygieneLayerBuilder, HygieneService};
pub use identity::{Identity, IdentityLayer, IdentityService, MarkerError, Signer, Visitor};
pub use larder_policy::Doubt;
pub use larder_policy::trusted::Unclear;
pub use larder_policy::{Arrival, Cleaned, Scheme};
pub use larder_semantics::Reason;
pub use look_up::ForNobody;
pub use never_cache::{NeverCacheLayer, NeverCacheService, SignError};
pub use notice::Watch;
pub use purge::{PurgeError, Purged, Purger, Tags};
pub use reply::Reply;
pub use rules::{Rule, Rules, RulesBuilder, RulesError, Setting};
pub use scheme::{Peer, SchemeLayer, SchemeLayerBuilder, SchemeService};
