//! `larder check`: what is wrong with these files, or what would they do?

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use larder_config::{AccessLog, Config, ConfigBuilder, Overrides, Problems, show_bytes};

use crate::arguments::Check;
use crate::output;

/// More would push what else there is to see off the screen.
const RULES_SHOWN: usize = 20;

/// Checks every file, each for itself; 1 when one of them has problems.
pub(crate) fn run(arguments: &Check) -> ExitCode {
    let mut outcome = ExitCode::SUCCESS;
    for path in &arguments.files {
        match load(path, arguments.options.overrides()) {
            Ok(config) => {
                output::problems(&config.warnings);
                output::say(&format!("{}: ok\n{}", path.display(), summary(&config)));
            }
            Err(problems) => {
                output::problems(&problems);
                outcome = ExitCode::FAILURE;
            }
        }
    }
    outcome
}

/// Reads and checks one file under what the command line says.
pub(crate) fn load(path: &Path, overrides: Overrides) -> Result<Config, Problems> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| Problems::unreadable(&name, &error))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Problems::unreadable(&name, &format!("it is not UTF-8: {error}")))?;
    ConfigBuilder::new().file(name, text).overrides(overrides).build()
}

/// What a configuration would do, in the few words that show a wrong one.
fn summary(config: &Config) -> String {
    let list = |items: Vec<String>| items.join(", ");
    let listen = list(config.listen.iter().map(ToString::to_string).collect());
    let upstream = list(config.upstreams.iter().map(ToString::to_string).collect());
    let admin = config.admin.map_or_else(|| "off".to_owned(), |address| address.to_string());
    let memory = show_bytes(config.cache.memory_bytes);
    let object = show_bytes(config.cache.object_bytes_max);
    let log = match (config.log.access, &config.log.path) {
        (AccessLog::Off, _) => "off".to_owned(),
        (AccessLog::Combined | AccessLog::Json, Some(path)) => path.display().to_string(),
        (AccessLog::Combined | AccessLog::Json, None) => "standard output".to_owned(),
    };
    let settings = format!(
        "  listen      {listen}, {} workers\n  upstream    {upstream}\n  \
         memory      {memory}, a response at most {object}\n  admin       {admin}\n  \
         access log  {log}",
        config.workers
    );
    settings + &rules(config)
}

/// How many rules there are, and what the first of them do.
fn rules(config: &Config) -> String {
    let lines = config.rule_lines();
    let count = lines.len();
    let mut text = match count {
        0 => "\n  rules       none: the responses decide".to_owned(),
        _ => format!("\n  rules       {count}"),
    };
    for line in lines.take(RULES_SHOWN) {
        text.push_str("\n    ");
        text.push_str(&line);
    }
    if count > RULES_SHOWN {
        text.push_str(&format!("\n    … and {} more", count - RULES_SHOWN));
    }
    text
}
