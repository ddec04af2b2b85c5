//! An application of moods: every answer says its number, who asked and what it was sent.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use larder_semantics::Reason;
use larder_testkit::{Answer, FakeClock, Part, Sent, Signal, http_date};

use crate::random::Random;
use crate::record::{Failed, Held, Ledger, Record};

/// How wild it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// Does everything an application may do.
    Wild,
    /// Keeps to what the naive cache has an opinion on, and answers at once.
    Plain,
}

/// The fields that a page may vary on.
pub(crate) const SELECTING: [&str; 3] = ["accept-language", "cookie", "x-a"];

#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) temper: Temper,
    pub(crate) large_bodies: bool,
    pub(crate) clock: FakeClock,
    pub(crate) ledger: Ledger,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: Random,
    /// What a page varies on, by its target.
    vary: HashMap<String, Vec<&'static str>>,
    /// The current tag and body, by target and selecting values.
    current: HashMap<String, (String, Bytes)>,
}

impl Application {
    pub(crate) fn new(seed: u64, temper: Temper, clock: FakeClock, ledger: Ledger) -> Self {
        let random = Random::new(seed);
        let state = State { random, vary: HashMap::new(), current: HashMap::new() };
        Self { temper, large_bodies: false, clock, ledger, state: Mutex::new(state) }
    }

    /// Answers, and writes down what.
    pub(crate) fn answer(&self, sent: &Sent) -> Answer<Reason> {
        let mut state = self.state.lock().unwrap();
        let mut books = self.ledger.books();
        let number = books.records.len();
        let mut record = self.record(&mut state, number, sent);
        let random = &mut state.random;
        let now = self.clock.now().as_secs();
        let wild = self.temper == Temper::Wild;
        if wild && random.one_in(14) {
            record.failed = Some(Failed::Disconnected);
        } else if matches!(record.status.as_u16(), 500 | 502 | 503 | 504) {
            record.failed = Some(Failed::Status(record.status.as_u16()));
        }
        record.breaks_off = wild && record.method == Method::GET && random.one_in(14);
        let mut answer = Answer::new(record.status.as_u16());
        for (name, value) in &record.response {
            answer = answer.field(name.as_str(), value.to_str().unwrap());
        }
        if wild && random.one_in(3) {
            let signal = Signal::new();
            answer = answer.wait_before_head(&signal);
            books.held.push(Held { signal, head_of: Some(number) });
        } else {
            record.response_time = Some(now);
        }
        if record.failed == Some(Failed::Disconnected) {
            answer = answer.fail_before_head(Reason::ConnectFailed);
        } else {
            answer = self.body(random, &mut books.held, &mut record, answer);
        }
        books.records.push(record);
        answer
    }

    /// The body, in pieces, perhaps held in its middle, perhaps broken off.
    fn body(
        &self,
        random: &mut Random,
        held: &mut Vec<Held>,
        record: &mut Record,
        answer: Answer<Reason>,
    ) -> Answer<Reason> {
        let has_none =
            record.method == Method::HEAD || matches!(record.status.as_u16(), 204 | 304 | 416);
        let all = match record.field("content-range").and_then(window) {
            _ if has_none => Bytes::new(),
            Some((first, last)) => record.body.slice(first..=last),
            None => record.body.clone(),
        };
        record.breaks_off &= !has_none;
        if !record.breaks_off && random.one_in(2) {
            return answer.body(all);
        }
        let (beginning, rest) = (all.slice(..all.len() / 2), all.slice(all.len() / 2..));
        let mut answer = answer.chunk(beginning);
        if self.temper == Temper::Wild && random.one_in(3) {
            let signal = Signal::new();
            answer = answer.wait(&signal);
            held.push(Held { signal, head_of: None });
        }
        answer = if record.breaks_off {
            answer.then(Part::Fail(Reason::Truncated))
        } else {
            answer.chunk(rest)
        };
        if random.one_in(2) { answer.declare(all.len() as u64) } else { answer }
    }

    fn record(&self, state: &mut State, number: usize, sent: &Sent) -> Record {
        let now = self.clock.now().as_secs();
        let host = sent.field("host").unwrap_or_default();
        let target = format!("{host}{}", sent.uri);
        let mut record = Record {
            number,
            client: sent.field("x-client").unwrap().parse().unwrap(),
            method: sent.method.clone(),
            target,
            request: sent.headers.clone(),
            status: StatusCode::OK,
            response: HeaderMap::new(),
            body: Bytes::new(),
            request_time: now,
            response_time: None,
            failed: None,
            breaks_off: false,
        };
        put(&mut record, "x-made", &number.to_string());
        if sent.method == Method::GET || sent.method == Method::HEAD {
            self.page(state, sent, &mut record);
        } else {
            self.change(state, sent, &mut record);
        }
        record
    }

    /// What a change is answered with.
    fn change(&self, state: &mut State, sent: &Sent, record: &mut Record) {
        let random = &mut state.random;
        let status = random.one_of(&[200, 200, 204, 303, 404, 500]);
        record.status = StatusCode::from_u16(status).unwrap();
        record.body = Bytes::from(format!("{} {}", record.number, record.target));
        if status == 204 {
            record.body = Bytes::new();
        }
        if random.one_in(4) {
            let other = random.below(4);
            put(record, "location", &format!("/{other}"));
        } else if self.temper == Temper::Wild && random.one_in(3) {
            put(record, "content-location", sent.uri.path());
            put(record, "cache-control", &directives(random, self.temper));
        }
        state.current.retain(|page, _| !page.starts_with(&record.target));
    }

