//! Who asked for what, and what came of it? The access log, off the path of a request.
//!
//! A worker puts a finished request into a list of its own and goes on; one thread takes the lists,
//! formats and writes. When that thread can't follow (a slow disk), requests are not written and
//! counted instead: a log is never worth waiting for.

mod entry;
mod format;
mod logger;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use larder_config::{AccessLog as Form, LogConfig};
use parking_lot::Mutex;

pub(crate) use entry::{Draft, Ending, Entry};

use crate::limits;
use crate::metrics::Metrics;
use crate::start_error::StartError;

/// The access log, as the workers see it.
#[derive(Debug)]
pub(crate) struct AccessLog {
    on: AtomicBool,
    /// One list per worker, so that workers never wait for each other.
    lists: Box<[Mutex<Vec<Entry>>]>,
    metrics: Arc<Metrics>,
    target: Mutex<Target>,
    /// Counts changes of `target`: the logger opens its file anew.
    target_version: AtomicU64,
    stopping: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Where lines go and what they look like.
#[derive(Clone, Debug)]
struct Target {
    form: Form,
    path: Option<PathBuf>,
}

impl Target {
    fn of(config: &LogConfig) -> Self {
        Self { form: config.access, path: config.path.clone() }
    }

    fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        match &self.path {
            None => Ok(Box::new(io::stdout())),
            Some(path) => Ok(Box::new(append(path)?)),
        }
    }
}

fn append(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl AccessLog {
    /// Opens the log and starts its thread.
    ///
    /// # Errors
    /// The file can't be opened, or there is no thread to be had.
    pub(crate) fn start(
        config: &LogConfig,
        workers: usize,
        metrics: &Arc<Metrics>,
    ) -> Result<Arc<Self>, StartError> {
        let target = Target::of(config);
        let sink = check(&target)?;
        let log = Arc::new(Self {
            on: AtomicBool::new(target.form != Form::Off),
            lists: (0..workers.max(1)).map(|_| Mutex::new(Vec::new())).collect(),
            metrics: Arc::clone(metrics),
            target: Mutex::new(target),
            target_version: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            thread: Mutex::new(None),
        });
        let thread = std::thread::Builder::new()
            .name("larder-log".to_owned())
            .spawn({
                let log = Arc::clone(&log);
                move || logger::run(&log, sink)
            })
            .map_err(StartError::System)?;
        *log.thread.lock() = Some(thread);
        Ok(log)
    }

    /// Whether requests are to be written at all.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Takes one finished request, or counts that it could not.
    pub(crate) fn write(&self, worker: usize, entry: Entry) {
        let Some(list) = self.lists.get(worker % self.lists.len()) else { return };
        let mut list = list.lock();
        if list.len() >= limits::LOG_ENTRIES_MAX {
            drop(list);
            self.metrics.log_dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        list.push(entry);
        let hurry = list.len() == limits::LOG_ENTRIES_MAX / 2;
        drop(list);
        if hurry {
            self.wake();
        }
    }

    /// Applies a new configuration, and opens the file anew in any case (log rotation).
    ///
    /// # Errors
    /// The file can't be opened; the old one stays in use.
    pub(crate) fn reopen(&self, config: &LogConfig) -> Result<(), StartError> {
        let target = Target::of(config);
        drop(check(&target)?);
        let on = target.form != Form::Off;
        *self.target.lock() = target;
        self.target_version.fetch_add(1, Ordering::Release);
        self.on.store(on, Ordering::Relaxed);
        self.wake();
        Ok(())
    }

    /// Writes what is left and ends the thread.
    pub(crate) fn finish(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // A logger that failed has said so itself.
            drop(thread.join());
        }
    }

    fn wake(&self) {
        if let Some(thread) = &*self.thread.lock() {
            thread.thread().unpark();
        }
    }
}

fn check(target: &Target) -> Result<Box<dyn Write + Send>, StartError> {
    if target.form == Form::Off {
        return Ok(Box::new(io::sink()));
    }
    target.open().map_err(|source| StartError::Log {
        path: target.path.clone().unwrap_or_else(|| PathBuf::from("standard output")),
        source,
    })
}
