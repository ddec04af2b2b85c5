//! What is wrong with rules, all of it.

use std::fmt;

use larder_config::Problems;

/// Rules that can't be used. Shown, it is the whole report: every problem in a line with its place and what to write instead;
/// for rules in code, also the lines that they are in the file.
#[derive(Clone, Debug)]
pub struct RulesError {
    problems: Box<Problems>,
    /// Whether nobody has the text before them.
    shows_lines: bool,
}

impl RulesError {
    pub(super) fn of_file(problems: Problems) -> Self {
        Self { problems: Box::new(problems), shows_lines: false }
    }

    pub(super) fn of_code(problems: Problems) -> Self {
        Self { problems: Box::new(problems), shows_lines: true }
    }

    /// The line of the file, from 1, that the first problem is about. `None` where something is missing, or the file itself.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.problems.list().first()?.position().map(|(line, _)| line)
    }
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.shows_lines {
            return self.problems.fmt(f);
        }
        for (index, (told, problem)) in self.problems.lines().zip(self.problems.list()).enumerate()
        {
            write!(f, "{}{told}", if index == 0 { "" } else { "\n" })?;
            let Some((number, _)) = problem.position() else { continue };
            if let Some(line) = self.problems.text().lines().nth(number - 1) {
                write!(f, "\n    {number} | {line}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for RulesError {}
