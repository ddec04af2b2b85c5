//! What Larder's own crates need of this one: no part of its public interface, and without any promise.

use std::sync::Arc;

use larder_cache::Cache;
use larder_policy::Scheme;

use crate::cache::{CacheService, Extensions, Means, Sites};
pub use crate::explain::{query, varies};
pub use crate::look_up::AsItIs;
pub use crate::purge::scope;

/// The service over a cache that others hold too, for requests that came by `scheme` and were checked.
#[must_use]
pub fn service<S>(cache: Arc<Cache>, scheme: Scheme, inner: S) -> CacheService<S> {
    let means = Means { cache, scheme, extensions: Extensions::Fresh };
    CacheService::new(means, Sites::checked(), inner)
}
