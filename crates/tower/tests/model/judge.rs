//! Whether a response may have been what its client got, by the naive cache and the evidence.
//!
//! What the application made for this very request is its client's. Everything else is shared, and
//! has to be storable, selected by the request's fields, fresh or stale with permission, whole, and
//! not older than a change whose answer had been delivered before the request began.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use larder_testkit::{ReferenceCache, Seconds, http_date};

use crate::application::window;
use crate::record::{Failed, Record};

/// A request as its client made it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) client: u64,
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) begun_at: Seconds,
    pub(crate) begun: u64,
}

/// What its client got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The bytes to a clean end, or none when the body broke off.
    pub(crate) body: Option<Bytes>,
}

/// A request that is over.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) asked: Asked,
    /// The response, or none when Larder had to say itself that there is none.
    pub(crate) got: Option<Got>,
    pub(crate) head_at: Seconds,
    /// The moment at which the head was there.
    pub(crate) answered: u64,
}

/// A change whose answer has been delivered.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    number: usize,
    targets: Vec<String>,
    answered: u64,
}

/// All that responses are held against.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    pub(crate) records: &'a [Record],
    pub(crate) changes: &'a [Changed],
}

type Verdict = Result<(), String>;

fn claim(holds: bool, otherwise: &str) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

impl Judge<'_> {
    pub(crate) fn of(&self, done: &Done) -> Verdict {
        let asked = &done.asked;
        let Some(got) = &done.got else { return self.of_refusal(done) };
        let made =
            got.headers.get("x-made").ok_or("a response that the application did not make")?;
        let number: usize = made.to_str().unwrap().parse().unwrap();
        let head = &self.records[number];
        claim(head.target == asked.target, "another page's response")?;
        let came = head.response_time.ok_or("a response before the application gave it")?;
        of_status(asked, got, head)?;
        let is_own = head.client == asked.client;
        let sources = self.sources(head, asked);
        let Some(body) = &got.body else {
            return claim(
                sources.iter().any(|source| source.breaks_off),
                "a body broke off that the application had finished",
            );
        };
        let at = asked.begun_at.max(came);
        let mut why = String::from("bytes that nobody made, or not all of them");
        for source in sources {
            if *body != expected(source, asked, got) {
                continue;
            }
            match self.may_be_answered_by(source, head, is_own, done, at) {
                Ok(()) => return Ok(()),
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    /// No response at all: only when the application failed meanwhile.
    fn of_refusal(&self, done: &Done) -> Verdict {
        let failed = self.failures(done, 0).any(|(failed, _)| failed == Failed::Disconnected);
        claim(failed, "no response, although the application did not fail")
    }

    /// The answers whose bytes may stand behind this head: its own, or for a 304 and a HEAD those of
    /// the response that it speaks of.
    fn sources<'a>(&'a self, head: &'a Record, asked: &Asked) -> Vec<&'a Record> {
        let own_head = head.client == asked.client && head.method == asked.method;
        let is_answer = own_head && (head.method == Method::HEAD || head.has_no_shared_use());
        if head.has_representation() || is_answer {
            return vec![head];
        }
        let before = &self.records[..head.number];
        // RFC 9111 §4.3.5: of the answer to a HEAD, only the validators that came have to match.
        let any_tag = head.method == Method::HEAD && head.etag().is_none();
        let same = |record: &&Record| {
            record.target == head.target
                && record.has_representation()
                && (any_tag || record.etag() == head.etag())
        };
        let mut found: Vec<_> = before.iter().rev().filter(same).collect();
        if own_head && head.status == StatusCode::NOT_MODIFIED {
            // A client's own condition, passed on.
            found.push(head);
        }
        found
    }

    fn may_be_answered_by(
        &self,
        source: &Record,
        head: &Record,
        is_own: bool,
        done: &Done,
        at: Seconds,
    ) -> Verdict {
        let asked = &done.asked;
        if is_own && source.number == head.number {
            return Ok(());
        }
        let got = done.got.as_ref().ok_or("no response")?;
        claim(!source.breaks_off, "a body that broke off was kept")?;
        claim(!got.headers.contains_key("set-cookie"), "another's cookie")?;
        claim(!source.response.contains_key("set-cookie"), "a response with a cookie was kept")?;
        self.is_newer_than_changes(head, asked)?;
        claim(is_storable(source, source, asked), "a response that was not to be shared")?;
        claim(fits(source, head, asked), "a response for other request fields")?;
        if is_own {
            // It was validated for this request.
            return Ok(());
        }
        claim(is_storable(source, head, asked), "a response that was found not to be shared")?;
        self.is_fresh_enough(source, head, done, at)
    }

    /// RFC 9111 §4.4.
    fn is_newer_than_changes(&self, head: &Record, asked: &Asked) -> Verdict {
        let outdated = self.changes.iter().any(|change| {
            change.answered < asked.begun
                && head.number < change.number
                && change.targets.contains(&head.target)
        });
        claim(!outdated, "a response from before a change that its client may know of")
    }

    fn is_fresh_enough(&self, source: &Record, head: &Record, done: &Done, at: Seconds) -> Verdict {
        let mut stored = merged(source, head);
        // That it may be shared in spite of it was found out for each of both requests.
        stored.request.remove("authorization");
        let mut naive = ReferenceCache::new();
        naive.receive(stored.exchanged());
        let headers = &done.asked.headers;
        if naive.serve(&Method::GET, &stored.target, headers, at).is_some() {
            return Ok(());
        }
        let strict = ["must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"];
        claim(
            strict.iter().all(|name| directive(head, name).is_none()),
            "stale, and that forbidden",
        )?;
        let lifetime = lifetime(&stored);
        let stale_for = age(&stored, at).saturating_sub(lifetime);
        let within = |name| directive(head, name).is_some_and(|window| stale_for <= window);
        let disconnected = self.failures(done, 2).any(|(failed, _)| failed == Failed::Disconnected);
        let failed = self.failures(done, 2).next().is_some();
        let permitted = within("stale-while-revalidate")
            || failed && within("stale-if-error")
            || disconnected && lifetime > 0;
        claim(permitted, "stale without permission")
    }

    /// Failures of the application for this page, `pause` seconds before the request or during it.
    fn failures<'a>(
        &'a self,
        done: &'a Done,
        pause: Seconds,
    ) -> impl Iterator<Item = (Failed, Seconds)> + 'a {
        let since = done.asked.begun_at - pause;
        let of_page = self.records.iter().filter(|record| record.target == done.asked.target);
        of_page
            .filter_map(|record| record.failed.zip(record.response_time))
            .filter(move |(_, time)| *time >= since && *time <= done.head_at)
    }
}

