//! Fetching pages before anybody asks for them.
//!
//! ```text
//!  POST /warm   admin/warm.rs ─ order.rs  ┐
//!                                         ├─▶ warmer.rs ─ queue.rs ─ pace.rs   which page, when
//!  a purge      desk.rs, a basket         ┘        │
//!                                                  ▼ one task each
//!                                              fetch.rs   through the pipeline, as a visitor's GET
//!                                                  │      that brings no cookies
//!                                                  ▼
//!                                              row.rs     what came of it
//! ```
//!
//! The decisions ([`queue`], [`pace`]) take the time as a parameter. Everything runs on the thread of the admin listener, with
//! connections to the applications of its own; a visitor who asks for a page that is just being fetched shares the fetch.

mod fetch;
mod order;
mod pace;
mod queue;
mod row;
mod warmer;
mod wish;

pub(crate) use order::{Asked, read};
pub(crate) use row::Row;
pub(crate) use warmer::{Counted, Queued, Warmer};
