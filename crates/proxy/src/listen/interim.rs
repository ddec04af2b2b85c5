//! How does a 1xx response get to the client before the final one? RFC 9110 §15.2, RFC 8297.
//!
//! hyper's server can not send them. For HTTP/1.1 their heads are rendered into a queue that the
//! connection's I/O wrapper writes out when hyper has nothing of its own to write; for HTTP/2 they
//! wait for the task that owns the stream.
//!
//! A 1xx response belongs to one request. [`InterimQueue::sink`] is bound to the request in progress
//! at that moment; what comes through it after that request's answer is dropped, so that a fetch
//! which outlives its client's request never writes into the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use http::{HeaderMap, Response, StatusCode};
use parking_lot::Mutex;

use super::state::WakeSlot;
use crate::limits;

/// Where 1xx responses for one connection (HTTP/1.1) or stream (HTTP/2) are put.
#[derive(Clone, Debug)]
pub(crate) struct InterimQueue(Kind);

#[derive(Clone, Debug)]
enum Kind {
    H1(Arc<H1Interim>),
    H2(Arc<H2Interim>),
}

/// Takes the 1xx responses of one request.
#[derive(Clone, Debug)]
pub(crate) struct InterimSink {
    queue: InterimQueue,
    turn: u32,
}

impl InterimQueue {
    pub(crate) fn h1(queue: Arc<H1Interim>) -> Self {
        Self(Kind::H1(queue))
    }

    pub(crate) fn h2(queue: Arc<H2Interim>) -> Self {
        Self(Kind::H2(queue))
    }

    /// Where nobody waits for any.
    pub(crate) fn to_nobody() -> Self {
        Self::h2(Arc::default())
    }

    /// The way to the client for the request in progress; `None` if it may have no 1xx.
    #[must_use]
    pub(crate) fn sink(&self) -> Option<InterimSink> {
        let turn = match &self.0 {
            Kind::H1(queue) => queue.turn.load(Ordering::Relaxed),
            Kind::H2(queue) => queue.turn.load(Ordering::Relaxed),
        };
        is_open(turn).then(|| InterimSink { queue: self.clone(), turn })
    }
}

impl InterimSink {
    /// Passes on one 1xx response. Dropped when the request is answered already, or when too many wait.
    pub(crate) fn send(&self, status: StatusCode, headers: &HeaderMap) {
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        match &self.queue.0 {
            Kind::H1(queue) => queue.push(self.turn, status, headers),
            Kind::H2(queue) => queue.push(self.turn, status, headers),
        }
    }
}

const fn is_open(turn: u32) -> bool {
    turn % 2 == 1
}

/// The queue of an HTTP/1.1 connection: rendered heads.
#[derive(Debug, Default)]
pub(crate) struct H1Interim {
    /// Odd while a request waits for its answer; counts requests, so that turns differ.
    turn: AtomicU32,
    /// Whether `waiting` holds anything: read at every flush, so kept apart from the lock.
    any: AtomicBool,
    waiting: Mutex<Waiting>,
    task: WakeSlot,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    written: usize,
}

impl H1Interim {
    /// A request that may have 1xx responses is handed to the pipeline.
    pub(crate) fn open(&self) {
        let turn = self.turn.load(Ordering::Relaxed);
        self.turn
            .store((turn | 1).wrapping_add(if is_open(turn) { 2 } else { 0 }), Ordering::Relaxed);
    }

