//! How do a file, the command line and the defaults become one configuration?
//!
//! The table's defaults, then the file, then the command line, each value checked on its own; then
//! what only the whole shows ([`crate::contradictions`]). Nothing stops at the first problem.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::contradictions;
use crate::file;
use crate::kind::{Kind, OptionSpec};
use crate::machine::Machine;
use crate::options;
use crate::overrides::{Override, Overrides};
use crate::problem::{Place, Problem, Problems};
use crate::value::{self, Given, Value};

/// Where each option that somebody set was set, and which of them are not as they were meant.
#[derive(Debug, Default)]
pub(crate) struct Places {
    at: BTreeMap<&'static str, Place>,
    faulty: BTreeSet<&'static str>,
}

impl Places {
    /// Where the option was set, if it was.
    pub(crate) fn of(&self, key: &str) -> Option<&Place> {
        self.at.get(key)
    }

    /// Whether all of these are what somebody meant: set without a problem, or left alone.
    pub(crate) fn sound(&self, keys: &[&str]) -> bool {
        !keys.iter().any(|key| self.faulty.contains(key))
    }
}

/// Collects what a configuration is made of. The last word is the command line's.
#[derive(Clone, Debug, Default)]
pub struct ConfigBuilder {
    file: Option<(String, String)>,
    overrides: Overrides,
    machine: Option<Machine>,
}

impl ConfigBuilder {
    /// Nothing but defaults so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the text of a file; `name` is what problems call it.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.file = Some((name.into(), text.into()));
        self
    }

    /// Takes what the command line says.
    #[must_use]
    pub fn overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// Checks for another machine than this one.
    #[must_use]
    pub const fn machine(mut self, machine: Machine) -> Self {
        self.machine = Some(machine);
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// All problems, in the order of the file, then of the command line.
    pub fn build(self) -> Result<Config, Problems> {
        let machine = self.machine.unwrap_or_else(Machine::here);
        let mut config = Config::defaults(&machine);
        let mut places = Places::default();
        let mut problems = Vec::new();
        let mut readable = true;
        if let Some((_, text)) = &self.file {
            let contents = file::read(text);
            problems = contents.problems;
            readable = contents.readable;
            for (option, given) in &contents.values {
                put(option, given, &mut config, &mut places, &mut problems);
            }
        }
        for (option, given) in arguments(&self.overrides.values, &mut problems) {
            put(option, &given, &mut config, &mut places, &mut problems);
        }
        config.settle(&machine, |key| places.of(key).is_some() && places.sound(&[key]));
        if readable {
            problems.extend(contradictions::find(&config, &places, &machine));
        }
        if problems.is_empty() {
            return Ok(config);
        }
        let (name, text) = self.file.unwrap_or_else(|| ("larder".into(), String::new()));
        Err(Problems::new(&name, &text, problems))
    }
}

/// Sets one option and remembers where.
fn put(
    option: &'static OptionSpec,
    given: &Given,
    config: &mut Config,
    places: &mut Places,
    problems: &mut Vec<Problem>,
) {
    let before = problems.len();
    value::set(option, given, config, problems);
    places.at.insert(option.key, given.place.clone());
    if problems.len() > before {
        places.faulty.insert(option.key);
    }
}

/// The command line's values, one for each option: lists joined, of others the last.
fn arguments(
    values: &[Override],
    problems: &mut Vec<Problem>,
) -> Vec<(&'static OptionSpec, Given)> {
    let mut merged: Vec<(&'static OptionSpec, Given)> = Vec::new();
    for each in values {
        let place = Place::Argument(each.argument.clone());
        let Some(option) = options::find(&each.key) else {
            problems.push(file::unknown(&each.key, place));
            continue;
        };
        let given = Given { place: place.clone(), value: typed(&option.kind, &each.text) };
        let earlier = merged.iter_mut().find(|(known, _)| known.key == option.key);
        match earlier {
            Some((_, Given { value: Value::List(list), .. })) => list.push(given),
            Some((_, earlier)) => *earlier = given,
            None if option.kind.is_list() => {
                merged.push((option, Given { place, value: Value::List(vec![given]) }));
            }
            None => merged.push((option, given)),
        }
    }
    merged
}

/// An argument's text as the value that a file would hold. Text where it is neither.
fn typed(kind: &Kind, text: &str) -> Value {
    match kind {
        Kind::Count { .. } | Kind::Percent { .. } => {
            text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Integer)
        }
        Kind::Switch { .. } => {
            text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Bool)
        }
        Kind::Bytes { .. }
        | Kind::Duration { .. }
        | Kind::Addresses { .. }
        | Kind::AddressOrOff { .. }
        | Kind::Upstreams { .. }
        | Kind::Choice { .. }
        | Kind::Path { .. } => Value::Text(text.to_owned()),
    }
}
