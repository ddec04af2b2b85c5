//! The layer: one cache for all the services that it makes.

use std::sync::Arc;

use larder_cache::Cache;
use larder_policy::Scheme;
use tower_layer::Layer;

use super::CacheService;

/// Puts a [`Cache`] in front of a service.
#[derive(Clone, Debug)]
pub struct CacheLayer {
    cache: Arc<Cache>,
    scheme: Scheme,
}

impl CacheLayer {
    /// A layer over `cache` for requests that came by `scheme`.
    #[must_use]
    pub const fn new(cache: Arc<Cache>, scheme: Scheme) -> Self {
        Self { cache, scheme }
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        CacheService::new(Arc::clone(&self.cache), self.scheme, inner)
    }
}
