//! What is a client's connection waiting for, and since when? The input of the time limits.
//!
//! hyper's own timer for heads costs an allocation and a timer per request. Here a request costs a
//! few plain stores: the connection notes what it waits for, by a coarse clock, and one sweep per
//! worker looks at all of them ([`super::sweep`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::Waker;

use larder_semantics::Reason;
use parking_lot::Mutex;

use super::interim::H1Interim;
use crate::clock::CoarseClock;
use crate::limits;
use crate::settings::TimeLimits;

/// The task of a connection, to be woken from elsewhere on its worker.
#[derive(Debug, Default)]
pub(crate) struct WakeSlot(Mutex<Option<Waker>>);

impl WakeSlot {
    pub(crate) fn set(&self, waker: &Waker) {
        let mut slot = self.0.lock();
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    pub(crate) fn wake(&self) {
        let waker = self.0.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Between requests, nothing has come yet.
    Idle = 0,
    /// Part of a head has come.
    Head = 1,
    /// A request is in the pipeline, its response has not begun.
    Waiting = 2,
    /// A response is on its way.
    Answering = 3,
    /// HTTP/2: its streams keep their own limits, but for blocked writes.
    Streams = 4,
    /// Upgraded: the two ends of the tunnel agree between themselves.
    Tunnel = 5,
}

impl Phase {
    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Idle,
            1 => Self::Head,
            2 => Self::Waiting,
            3 => Self::Answering,
            4 => Self::Streams,
            _ => Self::Tunnel,
        }
    }
}

/// What the sweep decided about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nobody waits for anything: close without a word.
    CloseIdle,
    /// Answer 408 with this reason, then close. RFC 9110 §15.5.9.
    Refuse(Reason),
    /// The client takes nothing, or stopped in the middle of a body while being answered: give up.
    Abort(Reason),
}

/// One client connection, as its worker sees it.
#[derive(Debug)]
pub(crate) struct ConnState {
    clock: Arc<CoarseClock>,
    phase: AtomicU8,
    since: AtomicU64,
    /// When a wait for the request's body began; zero: none.
    body_wait: AtomicU64,
    /// When a write was first refused by the socket; zero: none.
    write_wait: AtomicU64,
    /// HTTP/1: when the client closed its side while it waited; zero: it has not.
    ended: AtomicU64,
    /// HTTP/2: streams in progress.
    streams: AtomicU64,
    /// HTTP/2: what is written is gathered.
    gathers: AtomicBool,
    /// HTTP/1: halves of the exchange in progress that are not over: the response, the request's body.
    halves: AtomicU8,
    /// HTTP/1: which exchange `halves` is about; a body may be let go of long after it has ended.
    exchange: AtomicU64,
    /// HTTP/1.0: the end of the connection may be the end of the response.
    close_delimited: AtomicBool,
    draining: AtomicBool,
    judged: AtomicBool,
    verdict: Mutex<Option<Verdict>>,
    task: WakeSlot,
    pub(crate) interim: Arc<H1Interim>,
}

impl ConnState {
    pub(crate) fn new(clock: Arc<CoarseClock>) -> Self {
        let now = clock.now();
        Self {
            clock,
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(now),
            body_wait: AtomicU64::new(0),
            write_wait: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            gathers: AtomicBool::new(false),
            halves: AtomicU8::new(0),
            exchange: AtomicU64::new(0),
            close_delimited: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            judged: AtomicBool::new(false),
            verdict: Mutex::new(None),
            task: WakeSlot::default(),
            interim: Arc::new(H1Interim::default()),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Relaxed))
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since.store(self.clock.now(), Ordering::Relaxed);
    }

    /// Bytes came: between requests this is the beginning of a head.
    pub(crate) fn bytes_came(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// HTTP/1: a head is complete and goes to the pipeline.
    pub(crate) fn request_began(&self, has_body: bool, http_1_0: bool) {
        self.exchange.fetch_add(1, Ordering::Relaxed);
        self.enter(Phase::Waiting);
        self.halves.store(1 + u8::from(has_body), Ordering::Relaxed);
        self.close_delimited.store(http_1_0, Ordering::Relaxed);
        self.ended.store(0, Ordering::Relaxed);
    }

    /// The number of the exchange in progress.
    pub(crate) fn exchange(&self) -> u64 {
        self.exchange.load(Ordering::Relaxed)
    }

    /// HTTP/1: the response or the request's body of `exchange` is over; with the last, the
    /// connection is idle.
    pub(crate) fn half_over(&self, exchange: u64) {
        if exchange != self.exchange() {
            return;
        }
        if self.halves.fetch_sub(1, Ordering::Relaxed) == 1 && self.phase() == Phase::Answering {
            self.enter(Phase::Idle);
        }
    }

    pub(crate) fn is_close_delimited(&self) -> bool {
        self.close_delimited.load(Ordering::Relaxed)
    }

    pub(crate) fn is_write_blocked(&self) -> bool {
        self.write_wait.load(Ordering::Relaxed) != 0
    }

    /// HTTP/1: the request has come as a whole, and nothing of its response has.
    pub(crate) fn waits_for_pipeline(&self) -> bool {
        self.phase() == Phase::Waiting && self.halves.load(Ordering::Relaxed) == 1
    }

    /// HTTP/1: the client closed its side.
    pub(crate) fn client_ended(&self) {
        if self.ended.load(Ordering::Relaxed) == 0 {
            self.ended.store(self.clock.now(), Ordering::Relaxed);
        }
    }

    pub(crate) fn body_waits(&self) {
        if self.body_wait.load(Ordering::Relaxed) == 0 {
            self.body_wait.store(self.clock.now(), Ordering::Relaxed);
        }
    }

    pub(crate) fn body_came(&self) {
        self.body_wait.store(0, Ordering::Relaxed);
    }

    pub(crate) fn write_blocked(&self) {
        if self.write_wait.load(Ordering::Relaxed) == 0 {
            self.write_wait.store(self.clock.now(), Ordering::Relaxed);
        }
    }

    pub(crate) fn wrote(&self) {
        if self.write_wait.load(Ordering::Relaxed) != 0 {
            self.write_wait.store(0, Ordering::Relaxed);
        }
    }

    /// HTTP/2: a stream began.
    pub(crate) fn stream_opened(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    /// HTTP/2: a stream ended; the last one starts the idle time.
    pub(crate) fn stream_closed(&self) {
        if self.streams.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.since.store(self.clock.now(), Ordering::Relaxed);
        }
    }

    /// HTTP/2: from now on, what is written waits for more; or no longer does.
    pub(crate) fn gather(&self, gather: bool) {
        self.gathers.store(gather, Ordering::Relaxed);
    }

    pub(crate) fn gathers(&self) -> bool {
        self.gathers.load(Ordering::Relaxed)
    }

    pub(crate) fn task(&self) -> &WakeSlot {
        &self.task
    }

    /// Ask the connection to end after what it is doing.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.task.wake();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn pronounce(&self, verdict: Verdict) {
        *self.verdict.lock() = Some(verdict);
        self.judged.store(true, Ordering::Relaxed);
        self.task.wake();
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        if self.judged.load(Ordering::Relaxed) { *self.verdict.lock() } else { None }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            phase: self.phase(),
            since: self.since.load(Ordering::Relaxed),
            body_wait: self.body_wait.load(Ordering::Relaxed),
            write_wait: self.write_wait.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            streams: self.streams.load(Ordering::Relaxed),
        }
    }
}

