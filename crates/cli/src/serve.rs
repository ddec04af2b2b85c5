//! `larder serve`: from arguments and a file to a running proxy.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use larder_config::{Config, ConfigBuilder, Level, Problems};
use larder_proxy::Server;
use tracing_subscriber::filter::LevelFilter;

use crate::arguments::Serve;
use crate::{check, output};

/// Runs until SIGTERM. Everything that keeps it from starting ends with status 2.
pub(crate) fn run(arguments: Serve) -> ExitCode {
    let load = move || -> Result<Config, Problems> {
        let overrides = arguments.options.overrides();
        match &arguments.config {
            Some(path) => check::load(path, overrides),
            None => ConfigBuilder::new().overrides(overrides).build(),
        }
    };
    match load() {
        Ok(config) => start(config, load, |_| {}),
        Err(problems) => {
            output::problems(&problems);
            ExitCode::from(output::EXIT_NOT_STARTED)
        }
    }
}

/// Hands a checked configuration to the proxy; `reload` makes the next one, and `ready` is called
/// once clients can connect.
pub(crate) fn start(
    config: Config,
    reload: impl Fn() -> Result<Config, Problems> + Send + Sync + 'static,
    ready: impl FnOnce(&Server),
) -> ExitCode {
    start_log(config.log.level);
    match larder_proxy::run_with(config, reload, ready) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(&error),
    }
}

/// What Larder says about itself goes to standard error, a line for each event.
fn start_log(level: Level) {
    let filter = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .finish();
    // Fails only where one is installed already, which then is the one to use.
    let _installed = tracing::subscriber::set_global_default(subscriber);
}
