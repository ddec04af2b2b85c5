//! What is counted, and where?
//!
//! Every worker has counters of its own, on cache lines of its own, so that counting never makes
//! two cores wait for each other; a scrape adds them up ([`crate::admin`]).

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use larder_cache::{Handling, Note};
use larder_policy::trusted::Unclear;
use larder_semantics::Reason;

use crate::dropped::Said;

/// Upper bounds of the duration histogram, microseconds: a hit lies in the first, an application's
/// page in the middle, a hanging one at the end.
pub(crate) const BUCKETS_MICROS: [u64; 15] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000,
];

/// Labels of the status counters: everything that is none of the five classes is `other`.
pub(crate) const STATUS_CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/// The counters of the whole process.
#[derive(Debug)]
pub struct Metrics {
    workers: Box<[Padded]>,
    /// Client connections open, over all workers: what the limit is compared with.
    pub(crate) connections: AtomicUsize,
    /// Log lines that were not written because the logger could not follow.
    pub(crate) log_dropped: AtomicU64,
    /// Reloads that were applied.
    pub(crate) reloads_applied: AtomicU64,
    /// Reloads that were refused.
    pub(crate) reloads_refused: AtomicU64,
    /// Certificates that were put in force because their files changed.
    pub(crate) certificates_applied: AtomicU64,
    /// Certificates that were not, because something is wrong with them.
    pub(crate) certificates_refused: AtomicU64,
    /// Names of dropped fields that the log has spoken of.
    pub(crate) said: Said,
}

/// Two cache lines: processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(WorkerMetrics);

/// The counters of one worker.
#[derive(Debug)]
pub(crate) struct WorkerMetrics {
    /// By handling, then by reason.
    requests: Box<[AtomicU64]>,
    /// Refused before they were requests (malformed heads, time limits, too many), by reason.
    refused: Box<[AtomicU64]>,
    statuses: [AtomicU64; STATUS_CLASSES.len()],
    durations: [AtomicU64; BUCKETS_MICROS.len() + 1],
    duration_micros: AtomicU64,
    body_bytes: AtomicU64,
    accepted: AtomicU64,
    closed: AtomicU64,
    unclear: [AtomicU64; Unclear::ALL.len()],
    dropped: [AtomicU64; Dropped::ALL.len()],
    handshakes: [AtomicU64; Handshake::ALL.len()],
    handshake_failures: [AtomicU64; HandshakeFailure::ALL.len()],
}

/// How a TLS handshake succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// TLS 1.2, in full.
    Tls12,
    /// TLS 1.2, an earlier session resumed.
    Tls12Resumed,
    /// TLS 1.3, in full.
    Tls13,
    /// TLS 1.3, an earlier session resumed.
    Tls13Resumed,
}

impl Handshake {
    pub(crate) const ALL: [Self; 4] =
        [Self::Tls12, Self::Tls12Resumed, Self::Tls13, Self::Tls13Resumed];

    /// The words for the labels: version, and whether an earlier session was resumed.
    pub(crate) const fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Tls12 => ("1.2", "no"),
            Self::Tls12Resumed => ("1.2", "yes"),
            Self::Tls13 => ("1.3", "no"),
            Self::Tls13Resumed => ("1.3", "yes"),
        }
    }
}

/// How a TLS handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeFailure {
    /// The client spoke plain HTTP.
    PlainHttp,
    /// It took longer than `timeouts.header`.
    Timeout,
    /// The client left.
    Closed,
    /// The client and we have no version or cipher in common.
    NothingInCommon,
    /// The client refused, most often our certificate.
    Refused,
    /// What came was no TLS, or wrong.
    Malformed,
    /// Anything else.
    Other,
}

impl HandshakeFailure {
    pub(crate) const ALL: [Self; 7] = [
        Self::PlainHttp,
        Self::Timeout,
        Self::Closed,
        Self::NothingInCommon,
        Self::Refused,
        Self::Malformed,
        Self::Other,
    ];

    /// The word for the label.
    pub(crate) const fn token(self) -> &'static str {
        match self {
            Self::PlainHttp => "plain-http",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::NothingInCommon => "nothing-in-common",
            Self::Refused => "refused-by-client",
            Self::Malformed => "malformed",
            Self::Other => "other",
        }
    }
}

/// Fields of requests that the application does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// Their names have an underscore.
    Underscored,
    /// They tell of the visitor's address and scheme, and nobody trusted says so.
    Forwarded,
    /// They ask for another method or URL.
    Override,
}

impl Dropped {
    pub(crate) const ALL: [Self; 3] = [Self::Underscored, Self::Forwarded, Self::Override];

    /// The word for the label.
    pub(crate) const fn token(self) -> &'static str {
        match self {
            Self::Underscored => "underscore",
            Self::Forwarded => "forwarded",
            Self::Override => "override",
        }
    }
}

