//! Purging: what is stored is gone, or stale, from one moment on.
//!
//! A purge of one URL takes its pages away at once. Every other purge is one note in a `journal`, in force when
//! [`Cache::purge`](crate::Cache::purge) returns, however many pages it is about. A page remembers which note of the journal
//! it was last looked at against; while nothing was purged since, a hit costs one comparison, and after a purge each page is
//! judged once, when it is next asked for or when the `sweep` comes by. The sweep gives memory back, and with it the notes.
//!
//! A purge may have what it takes away put into a [`Basket`], to be fetched again.
//!
//! Every stored response knows the number of the last note when its fetch was sent (its *birth*), so a fetch that was begun
//! before a purge can neither be stored after it nor be joined.
//!
//! ```text
//!  notes:   1  2  3  4 ── purge ──> 5
//!  page A:  born 1, checked 4        asked for: judged against 5, and gone or checked 5
//!  fetch B: born 4 ......................... ends: judged against 5, and not stored if 5 is about it
//! ```

mod basket;
mod birth;
mod journal;
mod judge;
mod order;
mod pattern;
mod request;
mod sweep;

pub use basket::{Basket, RequestFields, Taken};
pub use birth::{Birth, Naming, Said};
pub(crate) use journal::{Journal, Verdict};
pub use pattern::{Pattern, PatternError};
pub use request::{Count, Look, Mode, Purge, Purged, Scope};
pub use sweep::Swept;
