//! Is this value right for this option?
//!
//! One function for the file's values and the command line's: either the value lands in its place in
//! [`Config`], or a problem says what was expected.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Config;
use crate::kind::{Automatic, Kind, OptionSpec};
use crate::problem::{Place, Problem};
use crate::quantity::{parse_bytes, parse_duration, show_bytes, show_duration};
use crate::upstream::UpstreamUrl;

/// A value and where it was found.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) place: Place,
    pub(crate) value: Value,
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

/// What is wrong with one value, before it has a place.
struct Fault {
    message: String,
    hint: String,
}

impl Fault {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    fn at(self, place: &Place) -> Problem {
        Problem::new(place.clone(), self.message).hint(self.hint)
    }
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
        Kind::Addresses { place, default } => *place(config) = vec![SocketAddr::from(*default)],
        Kind::AddressOrOff { place, default } => *place(config) = Some(SocketAddr::from(*default)),
        Kind::Choice { set, default, .. } => set(config, *default),
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
    let outcome = match &option.kind {
        Kind::Addresses { place, .. } => {
            return set_list(option, given, place(config), parse_address, problems);
        }
        Kind::Upstreams { place } => {
            return set_list(option, given, place(config), parse_upstream, problems);
        }
        Kind::Bytes { place, min, max, .. } => bytes(option, &given.value)
            .and_then(|value| within(value, (*min, *max), show_bytes))
            .map(|value| *place(config) = value),
        Kind::Duration { place, min, max, .. } => duration(option, &given.value)
            .and_then(|value| within(value, (*min, *max), show_duration))
            .map(|value| *place(config) = value),
        Kind::Count { place, min, max, .. } => number(option, &given.value)
            .and_then(|value| within(value, (*min, *max), |n| n.to_string()))
            .map(|value| *place(config) = value),
        Kind::Percent { place, .. } => number(option, &given.value)
            .and_then(|value| within(value, (0, 100), |n| n.to_string()))
            .map(|value| *place(config) = u8::try_from(value).unwrap_or(100)),
        Kind::Switch { place, .. } => match given.value {
            Value::Bool(value) => {
                *place(config) = value;
                Ok(())
            }
            Value::Text(_) | Value::Integer(_) | Value::List(_) | Value::Other(_) => {
                Err(wrong_type(option, &given.value))
            }
        },
        Kind::AddressOrOff { place, .. } => text(option, &given.value)
            .and_then(|text| if text == "off" { Ok(None) } else { parse_address(text).map(Some) })
            .map(|address| *place(config) = address),
        Kind::Choice { names, set, .. } => text(option, &given.value)
            .and_then(|word| choice(word, names))
            .map(|index| set(config, index)),
        Kind::Path { place } => {
            text(option, &given.value).and_then(parse_path).map(|path| *place(config) = Some(path))
        }
    };
    if let Err(fault) = outcome {
        problems.push(fault.at(&given.place));
    }
}

/// One element or a list of them; each bad element is a problem of its own.
fn set_list<T: PartialEq>(
    option: &OptionSpec,
    given: &Given,
    place: &mut Vec<T>,
    parse: fn(&str) -> Result<T, Fault>,
    problems: &mut Vec<Problem>,
) {
    let elements = match &given.value {
        Value::List(elements) => elements.as_slice(),
        Value::Text(_) | Value::Integer(_) | Value::Bool(_) | Value::Other(_) => {
            std::slice::from_ref(given)
        }
    };
    if elements.is_empty() {
        let message = format!("`{}` is an empty list", option.key);
        problems.push(Fault::new(message, example(option)).at(&given.place));
        return;
    }
    let mut list: Vec<T> = Vec::with_capacity(elements.len());
    for element in elements {
        match text(option, &element.value).and_then(parse) {
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

fn bytes(option: &OptionSpec, value: &Value) -> Result<usize, Fault> {
    let hint = "write a whole number and B, KiB, MiB, GiB, kB, MB or GB, as in \"256MiB\"";
    match value {
        Value::Text(text) => {
            parse_bytes(text).ok_or_else(|| Fault::new(format!("{text:?} is not a size"), hint))
        }
        Value::Integer(number) => {
            Err(Fault::new(format!("{number} has no unit"), format!("write \"{number}B\"; {hint}")))
        }
        Value::Bool(_) | Value::List(_) | Value::Other(_) => Err(wrong_type(option, value)),
    }
}

fn duration(option: &OptionSpec, value: &Value) -> Result<std::time::Duration, Fault> {
    let hint = "write a whole number and ms, s, m, h or d, as in \"10s\"";
    match value {
        Value::Text(text) => parse_duration(text)
            .ok_or_else(|| Fault::new(format!("{text:?} is not a duration"), hint)),
        Value::Integer(number) => {
            Err(Fault::new(format!("{number} has no unit"), format!("write \"{number}s\"; {hint}")))
        }
        Value::Bool(_) | Value::List(_) | Value::Other(_) => Err(wrong_type(option, value)),
    }
}

fn number(option: &OptionSpec, value: &Value) -> Result<usize, Fault> {
    match value {
        Value::Integer(number) => usize::try_from(*number)
            .map_err(|_| Fault::new(format!("{number} is out of range"), example(option))),
        Value::Text(_) | Value::Bool(_) | Value::List(_) | Value::Other(_) => {
            Err(wrong_type(option, value))
        }
    }
}

fn text<'a>(option: &OptionSpec, value: &'a Value) -> Result<&'a str, Fault> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Integer(_) | Value::Bool(_) | Value::List(_) | Value::Other(_) => {
            Err(wrong_type(option, value))
        }
    }
}

