//! Purges that could not be carried out yet: a file of lines beside the table, so that they outlive the database and us.
//!
//! A line is an order or the end of one. It is on the disk before anybody is told that the purge was accepted. When nothing
//! is left to do the file begins anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::entry::Selector;
use crate::limits::OUTBOX_MAX;

/// Orders that wait.
#[derive(Debug)]
pub struct Outbox {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    waiting: BTreeMap<u64, Selector>,
    /// Those that somebody is carrying out: what is ordered now is not part of them.
    begun: BTreeSet<u64>,
    next: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Purge { number: u64, what: Selector },
    Done(u64),
}

impl Outbox {
    /// Reads what an earlier process left to do. A last line that was not written to its end is none: nobody was told of it.
    ///
    /// # Errors
    /// The file can't be read or written, or is not of this kind.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        match File::open(path) {
            Ok(file) => {
                let mut reader = BufReader::new(file);
                let mut text = String::new();
                for number in 1.. {
                    text.clear();
                    if reader.read_line(&mut text)? == 0 || !text.ends_with('\n') {
                        break;
                    }
                    let line = serde_json::from_str(&text).map_err(|error| {
                        let message = format!("line {number} of {}: {error}", path.display());
                        io::Error::new(io::ErrorKind::InvalidData, message)
                    })?;
                    match line {
                        Line::Purge { number, what } => {
                            next = next.max(number + 1);
                            waiting.insert(number, what);
                        }
                        Line::Done(number) => drop(waiting.remove(&number)),
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = write_anew(path, &waiting)?;
        Ok(Self {
            path: path.to_owned(),
            inner: Mutex::new(Inner { file, waiting, begun: BTreeSet::new(), next }),
        })
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Whoever panicked under the lock left whole lines.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Keeps an order. On the disk when it returns. Where more wait than may, they become one: to erase everything.
    ///
    /// # Errors
    /// It could not be written: then it is not kept.
    pub fn keep(&self, what: &Selector) -> io::Result<u64> {
        let numbers = self.keep_all(std::slice::from_ref(what))?;
        numbers.first().copied().ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// Keeps several, as [`Outbox::keep`] does, on the disk with one write. Says under which numbers, each once.
    ///
    /// # Errors
    /// They could not be written: then none is kept for certain.
    pub fn keep_all(&self, orders: &[Selector]) -> io::Result<Vec<u64>> {
        let mut inner = self.inner();
        let Inner { file, waiting, begun, next } = &mut *inner;
        let mut numbers = BTreeSet::new();
        // Found by hash: there may be thousands of both.
        let open = waiting.iter().filter(|(number, _)| !begun.contains(number));
        let mut known: HashMap<Selector, u64> =
            open.map(|(number, what)| (what.clone(), *number)).collect();
        let mut new = Vec::new();
        for what in orders {
            let number = known.get(&Selector::All).or_else(|| known.get(what)).copied();
            let number = number.unwrap_or_else(|| {
                let number = *next;
                *next += 1;
                known.insert(what.clone(), number);
                new.push((number, what.clone()));
                number
            });
            numbers.insert(number);
        }
        let is_all = new.iter().any(|(_, what)| *what == Selector::All);
        if is_all || waiting.len() + new.len() > OUTBOX_MAX {
            let number = *next;
            *next += 1;
            let mut left = waiting.clone();
            left.retain(|number, _| begun.contains(number));
            left.insert(number, Selector::All);
            *file = write_anew(&self.path, &left)?;
            *waiting = left;
            return Ok(vec![number]);
        }
        if !new.is_empty() {
            for (number, what) in &new {
                put(file, &Line::Purge { number: *number, what: what.clone() })?;
            }
            file.sync_data()?;
            waiting.extend(new);
        }
        Ok(numbers.into_iter().collect())
    }

    /// Takes an order up, to be carried out from now on: the same order, given again, waits for itself. `None`: it does not
    /// wait any more.
    pub fn begin(&self, number: u64) -> Option<Selector> {
        let mut inner = self.inner();
        let what = inner.waiting.get(&number).cloned()?;
        inner.begun.insert(number);
        Some(what)
    }

    /// An order that was taken up could not be carried out: it waits on.
    pub fn put_back(&self, number: u64) {
        self.inner().begun.remove(&number);
    }

    /// What waits, oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<(u64, Selector)> {
        self.inner().waiting.iter().map(|(number, what)| (*number, what.clone())).collect()
    }

    /// How much waits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner().waiting.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An order was carried out.
    ///
    /// # Errors
    /// It could not be written down: after a restart it is carried out again, which does no harm.
    pub fn done(&self, number: u64) -> io::Result<()> {
        let mut inner = self.inner();
        inner.begun.remove(&number);
        if inner.waiting.remove(&number).is_none() {
            return Ok(());
        }
        if inner.waiting.is_empty() {
            inner.file = write_anew(&self.path, &inner.waiting)?;
            return Ok(());
        }
        put(&mut inner.file, &Line::Done(number))
    }
}

fn put(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

/// The file with what waits and nothing else: written beside it, then put in its place.
fn write_anew(path: &Path, waiting: &BTreeMap<u64, Selector>) -> io::Result<File> {
    let beside = path.with_extension("outbox-new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&beside)?;
    for (number, what) in waiting {
        put(&mut file, &Line::Purge { number: *number, what: what.clone() })?;
    }
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(directory)?.sync_all()?;
    }
    OpenOptions::new().append(true).open(path)
}
