//! Has one page after the other fetched: at the rate that was asked for, not too many at once, and none of a site that wants to
//! be left alone.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep_until;

use super::limits::{DRAW_EVERY, LISTENER_PAUSE, LISTENER_TRIES_MAX, TRIES_MAX};
use super::progress::{Progress, Standing};
use super::report::Report;
use super::resume::Resume;
use crate::admin::At;
use crate::arguments::Warm;
use crate::output;

/// A page that is still to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    url: String,
    tries: u32,
}

/// What is still to be done, and when.
#[derive(Debug)]
struct Agenda {
    pages: VecDeque<Page>,
    /// Sites that are left alone until then.
    paused: HashMap<String, Instant>,
    interval: Duration,
    next: Instant,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Fetch(Page),
    /// Nothing before then; whether it is the sites that want it.
    Wait(Instant, bool),
    Nothing,
}

fn site(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    host.split(['/', '?']).next().unwrap_or(host)
}

impl Agenda {
    fn new(urls: Vec<String>, interval: Duration, now: Instant) -> Self {
        let pages = urls.into_iter().map(|url| Page { url, tries: 0 }).collect();
        Self { pages, paused: HashMap::new(), interval, next: now }
    }

    fn next(&mut self, now: Instant) -> Next {
        if self.pages.is_empty() {
            return Next::Nothing;
        }
        self.paused.retain(|_, until| *until > now);
        let is_free = |page: &Page| !self.paused.contains_key(site(&page.url));
        let place =
            if self.paused.is_empty() { Some(0) } else { self.pages.iter().position(is_free) };
        let Some(place) = place else {
            let soonest = self.paused.values().min().copied().unwrap_or(now);
            return Next::Wait(soonest, true);
        };
        if self.next > now {
            return Next::Wait(self.next, false);
        }
        self.next = now + self.interval;
        self.pages.remove(place).map_or(Next::Nothing, Next::Fetch)
    }

    /// A page is done; gives it back if it is to be told of, and not tried again.
    fn done(&mut self, mut page: Page, row: &Value, now: Instant) -> Option<Page> {
        let is = |name: &str| row.get(name).and_then(Value::as_bool).unwrap_or(false);
        if !is("fetched") {
            // Nobody was asked, so nobody has to be spared.
            self.next = self.next.checked_sub(self.interval).unwrap_or(now);
        }
        let Some(secs) = row.get("retry_after").and_then(Value::as_u64) else { return Some(page) };
        if is("stored") {
            return Some(page);
        }
        self.paused.insert(site(&page.url).to_owned(), now + Duration::from_secs(secs));
        // Where it was not asked for at all, that was no try.
        page.tries += u32::from(is("fetched"));
        if page.tries >= TRIES_MAX {
            return Some(page);
        }
        self.pages.push_front(page);
        None
    }
}

/// What came of an order.
type Answer = Result<(u16, Value), String>;

/// Fetches everything, or as much as it gets to.
pub(super) async fn all(
    arguments: &Warm,
    at: &At,
    urls: Vec<String>,
    mut resume: Option<Resume>,
    mut report: Report,
) -> Result<Report, String> {
    // Once: one that comes while something else is done is kept.
    let mut interrupts = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let mut progress = Progress::new(urls.len(), begun);
    let mut agenda = Agenda::new(urls, arguments.rate, begun);
    let mut running: JoinSet<(Page, Answer)> = JoinSet::new();
    let mut ends: Option<String> = None;
    loop {
        let now = Instant::now();
        let may_begin = ends.is_none() && running.len() < usize::from(arguments.concurrency);
        let next = if may_begin { agenda.next(now) } else { Next::Nothing };
        let waits = match next {
            Next::Fetch(page) => {
                begin(&mut running, at, page, arguments);
                continue;
            }
            Next::Wait(until, by_sites) => Some((until, by_sites)),
            Next::Nothing => None,
        };
        if running.is_empty() && waits.is_none() {
            break;
        }
        let standing = Standing {
            done: report.done(),
            stored: report.stored(),
            refused: report.refused(),
            waits: waits
                .filter(|(_, by_sites)| *by_sites && running.is_empty())
                .map(|(until, _)| until.saturating_duration_since(now)),
        };
        progress.show(standing, now);
        let until = waits.map_or(now + DRAW_EVERY, |(until, _)| until.min(now + DRAW_EVERY));
        tokio::select! {
            Some(joined) = running.join_next(), if !running.is_empty() => {
                let why = take(joined, &mut agenda, &mut report, resume.as_mut())?;
                ends = ends.or(why);
            }
            () = sleep_until(until.into()) => {}
            _ = interrupts.recv() => {
                progress.clear();
                if ends.is_some() {
                    break;
                }
                output::complain(&"what is being fetched may end; once more ends it at once");
                ends = Some("interrupted".to_owned());
            }
        }
    }
    progress.clear();
    let left = agenda.pages.len() + running.len();
    report.end(begun.elapsed(), left, ends);
    if left == 0
        && let Some(resume) = resume
    {
        resume.remove()?;
    }
    Ok(report)
}

