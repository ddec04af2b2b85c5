//! What is wrong with a configuration, where, and what to write instead?
//!
//! A list, because who fixes one problem should not have to come back for the next. Two renderings:
//! one line each (`file:line:column: message (hint)`, warnings marked) for logs and editors, and, through
//! [`miette::Diagnostic`], the marked source lines for terminals.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use crate::lines::Lines;

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

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// With it there is no configuration.
    Error,
    /// Allowed, but hardly meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    severity: Severity,
    place: Place,
    /// Line and column of a span, from 1; the column counts characters.
    position: Option<(usize, usize)>,
    message: String,
    hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        let severity = Severity::Error;
        Self { severity, place, position: None, message: message.into(), hint: None }
    }

    pub(crate) fn warning(place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(place, message) }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
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
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

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

/// Everything that is wrong. Empty only as [`crate::Config::warnings`].
#[derive(Clone, Debug)]
pub struct Problems {
    source: NamedSource<String>,
    list: Vec<Problem>,
}

impl Problems {
    /// Gives every problem its line, in order. `name` and `text` are the file's.
    pub(crate) fn new(name: &str, text: &str, mut list: Vec<Problem>) -> Self {
        let lines = Lines::of(text);
        for problem in &mut list {
            if let Place::Span(span) = &problem.place {
                problem.position = Some(lines.of_byte(span.start));
            }
        }
        list.sort_by_key(Problem::order);
        Self { source: NamedSource::new(name, text.to_owned()), list }
    }

    /// Nothing is wrong.
    pub(crate) fn none() -> Self {
        Self::new("", "", Vec::new())
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Each problem as its line of [`Display`](fmt::Display), in order.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.list.iter().map(|problem| Line { name: self.source.name(), problem }.to_string())
    }

    /// What problems call the file.
    #[must_use]
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.source.inner()
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

/// A problem with its place in front and the advice behind.
struct Line<'a> {
    name: &'a str,
    problem: &'a Problem,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = self.problem;
        match (&problem.place, problem.position) {
            (Place::Argument(_), _) => {}
            (_, Some((line, column))) => write!(f, "{}:{line}:{column}: ", self.name)?,
            (_, None) => write!(f, "{}: ", self.name)?,
        }
        if problem.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        write!(f, "{problem}")?;
        match &problem.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problems {
    /// One line for each, without a line end after the last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            Line { name: self.source.name(), problem }.fmt(f)?;
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
