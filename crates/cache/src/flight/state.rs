//! What is behind a flight's lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use http::HeaderMap;
use larder_semantics::Reason;

use super::Outcome;
use crate::stored_body::StoredBody;
use crate::variant::Head;

/// How a body ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    Complete(Option<Box<HeaderMap>>),
    Failed(Reason),
}

/// Whether the bytes are for the store or pass by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Keep,
    Relay,
}

/// A reader's place.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Bytes of the stream that it has taken.
    pub(super) position: u64,
    pub(super) waker: Option<Waker>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) outcome: Option<Outcome>,
    pub(super) invalidated: bool,
    /// The head of an answer that nobody else gets before its body was looked at.
    pub(super) held: Option<Arc<Head>>,
    pub(super) mode: Mode,
    /// The bytes from `base` up to `received`.
    pub(super) chunks: VecDeque<Bytes>,
    pub(super) base: u64,
    /// How many chunks lay before those: the number of the first one there is.
    pub(super) first_chunk: usize,
    pub(super) received: u64,
    /// Bytes taken from the budget.
    pub(super) reserved: u64,
    /// The length that the response announced.
    pub(super) expected: Option<u64>,
    pub(super) end: Option<End>,
    /// Where the bytes lie once they are stored, and the position of the stream's first.
    pub(super) stored: Option<(Arc<StoredBody>, u64)>,
    pub(super) readers: BTreeMap<u64, Place>,
    pub(super) waiting: BTreeMap<u64, Option<Waker>>,
    pub(super) writer: Option<Waker>,
    next_id: u64,
}

/// Wakers to be called after the lock is given back.
#[must_use]
pub(super) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(super) fn wake(self) {
        for waker in self.0 {
            waker.wake();
        }
    }
}

impl State {
    /// A number that no reader or waiter has had.
    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// How many wait or read.
    pub(super) fn population(&self) -> usize {
        self.readers.len() + self.waiting.len()
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.end, Some(End::Failed(_)))
    }

    /// The position of the reader that is furthest behind.
    pub(super) fn slowest(&self) -> Option<u64> {
        self.readers.values().map(|place| place.position).min()
    }

    /// Forgets what every reader has had, when nothing is kept.
    pub(super) fn drop_read_chunks(&mut self) {
        if self.mode == Mode::Keep {
            return;
        }
        let needed = self.slowest().unwrap_or(self.received);
        while let Some(first) = self.chunks.front() {
            let end = self.base + first.len() as u64;
            if end > needed {
                break;
            }
            self.base = end;
            self.first_chunk += 1;
            self.chunks.pop_front();
        }
    }

    pub(super) fn reader_wakers(&mut self) -> Wakers {
        Wakers(self.readers.values_mut().filter_map(|place| place.waker.take()).collect())
    }

    pub(super) fn all_wakers(&mut self) -> Wakers {
        let mut wakers = self.reader_wakers();
        wakers.0.extend(self.waiting.values_mut().filter_map(Option::take));
        wakers.0.extend(self.writer.take());
        wakers
    }
}
