//! What the application has answered: the evidence that every response is held against.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use larder_testkit::{Exchanged, Seconds, Signal};

/// Why the application gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// No head came.
    Disconnected,
    /// This head came.
    Status(u16),
}

/// One answer of the application. Its number is its place in the list, and its `x-made`.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) number: usize,
    /// The client's request on whose behalf it was asked.
    pub(crate) client: u64,
    pub(crate) method: Method,
    /// Host and path.
    pub(crate) target: String,
    pub(crate) request: HeaderMap,
    pub(crate) status: StatusCode,
    pub(crate) response: HeaderMap,
    /// The whole representation, also of a 206 and a HEAD.
    pub(crate) body: Bytes,
    pub(crate) request_time: Seconds,
    /// When the head, or the failure, came; not yet while the test holds it.
    pub(crate) response_time: Option<Seconds>,
    pub(crate) failed: Option<Failed>,
    /// The body breaks off.
    pub(crate) breaks_off: bool,
}

impl Record {
    pub(crate) fn etag(&self) -> Option<&str> {
        self.field("etag")
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.response.get(name).map(|value| value.to_str().unwrap())
    }

    /// Whether it brought a representation that a GET may be answered with.
    pub(crate) fn has_representation(&self) -> bool {
        let by_post = self.method == Method::POST
            && self.field("content-location").is_some_and(|to| self.target.ends_with(to));
        (self.method == Method::GET || by_post) && self.status != StatusCode::NOT_MODIFIED
    }

    /// As the naive cache takes it; the answer to a POST as that to the GET that it stands for.
    pub(crate) fn exchanged(&self) -> Exchanged {
        let status = match self.status {
            // The naive cache knows no parts. One that is stored answers as a 200 does.
            StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED => StatusCode::OK,
            other => other,
        };
        Exchanged {
            method: if self.has_representation() { Method::GET } else { self.method.clone() },
            target: self.target.clone(),
            request: self.request.clone(),
            status,
            response: self.response.clone(),
            // Bodies are compared by the judge.
            body: Vec::new(),
            request_time: self.request_time,
            response_time: self.response_time.unwrap_or(self.request_time),
        }
    }
}

/// What the application answered for a page, a line for each answer.
pub(crate) fn history(records: &[Record], target: &str) -> String {
    let of_page = records.iter().filter(|record| record.target == target);
    let lines = of_page.map(|record| {
        let Record { number, client, method, request_time, response_time, .. } = record;
        let (status, failed, broken) = (record.status, record.failed, record.breaks_off);
        let (sent, said) = (&record.request, &record.response);
        format!(
            "#{number} for {client} at {request_time}..{response_time:?}: {method} {sent:?}\n    \
             {status} failed {failed:?} broken {broken} {said:?}"
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Something that the application holds back until the test lets it go.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) signal: Signal,
    /// Whose head it is; the middle of a body has no time of its own.
    pub(crate) head_of: Option<usize>,
}

/// What application and driver share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    shared: Arc<Mutex<Books>>,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) records: Vec<Record>,
    pub(crate) held: Vec<Held>,
    pub(crate) done: Vec<crate::judge::Done>,
    moments: u64,
}

impl Books {
    /// A number for what happens now, larger than that of all that happened.
    pub(crate) fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }
}

impl Ledger {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.shared.lock().unwrap()
    }
}
