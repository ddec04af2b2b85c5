//! How do a file, the command line and the defaults become one configuration?
//!
//! The table's defaults, then the file, then the command line, each value checked on its own; then
//! what only the whole shows ([`crate::contradictions`]). Nothing stops at the first problem.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::certificates;
use crate::config::Config;
use crate::contradictions;
use crate::file::{self, Contents};
use crate::front;
use crate::kind::{Kind, OptionSpec};
use crate::machine::Machine;
use crate::options;
use crate::overrides::{Override, Overrides};
use crate::problem::{Place, Problem, Problems, Severity};
use crate::publish;
use crate::purge;
use crate::rules::{self, Compiled};
use crate::secret::{ReadSecret, SecretSource};
use crate::value::{self, Given, Value};

/// Where each option that somebody set was set, and which of them are not as they were meant.
#[derive(Debug, Default)]
pub(crate) struct Places {
    at: BTreeMap<&'static str, Given>,
    faulty: BTreeSet<&'static str>,
}

impl Places {
    /// Where the option was set, if it was.
    pub(crate) fn of(&self, key: &str) -> Option<&Place> {
        self.at.get(key).map(|given| &given.place)
    }

    /// Where the element of a list was set, or, if nobody did, the whole.
    pub(crate) fn of_element(&self, key: &str, index: usize) -> Place {
        let element = self.at.get(key).and_then(|given| given.elements().get(index));
        element.map_or(Place::Whole, |element| element.place.clone())
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
    secrets: Option<ReadSecret>,
    #[cfg(feature = "tls")]
    now: Option<std::time::SystemTime>,
    reader: Reader,
}

/// Who reads a file, and so what of it is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reader {
    /// `larder serve`: everything.
    #[default]
    Proxy,
    /// An application that answers by the rules itself. What only the proxy opens is read, and checked for itself; it
    /// is neither opened nor required.
    Application,
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

    /// Reads secrets in another way than [`SecretSource::read`].
    #[must_use]
    pub const fn secrets(mut self, read: ReadSecret) -> Self {
        self.secrets = Some(read);
        self
    }

    /// Judges certificates at another time than this one.
    #[cfg(feature = "tls")]
    #[must_use]
    pub const fn now(mut self, now: std::time::SystemTime) -> Self {
        self.now = Some(now);
        self
    }

    /// Reads the file for an application, which answers by its rules itself: certificates, tokens, `upstream`, listeners and
    /// servers of published pages are checked for themselves, but neither opened nor required. Keys of the signed marker are
    /// read. Of the result [`Config::policy`], [`Config::front`], [`Config::semantics`], [`Config::cache`] and
    /// [`Config::warnings`] mean something.
    #[must_use]
    pub const fn for_application(mut self) -> Self {
        self.reader = Reader::Application;
        self
    }

    /// Checks everything. What is allowed but hardly meant is in [`Config::warnings`].
    ///
    /// # Errors
    /// All problems, warnings among them, in the order of the file, then of the command line.
    pub fn build(self) -> Result<Config, Problems> {
        let machine = self.machine.unwrap_or_else(Machine::here);
        let mut config = Config::defaults(&machine);
        let mut places = Places::default();
        let (name, text) = self.file.unwrap_or_else(|| ("larder".into(), String::new()));
        let Contents { values, entries, certificates: certs, mut problems, readable } =
            file::read(&text);
        for (option, given) in &values {
            put(option, given, &mut config, &mut places, &mut problems);
        }
        for (option, given) in arguments(&self.overrides.values, &mut problems) {
            put(option, &given, &mut config, &mut places, &mut problems);
        }
        config.settle(&machine, |key| places.of(key).is_some() && places.sound(&[key]));
        if readable {
            problems.extend(contradictions::find(&config, &places, &machine, self.reader));
            let read = self.secrets.unwrap_or(SecretSource::read);
            let (name, text) = (name.as_str(), text.as_str());
            let tags = purge::tags(&config);
            let trusts_version_cookie = config.publish_options.trusts_page_versions;
            let source = Compiled {
                name,
                text,
                entries: &entries,
                places: &places,
                read,
                tags,
                trusts_version_cookie,
            };
            if let Some(policy) = rules::compile(&source, &config.site, &mut problems) {
                config.policy = Arc::new(policy);
            }
            let front = front::compile(&config, &entries, &places, self.reader, &mut problems);
            config.front = Arc::new(front);
            match self.reader {
                Reader::Application => certificates::spelling(&certs, &mut problems),
                Reader::Proxy => {
                    purge::compile(&mut config, &places, read, &mut problems);
                    publish::compile(&mut config, name, &entries, &places, &mut problems);
                    #[cfg(feature = "tls")]
                    {
                        let now = self.now.unwrap_or_else(crate::machine::now);
                        crate::tls::compile(&certs, &mut config, &places, now, &mut problems);
                        crate::upstream_tls::compile(&mut config, &places, &mut problems);
                    }
                    #[cfg(not(feature = "tls"))]
                    crate::without_tls::refuse(&certs, &config, &places, &mut problems);
                }
            }
        }
        if problems.iter().any(|problem| problem.severity() == Severity::Error) {
            return Err(Problems::new(&name, &text, problems));
        }
        if !problems.is_empty() {
            config.warnings = Problems::new(&name, &text, problems);
        }
        Ok(config)
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
    places.at.insert(option.key, given.clone());
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
        | Kind::Path { .. }
        | Kind::Text { .. }
        | Kind::Texts { .. }
        | Kind::Networks { .. } => Value::Text(text.to_owned()),
    }
}
