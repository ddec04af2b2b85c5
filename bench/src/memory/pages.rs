//! Whether the cache's budget holds when far more pages come by than fit: 2 million of 200 bytes to
//! 4 KiB, 4 GiB in all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{Finding, MIB, Options, mib};
use crate::content::Page;
use crate::load::{Ask, Load};
use crate::origin::Origin;
use crate::peers::Site;
use crate::process::{Server, memory, pause};
use crate::terminal::note;

const CONNECTIONS: usize = 64;
/// Pages asked for a second time, spread evenly, to see how many are still there.
const PROBES: u64 = 5_000;
const SAMPLE_EVERY: Duration = Duration::from_millis(200);

pub(super) fn check(options: &Options) -> anyhow::Result<Vec<Finding>> {
    let origin = Origin::start(None)?;
    let site = Site::behind(origin.address, options.memory);
    let server = options.server.start(site)?;
    let before = server.memory().resident_bytes;
    let most = watch(&server, || fill(&server, options.pages))?;
    let peak = server.memory().peak_bytes;
    let held = held_bytes(&server, &origin, options.pages)?;

    let budget = options.memory * MIB;
    let limit = budget + budget / 5 + 64 * MIB;
    let pages = options.pages;
    Ok(vec![
        Finding {
            what: format!("{pages} pages through {}: RSS under {}", mib(budget), mib(limit)),
            found: format!(
                "{} at most of those sampled, {} peak, {} empty",
                mib(most),
                mib(peak),
                mib(before)
            ),
            kept: peak < limit,
        },
        // A cache that keeps nothing would keep to any budget.
        Finding {
            what: "at least a quarter of the budget holds pages".into(),
            found: format!("about {} of bodies", mib(held)),
            kept: held * 4 >= budget,
        },
    ])
}

fn fill(server: &Server, pages: u64) -> anyhow::Result<()> {
    let mut load = Load::open(server.address, CONNECTIONS)?;
    let steps = 10;
    for step in 0..steps {
        let (first, end) = (pages * step / steps, pages * (step + 1) / steps);
        load.run(Ask::Numbered { first, step: 1 }, end - first)?;
        note(&format!("{end} pages: {}", mib(server.memory().resident_bytes)));
    }
    Ok(())
}

/// The largest resident size seen while `work` is done.
fn watch(server: &Server, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<u64> {
    let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let pid = server.pid();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(memory(pid).resident_bytes, Ordering::Relaxed);
                pause(SAMPLE_EVERY);
            }
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        worked
    })?;
    Ok(most.into_inner())
}

/// How much of what went by is still held, estimated from pages asked for once more.
fn held_bytes(server: &Server, origin: &Origin, pages: u64) -> anyhow::Result<u64> {
    let probes = PROBES.min(pages);
    let step = pages / probes;
    let before = origin.asked();
    // One connection, backwards from nothing: a probe that misses is stored and may push out
    // another page, so few are asked compared with what fits.
    Load::open(server.address, 1)?.run(Ask::Numbered { first: 0, step }, probes)?;
    let hits = probes.saturating_sub(origin.asked() - before);
    let average = (0..1000).map(|n| Page::Numbered(n).body_bytes()).sum::<u64>() / 1000;
    Ok(hits * step * average)
}
