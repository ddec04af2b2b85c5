//! Options in code are options of the file: a builder writes them down as the file would have them, and they are read by the same
//! checks, with the same words where they are wrong.

use std::fmt::Write as _;
use std::time::Duration;

use crate::{Rules, RulesError};

/// A file in the making, of one option a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    text: String,
}

impl Options {
    /// `key = "value"`.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.line(key, &quoted(value));
    }

    /// `key = ["a", "b"]`; without elements nothing is said.
    pub(crate) fn list<T: AsRef<str>>(&mut self, key: &str, values: impl IntoIterator<Item = T>) {
        let values: Vec<String> = values.into_iter().map(|value| quoted(value.as_ref())).collect();
        self.line(key, &format!("[{}]", values.join(", ")));
    }

    /// `key = "10s"`.
    pub(crate) fn duration(&mut self, key: &str, value: Duration) {
        self.line(key, &format!("\"{}s\"", value.as_secs()));
    }

    /// `key = true`.
    pub(crate) fn on(&mut self, key: &str) {
        self.line(key, "true");
    }

    fn line(&mut self, key: &str, value: &str) {
        // Said twice is said anew.
        let begins = format!("{key} = ");
        let others = self.text.lines().filter(|line| !line.starts_with(&begins));
        let mut text = others.fold(String::new(), |text, line| text + line + "\n");
        // Writing to a string does not fail.
        let _written = writeln!(text, "{begins}{value}");
        self.text = text;
    }

    /// What was said, checked. `layer` is what problems name in place of a file.
    pub(crate) fn read(&self, layer: &str) -> Result<Rules, RulesError> {
        Rules::from_toml(layer, &self.text)
    }
}

/// TOML 1.0, basic strings.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                let _written = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_one_line_of_a_file_and_the_last_word_counts() {
        let mut options = Options::default();
        options.list("hosts", ["a.test", "b\"\\\n[x]"]);
        options.text("default_host", "x");
        options.text("default_host", "a.test");
        options.duration("https.hsts", Duration::from_secs(60));
        options.on("https.redirect");
        assert_eq!(
            options.text,
            "hosts = [\"a.test\", \"b\\\"\\\\\\u000A[x]\"]\ndefault_host = \"a.test\"\n\
             https.hsts = \"60s\"\nhttps.redirect = true\n"
        );
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_the_file() {
        let mut options = Options::default();
        options.list("hosts", ["http://a.test"]);
        options.list("trusted_proxies", ["10.0.0.300"]);
        let told = options.read("HygieneLayer").expect_err("both are wrong").to_string();
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(told.starts_with("HygieneLayer:1:10: "), "{told}");
    }
}
