//! Whether a purge in a lookup table of ten million pages begins and ends soon: see [`larder_bench::lookup`].

use clap::Parser as _;
use larder_bench::{lookup, terminal};

fn main() -> std::process::ExitCode {
    terminal::run(|| lookup::run(&lookup::Options::parse()))
}
