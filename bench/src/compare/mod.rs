//! What each server's CPU pays for one request, side by side in one run.
//!
//! Servers share core 0 and are measured one at a time; origin and load share core 1. Rounds
//! alternate between servers, so that a noisy minute is noisy for all of them.

mod measure;
mod table;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::origin::Origin;
use crate::peers::{Doors, Peer, Site, program};
use crate::process::Server;
use crate::sys;
use crate::terminal::{machine, note, say};

pub use measure::{Cell, Sample, Work};
pub use table::{Results, Row};

const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;

/// Measures CPU per request of caching proxies.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "compare")]
pub struct Options {
    /// Servers to measure, by comma
    #[arg(long, value_delimiter = ',', value_enum)]
    pub only: Vec<Peer>,
    /// Kinds of work to measure, by comma
    #[arg(long, value_delimiter = ',', value_enum)]
    pub work: Vec<Work>,
    /// Numbers of client connections, by comma
    #[arg(long, value_delimiter = ',', default_values_t = [64, 1000])]
    pub connections: Vec<usize>,
    /// Rounds; each measures every server once
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// A tenth of the requests: for trying things out, too noisy to publish
    #[arg(long)]
    pub quick: bool,
    /// Write every sample to this file
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Fail when Larder misses its aims
    #[arg(long)]
    pub check: bool,
}

/// Runs the comparison and prints it.
///
/// # Errors
/// When a server is missing, does not start, or answers wrongly; with `check`, when an aim is missed.
pub fn run(options: &Options) -> anyhow::Result<()> {
    sys::lift_file_limit()?;
    let peers = chosen(options)?;
    let before = machine();
    // The origin's thread and this one; servers are moved to their core when they start.
    sys::pin_to_core(LOAD_CORE).context("two cores are needed, one for the load")?;
    let origin = Origin::start(Some(LOAD_CORE))?;
    let site = Site { core: Some(SERVER_CORE), ..Site::behind(origin.address, 256) };
    let mut running: Vec<(Peer, Server, Doors)> = Vec::new();
    for &peer in &peers {
        note(&format!("starting {}: {}", peer.name(), peer.version()));
        let doors = Doors::free()?;
        let asked_for = peer.has_doors().then_some(doors);
        running.push((peer, peer.start(Site { doors: asked_for, ..site })?, doors));
    }
    let mut results = Results::new(&peers, before);
    let mut misses = 1;
    for cell in cells(options) {
        for round in 0..options.rounds.max(1) {
            for turn in 0..running.len() {
                let (peer, server, doors) = &running[(turn + round) % running.len()];
                if !cell.work.is_possible(*peer) {
                    continue;
                }
                let sample = if cell.work.is_by_h2load() {
                    measure::measure_by_h2load(server, *doors, &origin, cell)
                } else {
                    measure::measure(server, &origin, cell, &mut misses)
                };
                let sample = sample.with_context(|| format!("{}: {}", peer.name(), cell.name()))?;
                let (cpu, rate) = (sample.cpu_micros, sample.requests_per_second);
                let (cell_name, round, name) = (cell.name(), round + 1, peer.name());
                note(&format!("{cell_name}, round {round}: {name} {cpu:.1} µs, {rate:.0}/s"));
                results.add(*peer, cell, sample);
            }
        }
    }
    drop(running);
    results.machine_after = machine();
    say(&results.markdown())?;
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_string_pretty(&results)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    let missed = results.missed_aims();
    if options.check && !missed.is_empty() {
        bail!("missed: {}", missed.join("; "));
    }
    Ok(())
}

fn chosen(options: &Options) -> anyhow::Result<Vec<Peer>> {
    if !options.only.is_empty() {
        for peer in &options.only {
            peer.check()?;
        }
        return Ok(options.only.clone());
    }
    // Everything that is missing in one answer, so that one command installs it.
    let load = program("h2load", "nghttp2-client").map(drop);
    let missing: Vec<String> = Peer::COMPARED
        .iter()
        .map(|peer| peer.check())
        .chain([load])
        .filter_map(|found| found.err().map(|error| error.to_string()))
        .collect();
    if missing.is_empty() {
        return Ok(Peer::COMPARED.to_vec());
    }
    bail!("{}\n(or measure some of them: --only floor,nginx)", missing.join("\n"))
}

fn cells(options: &Options) -> Vec<Cell> {
    let works = if options.work.is_empty() { &Work::ALL[..] } else { &options.work };
    let divisor = if options.quick { 10 } else { 1 };
    let mut cells = Vec::new();
    for &work in works {
        for &connections in &options.connections {
            cells.push(Cell { work, connections, requests: work.requests() / divisor });
        }
    }
    cells
}
