//! The `larder` command: serve, demo, check, explain, doctor, purge, warm, lookup, nginx-conf.
//!
//! The only crate that prints. Everything else it does is done by the others: options and their
//! texts are `larder-config`'s, answering requests is `larder-proxy`'s.

mod admin;
mod arguments;
mod check;
mod commands_document;
mod demo;
mod doctor;
mod explain;
mod lookup;
mod nginx_conf;
mod output;
mod purge;
mod serve;
mod warm;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};

// Small blocks of many sizes, freed by other threads than they were taken by: what it is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage(&error),
    };
    match arguments.command {
        Command::Serve(serve) => serve::run(serve),
        Command::Demo(demo) => demo::run(&demo),
        Command::Check(check) => check::run(&check),
        Command::Explain(explain) => explain::run(&explain),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Purge(purge) => purge::run(&purge),
        Command::Warm(warm) => warm::run(&warm),
        Command::Lookup(lookup) => lookup::run(&lookup),
        Command::NginxConf(nginx) => nginx_conf::run(&nginx),
    }
}
