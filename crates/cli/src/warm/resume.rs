//! Which pages are done already? A file with a line for each, written as they are done, so that any end of the process leaves it right.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

/// The file.
#[derive(Debug)]
pub(super) struct Resume {
    path: PathBuf,
    file: File,
    done: HashSet<String>,
}

const HEAD: &str = "# larder warm: pages that are done";

impl Resume {
    /// Reads what is done, and makes the file where it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path).map_err(wrong)?;
        let mut lines = BufReader::new(&file).lines();
        let mut done = HashSet::new();
        match lines.next().transpose().map_err(wrong)? {
            None => {}
            Some(head) if head == HEAD => {
                for line in lines {
                    done.insert(line.map_err(wrong)?);
                }
            }
            // It is written to and removed: better none that somebody needs.
            Some(_) => {
                return Err(format!(
                    "{} is a file of something else: name another",
                    path.display()
                ));
            }
        }
        if file.metadata().map_err(wrong)?.len() == 0 {
            writeln!(file, "{HEAD}").map_err(wrong)?;
        }
        Ok(Self { path: path.to_owned(), file, done })
    }

    pub(super) fn is_done(&self, url: &str) -> bool {
        self.done.contains(url)
    }

    /// Writes a page down.
    pub(super) fn note(&mut self, url: &str) -> Result<(), String> {
        // In one piece: a line is there or is not.
        let line = format!("{url}\n");
        self.file
            .write_all(line.as_bytes())
            .map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Everything is done.
    pub(super) fn remove(self) -> Result<(), String> {
        std::fs::remove_file(&self.path)
            .map_err(|error| format!("{}: {error}", self.path.display()))
    }
}
