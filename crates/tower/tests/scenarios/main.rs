//! Scenarios of the cache layer in virtual time: a scripted application, a clock that the test
//! moves, no sockets. From simple to hard.
#![expect(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole binary is tests"
)]

mod audience_collapse;
mod audience_invalidation;
mod audiences;
mod collapse;
mod conditional;
mod custom_audience;
mod django_holes;
mod esi;
mod forms;
mod freshness;
mod head;
mod invalidation;
mod learned_vary;
mod lifetimes;
mod look_up;
mod marker;
mod meanwhile;
mod own_way;
mod purging;
mod queries;
mod range;
mod rules;
mod seen_by_visitors;
mod session_responses;
mod set_cookie;
mod stale;
mod storing;
mod tokens;
mod vary;
mod world;
