//! `larder warm`: has a running Larder fetch pages before anybody asks for them.
//!
//! Three steps. [`gather`] finds out which pages: from the command line, [`sitemap`]s, lists and access [`log`]s. [`fetch`] asks the
//! admin listener for one after the other, at a polite rate, and [`resume`] remembers which are done. [`report`] tells what
//! came of it. Everything about a page is decided by the running Larder ([warming.md](../../docs/warming.md)).

mod fetch;
mod gather;
mod limits;
mod log;
mod progress;
mod report;
mod resume;
mod sitemap;
mod visit;

use std::process::ExitCode;

use crate::admin::At;
use crate::arguments::Warm;
use crate::output;

use self::gather::Gathered;
use self::report::Report;
use self::resume::Resume;

/// Nothing was stored, or it was not brought to its end.
const EXIT_NOT_DONE: u8 = 1;

/// Fetches; 1 when nothing was stored or it ended early, 2 when it could not begin.
pub(crate) fn run(arguments: &Warm) -> ExitCode {
    let at = match At::of(&arguments.admin) {
        Ok(at) => at,
        Err(fault) => return output::fail(&fault),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&error),
    };
    let report = runtime.block_on(async {
        let Gathered { mut urls, notes } = gather::gather(&arguments.what).await?;
        for note in notes {
            output::complain(&note);
        }
        if urls.is_empty() {
            return Err("there is nothing to fetch".to_owned());
        }
        let resume = arguments.resume.as_deref().map(Resume::open).transpose()?;
        let before = urls.len();
        if let Some(resume) = &resume {
            urls.retain(|url| !resume.is_done(url));
        }
        let report = Report::new(before - urls.len());
        fetch::all(arguments, &at, urls, resume, report).await
    });
    // A request that is still waited for has nothing to tell any more.
    runtime.shutdown_background();
    match report {
        Ok(report) => {
            let text = if arguments.json { report.json() } else { report.text() };
            output::say(text.trim_end());
            if let Some(why) = report.ended_early() {
                output::complain(&why);
            }
            if report.is_success() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NOT_DONE) }
        }
        Err(fault) => output::fail(&fault),
    }
}
