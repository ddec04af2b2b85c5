//! Tower layers over the cache and the policy: the same pipeline for the proxy and for Rust
//! applications.
//!
//! This crate drives what `larder-cache` decides: it sends requests to the inner service, spawns
//! the fetches that outlive a client, and pumps bodies. It opens no socket, and reads no file but the rules'.
//!
//! Three types to know: [`CacheLayer`], [`CacheService`], [`CacheBody`].
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
mod options;
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