impl Record {
    /// An answer to the one who asked only: to an unknown method, a failed change, an odd status.
    fn has_no_shared_use(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD
    }
}

/// RFC 9110 §15.3.7, §15.4.5, §15.5.17: answers that only a client's own fields can bring about.
fn of_status(asked: &Asked, got: &Got, head: &Record) -> Verdict {
    let has = |name: &str| asked.headers.contains_key(name);
    match got.status.as_u16() {
        206 => {
            claim(has("range") && asked.method == Method::GET, "a part that nobody asked for")?;
            // RFC 9110 §13.1.5
            let condition = asked.headers.get("if-range").map(|tag| tag.to_str().unwrap());
            let holds =
                condition.is_none_or(|tag| tag.starts_with('"') && head.etag() == Some(tag));
            claim(holds, "a part of other bytes than the client has")
        }
        416 => claim(has("range"), "416 without a range"),
        304 => claim(has("if-none-match"), "304 without a condition"),
        _ => Ok(()),
    }
}

/// The bytes that a response with this head has to have.
fn expected(source: &Record, asked: &Asked, got: &Got) -> Bytes {
    let without = asked.method == Method::HEAD || matches!(got.status.as_u16(), 204 | 304 | 416);
    let range = got.headers.get("content-range").and_then(|value| window(value.to_str().unwrap()));
    match range.filter(|_| got.status == StatusCode::PARTIAL_CONTENT) {
        _ if without => Bytes::new(),
        Some((first, last)) if last < source.body.len() => source.body.slice(first..=last),
        Some(_) => Bytes::from_static(b"beyond the end"),
        None => source.body.clone(),
    }
}

