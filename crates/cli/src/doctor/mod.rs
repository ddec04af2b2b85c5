//! `larder doctor`: does the application, and the site as visitors reach it, do what a cache in front of it needs?
//!
//! Three steps. [`ask`] makes requests, GET and HEAD only, slowly, at the addresses that were named and nowhere else, and
//! writes down what came. [`checks`] are functions of that record. [`report`] tells what they found; what a check means and
//! what helps is in one [`table`].

mod ask;
mod checks;
mod client;
mod document;
mod examined;
mod finding;
mod forge;
mod framework;
mod html;
pub(crate) mod limits;
mod probe;
mod report;
mod scheme;
mod site;
mod table;
#[cfg(test)]
mod tests;
mod url;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use larder_config::{Config, ConfigBuilder, Overrides, Problems};
use larder_policy::Scheme;
use larder_tls::look::Looker;

use self::client::Client;
use self::examined::Examined;
use self::report::{Colours, Report};
use self::site::{Site, Wanted};
use crate::arguments::Doctor;
use crate::{check, output};

/// Where only the public address is asked, nobody is asked here.
const NO_APPLICATION: &str = "http://127.0.0.1:8000";

/// Asks and reports; 1 when there are problems, 2 when nothing could be found out.
pub(crate) fn run(arguments: &Doctor) -> ExitCode {
    if arguments.list {
        output::say(&table::list());
        return ExitCode::SUCCESS;
    }
    let config = match load(arguments) {
        Ok(config) => config,
        Err(problems) => {
            output::problems(&problems);
            return ExitCode::from(output::EXIT_NOT_STARTED);
        }
    };
    let wanted = Wanted {
        application: arguments.config.is_some() || !arguments.to.is_empty(),
        public: arguments.public.clone(),
        host: arguments.host.clone(),
        paths: arguments.paths.clone(),
    };
    let pause = Duration::from_secs(1) / arguments.rate.max(1);
    let examined = Site::new(config, &wanted).and_then(|site| examine(site, pause));
    let examined = match examined {
        Ok(examined) => examined,
        Err(fault) => return output::fail(&fault),
    };
    let mut bases = 0..examined.site.bases.len();
    if !bases.any(|base| examined.is_there(base)) {
        return output::fail(&nobody(&examined));
    }
    let report = Report::new(&examined, checks::all(&examined));
    if arguments.json {
        output::say(&report.json());
    } else {
        let seen = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let colours = if seen { Colours::Shown } else { Colours::None };
        output::say(report.text(colours).trim_end());
    }
    if report.has_problems() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Asks everything.
fn examine(site: Site, pause: Duration) -> Result<Examined, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    // Whom the machine trusts is read only where somebody shows a certificate.
    let is_https = site.bases.iter().any(|base| base.scheme == Scheme::Https);
    let looker = if is_https { Looker::system() } else { Looker::trusting(Vec::new()) };
    let examined = runtime.block_on(async { ask::examine(site, Client::new(pause, looker)).await });
    // A name that is still being looked up has nothing to tell any more.
    runtime.shutdown_background();
    Ok(examined)
}

/// That nobody answered, and why, in a line.
fn nobody(examined: &Examined) -> String {
    let failed = examined.probes.iter().find_map(|probe| {
        let base = examined.base(probe.base)?;
        probe.came.as_ref().err().map(|why| format!("{base}: {why}"))
    });
    failed.unwrap_or_else(|| "nobody answered".to_owned())
}

fn load(arguments: &Doctor) -> Result<Config, Problems> {
    let mut overrides = Overrides::new();
    for url in &arguments.to {
        overrides.flag("upstream", url);
    }
    match &arguments.config {
        Some(path) => check::load(path, overrides),
        None => {
            if arguments.to.is_empty() {
                overrides.flag("upstream", NO_APPLICATION);
            }
            ConfigBuilder::new().overrides(overrides).build()
        }
    }
}
