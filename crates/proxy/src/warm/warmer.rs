//! Fetches what is in the queue, as fast as it may.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use larder_cache::Cache;
use larder_cache::purge::Basket;
use larder_config::WarmConfig;
use larder_publish::Pages;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::fetch::{self, Fetched};
use super::pace::Pace;
use super::queue::{Job, Next, Put, Queue};
use super::row::{Row, Why};
use super::wish::Wish;
use crate::limits::{WARM_QUEUE_BYTES_MAX, WARM_QUEUE_MAX, WARM_TRIES_MAX};
use crate::listen::SiteSlot;
use crate::log::AccessLog;
use crate::pipeline::Pipeline;

/// How many pages of an order went into the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) queued: u64,
    /// Those that were in it already.
    pub(crate) known: u64,
    /// Those for which there was no place, or others had to leave.
    pub(crate) dropped: u64,
}

/// Fetches pages in advance.
#[derive(Debug)]
pub(crate) struct Warmer {
    cache: Arc<Cache>,
    pages: Option<Pages>,
    state: Mutex<State>,
    /// Something may have become possible.
    wake: Notify,
    outcomes: [AtomicU64; OUTCOMES.len()],
    dropped: AtomicU64,
}

/// What became of pages, as the metrics call it.
const OUTCOMES: [&str; 4] = ["stored", "fresh", "refused", "paused"];

