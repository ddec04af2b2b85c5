//! The lookup table: which published pages belong to which URL, tags and identifiers.
//!
//! What Larder keeps in its own memory it can find by itself. A page in Memcached it can't: nobody can list what lies there.
//! So a page is written down here before it is published, and a purge finds by this table what is to be erased. The table is
//! a file (SQLite) or a database that several Larders share (PostgreSQL).
//!
//! Three types to know: `Lookup` (the table), `Entry` (what is remembered of a page), `Outbox` (purges that wait for a
//! database that is gone). They are behind the feature `database`; without it there is [`Place`] only, which says where the table
//! is, for those who read a configuration and open nothing.
//!
//! What holds whatever fails: a page is published only after `Lookup::remember` has returned; a row is forgotten only after
//! its page was erased or has ended; a row that was renewed meanwhile is not forgotten.
#![forbid(unsafe_code)]

#[cfg(feature = "database")]
mod batch;
#[cfg(feature = "database")]
mod engine;
#[cfg(feature = "database")]
mod entry;
#[cfg(feature = "database")]
mod error;
#[cfg(feature = "database")]
pub mod limits;
#[cfg(feature = "database")]
mod matching;
#[cfg(feature = "database")]
mod outbox;
mod place;
#[cfg(feature = "database")]
mod postgres;
#[cfg(feature = "database")]
mod schema;
#[cfg(feature = "database")]
mod table;
#[cfg(not(feature = "database"))]
mod written;

pub use place::{BadPlace, Place};
#[cfg(not(feature = "database"))]
pub use written::Postgres;
#[cfg(feature = "database")]
pub use {
    entry::{Entry, Identifier, Listed, Selector},
    error::LookupError,
    matching::Expressions,
    outbox::Outbox,
    postgres::Postgres,
    table::{Counts, Erased, Eraser, Failure, Left, Lookup, Shown},
};
