//! Is this value right for this option?
//!
//! One function for the file's values and the command line's: either the value lands in its place in
//! [`Config`], or a problem says what was expected.

use std::net::SocketAddr;

use crate::config::Config;
use crate::kind::{Automatic, Kind, OptionSpec};
use crate::parse::{
    Expected, Fault, bytes, choice, duration, number, parse_address, parse_network, parse_path,
    parse_upstream, shown, switch, text, within,
};
use crate::problem::{Place, Problem};
use crate::quantity::{show_bytes, show_duration};
use crate::words;

/// A value and where it was found.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

impl Given {
    /// The elements of a list; what is no list is the only one.
    pub(crate) fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(elements) => elements,
            Value::Text(_) | Value::Integer(_) | Value::Bool(_) | Value::Other(_) => {
                std::slice::from_ref(self)
            }
        }
    }
}

/// A value before anybody asked for its kind.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i128),
    Bool(bool),
    List(Vec<Given>),
    /// What no option takes, by its name in TOML: a float, a date, a table.
    Other(&'static str),
}

/// Puts the option's default in its place, where the table has a fixed one.
pub(crate) fn set_default(option: &OptionSpec, config: &mut Config) {
    match &option.kind {
        Kind::Bytes { place, default, .. } | Kind::Count { place, default, .. } => {
            if let Automatic::Fixed(value) = default {
                *place(config) = *value;
            }
        }
        Kind::Duration { place, default, .. } => *place(config) = *default,
        Kind::Percent { place, default } => *place(config) = *default,
        Kind::Switch { place, default } => *place(config) = *default,
        Kind::Addresses { place, default } => {
            *place(config) = default.map(SocketAddr::from).into_iter().collect();
        }
        Kind::AddressOrOff { place, default } => *place(config) = Some(SocketAddr::from(*default)),
        Kind::Choice { set, default, .. } => set(config, *default),
        Kind::Text { place, default, .. } => (*default).clone_into(place(config)),
        Kind::Texts { place, default, .. } => {
            *place(config) = default.iter().map(|text| (*text).to_owned()).collect();
        }
        Kind::Networks { place } => place(config).clear(),
        Kind::Upstreams { .. } | Kind::Path { .. } => {}
    }
}

/// Puts `given` in the option's place, or says why not. A bad value leaves what was there.
pub(crate) fn set(
    option: &OptionSpec,
    given: &Given,
    config: &mut Config,
    problems: &mut Vec<Problem>,
) {
    let expected = expected(option);
    if option.kind.is_list() {
        return set_lists(option, &expected, given, config, problems);
    }
    if let Err(fault) = set_single(&option.kind, &expected, &given.value, config) {
        problems.push(fault.at(&given.place));
    }
}

fn expected(option: &OptionSpec) -> Expected {
    let article = match option.kind {
        Kind::Switch { .. } => "",
        Kind::Addresses { .. } | Kind::AddressOrOff { .. } => "an ",
        Kind::Bytes { .. }
        | Kind::Duration { .. }
        | Kind::Count { .. }
        | Kind::Percent { .. }
        | Kind::Upstreams { .. }
        | Kind::Choice { .. }
        | Kind::Path { .. }
        | Kind::Text { .. }
        | Kind::Texts { .. }
        | Kind::Networks { .. } => "a ",
    };
    Expected { key: option.key, article, what: option.kind.name(), example: option.example }
}

