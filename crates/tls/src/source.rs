//! Where is a certificate, and what can be wrong with it?

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most bytes of a file with certificates or a key. A chain is a few kilobytes; bundles of all the
/// authorities that systems trust are a few hundred.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// One certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// PEM file of the certificate, and behind it those of the authorities between it and the root.
    pub chain: PathBuf,
    /// PEM file of its private key, not encrypted.
    pub key: PathBuf,
    /// The hosts it is for, `*.` in front for all names one label below. Empty: the names in it.
    pub hosts: Vec<String>,
}

/// What a [`Problem`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// [`Source::chain`].
    Chain,
    /// [`Source::key`].
    Key,
    /// The host of this index in [`Source::hosts`], or, if there are none, the names in the certificate.
    Hosts(usize),
}

/// Something that keeps a certificate from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which [`Source`].
    pub index: usize,
    /// What of it.
    pub which: Which,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What is wrong, before it is known where.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) which: Which,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
}

impl Fault {
    pub(crate) fn new(which: Which, message: impl Into<String>) -> Self {
        Self { which, message: message.into(), hint: None }
    }

    pub(crate) const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    pub(crate) fn of(self, index: usize) -> Problem {
        let Self { which, message, hint } = self;
        Problem { index, which, message, hint: hint.map(str::to_owned) }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// The content of a file of modest size.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    if length > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 4 MiB"));
    }
    Ok(content)
}

/// What the files of some sources looked like from outside: two that differ say that one was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp(Vec<Option<(SystemTime, u64, u64)>>);

impl Stamp {
    /// Looks at the files, through links. One that can't be looked at has a look of its own.
    #[must_use]
    pub fn of(sources: &[Source]) -> Self {
        let look = |path: &PathBuf| {
            let known = std::fs::metadata(path).ok()?;
            Some((known.modified().ok()?, known.len(), inode(&known)))
        };
        Self(sources.iter().flat_map(|source| [look(&source.chain), look(&source.key)]).collect())
    }
}

#[cfg(unix)]
fn inode(known: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(known)
}

#[cfg(not(unix))]
const fn inode(_: &std::fs::Metadata) -> u64 {
    0
}
