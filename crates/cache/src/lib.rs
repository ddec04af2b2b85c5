//! Joins semantics, policy and store: look up, select, collapse, stream, validate, refresh.
//!
//! This crate decides and keeps; it opens no socket, spawns no task and knows no runtime. The
//! asynchronous glue is `larder-tower`'s.
//!
//! Three types to know: [`Cache`] (pages and fetches in progress), [`Plan`] (what to do with a
//! request, made by [`plan()`]), [`Flight`] (one fetch, many readers).
//!
//! A request's way: [`Facts::of`] -> [`Cache::look_up`] -> [`plan()`] -> `respond`, or a fetch:
//! [`collapse`] -> `receive` -> [`Cache::keep`].
#![forbid(unsafe_code)]

pub mod body;
pub mod cache;
pub mod clock;
pub mod collapse;
pub mod fields;
pub mod finish;
pub mod flight;
mod generation;
pub mod identities;
mod learned;
pub mod limits;
mod lots;
pub mod note;
pub mod page;
mod personal;
pub mod plan;
pub mod publish;
pub mod purge;
pub mod receive;
mod rendered;
pub mod respond;
mod reworked;
pub mod sharing;
pub mod stored_body;
mod uncacheable;
pub mod variant;
pub mod verbatim;

pub use body::{Body, Includes, Incomplete};
pub use cache::{Cache, Options};
pub use clock::{Clock, SystemClock};
pub use finish::Finish;
pub use flight::Flight;
pub use note::{Handling, Note};
pub use plan::{Facts, Plan, Purpose, plan};
pub use publish::{OutOfDate, Publisher};
pub use purge::{Purge, Purged, Scope};
