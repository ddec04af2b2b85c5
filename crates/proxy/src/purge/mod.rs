//! Purging: who asks for it and how, who carries it out, and what is done about it afterwards.
//!
//! Orders come as JSON on the admin listener ([`order`]) and, on the site's own listener, in the ways that content
//! management systems know ([`dialect`], which the [`counter`] takes in). Both go over the [`Desk`], which has them in force when it answers, and has the
//! [`sweeper`] give memory back.

mod counter;
mod desk;
mod dialect;
mod order;
#[cfg(test)]
mod properties;
pub(crate) mod report;
mod sweeper;
mod tag_pattern;

pub(crate) use counter::{Counter, Own, Taken, strike_helpers};
pub(crate) use desk::{Desk, Then};
pub use dialect::{PURGE_FIELDS, PURGE_METHODS};
pub(crate) use order::{Asked, read};
