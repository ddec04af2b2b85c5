//! How is something said to the person or program that called?
//!
//! Results go to standard output, everything else to standard error: one line `larder: ...`, or, for
//! what is wrong in a file, its place first, as editors expect it. On a terminal the lines of the file
//! are shown and marked.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use larder_config::{Place, Problems, Severity};
use miette::{Diagnostic, GraphicalReportHandler, SourceCode};

/// A failed start, or arguments that make no sense.
pub(crate) const EXIT_NOT_STARTED: u8 = 2;

/// Prints a result. Who closes the pipe has seen enough.
pub(crate) fn say(text: &str) {
    let _closed = writeln!(io::stdout(), "{text}");
}

/// Prints one line about what went wrong.
pub(crate) fn complain(problem: &dyn Display) {
    let _closed = writeln!(io::stderr(), "larder: {problem}");
}

/// [`complain`], as the end of a command that did not start.
pub(crate) fn fail(problem: &dyn Display) -> ExitCode {
    complain(problem);
    ExitCode::from(EXIT_NOT_STARTED)
}

/// All problems of a file under one heading: on a terminal each is shown in full below it.
#[derive(Debug)]
struct Overview<'a>(&'a Problems);

impl Overview<'_> {
    fn is_error(&self) -> bool {
        self.0.list().iter().any(|problem| problem.severity() == Severity::Error)
    }
}

impl Display for Overview<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_error() { "problem" } else { "warning" };
        match self.0.list().len() {
            1 => write!(f, "the configuration has a {word}"),
            several => write!(f, "the configuration has {several} {word}s"),
        }
    }
}

impl std::error::Error for Overview<'_> {}

impl Diagnostic for Overview<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.is_error() { miette::Severity::Error } else { miette::Severity::Warning })
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.0.related()
    }
}

/// Prints everything that is wrong with a configuration, or nothing.
pub(crate) fn problems(problems: &Problems) {
    if problems.is_empty() {
        return;
    }
    let mut text = String::new();
    let has_lines = problems.list().iter().any(|problem| problem.position().is_some());
    let terminal = io::stderr().is_terminal();
    if terminal
        && has_lines
        && GraphicalReportHandler::new().render_report(&mut text, &Overview(problems)).is_ok()
    {
        let _closed = write!(io::stderr(), "{text}");
        return;
    }
    let _closed = write!(io::stderr(), "{}", plain(problems));
}

/// A line for each; what has no place in a file begins with our name.
fn plain(problems: &Problems) -> String {
    let mut text = String::new();
    for (problem, line) in problems.list().iter().zip(problems.lines()) {
        let whole = matches!(problem.place(), Place::Whole) && !line.starts_with("larder: ");
        if whole || matches!(problem.place(), Place::Argument(_)) {
            text.push_str("larder: ");
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Help and version go out as they are; anything else clap has to say becomes one line.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _closed = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _closed = error.print();
        return ExitCode::from(EXIT_NOT_STARTED);
    }
    fail(&one_line(&error.to_string()))
}

/// The message and the tips, without the usage that clap adds below.
fn one_line(text: &str) -> String {
    let message = text.strip_prefix("error: ").unwrap_or(text);
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<_> = lines.take_while(|line| !line.starts_with("Usage:")).collect();
    said.join(" ").replace("For more information, try '--help'.", "").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::one_line;
    use crate::arguments::Arguments;

    #[test]
    fn what_clap_has_to_say_fits_on_one_line() {
        let cases: [(&[&str], &str); 4] = [
            (&["serve", "--memry", "1GiB"], "'--memry'"),
            (&["serve", "--memory"], "'--memory <SIZE>'"),
            (&["check"], "<FILE>..."),
            (&["demo", "--port", "http"], "'http'"),
        ];
        for (arguments, part) in cases {
            let all = ["larder"].iter().chain(arguments);
            let error = Arguments::try_parse_from(all).expect_err("refused");
            let line = one_line(&error.to_string());
            assert!(line.contains(part), "{arguments:?}: {line}");
            assert!(!line.contains('\n') && !line.contains("Usage"), "{arguments:?}: {line}");
        }
    }
}
