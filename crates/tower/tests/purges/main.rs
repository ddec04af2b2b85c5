//! Is anything that was purged ever given to somebody who asks after the purge, and does everything else stay?
//!
//! Episodes of random events in virtual time: requests of every kind that wait for one another, an application whose answers
//! are held and that gives a page other tags each time, clients that leave, purges of every scope, sweeps, purges forgotten,
//! memory that is short. A naive reference remembers of every answer when it was asked for, its URL, tags, groups and type:
//!
//! - nobody who asks after a hard purge gets a body that was asked for before it and that it is about;
//! - nobody who asks after a soft purge gets it as fresh;
//! - what no purge was about is still a hit, and purges that say that they counted, counted right.
//!
//! A failure names its seed and prints what happened to the page. `LARDER_PURGES_SEED=N` runs that episode alone,
//! `LARDER_PURGES_EPISODES=N` sets their number.
#![expect(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the whole binary is tests"
)]

mod about;
mod application;
mod census;
mod judge;
mod orders;
#[path = "../model/random.rs"]
mod random;
mod record;
mod site;
mod world;

use crate::world::{Setting, Tally, World};

const EVENTS: u64 = 300;

/// Runs one episode.
async fn episode(setting: Setting) -> Result<Tally, String> {
    let mut world = World::new(setting);
    for _ in 0..EVENTS {
        world.event().await?;
    }
    world.end().await?;
    Ok(world.tally)
}

/// What has to happen for the test to say anything, in a thousand events.
struct Least {
    hits: u64,
    foreseen: u64,
    counted: u64,
    evictions: u64,
}

/// Runs so many episodes, or the one that the environment names.
fn run(first_seed: u64, count: u64, least: &Least, of: impl Fn(u64) -> Setting) {
    let asked = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match asked("LARDER_PURGES_SEED") {
        Some(seed) => seed..seed + 1,
        None => first_seed..first_seed + asked("LARDER_PURGES_EPISODES").unwrap_or(count),
    };
    let are_enough = seeds.end - seeds.start >= count;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let mut all = Tally::default();
    for seed in seeds {
        match runtime.block_on(episode(of(seed))) {
            Ok(tally) => all.add(&tally),
            Err(why) => panic!("LARDER_PURGES_SEED={seed}: {why}"),
        }
    }
    if are_enough {
        let holds = |found: u64, least: u64| found * 1000 >= all.events * least;
        assert!(
            holds(all.hits, least.hits)
                && holds(all.foreseen, least.foreseen)
                && holds(all.counted, least.counted)
                && holds(all.evictions, least.evictions),
            "too little happens to learn anything: {all:?}"
        );
    }
}

fn setting(seed: u64) -> Setting {
    Setting {
        seed,
        memory_bytes: 64 << 20,
        urls: 4,
        tokens: 40,
        // From never looking before the answer to always looking at all there is.
        counted_max: [0, 0, 1, 3, 4000][usize::try_from(seed % 5).unwrap()],
        holds: true,
    }
}

#[test]
fn what_was_purged_is_never_given_again() {
    let least = Least { hits: 100, foreseen: 15, counted: 3, evictions: 0 };
    run(1_000_000, 500, &least, setting);
}

#[test]
fn what_was_purged_is_never_given_again_when_memory_is_short() {
    let least = Least { hits: 60, foreseen: 0, counted: 1, evictions: 5 };
    run(2_000_000, 60, &least, |seed| Setting {
        memory_bytes: 2 << 20,
        urls: 40,
        tokens: 24_000,
        ..setting(seed)
    });
}

#[test]
fn what_no_purge_is_about_stays_and_is_counted() {
    let least = Least { hits: 200, foreseen: 40, counted: 10, evictions: 0 };
    run(3_000_000, 400, &least, |seed| Setting { holds: false, ..setting(seed) });
}
