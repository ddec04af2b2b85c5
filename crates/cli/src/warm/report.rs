//! What came of it all? A table for people, everything for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;
use larder_semantics::Reason;
use serde_json::{Value, json};

use super::limits::NAMED_MAX;

/// What came of the pages, in the order in which they were done.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Value>,
    fetched: usize,
    fresh: usize,
    refused: usize,
    published: usize,
    /// Done in an earlier run.
    before: usize,
    /// Not tried.
    left: usize,
    took: Duration,
    early: Option<String>,
}

impl Report {
    pub(super) fn new(before: usize) -> Self {
        Self { before, ..Self::default() }
    }

    /// Takes a row of the admin listener's in.
    pub(super) fn take(&mut self, row: Value) {
        match (is_page(&row), is(&row, "fetched")) {
            (true, true) => self.fetched += 1,
            (true, false) => self.fresh += 1,
            (false, _) => self.refused += 1,
        }
        self.published += usize::from(is(&row, "published"));
        self.rows.push(row);
    }

    pub(super) fn end(&mut self, took: Duration, left: usize, early: Option<String>) {
        (self.took, self.left, self.early) = (took, left, early);
    }

    pub(super) fn done(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn stored(&self) -> usize {
        self.fetched + self.fresh
    }

    pub(super) fn refused(&self) -> usize {
        self.refused
    }

    /// Whether it came to its end, and something is stored, or was.
    pub(super) fn is_success(&self) -> bool {
        self.early.is_none() && self.stored() + self.before > 0
    }

    /// Why it did not come to its end.
    pub(super) fn ended_early(&self) -> Option<String> {
        let why = self.early.as_ref()?;
        Some(format!("{why}; {} not tried", pages(self.left)))
    }

    pub(super) fn json(&self) -> String {
        json!({
            "fetched": self.fetched,
            "fresh": self.fresh,
            "refused": self.refused,
            "published": self.published,
            "done_before": self.before,
            "not_tried": self.left,
            "seconds": self.took.as_secs_f64(),
            "pages": self.rows,
        })
        .to_string()
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |count: usize, word: &str, text: &str| {
            if count > 0 {
                let _infallible = writeln!(out, "{count:>7}  {word:<10} {text}");
            }
        };
        line(self.fetched, "stored", "the application made them, or confirmed them");
        line(self.fresh, "fresh", "they were stored already");
        line(self.published, "published", "of them, where nginx finds them");
        line(self.refused, "refused", "for the reasons below");
        line(self.before, "done", "by an earlier run");
        line(self.left, "left", "they were not tried");
        let _infallible =
            writeln!(out, "{:>7}  in {:.1} s", self.rows.len(), self.took.as_secs_f64());
        let mut reasons: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| !is_page(row)) {
            reasons.entry(reason(row)).or_default().push(text_of(row, "url"));
        }
        for row in self.rows.iter().filter(|row| is_page(row) && row.get("unpublished").is_some()) {
            let why = text_of(row, "unpublished").to_owned();
            let key = (format!("not published, {why}"), meaning(&why));
            reasons.entry(key).or_default().push(text_of(row, "url"));
        }
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, urls)| std::cmp::Reverse(urls.len()));
        for ((reason, detail), urls) in reasons {
            let _infallible = writeln!(out, "\n{:>7}  {reason}: {detail}", urls.len());
            for url in urls.iter().take(NAMED_MAX) {
                let _infallible = writeln!(out, "         {url}");
            }
            if let Some(more) = urls.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
                let _infallible = writeln!(out, "         and {more} more");
            }
        }
        out
    }
}

fn is(row: &Value, name: &str) -> bool {
    row.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn text_of<'r>(row: &'r Value, name: &str) -> &'r str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The status of an error.
fn error(row: &Value) -> Option<StatusCode> {
    let status = row.get("status").and_then(Value::as_u64)?;
    let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    (status.is_client_error() || status.is_server_error()).then_some(status)
}

/// Whether it is stored and worth being: an error may be stored, too, for a moment.
fn is_page(row: &Value) -> bool {
    is(row, "stored") && error(row).is_none()
}

/// Why a page is not stored. The status of an error says more than that it has no lifetime.
fn reason(row: &Value) -> (String, String) {
    match error(row) {
        Some(status) => {
            let phrase = status.canonical_reason().unwrap_or("an error");
            (format!("status {}", status.as_u16()), phrase.to_owned())
        }
        None => (text_of(row, "reason").to_owned(), text_of(row, "detail").to_owned()),
    }
}

/// What a word says that stands for why a page is not published.
fn meaning(why: &str) -> String {
    let own = match why {
        "nothing-is-published" => {
            "this Larder publishes nothing: [publish.memcached] names no servers"
        }
        "unlisted" => "the lookup table could not remember it",
        "memcached" => "Memcached did not take it",
        "gone" | "overtaken" => "it was purged or stale before it was there",
        _ => "",
    };
    let reason = || Reason::ALL.iter().find(|reason| reason.token() == why);
    if own.is_empty() { reason().map_or("", |reason| reason.text()) } else { own }.to_owned()
}

fn pages(count: usize) -> String {
    if count == 1 { "1 page was".to_owned() } else { format!("{count} pages were") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(url: &str, stored: bool, fetched: bool, reason: &str) -> Value {
        json!({"url": url, "stored": stored, "fetched": fetched, "reason": reason, "detail": "why"})
    }

    #[test]
    fn the_table_says_what_was_stored_and_why_the_rest_was_not() {
        let mut report = Report::new(2);
        report.take(row("https://a/1", true, true, ""));
        report.take(row("https://a/2", true, false, "fresh"));
        for page in 3..8 {
            report.take(row(&format!("https://a/{page}"), false, true, "set-cookie"));
        }
        let mut unpublished = row("https://a/9", true, true, "");
        unpublished["published"] = json!(false);
        unpublished["unpublished"] = json!("memcached");
        report.take(unpublished);
        let mut published = row("https://a/10", true, true, "");
        published["published"] = json!(true);
        report.take(published);
        let missing = json!({"url": "https://a/x", "stored": true, "fetched": true, "status": 404});
        report.take(missing);
        report.end(Duration::from_millis(1540), 0, None);
        let expected = [
            "      3  stored     the application made them, or confirmed them",
            "      1  fresh      they were stored already",
            "      1  published  of them, where nginx finds them",
            "      6  refused    for the reasons below",
            "      2  done       by an earlier run",
            "     10  in 1.5 s",
            "",
            "      5  set-cookie: why",
            "         https://a/3",
            "         https://a/4",
            "         https://a/5",
            "         and 2 more",
            "",
            "      1  not published, memcached: Memcached did not take it",
            "         https://a/9",
            "",
            "      1  status 404: Not Found",
            "         https://a/x",
            "",
        ];
        assert_eq!(report.text(), expected.join("\n"));
        assert!(report.is_success());
    }

    #[test]
    fn it_is_no_success_where_nothing_is_stored_or_it_ended_early() {
        let mut report = Report::new(0);
        report.take(row("https://a/1", false, true, "set-cookie"));
        report.end(Duration::ZERO, 0, None);
        assert!(!report.is_success());
        report.take(row("https://a/2", true, true, ""));
        assert!(report.is_success());
        report.end(Duration::ZERO, 1, Some("interrupted".to_owned()));
        assert!(!report.is_success());
        assert_eq!(report.ended_early().as_deref(), Some("interrupted; 1 page was not tried"));
    }
}
