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
mod secure;
mod state;
#[cfg(test)]
mod tests;
mod visit;

use std::net::SocketAddr;
use std::process::ExitCode;

use larder_config::{Config, ConfigBuilder, Overrides, Problems};

use crate::arguments::Demo;
use crate::{output, serve};
use secure::Secure;

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
    let secure = match arguments.https.map(Secure::make).transpose() {
        Ok(secure) => secure,
        Err(error) => {
            return output::fail(&format!("the demo's certificate cannot be made: {error}"));
        }
    };
    let file = secure.as_ref().map(Secure::file).unwrap_or_default();
    let load = move || config(listen, application, &file);
    match load() {
        Ok(config) => serve::start(config, load, move |server| {
            // What was asked for, with the ports that the system chose in place of 0.
            let plain = server.addresses().first().copied().unwrap_or(listen);
            let https = server.https_addresses().first().copied();
            output::say(&guide::text(plain, https, application));
        }),
        Err(problems) => {
            output::problems(&problems);
            ExitCode::from(output::EXIT_NOT_STARTED)
        }
    }
}

/// The defaults, but without an admin listener (its port may be a real Larder's) and quietly.
fn config(listen: SocketAddr, application: SocketAddr, file: &str) -> Result<Config, Problems> {
    let mut overrides = Overrides::new();
    overrides.flag("upstream", format!("http://{application}"));
    overrides.flag("listen.http", listen.to_string());
    overrides.flag("admin.listen", "off");
    overrides.flag("log.level", "warn");
    ConfigBuilder::new().file("demo", file).overrides(overrides).build()
}
