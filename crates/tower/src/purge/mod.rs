//! Taking pages out of the cache, by the application that made them.
//!
//! A purge is in force when the call returns: nothing stored before is served any more, and no fetch that was begun before is
//! stored or joined. Memory is given back by the time it returns where few pages are stored, and by a task otherwise.

mod purger;
#[doc(hidden)]
pub mod scope;
mod sweep;
mod tags;

pub use purger::{PurgeError, Purged, Purger};
pub(crate) use sweep::Sweeper;
pub use tags::Tags;
