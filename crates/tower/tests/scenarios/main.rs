//! Scenarios of the cache layer in virtual time: a scripted application, a clock that the test
//! moves, no sockets. From simple to hard.
#![expect(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole binary is tests"
)]

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