/// Both bounds are allowed.
fn within<T: PartialOrd + Copy>(
    value: T,
    (min, max): (T, T),
    show: impl Fn(T) -> String,
) -> Result<T, Fault> {
    if value < min {
        let message = format!("{} is too small", show(value));
        Err(Fault::new(message, format!("at least {}", show(min))))
    } else if value > max {
        let message = format!("{} is too large", show(value));
        Err(Fault::new(message, format!("at most {}", show(max))))
    } else {
        Ok(value)
    }
}

fn choice(word: &str, names: &[&str]) -> Result<usize, Fault> {
    names.iter().position(|name| *name == word).ok_or_else(|| {
        let closest = names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(word) || strsim::levenshtein(name, word) <= 2);
        let hint = match closest {
            Some(name) => format!("did you mean \"{name}\"?"),
            None => format!("one of \"{}\"", names.join("\", \"")),
        };
        Fault::new(format!("{word:?} is not known here"), hint)
    })
}

fn parse_address(text: &str) -> Result<SocketAddr, Fault> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let hint = match text.rsplit_once(':') {
        Some(("localhost", port)) => format!("write \"127.0.0.1:{port}\""),
        Some(("" | "*", port)) => {
            format!("write \"0.0.0.0:{port}\" for everybody, \"127.0.0.1:{port}\" for this machine")
        }
        _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("write \"127.0.0.1:{text}\"")
        }
        _ => "write an IP address and a port, as in \"127.0.0.1:8080\" or \"[::1]:8080\"".into(),
    };
    Err(Fault::new(format!("{text:?} is not an address with a port"), hint))
}

fn parse_upstream(text: &str) -> Result<UpstreamUrl, Fault> {
    UpstreamUrl::parse(text)
        .map_err(|(reason, hint)| Fault::new(format!("{text:?} {reason}"), hint))
}

fn parse_path(text: &str) -> Result<PathBuf, Fault> {
    if text.is_empty() || text.contains('\0') {
        return Err(Fault::new("is not a path", "leave it out for standard output"));
    }
    Ok(PathBuf::from(text))
}

fn wrong_type(option: &OptionSpec, value: &Value) -> Fault {
    let found = match value {
        Value::Text(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Bool(_) => "true or false",
        Value::List(_) => "a list",
        Value::Other(name) => name,
    };
    let article = match option.kind {
        Kind::Switch { .. } => "",
        Kind::Addresses { .. } | Kind::AddressOrOff { .. } => "an ",
        Kind::Bytes { .. }
        | Kind::Duration { .. }
        | Kind::Count { .. }
        | Kind::Percent { .. }
        | Kind::Upstreams { .. }
        | Kind::Choice { .. }
        | Kind::Path { .. } => "a ",
    };
    let message = format!("`{}` is {article}{}, not {found}", option.key, option.kind.name());
    Fault::new(message, example(option))
}

fn example(option: &OptionSpec) -> String {
    format!("as in {} = {}", option.key, option.example)
}

/// A value as it was written, for lists that hold it twice.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Integer(_) | Value::Bool(_) | Value::List(_) | Value::Other(_) => "a value".into(),
    }
}
