//! What the programs here have in common at their edges: lines for people, and starting themselves
//! as a floor.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::ExitCode;
use std::{env, fs, io};

use anyhow::{Context as _, bail};

use crate::peers::{Peer, SERVE_FLOOR};
use crate::{axum_larder, axum_site, floor, floor_hyper, sys};

/// Prints a result.
///
/// # Errors
/// When nobody reads it.
pub fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Tells how far it is, beside the results.
pub fn note(line: &str) {
    // A closed stderr must not end a measurement.
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Runs `program`, unless this process was started as a floor (`PROGRAM serve-floor NAME ADDRESS`),
/// and says in one line what went wrong.
#[must_use]
pub fn run(program: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let ended = match arguments.as_slice() {
        [role, name, address] if role == SERVE_FLOOR => serve_floor(name, address),
        _ => program(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn serve_floor(name: &str, address: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).context("listening")?;
    sys::lift_file_limit()?;
    if name == Peer::Floor.name() {
        floor::serve(&listener)?;
    } else if name == Peer::FloorHyper.name() {
        floor_hyper::serve(listener, floor_hyper::Timer::None)?;
    } else if name == Peer::FloorHyperTimer.name() {
        floor_hyper::serve(listener, floor_hyper::Timer::Head)?;
    } else if name == Peer::Axum.name() {
        axum_site::serve(listener, axum_site::router(axum_larder::FIELDS_OF_A_HIT)?)?;
    } else if name == Peer::AxumLarder.name() {
        axum_larder::serve(listener)?;
    } else {
        bail!("no floor is called {name}");
    }
    Ok(())
}

/// The machine in one line: what else runs on it matters to every number.
#[must_use]
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!(
        "{} ({cores} cores), Linux {}, load average {}",
        model.map_or("unknown CPU", |(_, model)| model),
        kernel.trim(),
        load.split(' ').next().unwrap_or("unknown"),
    )
}
