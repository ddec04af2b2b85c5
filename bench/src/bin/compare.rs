//! What each server's CPU pays for a request: see [`larder_bench::compare`].

use clap::Parser as _;
use larder_bench::{compare, terminal};

fn main() -> anyhow::Result<()> {
    if let Some(served) = terminal::serve_if_floor() {
        return served;
    }
    compare::run(&compare::Options::parse())
}