fn set_single(
    kind: &Kind,
    expected: &Expected,
    value: &Value,
    config: &mut Config,
) -> Result<(), Fault> {
    match kind {
        Kind::Bytes { place, min, max, .. } => bytes(expected, value)
            .and_then(|value| within(value, (*min, *max), show_bytes))
            .map(|value| *place(config) = value),
        Kind::Duration { place, min, max, .. } => duration(expected, value)
            .and_then(|value| within(value, (*min, *max), show_duration))
            .map(|value| *place(config) = value),
        Kind::Count { place, min, max, .. } => number(expected, value)
            .and_then(|value| within(value, (*min, *max), |n| n.to_string()))
            .map(|value| *place(config) = value),
        Kind::Percent { place, .. } => number(expected, value)
            .and_then(|value| within(value, (0, 100), |n| n.to_string()))
            .map(|value| *place(config) = u8::try_from(value).unwrap_or(100)),
        Kind::Switch { place, .. } => switch(expected, value).map(|value| *place(config) = value),
        Kind::AddressOrOff { place, .. } => text(expected, value)
            .and_then(|text| if text == "off" { Ok(None) } else { parse_address(text).map(Some) })
            .map(|address| *place(config) = address),
        Kind::Choice { names, set, .. } => text(expected, value)
            .and_then(|word| choice(word, names))
            .map(|index| set(config, index)),
        Kind::Path { place, without } => text(expected, value)
            .and_then(|text| {
                let hint = || format!("leave it out for {without}");
                parse_path(text)
                    .ok_or_else(|| Fault::new(format!("{text:?} is not a path"), hint()))
            })
            .map(|path| *place(config) = Some(path)),
        Kind::Text { place, of, .. } => text(expected, value)
            .and_then(|text| words::parse(*of, text))
            .map(|text| *place(config) = text),
        // Set by `set_lists`.
        Kind::Addresses { .. }
        | Kind::Upstreams { .. }
        | Kind::Texts { .. }
        | Kind::Networks { .. } => Ok(()),
    }
}

fn set_lists(
    option: &OptionSpec,
    expected: &Expected,
    given: &Given,
    config: &mut Config,
    problems: &mut Vec<Problem>,
) {
    match &option.kind {
        Kind::Addresses { place, .. } => {
            set_list(expected, given, place(config), parse_address, problems);
        }
        Kind::Upstreams { place } => {
            set_list(expected, given, place(config), parse_upstream, problems);
        }
        Kind::Networks { place } => {
            set_list(expected, given, place(config), parse_network, problems);
        }
        Kind::Texts { place, of, .. } => {
            let parse = |text: &str| words::parse(*of, text);
            set_list(expected, given, place(config), parse, problems);
        }
        Kind::Bytes { .. }
        | Kind::Duration { .. }
        | Kind::Count { .. }
        | Kind::Percent { .. }
        | Kind::Switch { .. }
        | Kind::AddressOrOff { .. }
        | Kind::Choice { .. }
        | Kind::Path { .. }
        | Kind::Text { .. } => {}
    }
}

/// One element or a list of them; each bad element is a problem of its own.
fn set_list<T: PartialEq>(
    expected: &Expected,
    given: &Given,
    place: &mut Vec<T>,
    parse: impl Fn(&str) -> Result<T, Fault>,
    problems: &mut Vec<Problem>,
) {
    let elements = given.elements();
    if elements.is_empty() && !MAY_BE_EMPTY.contains(&expected.key) {
        let message = format!("`{}` is an empty list", expected.key);
        problems.push(Fault::new(message, expected.example()).at(&given.place));
        return;
    }
    let mut list: Vec<T> = Vec::with_capacity(elements.len());
    for element in elements {
        match text(expected, &element.value).and_then(&parse) {
            Ok(value) if list.contains(&value) => {
                let message = format!("{} is given twice", shown(&element.value));
                problems.push(Fault::new(message, "leave one of them out").at(&element.place));
            }
            Ok(value) => list.push(value),
            Err(fault) => problems.push(fault.at(&element.place)),
        }
    }
    *place = list;
}

/// Lists that say something when they are empty.
const MAY_BE_EMPTY: [&str; 11] = [
    "listen.http",
    "ignore_query",
    "keep_query",
    "identity.bypass_cookies",
    "xhr.signs",
    "debug.trusted",
    "trusted_proxies",
    "health_paths",
    "forwarded.extra",
    "https.exempt",
    "publish.memcached.fields",
];