/// A connection at one moment, for [`Snapshot::judge`]. Times are milliseconds; zero is "not waiting".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    pub(crate) since: u64,
    pub(crate) body_wait: u64,
    pub(crate) write_wait: u64,
    pub(crate) ended: u64,
    pub(crate) streams: u64,
}

impl Snapshot {
    /// Whether a limit has passed at `now`, and what follows.
    pub(crate) fn judge(&self, time: &TimeLimits, now: u64) -> Option<Verdict> {
        let over = |since: u64, limit: std::time::Duration| {
            since != 0 && u128::from(now.saturating_sub(since)) >= limit.as_millis()
        };
        if over(self.write_wait, time.send) {
            return Some(Verdict::Abort(Reason::SendTimeout));
        }
        match self.phase {
            Phase::Idle => over(self.since, time.idle).then_some(Verdict::CloseIdle),
            Phase::Head => {
                over(self.since, time.head).then_some(Verdict::Refuse(Reason::HeadTimeout))
            }
            Phase::Waiting if over(self.ended, limits::ENDED) => {
                Some(Verdict::Abort(Reason::ClientLeft))
            }
            Phase::Waiting => {
                over(self.body_wait, time.body).then_some(Verdict::Refuse(Reason::BodyTimeout))
            }
            Phase::Answering => {
                over(self.body_wait, time.body).then_some(Verdict::Abort(Reason::BodyTimeout))
            }
            Phase::Streams => {
                (self.streams == 0 && over(self.since, time.idle)).then_some(Verdict::CloseIdle)
            }
            Phase::Tunnel => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: TimeLimits = TimeLimits {
        head: Duration::from_millis(100),
        idle: Duration::from_millis(200),
        body: Duration::from_millis(300),
        send: Duration::from_millis(400),
        drain: Duration::from_secs(1),
    };

    #[test]
    fn every_wait_has_its_limit_and_both_sides_of_it() {
        let blank = Snapshot {
            phase: Phase::Idle,
            since: 1000,
            body_wait: 0,
            write_wait: 0,
            ended: 0,
            streams: 0,
        };
        let refuse = |reason| Some(Verdict::Refuse(reason));
        let abort = |reason| Some(Verdict::Abort(reason));
        let cases = [
            ("idle", blank, 200, Some(Verdict::CloseIdle)),
            ("head", Snapshot { phase: Phase::Head, ..blank }, 100, refuse(Reason::HeadTimeout)),
            (
                "body, no response yet",
                Snapshot { phase: Phase::Waiting, body_wait: 1000, ..blank },
                300,
                refuse(Reason::BodyTimeout),
            ),
            (
                "body, being answered",
                Snapshot { phase: Phase::Answering, body_wait: 1000, ..blank },
                300,
                abort(Reason::BodyTimeout),
            ),
            (
                "the client has closed, no response yet",
                Snapshot { phase: Phase::Waiting, ended: 1000, ..blank },
                2000,
                abort(Reason::ClientLeft),
            ),
            (
                "response not taken",
                Snapshot { phase: Phase::Answering, write_wait: 1000, ..blank },
                400,
                abort(Reason::SendTimeout),
            ),
            (
                "HTTP/2 without streams",
                Snapshot { phase: Phase::Streams, ..blank },
                200,
                Some(Verdict::CloseIdle),
            ),
        ];
        for (name, snapshot, limit, expected) in cases {
            assert_eq!(snapshot.judge(&LIMITS, 1000 + limit - 1), None, "{name}: before");
            assert_eq!(snapshot.judge(&LIMITS, 1000 + limit), expected, "{name}: on the limit");
        }
        let waiting = Snapshot { phase: Phase::Waiting, ..blank };
        assert_eq!(waiting.judge(&LIMITS, u64::MAX), None, "the application's limits are not ours");
        let busy = Snapshot { phase: Phase::Streams, streams: 1, ..blank };
        assert_eq!(busy.judge(&LIMITS, u64::MAX), None, "a stream is in progress");
    }
}
