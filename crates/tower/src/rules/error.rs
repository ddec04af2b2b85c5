//! What is wrong with rules, all of it.

use std::fmt;

use larder_config::Problems;

/// Rules that can't be used. Shown, it is the whole report: every problem in a line with its place and what to write instead.
#[derive(Clone, Debug)]
pub struct RulesError {
    problems: Box<Problems>,
}

impl RulesError {
    pub(super) fn new(problems: Problems) -> Self {
        Self { problems: Box::new(problems) }
    }

    /// The line of the file, from 1, that the first problem is about. `None` where something is missing, or the file itself.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.problems.list().first()?.position().map(|(line, _)| line)
    }
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problems.fmt(f)
    }
}

impl std::error::Error for RulesError {}
