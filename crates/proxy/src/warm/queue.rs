//! Which page is fetched next? Those that somebody waits for, then the most asked ones, then in the order in which they came;
//! none of a site whose application asked to be left alone.
//!
//! Bounded: where it is full, the least asked page gives way. A page stands in it once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::row::Row;
use super::wish::{Address, Wish};

/// Whoever waits for a page.
pub(super) type Waiter = oneshot::Sender<Row>;

/// A page in the queue.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) wish: Wish,
    /// How often it was tried.
    pub(super) tries: u32,
    pub(super) waiters: Vec<Waiter>,
}

/// Its place: whether nobody waits for it, how often it was asked for, when it came.
type Rank = (bool, Reverse<u32>, u64);

/// The pages that are to be fetched.
#[derive(Debug)]
pub(super) struct Queue {
    most: usize,
    bytes_max: usize,
    bytes: usize,
    jobs: BTreeMap<Rank, Job>,
    ranks: HashMap<Address, Rank>,
    paused: HashMap<Box<str>, Instant>,
    number: u64,
}

/// What became of a page that was to be put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It is in.
    New,
    /// It was in already.
    Known,
    /// It is not, or another has left for it.
    Full,
}

/// What is to be done now.
#[derive(Debug)]
pub(super) enum Next {
    /// Fetch this page.
    Fetch(Job),
    /// Tell those who wait for this page that its site is left alone until then.
    Paused(Job, Instant),
    /// Nothing before then.
    At(Instant),
    /// Nothing.
    Empty,
}

