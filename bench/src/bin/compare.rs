//! What each server's CPU pays for a request: see [`larder_bench::compare`].

use clap::Parser as _;
use larder_bench::{compare, terminal};

fn main() -> std::process::ExitCode {
    terminal::run(|| compare::run(&compare::Options::parse()))
}
