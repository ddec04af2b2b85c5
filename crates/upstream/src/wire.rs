//! What the parts of one connection tell each other: its task, the request's body, the one who
//! waits for the response, and the response's body.
//!
//! **Time limits without timers.** Registering a timer per request costs more than everything else
//! in here, so whoever waits only writes down until when, and the connection's task
//! ([`Driver`](crate::driver)) looks from time to time: at least once in the shortest limit there
//! is. A deadline that is set after such a look is always later than the next look, so the task
//! never sees one too late, and it sleeps up to exactly the earliest one it knows.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use larder_semantics::Reason;
use parking_lot::Mutex;
use tokio::time::Instant;

/// What is waited for. The numbers are stored in a deadline's lowest two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The next request.
    Request = 0,
    /// A response's head.
    Head = 1,
    /// A piece of the response's body, or that the application takes a piece of the request's.
    Piece = 2,
}

impl Wait {
    /// What it means when the time is over; nothing for a connection that was not in use.
    fn verdict(self) -> Option<Reason> {
        match self {
            Self::Request => None,
            Self::Head => Some(Reason::FirstByteTimeout),
            Self::Piece => Some(Reason::BetweenBytesTimeout),
        }
    }
}

/// An instant (microseconds after the connection was opened) and a [`Wait`], or nothing, in one
/// word: `micros << 2 | wait`, with all ones for nothing.
#[derive(Debug)]
struct Deadline(AtomicU64);

const NONE: u64 = u64::MAX;

impl Deadline {
    fn new() -> Self {
        Self(AtomicU64::new(NONE))
    }

    fn set(&self, after_opening: Duration, wait: Wait) {
        let micros = u64::try_from(after_opening.as_micros()).unwrap_or(NONE);
        // A limit of years is none.
        let word = if micros >= NONE >> 2 { NONE } else { micros << 2 | wait as u64 };
        self.0.store(word, Ordering::Release);
    }

    fn clear(&self) {
        self.0.store(NONE, Ordering::Release);
    }

    fn load(&self) -> Option<(Duration, Wait)> {
        let word = self.0.load(Ordering::Acquire);
        let wait = match word & 3 {
            0 => Wait::Request,
            1 => Wait::Head,
            2 => Wait::Piece,
            _ => return None,
        };
        Some((Duration::from_micros(word >> 2), wait))
    }
}

/// The state of the request's body.
const NO_UPLOAD: u8 = 0;
const UPLOADING: u8 = 1;
const UPLOAD_FAILED: u8 = 2;

#[derive(Debug)]
pub(crate) struct Wire {
    opened: Instant,
    limits: Limits,
    /// What we expect of the application on its way to us.
    down: Deadline,
    /// By when the application has to have taken the next piece of the request's body.
    up: Deadline,
    upload: AtomicU8,
    head_seen: AtomicBool,
    /// Whether a byte came from the application since the request began.
    heard: AtomicBool,
    /// Ask the kernel at the next look whether an unused connection is still good.
    suspect: AtomicBool,
    /// The connection became a tunnel.
    tunnel: AtomicBool,
    /// hyper's task keeps the connection's time.
    driven: AtomicBool,
    /// Nobody wants this connection any longer.
    abandoned: AtomicBool,
    /// Which limit ended the connection.
    over: Mutex<Option<Reason>>,
    /// Of the task that waits for the connection: known while a request body is being sent, or an
    /// answer read by the one who asked.
    task: Mutex<Option<Waker>>,
}

/// The limits a connection's own parts have to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) first_byte: Duration,
    pub(crate) between_bytes: Duration,
}