fn begin(running: &mut JoinSet<(Page, Answer)>, at: &At, page: Page, arguments: &Warm) {
    let at = at.clone();
    let Warm { renew, publish, .. } = arguments;
    let body =
        json!({ "url": page.url, "renew": renew, "publish": publish, "wait": true }).to_string();
    running.spawn(async move {
        let mut tries = 1;
        loop {
            let (asked, order) = (at.clone(), body.clone());
            let answer = tokio::task::spawn_blocking(move || asked.ask("/warm", &order)).await;
            let answer = answer.unwrap_or_else(|error: JoinError| Err(error.to_string()));
            // It is not there: perhaps it is just starting again.
            if answer.is_ok() || tries >= LISTENER_TRIES_MAX {
                return (page, answer);
            }
            tries += 1;
            tokio::time::sleep(LISTENER_PAUSE).await;
        }
    });
}

/// Takes in what came of a page. Says why there is no use in going on.
fn take(
    joined: Result<(Page, Answer), JoinError>,
    agenda: &mut Agenda,
    report: &mut Report,
    resume: Option<&mut Resume>,
) -> Result<Option<String>, String> {
    let (page, answer) = joined.map_err(|error| error.to_string())?;
    let now = Instant::now();
    let refused = |answer: &Value| {
        answer.get("detail").and_then(Value::as_str).unwrap_or("no reason given").to_owned()
    };
    let row = match answer {
        Ok((200, answer)) => answer.pointer("/pages/0").cloned().unwrap_or(Value::Null),
        // Of this page: it is not one.
        Ok((400, answer)) => json!({
            "url": page.url, "fetched": false, "stored": false, "reason": "bad-url",
            "detail": refused(&answer),
        }),
        Ok((status, answer)) => {
            let why = format!("refused with {status}: {}", refused(&answer));
            agenda.pages.push_front(page);
            return Ok(Some(why));
        }
        Err(why) => {
            agenda.pages.push_front(page);
            return Ok(Some(why));
        }
    };
    if row.get("reason").and_then(Value::as_str) == Some("ending") {
        agenda.pages.push_front(page);
        return Ok(Some("Larder is ending".to_owned()));
    }
    if let Some(page) = agenda.done(page, &row, now) {
        if let Some(resume) = resume {
            resume.note(&page.url)?;
        }
        report.take(row);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: Duration = Duration::from_millis(50);

    fn agenda(urls: &[&str], now: Instant) -> Agenda {
        Agenda::new(urls.iter().map(|url| (*url).to_owned()).collect(), EACH, now)
    }

    fn page(next: Next) -> Page {
        match next {
            Next::Fetch(page) => page,
            other @ (Next::Wait(..) | Next::Nothing) => panic!("a page and not {other:?}"),
        }
    }

    #[test]
    fn pages_come_at_the_rate_and_what_cost_nothing_at_once() {
        let now = Instant::now();
        let mut agenda = agenda(&["https://a/1", "https://a/2", "https://a/3"], now);
        let first = page(agenda.next(now));
        assert_eq!(agenda.next(now), Next::Wait(now + EACH, false));
        assert!(agenda.done(first, &json!({"fetched": true, "stored": true}), now).is_some());
        assert_eq!(agenda.next(now), Next::Wait(now + EACH, false));
        let second = page(agenda.next(now + EACH));
        assert_eq!(second.url, "https://a/2");
        let fresh = json!({"fetched": false, "stored": true});
        assert!(agenda.done(second, &fresh, now + EACH).is_some());
        assert_eq!(page(agenda.next(now + EACH)).url, "https://a/3");
        assert_eq!(agenda.next(now), Next::Nothing);
    }

    #[test]
    fn a_site_that_wants_to_be_left_alone_is_and_its_pages_come_later() {
        let mut now = Instant::now();
        let mut agenda = agenda(&["https://a/1", "https://a/2", "https://b/1"], now);
        let busy = json!({"fetched": true, "stored": false, "retry_after": 30});
        let first = page(agenda.next(now));
        assert_eq!(agenda.done(first, &busy, now), None);
        now += EACH;
        assert_eq!(page(agenda.next(now)).url, "https://b/1");
        let again = now + Duration::from_secs(30).saturating_sub(EACH);
        assert_eq!(agenda.next(now), Next::Wait(again, true));
        for try_again in [true, false] {
            now += Duration::from_secs(31);
            let first = page(agenda.next(now));
            assert_eq!(first.url, "https://a/1");
            assert_eq!(agenda.done(first, &busy, now).is_none(), try_again);
        }
        now += Duration::from_secs(31);
        assert_eq!(page(agenda.next(now)).url, "https://a/2");
        let paused = json!({"fetched": false, "stored": false, "retry_after": 1});
        for _ in 0..10 {
            let second = Page { url: "https://a/2".to_owned(), tries: 0 };
            assert_eq!(agenda.done(second, &paused, now), None, "it was not asked for");
            now += Duration::from_secs(2);
            assert_eq!(page(agenda.next(now)).url, "https://a/2");
        }
    }
}
