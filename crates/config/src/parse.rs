//! What does a value say, and if it says nothing of the kind, what was expected?
//!
//! Parsers of single values, for options and rules alike. A [`Fault`] knows no place yet.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use crate::problem::{Place, Problem};
use crate::quantity::{parse_bytes, parse_duration};
use crate::upstream::UpstreamUrl;
use crate::value::Value;

/// What is wrong with one value, before it has a place.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    pub(crate) fn at(self, place: &Place) -> Problem {
        Problem::new(place.clone(), self.message).hint(self.hint)
    }
}

pub(crate) fn bytes(expected: &Expected, value: &Value) -> Result<usize, Fault> {
    let hint = "write a whole number and B, KiB, MiB, GiB, kB, MB or GB, as in \"256MiB\"";
    match value {
        Value::Text(text) => {
            parse_bytes(text).ok_or_else(|| Fault::new(format!("{text:?} is not a size"), hint))
        }
        Value::Integer(number) => {
            Err(Fault::new(format!("{number} has no unit"), format!("write \"{number}B\"; {hint}")))
        }
        Value::Bool(_) | Value::List(_) | Value::Other(_) => Err(wrong_type(expected, value)),
    }
}

pub(crate) fn duration(expected: &Expected, value: &Value) -> Result<std::time::Duration, Fault> {
    let hint = "write a whole number and ms, s, m, h or d, as in \"10s\"";
    match value {
        Value::Text(text) if text.starts_with('-') => {
            Err(Fault::new(format!("{text:?} is negative"), hint))
        }
        Value::Text(text) => parse_duration(text)
            .ok_or_else(|| Fault::new(format!("{text:?} is not a duration"), hint)),
        Value::Integer(number) if *number < 0 => {
            Err(Fault::new(format!("{number} is negative and has no unit"), hint))
        }
        Value::Integer(number) => {
            Err(Fault::new(format!("{number} has no unit"), format!("write \"{number}s\"; {hint}")))
        }
        Value::Bool(_) | Value::List(_) | Value::Other(_) => Err(wrong_type(expected, value)),
    }
}

pub(crate) fn number(expected: &Expected, value: &Value) -> Result<usize, Fault> {
    match value {
        Value::Integer(number) => usize::try_from(*number)
            .map_err(|_| Fault::new(format!("{number} is out of range"), expected.example())),
        Value::Text(_) | Value::Bool(_) | Value::List(_) | Value::Other(_) => {
            Err(wrong_type(expected, value))
        }
    }
}

pub(crate) fn switch(expected: &Expected, value: &Value) -> Result<bool, Fault> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Text(_) | Value::Integer(_) | Value::List(_) | Value::Other(_) => {
            Err(wrong_type(expected, value))
        }
    }
}

pub(crate) fn text<'a>(expected: &Expected, value: &'a Value) -> Result<&'a str, Fault> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Integer(_) | Value::Bool(_) | Value::List(_) | Value::Other(_) => {
            Err(wrong_type(expected, value))
        }
    }
}

/// Both bounds are allowed.
pub(crate) fn within<T: PartialOrd + Copy>(
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

pub(crate) fn choice(word: &str, names: &[&str]) -> Result<usize, Fault> {
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

pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, Fault> {
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

pub(crate) fn parse_upstream(text: &str) -> Result<UpstreamUrl, Fault> {
    UpstreamUrl::parse(text)
        .map_err(|(reason, hint)| Fault::new(format!("{text:?} {reason}"), hint))
}

/// A network in CIDR notation, or one address.
pub(crate) fn parse_network(text: &str) -> Result<IpNet, Fault> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = network.map_err(|_| {
        let hint = "write an address and a length, as in \"10.0.0.0/8\" or \"::1/128\"";
        Fault::new(format!("{text:?} is not a network"), hint)
    })?;
    if network == network.trunc() {
        return Ok(network);
    }
    let message = format!("{text:?} has an address within the network, not its first one");
    Err(Fault::new(message, format!("write \"{}\", or the address alone", network.trunc())))
}

/// Nothing where no file can have it.
pub(crate) fn parse_path(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text))
}

/// What a value should be: the end of every message about a wrong one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// Its path in the file.
    pub(crate) key: &'static str,
    /// What goes before its kind: `a `.
    pub(crate) article: &'static str,
    /// Its kind: `duration`.
    pub(crate) what: &'static str,
    /// A value as it is written in the file.
    pub(crate) example: &'static str,
}

impl Expected {
    /// Advice that shows a good value.
    pub(crate) fn example(&self) -> String {
        format!("as in {} = {}", self.key, self.example)
    }
}

pub(crate) fn wrong_type(expected: &Expected, value: &Value) -> Fault {
    let found = match value {
        Value::Text(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Bool(_) => "true or false",
        Value::List(_) => "a list",
        Value::Other(name) => name,
    };
    let Expected { key, article, what, .. } = expected;
    let message = format!("`{key}` is {article}{what}, not {found}");
    Fault::new(message, expected.example())
}

/// A value as it was written, for lists that hold it twice.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Integer(_) | Value::Bool(_) | Value::List(_) | Value::Other(_) => "a value".into(),
    }
}
