//! What is wrong with a configuration, where, and what to write instead?
//!
//! A list, because who fixes one problem should not have to come back for the next. Two renderings:
//! one line each (`file:line:column: message (hint)`) for logs and editors, and, through
//! [`miette::Diagnostic`], the marked source lines for terminals.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Bytes of the file.
    Span(Range<usize>),
    /// An argument, as it is written on the command line: `--memory`.
    Argument(String),
    /// The whole: something is missing.
    Whole,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    place: Place,
    /// Line and column of a span, from 1; the column counts characters.
    position: Option<(usize, usize)>,
    message: String,
    hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, position: None, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Where it is.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Line and column in the file, both from 1.
    #[must_use]
    pub const fn position(&self) -> Option<(usize, usize)> {
        self.position
    }

    /// What is wrong, without a full stop.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Order of reporting: the file from top to bottom, then arguments, then what is missing.
    fn order(&self) -> (u8, usize) {
        match &self.place {
            Place::Span(span) => (0, span.start),
            Place::Argument(_) => (1, 0),
            Place::Whole => (2, 0),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Place::Argument(argument) = &self.place {
            write!(f, "{argument}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        match &self.place {
            Place::Span(span) => {
                let label = LabeledSpan::new(None, span.start, span.len());
                Some(Box::new(std::iter::once(label)))
            }
            Place::Argument(_) | Place::Whole => None,
        }
    }
}

/// Everything that is wrong. Never empty.
#[derive(Clone, Debug)]
pub struct Problems {
    source: NamedSource<String>,
    list: Vec<Problem>,
}

impl Problems {
    /// Gives every problem its line, in order. `name` and `text` are the file's.
    pub(crate) fn new(name: &str, text: &str, mut list: Vec<Problem>) -> Self {
        for problem in &mut list {
            if let Place::Span(span) = &problem.place {
                problem.position = Some(line_and_column(text, span.start));
            }
        }
        list.sort_by_key(Problem::order);
        Self { source: NamedSource::new(name, text.to_owned()), list }
    }

    /// A file that could not be read at all, in the words of `cause`.
    #[must_use]
    pub fn unreadable(name: &str, cause: &dyn fmt::Display) -> Self {
        Self::new(name, "", vec![Problem::new(Place::Whole, format!("cannot be read: {cause}"))])
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }
}

impl fmt::Display for Problems {
    /// One line for each, without a line end after the last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match (&problem.place, problem.position) {
                (Place::Argument(_), _) => {}
                (_, Some((line, column))) => write!(f, "{}:{line}:{column}: ", self.source.name())?,
                (_, None) => write!(f, "{}: ", self.source.name())?,
            }
            write!(f, "{problem}")?;
            if let Some(hint) = &problem.hint {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// What stands above the problems: their number.
impl Diagnostic for Problems {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.list.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

/// Line and column of a byte, both from 1. A place past the end is the end's.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::line_and_column;

    #[test]
    fn columns_count_characters_and_lines_end_at_newlines() {
        let text = "é = 1\nb = 2\n";
        let cases =
            [(0, (1, 1)), (2, (1, 2)), (6, (1, 6)), (7, (2, 1)), (13, (3, 1)), (99, (3, 1))];
        for (offset, expected) in cases {
            assert_eq!(line_and_column(text, offset), expected, "byte {offset}");
        }
    }
}
