//! Nobody gets what the rules forbid, whatever happens in whichever order.

use std::cell::Cell;

use larder_cache::Options;

use crate::application::Temper;
use crate::episodes;
use crate::world::{Setting, World};

/// Events of one episode.
const EVENTS: u64 = 250;

/// Runs one episode and returns how many responses were judged, and how many of them were shared.
async fn episode(seed: u64, setting: &Setting) -> Result<(u64, u64), String> {
    let mut world = World::new(seed, setting);
    for _ in 0..EVENTS {
        match world.random.below(20) {
            0..=10 => {
                let asked = world.any_request();
                world.begin(asked);
            }
            11..=15 => world.let_go(),
            16..=18 => {
                let secs = world.random.one_of(&[1, 1, 2, 3, 5, 8, 30]);
                world.clock.advance_secs(secs);
            }
            _ => world.leave(),
        }
        world.settle().await;
        world.judge()?;
    }
    // Nobody waits for ever.
    while !world.is_quiet() {
        world.let_go();
        world.settle().await;
        world.judge()?;
    }
    if world.waiting() > 0 {
        return Err(format!("{} requests got no answer", world.waiting()));
    }
    if !world.cache.flights().is_empty() || world.cache.flights().bytes() > 0 {
        return Err("fetches are in progress that nobody makes".to_owned());
    }
    Ok(world.judged)
}

fn run(first_seed: u64, count: u64, setting: &Setting) {
    let judged = Cell::new((0, 0));
    episodes(first_seed, count, |seed| {
        let judged = &judged;
        async move {
            let (all, shared) = episode(seed, setting).await?;
            judged.set((judged.get().0 + all, judged.get().1 + shared));
            Ok(())
        }
    });
    let (all, shared) = judged.get();
    assert!(shared * 12 > all, "too little is shared to learn anything: {shared} of {all}");
}

fn wild() -> Setting {
    Setting {
        temper: Temper::Wild,
        memory_bytes: 64 << 20,
        large_bodies: false,
        options: Options::default(),
    }
}

#[test]
fn nobody_gets_what_is_not_for_him() {
    run(1_000_000, 300, &wild());
}

#[test]
fn nobody_gets_what_is_not_for_him_when_memory_is_short() {
    run(2_000_000, 150, &Setting { memory_bytes: 2 << 20, large_bodies: true, ..wild() });
}

#[test]
fn nobody_gets_what_is_not_for_him_when_bodies_are_too_large_and_variants_too_many() {
    let options = Options { object_bytes_max: 2000, variants_max: 2, ..Options::default() };
    run(3_000_000, 150, &Setting { options, ..wild() });
}
