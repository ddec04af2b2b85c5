//! Lays finished pages down in Memcached for nginx to answer with, remembers where, and takes them away again.
//!
//! The order of things is all there is to it, because a page that lies there without being remembered is one that no purge
//! finds, and a page that comes to lie there after its purge was answered is one that everybody gets:
//!
//! ```text
//!  publish:   remember ── gate( fresh? ── set ── remember again ── fresh? else delete )
//!  purge:     memory first ── through the gate ── find, delete, forget, in portions
//! ```
//!
//! - Whoever publishes holds the gate from its look whether the page is still fresh until it lies there. A purge, which was in
//!   force in memory before, waits for those at the gate: they are remembered and found by it; those who come later see that
//!   the page is gone.
//! - A page is remembered a second time after it was set: a purge of the page before it may have forgotten its row meanwhile.
//! - What can't be deleted, or not found because the database is away, waits in the outbox, on the disk, until it can be.
//!
//! Three types to know: [`Pages`] (all of it, with a thread of its own), [`Erasure`] (what became of a purge),
//! [`Shelf`] (Memcached, as pages lie there). It decides nothing about which page may be published: that is
//! `larder_policy::published`.
#![forbid(unsafe_code)]

mod counts;
mod erase;
mod gate;
pub mod limits;
mod page;
mod pages;
mod queue;
mod retry;
mod selectors;
mod settings;
mod shelf;
mod table;

pub use counts::{Counts, Outcome};
pub use erase::{Erasure, Waits};
pub use pages::{Pages, State};
pub use selectors::selectors;
pub use settings::{Settings, StartError};
pub use shelf::{OnServer, Shelf};
