//! Does any visitor ever get anything of another's under rules, and does the cache still share what it may?
//!
//! Random sites, visitors, and an application that writes into each page everything that it was sent, in
//! virtual time. Each response is held against two oracles: nothing in it is another visitor's (their
//! values carry their number), and a naive reading of the rules and of RFC 9111 agrees that this stored
//! page is one for this visitor now. Where that reading knows that a page is there, not using it is a
//! failure too.
//!
//! A failure names its seed and shows the shortest trace that still fails. `LARDER_AUDIENCES_SEED=N` runs
//! that episode alone, `LARDER_AUDIENCES_EPISODES=N` sets their number.
#![expect(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the whole binary is tests"
)]

mod application;
mod claims;
mod expected;
mod judge;
#[path = "../model/random.rs"]
mod random;
mod reference;
mod said;
mod site;
mod visitors;
mod world;

use tokio::runtime::Runtime;

use crate::site::Proofs;
use crate::world::{Failure, Setting, Tally, episode};

const STEPS: u64 = 700;

/// Leaves out steps as long as it still fails.
fn shrink(runtime: &Runtime, setting: Setting, first: Failure) -> Failure {
    let fails = |setting: Setting, steps: &[u64], traced| {
        runtime.block_on(episode(setting, Some(steps), traced)).err()
    };
    let mut steps: Vec<u64> = (1..=first.step).collect();
    let mut piece = steps.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + piece).min(steps.len()));
            match fails(setting, &fewer, false) {
                Some(failure) => {
                    steps = fewer;
                    steps.retain(|step| *step <= failure.step);
                }
                None => at += piece,
            }
        }
        piece /= 2;
    }
    fails(setting, &steps, true).unwrap_or(first)
}

/// Of a hundred requests for pages of each audience: how many must be hits, and how many of them foreseen.
#[derive(Clone, Copy)]
struct Shares {
    hits: u64,
    foreseen: u64,
}

/// Runs so many episodes, or the one that the environment names.
fn run(first_seed: u64, count: u64, least: Shares, of: impl Fn(u64) -> Setting) {
    let asked = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match asked("LARDER_AUDIENCES_SEED") {
        Some(seed) => seed..seed + 1,
        None => first_seed..first_seed + asked("LARDER_AUDIENCES_EPISODES").unwrap_or(count),
    };
    let are_enough = seeds.end - seeds.start >= count;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let mut all = Tally::default();
    for seed in seeds {
        match runtime.block_on(episode(of(seed), None, false)) {
            Ok(tally) => all.add(&tally),
            Err(failure) => {
                let Failure { step, why, .. } = failure.clone();
                let shortest = shrink(&runtime, of(seed), failure);
                panic!(
                    "LARDER_AUDIENCES_SEED={seed}: step {step}: {why}\nthe shortest trace:\n{}{}",
                    shortest.trace, shortest.why
                );
            }
        }
    }
    if are_enough {
        all.check(least);
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        for (name, counts) in &other.by_audience {
            let sums = self.by_audience.entry(name.clone()).or_default();
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }

    /// A cache that never hits is safe, and none.
    fn check(&self, least: Shares) {
        for (name, [requests, hits, foreseen]) in &self.by_audience {
            assert!(
                hits * 100 > requests * least.hits && foreseen * 100 > requests * least.foreseen,
                "{name}: {hits} hits, {foreseen} of them foreseen, of {requests}: {self:?}"
            );
        }
        assert!(self.by_audience.len() == 7, "each audience has its turn: {self:?}");
    }
}

fn setting(seed: u64, proofs: Proofs) -> Setting {
    let visitors = [2, 4, 6][usize::try_from(seed % 3).unwrap()];
    Setting { seed, steps: STEPS, visitors, proofs, crowds: 0, behaves: false }
}

// The four together make a million steps: requests, and what happens between them.

#[test]
fn nobody_gets_another_visitors_page_by_marker() {
    let least = Shares { hits: 15, foreseen: 6 };
    run(10_000_000, 300, least, |seed| setting(seed, Proofs::Marker));
}

#[test]
fn nobody_gets_another_visitors_page_by_look_up() {
    let least = Shares { hits: 15, foreseen: 6 };
    run(20_000_000, 300, least, |seed| setting(seed, Proofs::LookUp));
}

#[test]
fn nobody_gets_another_visitors_page_when_many_ask_at_once() {
    let least = Shares { hits: 15, foreseen: 1 };
    run(30_000_000, 270, least, |seed| Setting { crowds: 3, ..setting(seed, Proofs::Any) });
}

#[test]
fn pages_are_shared_where_the_application_behaves() {
    let least = Shares { hits: 22, foreseen: 10 };
    run(40_000_000, 380, least, |seed| Setting { behaves: true, ..setting(seed, Proofs::Any) });
}
