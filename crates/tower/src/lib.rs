//! Tower layers over the cache and the policy: the same pipeline for the proxy and for Rust
//! applications.
//!
//! This crate drives what `larder-cache` decides: it sends requests to the inner service, spawns
//! the fetches that outlive a client, and pumps bodies. It opens no socket, and reads no file but the rules'.
//!
//! Three types to know: [`CacheLayer`], [`CacheService`], [`RequestBody`] (what the inner service
//! is sent: the client's body, or none on a fetch of the cache's own).
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod answer;
mod body;
mod cache;
mod error;
mod esi;
mod fetch;
mod inner;
mod look_up;
mod reply;
mod rules;

pub use body::RequestBody;
pub use cache::{CacheFuture, CacheLayer, CacheService};
pub use error::FetchError;
pub use inner::Inner;
pub use look_up::{AsItIs, ForNobody};
pub use reply::Reply;
pub use rules::{Rule, Rules, RulesBuilder, RulesError, Setting};