    /// What a page is answered with. The names of its fields depend on its path alone, so that a 304
    /// replaces all that a 200 said.
    fn page(&self, state: &mut State, sent: &Sent, record: &mut Record) {
        let now = record.request_time;
        let place = sent.uri.path().bytes().last().unwrap_or_default() % 4;
        let wild = self.temper == Temper::Wild;
        let random = &mut state.random;
        let vary = state.vary.entry(record.target.clone()).or_default();
        if vary.is_empty() && place % 2 == 1 || wild && random.one_in(40) {
            vary.clear();
            let count = if wild { random.index(3) } else { 1 + random.index(2) };
            vary.extend((0..count).map(|_| random.one_of(&SELECTING)));
            state.current.clear();
        }
        let vary = vary.clone();
        let values = vary.iter().map(|name| format!("|{:?}", sent.headers.get(*name)));
        let page = record.target.clone() + &values.collect::<String>();
        put(record, "vary", &vary.join(", "));
        put(record, "cache-control", &directives(random, self.temper));
        match place {
            0 => put(record, "date", &http_date::write(now - random.below(4))),
            1 => put(record, "expires", &http_date::write(now + random.below(20))),
            2 => put(record, "age", &random.below(5).to_string()),
            _ => put(record, "last-modified", &http_date::write(now - random.below(200))),
        }
        if wild && random.one_in(12) {
            put(record, "set-cookie", &format!("of={}", record.number));
        }
        let odd = [203, 301, 404, 410, 500, 503, 599, 302, 429];
        if random.one_in(6) {
            let status = if wild { random.one_of(&odd) } else { random.one_of(&[203, 301, 302]) };
            record.status = StatusCode::from_u16(status).unwrap();
            record.body = self.fresh_body(random, record, sent);
            return;
        }
        self.represent(state, sent, record, page);
    }

    /// A 200, 206 or 304 with the representation's tag, if it has one.
    fn represent(&self, state: &mut State, sent: &Sent, record: &mut Record, page: String) {
        let random = &mut state.random;
        let (tag, body) = match state.current.get(&page) {
            Some(current) if !random.one_in(3) => current.clone(),
            _ => {
                let number = record.number;
                let kinds = [format!("\"{number}\""), format!("W/\"{number}\""), String::new()];
                (kinds[random.index(3)].clone(), self.fresh_body(random, record, sent))
            }
        };
        state.current.insert(page, (tag.clone(), body.clone()));
        // A weak tag, or none, says nothing of the bytes.
        let strong = tag.starts_with('"');
        record.body = if strong { body } else { self.fresh_body(random, record, sent) };
        let length = record.body.len();
        if record.method == Method::HEAD && random.one_in(2) {
            put(record, "content-length", &length.to_string());
        }
        if tag.is_empty() {
            return;
        }
        put(record, "etag", &tag);
        let has_authorization = sent.headers.contains_key("authorization");
        let conditional = self.temper == Temper::Wild || !has_authorization;
        let known = sent.field("if-none-match").is_some_and(|tags| tags.contains(tag.as_str()));
        if known && conditional {
            record.status = StatusCode::NOT_MODIFIED;
            return;
        }
        let asked = sent.field("range").filter(|_| record.method == Method::GET);
        let asked =
            asked.filter(|_| sent.field("if-range").is_none_or(|same| strong && same == tag));
        let Some((first, last)) = asked.and_then(|range| {
            let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
            Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?.min(length - 1)))
        }) else {
            return;
        };
        if first <= last {
            record.status = StatusCode::PARTIAL_CONTENT;
            put(record, "content-range", &format!("bytes {first}-{last}/{length}"));
        }
    }

    /// Who asked for what, at such a length that ranges and limits matter.
    fn fresh_body(&self, random: &mut Random, record: &Record, sent: &Sent) -> Bytes {
        let mut body = format!("{} {} {:?} ", record.number, record.target, sent.headers);
        let length = match random.below(4) {
            0 if self.large_bodies => 50_000 + random.index(150_000),
            0 => 3000,
            _ => 600,
        };
        body.truncate(length);
        while body.len() < length {
            let more = format!("{}-{};", record.number, body.len());
            body.push_str(&more.repeat(1 + (length - body.len()) / more.len() / 2));
        }
        Bytes::from(body)
    }
}

fn put(record: &mut Record, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).unwrap();
    record.response.insert(HeaderName::from_static(name), value);
}

/// The first and last position of a `Content-Range`.
pub(crate) fn window(content_range: &str) -> Option<(usize, usize)> {
    let (range, _) = content_range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// `Cache-Control`, never empty.
fn directives(random: &mut Random, temper: Temper) -> String {
    let mut all = vec!["x-none".to_owned()];
    let mut add = |random: &mut Random, one_in, name: &str, bound: Option<u64>| {
        if random.one_in(one_in) {
            let value = bound.map(|bound| format!("={}", random.below(bound)));
            all.push(format!("{name}{}", value.unwrap_or_default()));
        }
    };
    if !random.one_in(4) {
        add(random, 1, "max-age", Some(20));
    }
    add(random, 6, "s-maxage", Some(20));
    add(random, 6, "public", None);
    add(random, 10, "must-revalidate", None);
    add(random, 14, "no-cache", None);
    if temper == Temper::Wild {
        add(random, 12, "private", None);
        add(random, 12, "no-store", None);
        add(random, 20, "proxy-revalidate", None);
        add(random, 30, "must-understand", None);
        add(random, 4, "stale-while-revalidate", Some(12));
        add(random, 5, "stale-if-error", Some(20));
    }
    all.join(", ")
}
