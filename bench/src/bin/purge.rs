//! What purging costs: see [`larder_bench::purge`].

use clap::Parser as _;
use larder_bench::{purge, terminal};

fn main() -> std::process::ExitCode {
    terminal::run(|| purge::run(&purge::Options::parse()))
}
