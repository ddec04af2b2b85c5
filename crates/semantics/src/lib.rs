//! HTTP caching as values and pure decisions: RFC 9110, 9111, 5861, 8246, 9211, 9213.
//!
//! For a *shared* cache in front of an application. It reads no clock, does no I/O, keeps no state, and
//! does not know what a page, a rule or a visitor is; nothing that a peer sends makes it fail. Where the
//! RFCs leave a choice, [`Settings`] names it and defaults to the safe reading.
//!
//! Three types to know: [`Freshness`], worked out when a response is stored; [`Reuse`], what [`decide`]
//! says about it on every request; [`Reason`], which every decision carries.
//!
//! ```
//! use http::{HeaderMap, HeaderValue, StatusCode, header::CACHE_CONTROL};
//! use larder_semantics::{Freshness, Reason, RequestDirectives, Reuse, Settings, Timestamp, Timing, decide};
//!
//! let mut response = HeaderMap::new();
//! response.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60, stale-while-revalidate=30"));
//! let noon = Timestamp::from_secs(1_700_000_000);
//! let timing = Timing { request_time: noon, response_time: noon };
//! let stored = Freshness::of(StatusCode::OK, &response, timing, &Settings::default());
//!
//! let after = |secs| {
//!     let now = noon.plus(std::time::Duration::from_secs(secs));
//!     decide(&stored, RequestDirectives::default(), now)
//! };
//! assert_eq!(after(59), Reuse::Serve(Reason::Fresh));
//! assert_eq!(after(60), Reuse::ServeAndRefresh(Reason::StaleWhileRevalidate));
//! assert_eq!(after(91), Reuse::Validate(Reason::Stale));
//! ```
#![forbid(unsafe_code)]

pub mod cache_status;
pub mod field;
pub mod freshness;
pub mod invalidation;
pub mod limits;
pub mod range;
pub mod reason;
mod remedy;
pub mod request;
pub mod reuse;
pub mod settings;
pub mod storing;
pub mod terms;
#[cfg(test)]
mod testing;
pub mod time;
pub mod validation;
pub mod vary;

pub use freshness::{Freshness, LifetimeSource, Timing, Validation};
pub use invalidation::{also_invalidated, invalidates};
pub use range::{ContentRange, RangeRequest, RangeSpec};
pub use reason::{Group, Reason};
pub use request::{Lookup, MaxStale, RequestDirectives, is_safe, lookup};
pub use reuse::{Failure, Reuse, decide, stale_on};
pub use settings::Settings;
pub use storing::{Exchange, may_store, post_stores_get, strip_for_storing, strip_hop_by_hop};
pub use terms::Terms;
pub use time::Timestamp;
pub use validation::{HeadEffect, Precondition, Validators};
pub use vary::{Selecting, Vary};