impl Metrics {
    /// Counters for `workers` workers, all zero.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            workers: (0..workers.max(1)).map(|_| Padded(WorkerMetrics::new())).collect(),
            connections: AtomicUsize::new(0),
            log_dropped: AtomicU64::new(0),
            reloads_applied: AtomicU64::new(0),
            reloads_refused: AtomicU64::new(0),
            certificates_applied: AtomicU64::new(0),
            certificates_refused: AtomicU64::new(0),
            said: Said::default(),
        }
    }

    /// The counters of worker `number`.
    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder of a division by the length, which is not zero"
    )]
    pub(crate) fn worker(&self, number: usize) -> &WorkerMetrics {
        &self.workers[number % self.workers.len()].0
    }

    /// The sum of one counter over all workers.
    pub(crate) fn sum(&self, of: impl Fn(&WorkerMetrics) -> u64) -> u64 {
        self.workers.iter().map(|worker| of(&worker.0)).sum()
    }

    /// Requests handled so and for this reason, refusals before the pipeline included.
    #[must_use]
    pub fn requests(&self, handling: Handling, reason: Reason) -> u64 {
        self.sum(|worker| worker.requests(handling, reason))
    }

    /// What was refused for this reason.
    #[must_use]
    pub fn refused(&self, reason: Reason) -> u64 {
        self.requests(Handling::Refused, reason) + self.sum(|worker| worker.refused(reason))
    }
}

fn zeros(count: usize) -> Box<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

fn read(counters: &[AtomicU64], index: usize) -> u64 {
    counters.get(index).map_or(0, |counter| counter.load(Ordering::Relaxed))
}

fn add(counters: &[AtomicU64], index: usize, amount: u64) {
    if let Some(counter) = counters.get(index) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// The same; whether it was zero before.
fn count(counters: &[AtomicU64], index: usize, amount: u64) -> bool {
    counters.get(index).is_some_and(|counter| counter.fetch_add(amount, Ordering::Relaxed) == 0)
}

impl WorkerMetrics {
    fn new() -> Self {
        Self {
            requests: zeros(Handling::ALL.len() * Reason::ALL.len()),
            refused: zeros(Reason::ALL.len()),
            statuses: Default::default(),
            durations: Default::default(),
            duration_micros: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            unclear: Default::default(),
            dropped: Default::default(),
            handshakes: Default::default(),
            handshake_failures: Default::default(),
        }
    }

    /// A request is over.
    pub(crate) fn request(&self, note: Note, status: StatusCode, bytes: u64, took: Duration) {
        add(&self.requests, note.handling.index() * Reason::ALL.len() + note.reason.index(), 1);
        let class =
            usize::from(status.as_u16() / 100).wrapping_sub(1).min(STATUS_CLASSES.len() - 1);
        add(&self.statuses, class, 1);
        self.body_bytes.fetch_add(bytes, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // `le` is inclusive, so a bound belongs to its own bucket.
        let bucket = BUCKETS_MICROS
            .iter()
            .position(|bound| micros <= *bound)
            .unwrap_or(BUCKETS_MICROS.len());
        add(&self.durations, bucket, 1);
        self.duration_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Something was refused before it was a request.
    pub(crate) fn refuse(&self, reason: Reason) {
        add(&self.refused, reason.index(), 1);
    }

    /// A trusted proxy's word was not taken. Whether it is the first of its kind.
    pub(crate) fn arrival_unclear(&self, unclear: Unclear) -> bool {
        count(&self.unclear, unclear.index(), 1)
    }

    /// Lines of a request were dropped. Whether they are the first of their kind.
    pub(crate) fn drop_fields(&self, dropped: Dropped, lines: usize) -> bool {
        count(&self.dropped, dropped as usize, lines as u64)
    }

    pub(crate) fn handshake(&self, handshake: Handshake) {
        add(&self.handshakes, handshake as usize, 1);
    }

    pub(crate) fn handshake_failed(&self, failure: HandshakeFailure) {
        add(&self.handshake_failures, failure as usize, 1);
    }

    pub(crate) fn handshakes(&self, handshake: Handshake) -> u64 {
        read(&self.handshakes, handshake as usize)
    }

    pub(crate) fn handshake_failures(&self, failure: HandshakeFailure) -> u64 {
        read(&self.handshake_failures, failure as usize)
    }

    pub(crate) fn unclear(&self, unclear: Unclear) -> u64 {
        read(&self.unclear, unclear.index())
    }

    pub(crate) fn dropped(&self, dropped: Dropped) -> u64 {
        read(&self.dropped, dropped as usize)
    }

    pub(crate) fn connection_opened(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_closed(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self, handling: Handling, reason: Reason) -> u64 {
        read(&self.requests, handling.index() * Reason::ALL.len() + reason.index())
    }

    pub(crate) fn refused(&self, reason: Reason) -> u64 {
        read(&self.refused, reason.index())
    }

    pub(crate) fn status_class(&self, class: usize) -> u64 {
        read(&self.statuses, class)
    }

    pub(crate) fn bucket(&self, bucket: usize) -> u64 {
        read(&self.durations, bucket)
    }

    pub(crate) fn duration_micros(&self) -> u64 {
        self.duration_micros.load(Ordering::Relaxed)
    }

    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_workers_are_added_up() {
        let metrics = Metrics::new(2);
        let note = Note::new(Handling::Hit, Reason::Fresh);
        for worker in [0, 1, 1] {
            metrics.worker(worker).request(note, StatusCode::OK, 10, Duration::from_micros(100));
        }
        assert_eq!(metrics.requests(Handling::Hit, Reason::Fresh), 3);
        assert_eq!(metrics.requests(Handling::Miss, Reason::Fresh), 0);
        assert_eq!(metrics.sum(WorkerMetrics::body_bytes), 30);
        assert_eq!(metrics.sum(|worker| worker.status_class(1)), 3);
        assert_eq!(metrics.sum(|worker| worker.bucket(0)), 3, "a bound is in its own bucket");
        metrics.worker(0).refuse(Reason::MalformedRequest);
        assert_eq!(metrics.refused(Reason::MalformedRequest), 1);
    }
}
