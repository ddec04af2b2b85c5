//! Answers that no cache is to keep: `Cache-Control: no-cache, no-store, must-revalidate`, `Pragma: no-cache`, `Expires: 0`, which
//! old ones understand too. What was there of these fields is replaced, and what speaks to caches in between (`Surrogate-Control`,
//! `CDN-Cache-Control`, `X-Accel-Expires`) goes.
//!
//! Which answers: those to [all requests](NeverCacheLayer::all), to [scripts'](NeverCacheLayer::scripts), or
//! to requests that a [predicate](NeverCacheLayer::when) chooses.
//!
//! # Vary
//!
//! An answer that is kept by nobody says to nobody that others may not have what was kept before. Where a script asks for a
//! fragment at the URL of a page, a cache in front that has the page would give it to the script. So where fields of the request
//! decide, the *other* answers at these URLs are told of them: those that may be kept get a `Vary` with the fields that were
//! looked at, added to the one that they have. Scripts' requests then never find a page, nor do pages' find a fragment. It costs a
//! shared cache a copy for each combination of these fields that visitors send; where scripts have URLs of their own,
//! [`without_vary`](NeverCacheLayer::without_vary) saves that.
//!
//! A predicate's fields are not known: say them by [`varying_by`](NeverCacheLayer::varying_by), unless it goes by the URL or the
//! method only.
//!
//! Inside of a [`CacheLayer`](crate::CacheLayer) that too stores nothing of what it marks; outside of one, the cache keeps what it
//! may, and only those in front do not.
//!
//! The response's body is the inner service's, so there is no body of this layer's.

mod future;
mod layer;
mod service;

pub use future::NeverCacheFuture;
pub use layer::{NeverCacheLayer, SignError};
pub use service::NeverCacheService;
