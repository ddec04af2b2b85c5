//! The lookup table: which published pages belong to which URL, tags and identifiers.
//!
//! What Larder keeps in its own memory it can find by itself. A page in Memcached it can't: nobody can list what lies there.
//! So a page is written down here before it is published, and a purge finds by this table what is to be erased. The table is
//! a file (SQLite) or a database that several Larders share (PostgreSQL).
//!
//! Three types to know: [`Lookup`] (the table), [`Entry`] (what is remembered of a page), [`Outbox`] (purges that wait for a
//! database that is gone).
//!
//! What holds whatever fails: a page is published only after [`Lookup::remember`] has returned; a row is forgotten only after
//! its page was erased or has ended; a row that was renewed meanwhile is not forgotten.
#![forbid(unsafe_code)]

mod batch;
mod engine;
mod entry;
mod error;
pub mod limits;
mod matching;
mod outbox;
mod place;
mod schema;
mod table;

pub use entry::{Entry, Identifier, Listed, Selector};
pub use error::LookupError;
pub use matching::Expressions;
pub use outbox::Outbox;
pub use place::{BadPlace, Place};
pub use table::{Counts, Erased, Eraser, Failure, Left, Lookup, Shown};
