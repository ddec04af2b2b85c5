//! What was said on the command line, to win over the file?
//!
//! Texts and where they came from, nothing checked yet: that happens once, beside the file's values.

use crate::options;

/// Values from the command line, in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub(crate) values: Vec<Override>,
}

/// One value: the option's key, the argument that set it, the text.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    pub(crate) key: String,
    pub(crate) argument: String,
    pub(crate) text: String,
}

impl Overrides {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { values: Vec::new() }
    }

    /// Sets the option of `key` through its own flag. Lists grow with each call, of other options the
    /// last value counts.
    pub fn flag(&mut self, key: &str, text: impl Into<String>) {
        let flag = options::find(key).and_then(|option| option.flag);
        let argument = flag.map_or_else(|| key.to_owned(), |flag| flag.name.to_owned());
        self.values.push(Override { key: key.to_owned(), argument, text: text.into() });
    }

    /// Sets any option by `--set KEY=VALUE`; a text without `=` is a problem of its own later.
    pub fn set(&mut self, assignment: &str) {
        let (key, text) = assignment.split_once('=').unwrap_or((assignment, ""));
        let key = key.trim();
        self.values.push(Override {
            key: key.to_owned(),
            argument: format!("--set {key}"),
            text: text.trim().to_owned(),
        });
    }
}
