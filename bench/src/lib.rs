//! Comparisons with peers, memory bounds and instruction counts: is a claim about Larder's cost true
//! on this machine? Programs: `compare`, `memory`, `counts`, `lookup`, `purge`. What they print is explained in
//! `docs/comparison.md`.
//!
//! Not here: conformance (`conformance/`), and anything that a user runs in production.
//!
//! Know first: [`peers::Peer`] (how each server is started and tuned), [`load::Load`] (what asks and
//! checks), [`process::Server`] (what is measured).

pub mod axum_larder;
pub mod axum_site;
pub mod compare;
pub mod content;
pub mod counts;
pub mod floor;
pub mod floor_hyper;
pub mod h2load;
pub mod httpd;
pub mod load;
pub mod lookup;
pub mod memory;
pub mod origin;
pub mod peers;
pub mod process;
pub mod purge;
pub mod response;
pub mod sys;
pub mod terminal;
