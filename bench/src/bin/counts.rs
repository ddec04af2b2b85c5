//! Instructions a hit: see [`larder_bench::counts`].

use clap::Parser as _;
use larder_bench::{counts, terminal};

fn main() -> anyhow::Result<()> {
    if let Some(served) = terminal::serve_if_floor() {
        return served;
    }
    counts::run(&counts::Options::parse())
}
