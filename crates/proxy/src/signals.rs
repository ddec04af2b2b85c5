//! What do the system's signals mean? SIGTERM and SIGINT: drain, a second one: end at once. SIGHUP:
//! read the configuration again and open the log anew.

use std::time::Duration;

use larder_config::{Config, Problems};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::server::Server;
use crate::start_error::StartError;

/// How often it is looked whether a drain is over.
const LOOK: Duration = Duration::from_millis(20);

/// Serves until a signal ends it. `reload` is called on SIGHUP.
///
/// Messages go through `tracing`: when it is ready, a reload's outcome, the end.
///
/// # Errors
/// Nothing was started.
pub fn run(
    config: Config,
    reload: impl Fn() -> Result<Config, Problems> + Send + Sync + 'static,
) -> Result<(), StartError> {
    run_with(config, reload, |_| {})
}

/// The same, calling `ready` once clients can connect.
///
/// # Errors
/// Nothing was started.
pub fn run_with(
    config: Config,
    reload: impl Fn() -> Result<Config, Problems> + Send + Sync + 'static,
    ready: impl FnOnce(&Server),
) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::System)?;
    // Before the server: a signal that comes while it starts is kept.
    let mut signals = {
        let _context = runtime.enter();
        Signals::watch().map_err(StartError::System)?
    };
    warn(&config);
    let server = Server::start(config)?;
    announce(&server);
    ready(&server);
    while runtime.block_on(signals.next()) == Order::Reload {
        // Not inside `block_on`: applying a configuration waits for names to be looked up.
        apply(&server, reload());
    }
    tracing::info!("no more connections are taken; requests in progress may end");
    server.drain();
    let ended = runtime.block_on(async {
        loop {
            tokio::select! {
                order = signals.next() => if order == Order::End { return false },
                () = tokio::time::sleep(LOOK) => if server.is_over() { return true },
            }
        }
    });
    if !ended {
        tracing::warn!("told twice to end: requests in progress are cut off");
    }
    drop(server);
    Ok(())
}

/// What is odd in a configuration, though nothing is wrong: rules that no request comes to and the like.
fn warn(config: &Config) {
    for line in config.warnings.lines() {
        tracing::warn!("{line}");
    }
}

fn announce(server: &Server) {
    for address in server.addresses() {
        tracing::info!("listening on {address}");
    }
    for address in server.https_addresses() {
        tracing::info!("listening on {address} with TLS");
    }
    if let Some(address) = server.admin_address() {
        tracing::info!("health and metrics on {address}");
    }
}

fn apply(server: &Server, config: Result<Config, Problems>) {
    let config = match config {
        Ok(config) => config,
        Err(problems) => {
            server.reload_failed();
            tracing::error!("the configuration was not changed:\n{problems}");
            return;
        }
    };
    warn(&config);
    match server.apply(config) {
        Ok(waiting) if waiting.is_empty() => tracing::info!("a new configuration is in force"),
        Ok(waiting) => tracing::warn!(
            "a new configuration is in force, except for what needs a restart: {}",
            waiting.join(", ")
        ),
        Err(error) => {
            server.reload_failed();
            tracing::error!("the configuration was not changed: {error}");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Reload,
    End,
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn watch() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.term.recv() => Order::End,
            _ = self.int.recv() => Order::End,
            _ = self.hup.recv() => Order::Reload,
        }
    }
}
