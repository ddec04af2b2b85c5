//! Labels on the left, what is to be said of them on the right, aligned.

use std::fmt;
use std::time::Duration;

/// Lines with a label each; a line without one belongs to the one above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(Vec<(&'static str, String)>);

impl Rows {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a line.
    pub fn push(&mut self, label: &'static str, text: impl Into<String>) {
        self.0.push((label, text.into()));
    }

    /// Adds several under one label; none at all adds nothing.
    pub fn list(&mut self, label: &'static str, texts: impl IntoIterator<Item = String>) {
        for (index, text) in texts.into_iter().enumerate() {
            self.push(if index == 0 { label } else { "" }, text);
        }
    }
}

/// Where the right side begins.
const WIDTH: usize = 14;

impl fmt::Display for Rows {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (label, text) in &self.0 {
            writeln!(out, "  {label:WIDTH$}{text}")?;
        }
        Ok(())
    }
}

/// A span in the units of the rule file: `10m`, `36h`, `90s`.
#[must_use]
pub fn show_span(span: Duration) -> String {
    let secs = span.as_secs();
    if span.subsec_nanos() != 0 {
        return format!("{}ms", span.as_millis());
    }
    for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "m")] {
        if secs >= unit && secs.is_multiple_of(unit) {
            return format!("{}{name}", secs / unit);
        }
    }
    format!("{secs}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_the_largest_unit_that_is_exact() {
        let cases = [
            (0, "0s"),
            (500, "500ms"),
            (1000, "1s"),
            (59_000, "59s"),
            (60_000, "1m"),
            (90_000, "90s"),
            (3_600_000, "1h"),
            (86_400_000, "1d"),
            (129_600_000, "36h"),
        ];
        for (millis, expected) in cases {
            assert_eq!(show_span(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn a_list_has_its_label_once() {
        let mut rows = Rows::new();
        rows.list("key", ["a".to_owned(), "b".to_owned()]);
        rows.list("none", []);
        assert_eq!(rows.to_string(), "  key           a\n                b\n");
    }
}