impl Wire {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            opened: Instant::now(),
            limits,
            down: Deadline::new(),
            up: Deadline::new(),
            upload: AtomicU8::new(NO_UPLOAD),
            head_seen: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
            tunnel: AtomicBool::new(false),
            driven: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            over: Mutex::new(None),
            task: Mutex::new(None),
        }
    }

    fn age(&self) -> Duration {
        Instant::now().saturating_duration_since(self.opened)
    }

    fn deadline_in(&self, limit: Duration) -> Duration {
        self.age().saturating_add(limit)
    }

    // The exchange, in the order of its steps.

    /// A request is about to be handed to the connection.
    pub(crate) fn begin(&self, used_before: bool, with_body: bool) {
        self.heard.store(false, Ordering::Release);
        self.head_seen.store(false, Ordering::Release);
        self.suspect.store(used_before, Ordering::Release);
        if with_body {
            self.upload.store(UPLOADING, Ordering::Release);
            self.down.clear();
            self.up.set(self.deadline_in(self.limits.between_bytes), Wait::Piece);
        } else {
            self.upload.store(NO_UPLOAD, Ordering::Release);
            self.down.set(self.deadline_in(self.limits.first_byte), Wait::Head);
        }
    }

    /// The connection took a piece of the request's body and will ask for another one when the
    /// application has taken enough of it.
    pub(crate) fn piece_taken(&self) {
        self.up.set(self.deadline_in(self.limits.between_bytes), Wait::Piece);
    }

    /// The connection asked for a piece and the client has none yet: not the application's fault.
    pub(crate) fn client_is_slow(&self) {
        self.up.clear();
    }

    /// The connection has all of the request's body.
    pub(crate) fn upload_finished(&self) {
        self.up.clear();
        self.upload.store(NO_UPLOAD, Ordering::Release);
        if !self.head_seen.load(Ordering::Acquire) {
            self.down.set(self.deadline_in(self.limits.first_byte), Wait::Head);
        }
    }

    pub(crate) fn upload_failed(&self) {
        self.up.clear();
        self.upload.store(UPLOAD_FAILED, Ordering::Release);
    }

    /// Remembers who waits, so that [`Self::abandon`] can wake it.
    pub(crate) fn remember_task(&self, waker: &Waker) {
        let mut task = self.task.lock();
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    pub(crate) fn head_arrived(&self) {
        self.head_seen.store(true, Ordering::Release);
        self.down.clear();
    }

    pub(crate) fn waiting_for_piece(&self) {
        self.down.set(self.deadline_in(self.limits.between_bytes), Wait::Piece);
    }

    pub(crate) fn piece_arrived(&self) {
        self.down.clear();
    }

    /// The connection waits for the next request; returns when it should not be used any more.
    pub(crate) fn rest(&self, idle: Duration) -> Duration {
        let until = self.deadline_in(idle);
        self.down.set(until, Wait::Request);
        until
    }

    pub(crate) fn rested_until(&self, until: Duration) -> bool {
        self.age() >= until
    }

    pub(crate) fn become_tunnel(&self) {
        self.tunnel.store(true, Ordering::Release);
    }

    pub(crate) fn become_driven(&self) {
        self.driven.store(true, Ordering::Release);
    }

    /// Ends the connection, whatever it is doing.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        if let Some(task) = self.task.lock().take() {
            task.wake();
        }
    }

    // Questions.

    pub(crate) fn is_uploading(&self) -> bool {
        self.upload.load(Ordering::Acquire) == UPLOADING
    }

    pub(crate) fn did_upload_fail(&self) -> bool {
        self.upload.load(Ordering::Acquire) == UPLOAD_FAILED
    }

    pub(crate) fn is_tunnel(&self) -> bool {
        self.tunnel.load(Ordering::Acquire)
    }

    pub(crate) fn is_driven(&self) -> bool {
        self.driven.load(Ordering::Acquire)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.heard.load(Ordering::Acquire)
    }

    pub(crate) fn hear(&self) {
        self.heard.store(true, Ordering::Release);
    }

    /// Whether the kernel has to be asked now; true at most once per request.
    pub(crate) fn take_suspicion(&self) -> bool {
        self.suspect.load(Ordering::Acquire) && self.suspect.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn over(&self) -> Option<Reason> {
        *self.over.lock()
    }

    // The connection's clock.

    /// Whether a deadline has passed, and if none has, when to look again at the latest.
    pub(crate) fn look(&self, now: Instant, tick: Duration) -> Look {
        let age = now.saturating_duration_since(self.opened);
        let mut next = age.saturating_add(tick);
        for (until, wait) in [self.down.load(), self.up.load()].into_iter().flatten() {
            if until <= age {
                *self.over.lock() = wait.verdict();
                return Look::Over;
            }
            next = next.min(until);
        }
        Look::Again(self.opened.checked_add(next).unwrap_or(now))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Over,
    Again(Instant),
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { first_byte: Duration::from_secs(10), between_bytes: Duration::from_secs(5) };
    const TICK: Duration = Duration::from_secs(2);

    fn at(wire: &Wire, seconds: u64) -> Instant {
        wire.opened + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_look_is_a_tick_away_or_at_the_deadline() {
        let wire = Wire::new(LIMITS);
        assert_eq!(wire.look(at(&wire, 0), TICK), Look::Again(at(&wire, 2)));
        wire.begin(false, false);
        assert_eq!(wire.look(at(&wire, 9), TICK), Look::Again(at(&wire, 10)));
        assert_eq!(wire.over(), None);
        assert_eq!(wire.look(at(&wire, 10), TICK), Look::Over);
        assert_eq!(wire.over(), Some(Reason::FirstByteTimeout));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_byte_clock_starts_when_the_request_body_ended() {
        let wire = Wire::new(LIMITS);
        wire.begin(false, true);
        assert_eq!(wire.look(at(&wire, 4), TICK), Look::Again(at(&wire, 5)));
        wire.client_is_slow();
        assert_eq!(wire.look(at(&wire, 1000), TICK), Look::Again(at(&wire, 1002)));
        tokio::time::advance(Duration::from_secs(1000)).await;
        wire.piece_taken();
        wire.upload_finished();
        assert_eq!(wire.look(at(&wire, 1009), TICK), Look::Again(at(&wire, 1010)));
        assert_eq!(wire.look(at(&wire, 1010), TICK), Look::Over);
        assert_eq!(wire.over(), Some(Reason::FirstByteTimeout));
    }

    #[tokio::test(start_paused = true)]
    async fn an_application_that_takes_no_piece_runs_out_of_time() {
        let wire = Wire::new(LIMITS);
        wire.begin(false, true);
        wire.piece_taken();
        assert_eq!(wire.look(at(&wire, 5), TICK), Look::Over);
        assert_eq!(wire.over(), Some(Reason::BetweenBytesTimeout));
    }

    #[tokio::test(start_paused = true)]
    async fn no_first_byte_clock_runs_after_a_head() {
        let wire = Wire::new(LIMITS);
        wire.begin(false, false);
        wire.head_arrived();
        assert_eq!(wire.look(at(&wire, 1000), TICK), Look::Again(at(&wire, 1002)));
        wire.begin(true, true);
        wire.head_arrived();
        wire.upload_finished();
        assert_eq!(wire.look(at(&wire, 1000), TICK), Look::Again(at(&wire, 1002)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unused_connection_ends_without_a_verdict() {
        let wire = Wire::new(LIMITS);
        wire.rest(Duration::from_secs(1));
        assert_eq!(wire.look(at(&wire, 1), TICK), Look::Over);
        assert_eq!(wire.over(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_of_years_is_none() {
        let wire = Wire::new(Limits { first_byte: Duration::MAX, between_bytes: Duration::MAX });
        wire.begin(false, false);
        assert_eq!(wire.look(at(&wire, 0), TICK), Look::Again(at(&wire, 2)));
    }
}
