//! Caching as a tower layer.
//!
//! A request goes through these decisions, each a function of `larder-cache`:
//! 1. may the cache be looked into at all (method, preconditions, body, upgrade)?
//! 2. what is stored under its key, and which variant do its fields select?
//! 3. is that usable now: serve, serve and refresh, validate, fetch, or pass?
//!
//! A hit is answered in `call` itself, without a task, a box or a lock.

mod body;
mod future;
mod layer;
mod service;
mod site;

pub use body::{CacheBody, Incomplete};
pub use future::CacheFuture;
pub(crate) use layer::Extensions;
pub use layer::{CacheLayer, CacheLayerBuilder, Usage};
pub use service::CacheService;
pub(crate) use service::{Means, Of, arrival_of, include};
pub(crate) use site::Sites;
