//! Whether memory and start-up stay in their bounds: see [`larder_bench::memory`].

use clap::Parser as _;
use larder_bench::{memory, terminal};

fn main() -> anyhow::Result<()> {
    if let Some(served) = terminal::serve_if_floor() {
        return served;
    }
    memory::run(&memory::Options::parse())
}
