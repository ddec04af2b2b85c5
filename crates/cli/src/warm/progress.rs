//! How far is it? A bar where a terminal shows it, a line now and then elsewhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::limits::{DRAW_EVERY, SAY_EVERY};

/// Where it is shown.
#[derive(Debug)]
pub(super) struct Progress {
    is_bar: bool,
    total: usize,
    begun: Instant,
    shown: Instant,
}

/// What there is to show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    pub(super) done: usize,
    pub(super) stored: usize,
    pub(super) refused: usize,
    /// For how long all sites that are left want to be left alone.
    pub(super) waits: Option<Duration>,
}

impl Progress {
    pub(super) fn new(total: usize, now: Instant) -> Self {
        Self { is_bar: io::stderr().is_terminal(), total, begun: now, shown: now }
    }

    /// Shows it, if it is time to.
    pub(super) fn show(&mut self, standing: Standing, now: Instant) {
        let every = if self.is_bar { DRAW_EVERY } else { SAY_EVERY };
        if now.saturating_duration_since(self.shown) < every && standing.done != self.total {
            return;
        }
        self.shown = now;
        let text = text(standing, self.total, now.saturating_duration_since(self.begun));
        let _closed = if self.is_bar {
            let bar = bar(standing.done, self.total);
            // Back to the line's beginning, and what is left of it before is wiped out.
            write!(io::stderr(), "\r{bar} {text}\x1b[K").and_then(|()| io::stderr().flush())
        } else if standing.done == self.total {
            Ok(())
        } else {
            writeln!(io::stderr(), "larder: {text}")
        };
    }

    /// Wipes the bar out: what follows has the line.
    pub(super) fn clear(&self) {
        if self.is_bar {
            let _closed = write!(io::stderr(), "\r\x1b[K").and_then(|()| io::stderr().flush());
        }
    }
}

fn bar(done: usize, total: usize) -> String {
    const WIDTH: usize = 24;
    let full = (done * WIDTH).checked_div(total).unwrap_or(WIDTH).min(WIDTH);
    format!("[{}{}]", "#".repeat(full), "-".repeat(WIDTH - full))
}

fn text(standing: Standing, total: usize, took: Duration) -> String {
    let Standing { done, stored, refused, waits } = standing;
    let mut text = format!("{done} of {total}, {stored} stored, {refused} refused");
    if let Some(left) = waits {
        let _infallible =
            write!(text, "; left alone for {}, as the application wants it", span(left));
    } else if done > 0 && done < total {
        let left = took.as_secs_f64() / done as f64 * (total - done) as f64;
        let _infallible = write!(text, ", {} left", span(Duration::from_secs_f64(left)));
    }
    text
}

/// Minutes and seconds, hours where there are any.
pub(super) fn span(span: Duration) -> String {
    let secs = span.as_secs();
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{secs:02}")
    } else {
        format!("{minutes}:{secs:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_its_work_is_done() {
        assert_eq!(bar(0, 10), format!("[{}]", "-".repeat(24)));
        assert_eq!(bar(5, 10), format!("[{}{}]", "#".repeat(12), "-".repeat(12)));
        assert_eq!(bar(10, 10), format!("[{}]", "#".repeat(24)));
        assert_eq!(bar(0, 0), format!("[{}]", "#".repeat(24)));
    }

    #[test]
    fn what_is_left_is_told_and_why_it_waits() {
        let standing = Standing { done: 50, stored: 40, refused: 10, waits: None };
        let told = text(standing, 100, Duration::from_secs(75));
        assert_eq!(told, "50 of 100, 40 stored, 10 refused, 1:15 left");
        let waits = Standing { waits: Some(Duration::from_secs(3700)), ..standing };
        let told = text(waits, 100, Duration::from_secs(75));
        assert!(told.ends_with("left alone for 1:01:40, as the application wants it"), "{told}");
    }
}
