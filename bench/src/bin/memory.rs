//! Whether memory and start-up stay in their bounds: see [`larder_bench::memory`].

use clap::Parser as _;
use larder_bench::{memory, terminal};

fn main() -> std::process::ExitCode {
    terminal::run(|| memory::run(&memory::Options::parse()))
}