/// The numbers for the metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// By outcome.
    pub(crate) outcomes: [(&'static str, u64); OUTCOMES.len()],
    pub(crate) dropped: u64,
    pub(crate) in_queue: u64,
    pub(crate) in_progress: u64,
    pub(crate) paused: u64,
}

/// Everything that decides what is done next.
#[derive(Debug)]
struct State {
    queue: Queue,
    pace: Pace,
    concurrency: usize,
    in_progress: usize,
    ends: bool,
}

/// What to do next.
#[derive(Debug)]
enum Step {
    Fetch(Job),
    /// These are told that their site is left alone for so long.
    Tell(Job, Duration),
    /// Nothing before then.
    Wait(Instant),
    /// Nothing until something changes.
    Rest,
    End,
}

impl State {
    fn step(&mut self, now: Instant) -> Step {
        if self.ends {
            return Step::End;
        }
        if self.in_progress >= self.concurrency {
            return Step::Rest;
        }
        if self.queue.len() == 0 {
            return Step::Rest;
        }
        if let Some(next) = self.pace.waits(now) {
            return Step::Wait(next);
        }
        match self.queue.next(now) {
            Next::Fetch(job) => {
                self.pace.take(now);
                self.in_progress += 1;
                Step::Fetch(job)
            }
            Next::Paused(job, until) => Step::Tell(job, until.saturating_duration_since(now)),
            Next::At(at) => Step::Wait(at),
            Next::Empty => Step::Rest,
        }
    }

    /// A page is done; gives back who is to be told, or puts it in again.
    fn done(&mut self, mut job: Job, row: &Row, now: Instant) -> Option<Job> {
        self.in_progress = self.in_progress.saturating_sub(1);
        if !row.fetched && row.status.is_none_or(|status| status.is_success()) {
            // It cost the application nothing.
            self.pace.give_back();
        }
        let Some(lasts) = fetch::pause(row) else { return Some(job) };
        self.queue.pause(&job.wish.address.host, lasts, now);
        job.tries += 1;
        if !job.waiters.is_empty() || job.tries >= WARM_TRIES_MAX || self.ends {
            return Some(job);
        }
        self.queue.put(job);
        None
    }
}

impl Warmer {
    pub(crate) fn new(cache: &Arc<Cache>, pages: Option<Pages>, config: &WarmConfig) -> Arc<Self> {
        let state = State {
            queue: Queue::new(WARM_QUEUE_MAX, WARM_QUEUE_BYTES_MAX),
            pace: Pace::new(config.interval()),
            concurrency: config.concurrency,
            in_progress: 0,
            ends: false,
        };
        Arc::new(Self {
            cache: Arc::clone(cache),
            pages,
            state: Mutex::new(state),
            wake: Notify::new(),
            outcomes: Default::default(),
            dropped: AtomicU64::new(0),
        })
    }

    /// Another rate, at once.
    pub(crate) fn set(&self, config: &WarmConfig) {
        let mut state = self.state.lock();
        state.pace.set(config.interval());
        state.concurrency = config.concurrency;
        drop(state);
        self.wake.notify_one();
    }

    /// Takes pages into the queue.
    pub(crate) fn want(&self, wishes: impl IntoIterator<Item = Wish>) -> Queued {
        let mut queued = Queued::default();
        let mut state = self.state.lock();
        for wish in wishes {
            let put = if state.ends {
                Put::Full
            } else {
                state.queue.put(Job { wish, tries: 0, waiters: Vec::new() })
            };
            match put {
                Put::New => queued.queued += 1,
                Put::Known => queued.known += 1,
                Put::Full => queued.dropped += 1,
            }
        }
        drop(state);
        self.dropped.fetch_add(queued.dropped, Ordering::Relaxed);
        self.wake.notify_one();
        queued
    }

    /// The same for what a purge took away.
    pub(crate) fn want_again(&self, basket: &Basket) -> Queued {
        let taken = basket.empty();
        self.want(taken.iter().flat_map(Wish::again))
    }

    /// Fetches pages before all that nobody waits for, and says what came of each, in their order. What takes longer than
    /// `patience` stays in the queue.
    pub(crate) async fn fetch(&self, wishes: Vec<Wish>, patience: Duration) -> Vec<Row> {
        let mut answers = Vec::with_capacity(wishes.len());
        {
            let mut state = self.state.lock();
            for wish in wishes {
                let url = wish.address.to_string();
                let (waiter, answer) = oneshot::channel();
                if !state.ends {
                    // Where there is no place for it, it is dropped, and its receiver is told so.
                    state.queue.put(Job { wish, tries: 0, waiters: vec![waiter] });
                }
                answers.push((url, answer));
            }
        }
        self.wake.notify_one();
        let deadline = tokio::time::Instant::now() + patience;
        let mut rows = Vec::with_capacity(answers.len());
        for (url, answer) in answers {
            let row = match tokio::time::timeout_at(deadline, answer).await {
                Ok(Ok(row)) => Row { url, ..row },
                Ok(Err(_)) if self.state.lock().ends => Row::not_asked(url, Why::Ending),
                Ok(Err(_)) => Row::not_asked(url, Why::Full),
                Err(_) => Row::not_asked(url, Why::Queued),
            };
            rows.push(row);
        }
        rows
    }

    /// Fetches nothing more, except for what is being fetched.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.ends = true;
        let left = state.queue.give_up();
        drop(state);
        // Who waits is told by that.
        drop(left);
        self.wake.notify_one();
    }

    /// Whether nothing is being fetched.
    pub(crate) fn is_idle(&self) -> bool {
        self.state.lock().in_progress == 0
    }

    pub(crate) fn counted(&self) -> Counted {
        let state = self.state.lock();
        let mut outcomes = OUTCOMES.map(|name| (name, 0));
        for (outcome, counter) in outcomes.iter_mut().zip(&self.outcomes) {
            outcome.1 = counter.load(Ordering::Relaxed);
        }
        Counted {
            outcomes,
            dropped: self.dropped.load(Ordering::Relaxed),
            in_queue: state.queue.len() as u64,
            in_progress: state.in_progress as u64,
            paused: state.queue.paused(Instant::now()) as u64,
        }
    }

    /// Fetches what is in the queue, for as long as it is polled and not closed.
    pub(crate) async fn run(self: Arc<Self>, slot: Arc<SiteSlot<Pipeline>>, log: Arc<AccessLog>) {
        loop {
            let step = self.state.lock().step(Instant::now());
            match step {
                Step::Fetch(job) => {
                    let (warmer, site, log) = (Arc::clone(&self), slot.current(), Arc::clone(&log));
                    tokio::spawn(async move {
                        let fetched = warmer.bring(&site, &log, &job.wish).await;
                        warmer.take(job, fetched);
                    });
                }
                Step::Tell(job, left) => {
                    let row = Row::not_asked(job.wish.address.to_string(), Why::Paused);
                    self.tell(job, &Row { retry_after: Some(left), ..row });
                }
                Step::Wait(until) => {
                    tokio::select! {
                        () = self.wake.notified() => {}
                        () = tokio::time::sleep_until(until.into()) => {}
                    }
                }
                Step::Rest => self.wake.notified().await,
                Step::End => break,
            }
        }
    }

    /// Fetches a page, and has it published if that is wanted.
    async fn bring(&self, site: &Pipeline, log: &AccessLog, wish: &Wish) -> Fetched {
        let Fetched { mut row, key } = fetch::fetch(site, &self.cache, log, wish).await;
        if !wish.publish {
            return Fetched { row, key };
        }
        let stored = key.as_ref().filter(|_| row.stored);
        row.published = Some(match (&self.pages, stored) {
            (Some(pages), Some(key)) => {
                let outcome = pages.publish_now(key.as_bytes()).await;
                outcome.why_not().map_or(Ok(()), Err)
            }
            (None, _) => Err("nothing-is-published"),
            (Some(_), None) => Err("not-stored"),
        });
        Fetched { row, key }
    }

    fn take(&self, job: Job, Fetched { row, key }: Fetched) {
        if let Some(key) = key.filter(|_| row.stored) {
            // Half of it: who was asked for last year is not first for ever.
            self.cache.credit(key.as_bytes(), job.wish.asked / 2);
        }
        let done = self.state.lock().done(job, &row, Instant::now());
        if let Some(job) = done {
            self.tell(job, &row);
        }
        self.wake.notify_one();
    }

    fn tell(&self, job: Job, row: &Row) {
        let outcome = match row.why {
            Some(Why::Paused) => 3,
            _ if row.stored && !row.fetched => 1,
            _ if row.stored => 0,
            _ => 2,
        };
        if let Some(counter) = self.outcomes.get(outcome) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        for waiter in job.waiters {
            // Who has left does not want to know.
            drop(waiter.send(row.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    const EACH: Duration = Duration::from_millis(50);

    fn state(concurrency: usize) -> State {
        State {
            queue: Queue::new(100, 1 << 20),
            pace: Pace::new(EACH),
            concurrency,
            in_progress: 0,
            ends: false,
        }
    }

    fn job(url: &str) -> Job {
        Job { wish: Wish::of(url).expect("a URL"), tries: 0, waiters: Vec::new() }
    }

    fn row(status: u16, fetched: bool) -> Row {
        let status = StatusCode::from_u16(status).ok();
        Row { status, fetched, stored: true, ..Row::not_asked(String::new(), Why::Queued) }
    }

    #[test]
    fn pages_are_fetched_at_the_rate_and_no_more_at_once_than_may_be() {
        let begun = Instant::now();
        let mut state = state(2);
        for page in 0..10 {
            state.queue.put(job(&format!("http://a/{page}")));
        }
        // Each takes 200 ms, so it is the two at once that bound it, not the rate.
        let lasts = Duration::from_millis(200);
        let (mut now, mut begins) = (begun, Vec::new());
        let mut running: Vec<(Instant, Job)> = Vec::new();
        while begins.len() < 10 {
            match state.step(now) {
                Step::Fetch(job) => {
                    begins.push(now.duration_since(begun).as_millis());
                    running.push((now + lasts, job));
                    assert!(running.len() <= 2);
                }
                Step::Wait(until) => now = until,
                Step::Rest => {
                    let (ends, job) = running.remove(0);
                    now = now.max(ends);
                    assert!(state.done(job, &row(200, true), now).is_some());
                }
                Step::Tell(..) | Step::End => panic!("nobody waits, nothing ends"),
            }
        }
        assert_eq!(begins, [0, 50, 200, 250, 400, 450, 600, 650, 800, 850]);
    }

    #[test]
    fn what_is_fresh_already_costs_no_time() {
        let now = Instant::now();
        let mut state = state(1);
        for page in 0..10 {
            state.queue.put(job(&format!("http://a/{page}")));
        }
        for _ in 0..10 {
            let Step::Fetch(job) = state.step(now) else { panic!("there is something to do") };
            assert!(state.done(job, &row(200, false), now).is_some());
        }
        assert!(matches!(state.step(now), Step::Rest));
    }

    #[test]
    fn a_page_of_a_site_in_trouble_is_tried_again_after_a_pause_three_times() {
        let mut now = Instant::now();
        let mut state = state(1);
        state.queue.put(job("http://a/"));
        let trouble = Row { retry_after: Some(Duration::from_secs(30)), ..row(503, true) };
        for again in [true, true, false] {
            let Step::Fetch(job) = state.step(now) else { panic!("there is something to do") };
            assert_eq!(state.done(job, &trouble, now).is_none(), again);
            if again {
                let ends = now + Duration::from_secs(30);
                let Step::Wait(until) = state.step(now + EACH) else { panic!("it waits") };
                assert_eq!(until, ends);
                now = ends;
            }
        }
    }

    #[test]
    fn after_the_end_nothing_is_done() {
        let mut state = state(1);
        state.queue.put(job("http://a/"));
        state.ends = true;
        assert!(matches!(state.step(Instant::now()), Step::End));
    }
}
