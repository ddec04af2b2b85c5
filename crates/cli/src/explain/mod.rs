//! `larder explain`: what happens to a request, and why?
//!
//! By the rules alone, or, with `--live`, by asking the application as `larder serve` would. Nothing is decided here: the
//! explanation is the policy's, the verdict on an answer is the cache's.

mod ask;
mod changes;
mod recorder;
mod report;
mod verdict;

use std::process::ExitCode;
use std::time::SystemTime;

use larder_config::{Config, ConfigBuilder, Overrides, Problems};
use larder_policy::explain::{Knowing, Peer};
use larder_policy::{Explanation, Plain, Question, Ruling};
use larder_semantics::Timestamp;
use serde::Serialize;

use crate::arguments::{Explain, SchemeWord};
use crate::{check, output};

/// Without a network the rules need no application, but a configuration names one.
const NO_APPLICATION: &str = "http://127.0.0.1:8000";

/// The whole answer, for programs.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    rules: &'a Explanation,
    live: &'a report::Live,
}

/// Explains; 1 when the application did not answer, 2 when the question makes no sense.
pub(crate) fn run(arguments: &Explain) -> ExitCode {
    let config = match load(arguments) {
        Ok(config) => config,
        Err(problems) => {
            output::problems(&problems);
            return ExitCode::from(output::EXIT_NOT_STARTED);
        }
    };
    let question = match question(arguments) {
        Ok(question) => question,
        Err(fault) => return output::fail(&fault),
    };
    let explanation = explain(&config, &question);
    if !arguments.live {
        let text = if arguments.json { json(&explanation) } else { explanation.to_string() };
        output::say(text.trim_end());
        return ExitCode::SUCCESS;
    }
    match ask::ask(&config, &question, arguments.client) {
        Ok((explanation, None)) => {
            let text = if arguments.json { json(&explanation) } else { explanation.to_string() };
            output::say(text.trim_end());
            ExitCode::SUCCESS
        }
        Ok((explanation, Some(live))) => {
            let whole = Whole { rules: &explanation, live: &live };
            let text = if arguments.json { json(&whole) } else { format!("{explanation}\n{live}") };
            output::say(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(ask::Fault::Question(fault)) => output::fail(&fault),
        Err(ask::Fault::Application(fault)) => {
            output::complain(&fault);
            ExitCode::FAILURE
        }
    }
}

/// By the configuration alone.
fn explain(config: &Config, question: &Question) -> Explanation {
    let nothing = |_: &Ruling, _: &[u8]| Vec::new();
    let known = Knowing { sources: &Plain, varies: &nothing, peer: Peer::Anybody, now: now() };
    config.front.explain(&config.policy, &question.visit(), &known)
}

fn question(arguments: &Explain) -> Result<Question, String> {
    let url = match arguments.scheme {
        None => arguments.url.clone(),
        Some(scheme) => {
            let rest = arguments.url.split_once("://").map_or(&*arguments.url, |(_, rest)| rest);
            let scheme = match scheme {
                SchemeWord::Http => "http",
                SchemeWord::Https => "https",
            };
            format!("{scheme}://{rest}")
        }
    };
    Question::new(&url, &arguments.method, &arguments.headers)
}

fn load(arguments: &Explain) -> Result<Config, Problems> {
    let build = |overrides: Overrides| match &arguments.config {
        Some(path) => check::load(path, overrides),
        None => ConfigBuilder::new().overrides(overrides).build(),
    };
    build(arguments.options.overrides()).or_else(|problems| {
        if arguments.live {
            return Err(problems);
        }
        // If all that is missing is the application, the rules are there.
        let mut overrides = arguments.options.overrides();
        overrides.flag("upstream", NO_APPLICATION);
        build(overrides)
    })
}

#[expect(clippy::disallowed_methods, reason = "the edge: here the present moment comes from")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn json(value: &impl Serialize) -> String {
    // Writing plain data as JSON does not fail.
    serde_json::to_string_pretty(value).unwrap_or_default()
}