/// The stored response of `source` with the fields of `head`.
fn merged(source: &Record, head: &Record) -> Record {
    let mut stored = head.clone();
    stored.request.clone_from(&source.request);
    stored.method = Method::GET;
    stored.status = source.status;
    stored.body = Bytes::new();
    stored
}

/// Whether the naive cache keeps the response of `source` as `head` describes it, asked with the
/// request that brought `head`.
fn is_storable(source: &Record, head: &Record, asked: &Asked) -> bool {
    let mut stored = timeless(&merged(source, head));
    stored.request.clone_from(&head.request);
    stored.response.remove("vary");
    serves_at_once(&stored, &asked.headers)
}

/// Whether the request has the fields that the response was selected by (RFC 9111 §4.1).
fn fits(source: &Record, head: &Record, asked: &Asked) -> bool {
    let mut stored = merged(source, head);
    let vary = stored.response.get("vary").cloned();
    stored.response = HeaderMap::new();
    stored.response.insert("cache-control", HeaderValue::from_static("public, max-age=100000"));
    stored.response.extend(vary.map(|vary| (http::header::VARY, vary)));
    serves_at_once(&stored, &asked.headers)
}

fn serves_at_once(stored: &Record, request: &HeaderMap) -> bool {
    let mut naive = ReferenceCache::new();
    let exchanged = stored.exchanged();
    let at = exchanged.response_time;
    naive.receive(exchanged);
    naive.serve(&Method::GET, &stored.target, request, at).is_some()
}

/// The same response, but of endless freshness: what is left is whether it may be stored.
fn timeless(stored: &Record) -> Record {
    let mut endless = stored.clone();
    let cache_control = stored.field("cache-control").unwrap_or_default();
    let kept = cache_control.split(", ").filter(|member| *member != "no-cache").map(|member| {
        let name = member.split('=').next().unwrap_or_default();
        if ["max-age", "s-maxage"].contains(&name) {
            format!("{name}=100000")
        } else {
            member.to_owned()
        }
    });
    let line = kept.collect::<Vec<_>>().join(", ") + ", max-age=100000";
    endless.response.insert("cache-control", HeaderValue::from_str(&line).unwrap());
    endless.response.remove("age");
    endless
}

/// How old the response is, as the naive cache says that would keep it for ever.
fn age(stored: &Record, at: Seconds) -> Seconds {
    let mut endless = stored.exchanged();
    endless.response.insert("cache-control", HeaderValue::from_static("public, max-age=100000"));
    endless.response.remove("vary");
    let mut naive = ReferenceCache::new();
    naive.receive(endless);
    naive.serve(&Method::GET, &stored.target, &stored.request, at).map_or(at, |(_, age)| age)
}

/// How long it is fresh. Of a started second all may be used.
pub(crate) fn lifetime(stored: &Record) -> Seconds {
    let came = stored.response_time.unwrap_or_default();
    let date = |name| stored.field(name).and_then(http_date::parse);
    let by_expires = || date("expires").map(|expires| expires.saturating_sub(came));
    let by_guess = || date("last-modified").map(|then| came.saturating_sub(then).div_ceil(10));
    let explicit = directive(stored, "s-maxage").or_else(|| directive(stored, "max-age"));
    explicit.or_else(by_expires).or_else(by_guess).unwrap_or_default()
}

/// The number of a directive, zero without one.
pub(crate) fn directive(record: &Record, name: &str) -> Option<Seconds> {
    let line = record.field("cache-control")?;
    line.split(", ").find_map(|member| {
        let (found, value) = member.split_once('=').unwrap_or((member, "0"));
        (found == name).then(|| value.parse().unwrap())
    })
}

/// The change that this request made, if it made one.
pub(crate) fn change(records: &[Record], done: &Done) -> Option<Changed> {
    let got = done.got.as_ref()?;
    let number = got.headers.get("x-made")?.to_str().unwrap().parse().unwrap();
    let record: &Record = &records[number];
    let is_change = record.has_no_shared_use() && record.client == done.asked.client;
    if !is_change || !(got.status.is_success() || got.status.is_redirection()) {
        return None;
    }
    let host = record.target.split('/').next().unwrap_or_default();
    let mut targets = vec![record.target.clone()];
    targets.extend(record.field("location").map(|path| format!("{host}{path}")));
    Some(Changed { number, targets, answered: done.answered })
}
