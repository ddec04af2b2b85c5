//! The smuggling corpus against a real binary: `cargo run -p larder-testkit --example smuggling -- target/fast/larder`.
//!
//! Prints each attempt that had an effect it must not have, and how many had none.
#![expect(clippy::print_stdout, reason = "a program for people: its output is its purpose")]

use std::path::Path;
use std::process::ExitCode;

use larder_testkit::Larder;
use larder_testkit::smuggling::{cases, echo_origin, run_smuggling};

fn main() -> ExitCode {
    let Some(binary) = std::env::args_os().nth(1) else {
        println!("usage: smuggling PATH_OF_LARDER");
        return ExitCode::from(2);
    };
    let origin = echo_origin();
    let larder = Larder::serve(Path::new(&binary), &origin.url(), &[]);
    let failures = run_smuggling(larder.addr(), &origin);
    for failure in &failures {
        println!("FAIL {}: {}", failure.case, failure.what);
    }
    println!("{} passed, {} failed", cases().len().saturating_sub(failures.len()), failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
