//! How does what is wrong with a rule file reach Python? As one exception with all of it.

use larder_config::{Problem, Problems, Severity};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use std::io;
use std::path::Path;

pyo3::create_exception!(
    django_larder._core,
    RulesError,
    PyValueError,
    "A rule file that is wrong: `file`, `line` (of the first problem, or None) and `text`, all problems with their remedies."
);

/// All problems of a file called `name`.
pub(crate) fn rules_error(py: Python<'_>, name: &str, problems: &Problems) -> PyErr {
    let text = problems.to_string();
    let line = problems
        .list()
        .iter()
        .filter(|problem| problem.severity() == Severity::Error)
        .find_map(Problem::position)
        .map(|(line, _)| line);
    let error = RulesError::new_err(text.clone());
    let value = error.value(py);
    let set = value
        .setattr("file", name)
        .and_then(|()| value.setattr("line", line))
        .and_then(|()| value.setattr("text", text));
    match set {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// What the system says about a file, as Python's own exceptions say it.
pub(crate) fn os_error(path: &Path, error: &io::Error) -> PyErr {
    let said = error.to_string();
    match error.raw_os_error() {
        // With these three Python chooses the class: FileNotFoundError, PermissionError.
        Some(number) => {
            let said = said.split(" (os error").next().unwrap_or_default().to_owned();
            PyOSError::new_err((number, said, path.display().to_string()))
        }
        None => PyOSError::new_err(said),
    }
}
