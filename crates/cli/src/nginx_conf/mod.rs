//! `larder nginx-conf`: nginx in front of this Larder, written out.
//!
//! What nginx does by itself is decided here once, from the rules: which hosts have which rules (`hosts`), which rules' pages it
//! looks up and what it answers with them (`kinds`), by what it sees that a request is for none (`visitors`). What it can't know is
//! left to Larder, which is asked on every doubt. `write` makes the text of it.

mod hosts;
mod kinds;
mod plan;
mod quote;
mod visitors;
mod write;

use std::process::ExitCode;

use larder_config::{Config, ConfigBuilder, Problems};

use crate::arguments::NginxConf;
use crate::{check, output};

/// Prints the configuration, or says why there is none.
pub(crate) fn run(arguments: &NginxConf) -> ExitCode {
    let config = match load(arguments) {
        Ok(config) => config,
        Err(problems) => {
            output::problems(&problems);
            return ExitCode::from(output::EXIT_NOT_STARTED);
        }
    };
    output::problems(&config.warnings);
    match plan::plan(&config, arguments) {
        Ok(plan) => {
            for warning in &plan.warnings {
                output::complain(warning);
            }
            output::say(&write::text(&plan));
            ExitCode::SUCCESS
        }
        Err(problem) => output::fail(&problem),
    }
}

fn load(arguments: &NginxConf) -> Result<Config, Problems> {
    let overrides = arguments.options.overrides();
    match &arguments.config {
        Some(path) => check::load(path, overrides),
        None => ConfigBuilder::new().overrides(overrides).build(),
    }
}

#[cfg(test)]
mod tests;
