//! An application of moods: every answer says its number in a field and in each of its bytes.

use std::sync::Mutex;

use http::HeaderMap;
use larder_policy::Scheme;
use larder_semantics::Reason;
use larder_testkit::{Answer, FakeClock, Part, Sent, Signal};

use crate::random::Random;
use crate::record::{Held, Ledger, Record};
use crate::site::{GROUPS, TAGS, place};

/// Bytes of a number as it is written again and again.
pub(crate) const TOKEN_BYTES: usize = 8;

#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) holds: bool,
    /// How often a body says whose it is.
    pub(crate) tokens: usize,
    pub(crate) clock: FakeClock,
    pub(crate) ledger: Ledger,
    pub(crate) random: Mutex<Random>,
}

fn some(random: &mut Random, all: &[&'static str]) -> Vec<&'static str> {
    all.iter().filter(|_| random.one_in(3)).copied().collect()
}

/// `n0000012n0000012…`, or for a page asked for in parts its version's `v`.
fn text(letter: char, number: u64, times: usize) -> String {
    format!("{letter}{number:07}").repeat(times)
}

/// The first and last byte that are asked for.
fn window(line: &str) -> Option<(usize, usize)> {
    let (first, last) = line.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

impl Application {
    /// Answers, and writes down what.
    pub(crate) fn answer(&self, scheme: Scheme, sent: &Sent) -> Answer<Reason> {
        let random = &mut self.random.lock().unwrap();
        let mut record = self.record(random, scheme, sent);
        let mut answer = self.fields(random, sent, &mut record);
        let mut books = self.ledger.books();
        let holds_head = self.holds && random.one_in(5);
        if holds_head {
            let signal = Signal::new();
            answer = answer.wait_before_head(&signal);
            books.held.push(Held { signal, record: record.number, is_head: true });
        } else {
            record.responded = Some(record.sent);
        }
        if self.holds && record.method == "GET" && random.one_in(25) {
            record.status = 0;
            record.cache_control = "no-store";
            answer = answer.fail_before_head(Reason::ConnectFailed);
        }
        if record.has_bytes() {
            let all = if record.place.path() == "/r/1" {
                text('v', record.version, self.tokens)
            } else {
                text('n', record.number as u64, self.tokens)
            };
            let asked = sent.field("range").filter(|_| record.status == 206).and_then(window);
            let (first, last) = asked.unwrap_or((0, all.len() - 1));
            let bytes = all.get(first..=last).unwrap().to_owned();
            let middle = bytes.len() / 2;
            let (beginning, rest) = bytes.split_at(middle);
            answer = answer.chunk(beginning.to_owned());
            if self.holds && random.one_in(6) {
                let signal = Signal::new();
                answer = answer.wait(&signal);
                books.held.push(Held { signal, record: record.number, is_head: false });
            }
            record.breaks_off = self.holds && random.one_in(25);
            answer = if record.breaks_off {
                answer.then(Part::Fail(Reason::Truncated))
            } else {
                answer.chunk(rest.to_owned())
            };
        }
        books.records.push(record);
        answer
    }

    fn record(&self, random: &mut Random, scheme: Scheme, sent: &Sent) -> Record {
        let host = sent.field("host").unwrap_or_default();
        let place = place(scheme, host, &sent.uri.to_string(), &sent.headers);
        let mut tags = some(random, &TAGS[..4]);
        let mut books = self.ledger.books();
        let version = books.version(&place, &tags);
        let now = books.moment();
        if place.path() == "/r/1" {
            tags.clone_from(&version.tags);
        }
        let cache_control = random.one_of(&[
            "max-age=10",
            "max-age=40",
            "max-age=40",
            "max-age=40",
            "max-age=10, stale-while-revalidate=30",
            "max-age=1, stale-while-revalidate=60",
            "max-age=10, stale-while-revalidate=30",
            "max-age=1, stale-while-revalidate=60",
            "max-age=20, stale-if-error=60",
            "no-cache",
            "no-store",
        ]);
        let groups = if place.path() == "/r/1" { Vec::new() } else { some(random, &GROUPS) };
        Record {
            number: books.records.len(),
            method: sent.method.to_string(),
            sent: now,
            touched: now,
            responded: None,
            at: self.clock.now().as_secs(),
            status: 200,
            version: version.number,
            tags,
            groups,
            cache_control,
            breaks_off: false,
            place,
        }
    }

    /// Status and fields.
    fn fields(&self, random: &mut Random, sent: &Sent, record: &mut Record) -> Answer<Reason> {
        let is_page = record.method == "GET" || record.method == "HEAD";
        let etag = format!("\"e{}\"", record.version);
        let is_known = sent.field("if-none-match") == Some(&etag);
        if !is_page {
            record.status = random.one_of(&[200, 204, 303, 500]);
            record.cache_control = "no-store";
        } else if self.holds && random.one_in(20) {
            record.status = 500;
            record.cache_control = "no-store";
        } else if record.method == "GET" && is_known && !random.one_in(6) {
            record.status = 304;
        } else if record.place.path() == "/r/1" && is_part(&sent.headers) {
            record.status = 206;
        }
        let mut answer = Answer::new(record.status)
            .field("x-made", &record.number.to_string())
            .field("cache-control", record.cache_control);
        if !is_page {
            if random.one_in(2) {
                answer = answer.field("cache-group-invalidation", &quoted(&record.groups));
            } else {
                record.groups.clear();
            }
            record.tags.clear();
            return answer;
        }
        if !record.tags.is_empty() {
            let name = random.one_of(&["surrogate-key", "cache-tag", "xkey", "larder-tags"]);
            let between = random.one_of(&[" ", ",", ", "]);
            answer = answer.field(name, &record.tags.join(between));
        }
        if !record.groups.is_empty() {
            answer = answer.field("cache-groups", &quoted(&record.groups));
        }
        if record.place.path() == "/a/2" {
            record.tags.push(TAGS[4]);
        }
        if record.place.path().starts_with("/v") {
            answer = answer.field("vary", "accept-language");
        }
        if record.status != 304 {
            answer = answer.field("content-type", record.place.content_type());
        }
        if let (206, Some((first, last))) = (record.status, sent.field("range").and_then(window)) {
            let all = TOKEN_BYTES * self.tokens;
            answer = answer.field("content-range", &format!("bytes {first}-{last}/{all}"));
        }
        if record.status == 500 { answer } else { answer.field("etag", &etag) }
    }
}

fn quoted(groups: &[&str]) -> String {
    groups.iter().map(|group| format!("\"{group}\"")).collect::<Vec<_>>().join(", ")
}

fn is_part(headers: &HeaderMap) -> bool {
    headers.contains_key("range") && !headers.contains_key("if-range")
}