impl Queue {
    pub(super) fn new(most: usize, bytes_max: usize) -> Self {
        Self {
            most,
            bytes_max,
            bytes: 0,
            jobs: BTreeMap::new(),
            ranks: HashMap::new(),
            paused: HashMap::new(),
            number: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// How many sites are left alone.
    pub(super) fn paused(&self, now: Instant) -> usize {
        self.paused.values().filter(|until| **until > now).count()
    }

    pub(super) fn put(&mut self, mut job: Job) -> Put {
        let known = self.ranks.get(&job.wish.address).copied().and_then(|rank| self.take(rank));
        let put = if known.is_some() { Put::Known } else { Put::New };
        if let Some(known) = known {
            job.wish.asked = job.wish.asked.max(known.wish.asked);
            job.wish.renew |= known.wish.renew;
            job.wish.publish |= known.wish.publish;
            job.waiters.extend(known.waiters);
        }
        self.number += 1;
        let rank = (job.waiters.is_empty(), Reverse(job.wish.asked), self.number);
        let bytes = job.wish.bytes();
        let mut left = false;
        while self.jobs.len() >= self.most || self.bytes + bytes > self.bytes_max {
            let last = self.jobs.last_key_value().map(|(last, _)| *last);
            let Some(last) = last.filter(|last| *last > rank) else { return Put::Full };
            // Whoever waits for it is told by that.
            drop(self.take(last));
            left = true;
        }
        self.bytes += bytes;
        self.ranks.insert(job.wish.address.clone(), rank);
        self.jobs.insert(rank, job);
        if left { Put::Full } else { put }
    }

    fn take(&mut self, rank: Rank) -> Option<Job> {
        let job = self.jobs.remove(&rank)?;
        self.ranks.remove(&job.wish.address);
        self.bytes = self.bytes.saturating_sub(job.wish.bytes());
        Some(job)
    }

    /// Leaves a site alone until then.
    pub(super) fn pause(&mut self, host: &str, lasts: Duration, now: Instant) {
        self.paused.retain(|_, until| *until > now);
        let until = self.paused.entry(host.into()).or_insert(now);
        *until = (*until).max(now + lasts);
    }

    /// Takes out what is to be done at `now`.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        self.paused.retain(|_, until| *until > now);
        let until = |job: &Job| self.paused.get(&job.wish.address.host).copied();
        let mut soonest: Option<Instant> = None;
        let mut found = None;
        for (rank, job) in &self.jobs {
            match until(job) {
                None => found = Some((*rank, None)),
                Some(until) if !job.waiters.is_empty() => found = Some((*rank, Some(until))),
                Some(until) => {
                    soonest = Some(soonest.map_or(until, |soonest| soonest.min(until)));
                    continue;
                }
            }
            break;
        }
        let Some((rank, until)) = found else { return soonest.map_or(Next::Empty, Next::At) };
        let Some(job) = self.take(rank) else { return Next::Empty };
        match until {
            None => Next::Fetch(job),
            Some(until) => Next::Paused(job, until),
        }
    }

    /// Everything in it, at the end.
    pub(super) fn give_up(&mut self) -> Vec<Job> {
        self.ranks.clear();
        self.bytes = 0;
        std::mem::take(&mut self.jobs).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(url: &str, asked: u32) -> Job {
        let wish = Wish { asked, ..Wish::of(url).expect("a URL") };
        Job { wish, tries: 0, waiters: Vec::new() }
    }

    fn waited(url: &str) -> (Job, oneshot::Receiver<Row>) {
        let (waiter, answer) = oneshot::channel();
        (Job { waiters: vec![waiter], ..job(url, 0) }, answer)
    }

    fn order(queue: &mut Queue, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| match queue.next(now) {
            Next::Fetch(job) => Some(job.wish.address.to_string()),
            Next::Paused(..) | Next::At(_) | Next::Empty => None,
        })
        .collect()
    }

    #[test]
    fn those_waited_for_then_the_most_asked_then_the_first() {
        let mut queue = Queue::new(10, 1 << 20);
        for (url, asked) in [("http://a/1", 1), ("http://a/2", 9), ("http://a/3", 1)] {
            assert_eq!(queue.put(job(url, asked)), Put::New);
        }
        let (job, _answer) = waited("http://a/4");
        queue.put(job);
        let expected = ["http://a/4", "http://a/2", "http://a/1", "http://a/3"];
        assert_eq!(order(&mut queue, Instant::now()), expected);
    }

    #[test]
    fn a_page_stands_in_it_once_at_its_best_place() {
        let mut queue = Queue::new(10, 1 << 20);
        queue.put(job("http://a/1", 1));
        queue.put(job("http://a/2", 5));
        assert_eq!(queue.put(job("http://a/1", 7)), Put::Known);
        assert_eq!(queue.put(job("http://a/1", 2)), Put::Known);
        assert_eq!(queue.len(), 2);
        assert_eq!(order(&mut queue, Instant::now()), ["http://a/1", "http://a/2"]);
    }

    #[test]
    fn the_least_asked_gives_way_and_nobody_who_is_waited_for() {
        let mut queue = Queue::new(2, 1 << 20);
        let (first, _answer) = waited("http://a/1");
        queue.put(first);
        queue.put(job("http://a/2", 1));
        assert_eq!(queue.put(job("http://a/3", 1)), Put::Full, "no better than the last");
        assert_eq!(queue.put(job("http://a/4", 2)), Put::Full);
        assert_eq!(order(&mut queue, Instant::now()), ["http://a/1", "http://a/4"]);
    }

    #[test]
    fn long_urls_fill_it_sooner() {
        let long = format!("http://a/{}", "x".repeat(10_000));
        let mut queue = Queue::new(100, 50_000);
        assert_eq!(queue.put(job("http://a/1", 0)), Put::New);
        assert_eq!(queue.put(job(&long, 5)), Put::New);
        assert_eq!(queue.put(job(&format!("{long}2"), 5)), Put::New);
        assert_eq!(queue.put(job(&format!("{long}3"), 5)), Put::Full, "the short one had to leave");
        assert_eq!(queue.len(), 2);
        assert_eq!(order(&mut queue, Instant::now()).len(), 2);
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn a_site_that_is_left_alone_holds_up_no_other() {
        let now = Instant::now();
        let mut queue = Queue::new(10, 1 << 20);
        queue.put(job("http://a/1", 9));
        queue.put(job("http://b/1", 1));
        queue.pause("a", Duration::from_secs(30), now);
        queue.pause("a", Duration::from_secs(5), now);
        assert_eq!(queue.paused(now), 1);
        assert_eq!(order(&mut queue, now), ["http://b/1"]);
        assert!(matches!(queue.next(now), Next::At(at) if at == now + Duration::from_secs(30)));
        let (job, _answer) = waited("http://a/2");
        queue.put(job);
        assert!(matches!(queue.next(now), Next::Paused(..)), "who waits is told");
        assert_eq!(order(&mut queue, now + Duration::from_secs(30)), ["http://a/1"]);
        assert!(matches!(queue.next(now), Next::Empty));
    }
}
