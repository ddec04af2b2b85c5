//! Does any order of events make the cache give a client what the rules forbid?
//!
//! Episodes of random events in virtual time: requests of every kind that wait for one another, an
//! application of moods whose answers are held, fail and break off, clients that leave, time that
//! passes, memory that is short. Every response is held against a naive reading of RFC 9111
//! (`larder_testkit::ReferenceCache`) and the record of what the application did.
//!
//! A failure names its seed; `LARDER_MODEL_SEED=N` runs that episode alone. `LARDER_MODEL_EPISODES=N`
//! sets their number.
#![expect(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the whole binary is tests"
)]

mod agreement;
mod application;
mod judge;
mod random;
mod record;
mod safety;
mod world;

use std::future::Future;

/// Runs so many episodes, or the one that the environment names.
fn episodes<F>(first_seed: u64, count: u64, run: impl Fn(u64) -> F)
where
    F: Future<Output = Result<(), String>>,
{
    let asked = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match asked("LARDER_MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => first_seed..first_seed + asked("LARDER_MODEL_EPISODES").unwrap_or(count),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for seed in seeds {
        runtime.block_on(run(seed)).unwrap_or_else(|why| panic!("LARDER_MODEL_SEED={seed}: {why}"));
    }
}
