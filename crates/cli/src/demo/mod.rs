//! `larder demo`: something to try within a minute.
//!
//! A small application with the pages that caches get wrong ([`app`]), in this process on a port the
//! system chooses; Larder in front of it; and five commands that show what happens ([`guide`]).

mod app;
mod body;
mod clock;
mod form;
mod guide;
mod html;
mod pages;
mod respond;
mod state;
#[cfg(test)]
mod tests;
mod visit;

use std::net::SocketAddr;
use std::process::ExitCode;

use larder_config::{Config, ConfigBuilder, Overrides, Problems};

use crate::arguments::Demo;
use crate::{output, serve};

/// Starts the application, says what to try, and serves until SIGTERM or Ctrl-C.
pub(crate) fn run(arguments: &Demo) -> ExitCode {
    let mut listen = arguments.listen;
    if let Some(port) = arguments.port {
        listen.set_port(port);
    }
    let application = match app::start() {
        Ok(address) => address,
        Err(error) => {
            return output::fail(&format!("the demo's application cannot start: {error}"));
        }
    };
    match config(listen, application) {
        Ok(config) => {
            let reload = move || self::config(listen, application);
            serve::start(config, reload, move |server| {
                // What was asked for, with the port that the system chose in place of 0.
                let address = server.addresses().first().copied().unwrap_or(listen);
                output::say(&guide::text(address, application));
            })
        }
        Err(problems) => {
            output::problems(&problems);
            ExitCode::from(output::EXIT_NOT_STARTED)
        }
    }
}

/// The defaults, but without an admin listener (its port may be a real Larder's) and quietly.
fn config(listen: SocketAddr, application: SocketAddr) -> Result<Config, Problems> {
    let mut overrides = Overrides::new();
    overrides.flag("upstream", format!("http://{application}"));
    overrides.flag("listen.http", listen.to_string());
    overrides.flag("admin.listen", "off");
    overrides.flag("log.level", "warn");
    ConfigBuilder::new().overrides(overrides).build()
}
