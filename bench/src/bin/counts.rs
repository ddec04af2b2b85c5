//! Instructions a hit: see [`larder_bench::counts`].

use clap::Parser as _;
use larder_bench::{counts, terminal};

fn main() -> std::process::ExitCode {
    terminal::run(|| counts::run(&counts::Options::parse()))
}
