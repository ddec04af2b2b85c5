//! The logger's thread: takes, formats, writes.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use larder_config::AccessLog as Form;

use super::{AccessLog, Entry};
use crate::clock;
use crate::limits;

/// Bytes formatted before they are written.
const PIECE: usize = 64 * 1024;

/// Works until the log is told to end.
pub(super) fn run(log: &AccessLog, mut sink: Box<dyn Write + Send>) {
    let mut version = 0;
    let mut form = log.target.lock().form;
    let mut entries = Vec::new();
    let mut lines = Vec::with_capacity(PIECE);
    loop {
        // Read before the lists: what was put in before the order to end is written.
        let stopping = log.stopping.load(Ordering::Acquire);
        let current = log.target_version.load(Ordering::Acquire);
        if current != version {
            version = current;
            let target = log.target.lock().clone();
            form = target.form;
            match target.open() {
                Ok(opened) => sink = opened,
                Err(error) => tracing::error!(%error, "the access log can't be opened anew"),
            }
        }
        let now = (Instant::now(), clock::wall());
        for list in &log.lists {
            // Swapped, so that a worker never waits for the formatting and its list keeps its room.
            std::mem::swap(&mut *list.lock(), &mut entries);
            for entry in entries.drain(..) {
                format(&mut lines, form, &entry, now);
                if lines.len() >= PIECE {
                    write(&mut sink, &mut lines);
                }
            }
        }
        write(&mut sink, &mut lines);
        if stopping {
            return;
        }
        std::thread::park_timeout(limits::LOG_PAUSE);
    }
}

fn format(lines: &mut Vec<u8>, form: Form, entry: &Entry, now: (Instant, SystemTime)) {
    let ago = now.0.saturating_duration_since(entry.ending.begun);
    let at = now.1.checked_sub(ago).unwrap_or(now.1);
    match form {
        Form::Off => {}
        Form::Combined => super::format::combined(lines, entry, at),
        Form::Json => super::format::json(lines, entry, at),
    }
}

fn write(sink: &mut Box<dyn Write + Send>, lines: &mut Vec<u8>) {
    if lines.is_empty() {
        return;
    }
    if let Err(error) = sink.write_all(lines).and_then(|()| sink.flush()) {
        tracing::error!(%error, "the access log can't be written");
    }
    lines.clear();
}
