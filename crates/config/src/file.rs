//! Which options does a TOML text set, and what in it is no option?
//!
//! The tree is walked against the table instead of being deserialised, because a deserialiser stops
//! at the first unknown key and can't say which one was meant.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::certificates::{RawCertificate, is_of_certificate, read_certificates};
use crate::kind::OptionSpec;
use crate::options;
use crate::problem::{Place, Problem};
use crate::rules::{Entries, RULE_OPTIONS, read_audiences, read_rules};
use crate::suggest::suggest;
use crate::value::{Given, Value};

/// What a file says, in no particular order.
pub(crate) struct Contents {
    pub(crate) values: Vec<(&'static OptionSpec, Given)>,
    pub(crate) entries: Entries,
    pub(crate) certificates: Vec<RawCertificate>,
    pub(crate) problems: Vec<Problem>,
    /// Whether it was TOML. If not, nothing is known of what it was meant to set.
    pub(crate) readable: bool,
}

/// Reads a text. What is not TOML at all yields that one problem.
pub(crate) fn read(text: &str) -> Contents {
    let mut contents = Contents {
        values: Vec::new(),
        entries: Entries::default(),
        certificates: Vec::new(),
        problems: Vec::new(),
        readable: true,
    };
    match DeTable::parse(text) {
        Ok(table) => walk("", table.get_ref(), &mut contents),
        Err(error) => {
            contents.problems.push(syntax_problem(&error, text.len()));
            contents.readable = false;
        }
    }
    contents
}

fn syntax_problem(error: &toml::de::Error, text_len: usize) -> Problem {
    let span = error.span().unwrap_or(text_len..text_len);
    let hint = if error.message().contains("duplicate key") {
        "leave one of them out"
    } else {
        "strings stand in quotes, each option on a line of its own"
    };
    Problem::new(Place::Span(span), format!("not TOML: {}", error.message())).hint(hint)
}

/// Visits the keys below `section`. Depth is bounded: only known sections are entered.
fn walk(section: &str, table: &DeTable<'_>, contents: &mut Contents) {
    for (key, value) in table {
        let name: &str = key.get_ref();
        let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        if let Some(option) = options::find(&path) {
            contents.values.push((option, given(value)));
        } else if path == "rule" {
            contents.entries.rules = read_rules(value, &mut contents.problems);
        } else if path == "audience" {
            contents.entries.audiences = read_audiences(value, &mut contents.problems);
        } else if path == "tls.certificate" {
            contents.certificates = read_certificates(value, &mut contents.problems);
        } else if options::is_section(&path) {
            match value.get_ref() {
                DeValue::Table(inner) => walk(&path, inner, contents),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => {
                    let problem = Problem::new(
                        Place::Span(key.span()),
                        format!("`{path}` is a section, not a value"),
                    );
                    contents
                        .problems
                        .push(problem.hint(format!("write [{path}] once, its options below")));
                }
            }
        } else {
            contents.problems.push(unknown(&path, Place::Span(key.span())));
        }
    }
}

/// The problem of a key that is no option.
pub(crate) fn unknown(path: &str, place: Place) -> Problem {
    // A quoted key can hold anything, a line end too.
    let problem = Problem::new(place, format!("unknown option `{}`", path.escape_debug()));
    if RULE_OPTIONS.iter().any(|option| option.key == path) {
        return problem.hint(format!("`{path}` stands in a [[rule]]"));
    }
    if is_of_certificate(path) {
        return problem.hint(
            "certificates are a list: write [[tls.certificate]], and below it `chain` and `key`",
        );
    }
    match suggest(path) {
        Some(known) => problem.hint(format!("did you mean `{known}`?")),
        None => problem.hint("docs/configuration.md lists all options"),
    }
}

/// A value of the file with its place.
pub(crate) fn given(value: &Spanned<DeValue<'_>>) -> Given {
    let inner = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("an integer of that size"), Value::Integer),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Array(list) => Value::List(list.iter().map(given).collect()),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Table(_) => Value::Other("a table"),
    };
    Given { place: Place::Span(value.span()), value: inner }
}
