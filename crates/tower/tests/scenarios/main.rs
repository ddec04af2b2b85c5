//! Scenarios of the cache layer in virtual time: a scripted application, a clock that the test
//! moves, no sockets. From simple to hard.
#![expect(missing_docs, reason = "a test binary has no readers of its docs")]

mod collapse;
mod conditional;
mod freshness;
mod head;
mod invalidation;
mod range;
mod stale;
mod storing;
mod vary;
mod world;
