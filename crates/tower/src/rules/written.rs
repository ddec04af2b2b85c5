//! How is a value written in the file, so that it is read back as the same?
//!
//! Nothing is judged here: what a value may be the file's checks say, with the line that it is written in.

use std::fmt::{self, Write as _};
use std::time::Duration;

use larder_config::show_duration;

/// The value of an option, as the rule file has them: a text, a number, true or false, a span of time, a list of texts.
///
/// ```
/// use std::time::Duration;
/// use larder_tower::Setting;
///
/// assert_eq!(Setting::from(Duration::from_secs(90)).to_string(), "\"90s\"");
/// assert_eq!(Setting::from(["a", "b"]).to_string(), "[\"a\", \"b\"]");
/// assert_eq!(Setting::from(16).to_string(), "16");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting(Value);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(i64),
    Switch(bool),
    Span(Duration),
    List(Vec<Setting>),
}

impl Setting {
    /// Puts the elements of a list behind those of another.
    pub(super) fn extend(&mut self, more: Self) {
        match (&mut self.0, more.0) {
            (Value::List(list), Value::List(more)) => list.extend(more),
            (there, more) => *there = more,
        }
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self(Value::Text(text.to_owned()))
    }
}

impl From<String> for Setting {
    fn from(text: String) -> Self {
        Self(Value::Text(text))
    }
}

impl From<bool> for Setting {
    fn from(switch: bool) -> Self {
        Self(Value::Switch(switch))
    }
}

impl From<u16> for Setting {
    fn from(number: u16) -> Self {
        Self(Value::Number(i64::from(number)))
    }
}

impl From<i32> for Setting {
    fn from(number: i32) -> Self {
        Self(Value::Number(i64::from(number)))
    }
}

impl From<u32> for Setting {
    fn from(number: u32) -> Self {
        Self(Value::Number(i64::from(number)))
    }
}

impl From<Duration> for Setting {
    fn from(span: Duration) -> Self {
        Self(Value::Span(span))
    }
}

impl<T: Into<Self>> From<Vec<T>> for Setting {
    fn from(list: Vec<T>) -> Self {
        list.into_iter().collect()
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Setting {
    fn from(list: [T; N]) -> Self {
        list.into_iter().collect()
    }
}

impl<T: Into<Self>> FromIterator<T> for Setting {
    fn from_iter<I: IntoIterator<Item = T>>(list: I) -> Self {
        Self(Value::List(list.into_iter().map(Into::into).collect()))
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Text(text) => quoted(text, f),
            Value::Number(number) => number.fmt(f),
            Value::Switch(switch) => switch.fmt(f),
            // The file knows nothing below a millisecond: it is told what was meant, and refuses it.
            Value::Span(span) if span.subsec_nanos() % 1_000_000 != 0 => write!(f, "\"{span:?}\""),
            Value::Span(span) => write!(f, "\"{}\"", show_duration(*span)),
            Value::List(list) => {
                f.write_char('[')?;
                for (index, element) in list.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    element.fmt(f)?;
                }
                f.write_char(']')
            }
        }
    }
}

/// A string of TOML 1.0, on one line. Expressions stay readable: in single quotes backslashes are themselves.
fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if text.contains(['\\', '"']) && !text.contains(|c: char| c == '\'' || c.is_control()) {
        return write!(f, "'{text}'");
    }
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            // Line ends and the like would end the string.
            c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// A key: each of its parts as it is, if it can stand so.
pub(super) struct Key<'a>(pub(super) &'a str);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.split('.').enumerate() {
            f.write_str(if index == 0 { "" } else { "." })?;
            Part(part).fmt(f)?;
        }
        Ok(())
    }
}

/// One part of a key, in which a dot is a dot.
pub(super) struct Part<'a>(pub(super) &'a str);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !self.0.is_empty() && self.0.bytes().all(is_bare) {
            return f.write_str(self.0);
        }
        quoted(self.0, f)
    }
}

/// Keys with their values, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines(Vec<(String, Setting)>);

impl Lines {
    /// Sets a key, whatever it was.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Setting>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, there)) => *there = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Adds to the list of a key.
    pub(super) fn add(&mut self, key: &str, more: impl Into<Setting>) {
        let more = more.into();
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, there)) => there.extend(more),
            None => self.0.push((key.to_owned(), more)),
        }
    }

    /// As they stand below a header.
    pub(super) fn below(&self, header: &str) -> String {
        let mut text = format!("{header}\n");
        for (key, value) in &self.0 {
            text.push_str(&format!("{} = {value}\n", Key(key)));
        }
        text
    }

    /// As they stand at the top: those without a section, then each section once.
    pub(super) fn by_section(&self) -> Vec<String> {
        let (mut top, mut sections) = (String::new(), Vec::<(&str, String)>::new());
        for (key, value) in &self.0 {
            let Some((section, name)) = key.rsplit_once('.') else {
                top.push_str(&format!("{} = {value}\n", Key(key)));
                continue;
            };
            let line = format!("{} = {value}\n", Key(name));
            match sections.iter_mut().find(|(known, _)| *known == section) {
                Some((_, lines)) => lines.push_str(&line),
                None => sections.push((section, format!("[{}]\n{line}", Key(section)))),
            }
        }
        let top = Some(top).filter(|top| !top.is_empty());
        top.into_iter().chain(sections.into_iter().map(|(_, lines)| lines)).collect()
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}