    /// Its answer has come.
    pub(crate) fn close(&self) {
        let turn = self.turn.load(Ordering::Relaxed);
        if is_open(turn) {
            self.turn.store(turn.wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// The task to wake when something is put in.
    pub(crate) fn task(&self) -> &WakeSlot {
        &self.task
    }

    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Whether a head was written in part: nothing else may be written before the rest.
    pub(crate) fn begun(&self) -> bool {
        self.any() && self.waiting.lock().written > 0
    }

    /// Writes with `write` until nothing waits. `true`: all is written.
    pub(crate) fn write_out(
        &self,
        mut write: impl FnMut(&[u8]) -> std::task::Poll<std::io::Result<usize>>,
    ) -> std::task::Poll<std::io::Result<()>> {
        use std::task::Poll;
        let mut waiting = self.waiting.lock();
        while let Some(rest) = waiting.bytes.get(waiting.written..).filter(|rest| !rest.is_empty())
        {
            match write(rest) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
                }
                Poll::Ready(Ok(count)) => waiting.written += count,
            }
        }
        *waiting = Waiting::default();
        self.any.store(false, Ordering::Relaxed);
        drop(waiting);
        // The service may be waiting for the queue to be empty before it gives hyper the final head.
        self.task.wake();
        Poll::Ready(Ok(()))
    }

    fn push(&self, turn: u32, status: StatusCode, headers: &HeaderMap) {
        if self.turn.load(Ordering::Relaxed) != turn {
            return;
        }
        let mut waiting = self.waiting.lock();
        let before = waiting.bytes.len();
        render(&mut waiting.bytes, status, headers);
        if waiting.bytes.len() > limits::INTERIM_BYTES_MAX {
            waiting.bytes.truncate(before);
        }
        if waiting.bytes.is_empty() {
            return;
        }
        self.any.store(true, Ordering::Relaxed);
        drop(waiting);
        self.task.wake();
    }
}

/// RFC 9112 §4: a status line and fields. Values are valid: they come from a parsed head.
fn render(into: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap) {
    into.extend_from_slice(b"HTTP/1.1 ");
    into.extend_from_slice(status.as_str().as_bytes());
    into.push(b' ');
    into.extend_from_slice(status.canonical_reason().unwrap_or("").as_bytes());
    into.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        into.extend_from_slice(name.as_str().as_bytes());
        into.extend_from_slice(b": ");
        into.extend_from_slice(value.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(b"\r\n");
}

/// The queue of an HTTP/2 stream, and of those that come after it on the same pipeline: heads, for
/// whoever answers the stream.
#[derive(Debug, Default)]
pub(crate) struct H2Interim {
    /// As [`H1Interim`]'s.
    turn: AtomicU32,
    any: AtomicBool,
    waiting: Mutex<Vec<Response<()>>>,
    task: WakeSlot,
}

impl H2Interim {
    /// A stream's request is handed to the pipeline.
    pub(crate) fn open(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
        debug_assert!(is_open(self.turn.load(Ordering::Relaxed)), "closed before");
    }

    /// Its answer has come: nothing more is taken.
    pub(crate) fn close(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn task(&self) -> &WakeSlot {
        &self.task
    }

    /// What waits.
    pub(crate) fn take(&self) -> Vec<Response<()>> {
        if self.any.swap(false, Ordering::Relaxed) {
            std::mem::take(&mut self.waiting.lock())
        } else {
            Vec::new()
        }
    }

    fn push(&self, turn: u32, status: StatusCode, headers: &HeaderMap) {
        let mut head = Response::new(());
        *head.status_mut() = status;
        *head.headers_mut() = headers.clone();
        let mut waiting = self.waiting.lock();
        if self.turn.load(Ordering::Relaxed) != turn
            || waiting.len() >= limits::INTERIM_MESSAGES_MAX
        {
            return;
        }
        waiting.push(head);
        self.any.store(true, Ordering::Relaxed);
        drop(waiting);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use http::header::{HeaderValue, LINK};

    use super::*;

    fn hints() -> HeaderMap {
        HeaderMap::from_iter([(LINK, HeaderValue::from_static("</a.css>; rel=preload"))])
    }

    fn written(queue: &H1Interim) -> Vec<u8> {
        let mut out = Vec::new();
        let done = queue.write_out(|bytes| {
            out.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        });
        assert!(matches!(done, Poll::Ready(Ok(()))));
        out
    }

    #[test]
    fn a_sink_writes_only_into_its_own_request() {
        let state = Arc::new(H1Interim::default());
        let queue = InterimQueue::h1(Arc::clone(&state));
        assert!(queue.sink().is_none(), "no request in progress");
        state.open();
        let first = queue.sink().expect("a request is in progress");
        first.send(StatusCode::EARLY_HINTS, &hints());
        assert_eq!(
            written(&state),
            b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"
        );
        state.close();
        first.send(StatusCode::EARLY_HINTS, &hints());
        state.open();
        first.send(StatusCode::EARLY_HINTS, &hints());
        assert_eq!(written(&state), b"", "answered, and then another request");
        // A request cut off without an answer does not lend its turn to the next one.
        let second = queue.sink().expect("the second request is in progress");
        state.open();
        second.send(StatusCode::EARLY_HINTS, &hints());
        assert_eq!(written(&state), b"");
    }

    #[test]
    fn a_streams_sink_does_not_reach_the_next_stream() {
        let state = Arc::new(H2Interim::default());
        let queue = InterimQueue::h2(Arc::clone(&state));
        assert!(queue.sink().is_none(), "no stream yet");
        state.open();
        let first = queue.sink().expect("a stream");
        first.send(StatusCode::EARLY_HINTS, &hints());
        assert_eq!(state.take().len(), 1);
        state.close();
        assert!(queue.sink().is_none(), "answered");
        state.open();
        first.send(StatusCode::EARLY_HINTS, &hints());
        assert!(state.take().is_empty());
        for _ in 0..100 {
            queue.sink().expect("another").send(StatusCode::EARLY_HINTS, &hints());
        }
        assert_eq!(state.take().len(), limits::INTERIM_MESSAGES_MAX);
    }

    #[test]
    fn switching_protocols_and_final_statuses_are_no_interim_responses() {
        let state = Arc::new(H1Interim::default());
        state.open();
        let sink = InterimQueue::h1(Arc::clone(&state)).sink().expect("open");
        sink.send(StatusCode::SWITCHING_PROTOCOLS, &hints());
        sink.send(StatusCode::OK, &hints());
        assert_eq!(written(&state), b"");
    }

    #[test]
    fn a_half_written_head_is_known_and_the_queue_is_bounded() {
        let state = Arc::new(H1Interim::default());
        state.open();
        let sink = InterimQueue::h1(Arc::clone(&state)).sink().expect("open");
        for _ in 0..10_000 {
            sink.send(StatusCode::EARLY_HINTS, &hints());
        }
        assert!(!state.begun());
        let mut calls = 0;
        let blocked = state.write_out(|_| {
            calls += 1;
            if calls == 1 { Poll::Ready(Ok(5)) } else { Poll::Pending }
        });
        assert!(blocked.is_pending());
        assert!(state.begun());
        let rest = written(&state);
        assert!(
            rest.starts_with(b"1.1 103") || rest.starts_with(b"/1.1 103"),
            "goes on where it was"
        );
        assert!(rest.len() <= limits::INTERIM_BYTES_MAX);
        assert!(!state.any());
    }
}
