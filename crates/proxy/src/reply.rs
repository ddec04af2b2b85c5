//! What does the body of an answer say of how the answer came about?

use bytes::Bytes;
use http_body::Body;
use larder_cache::{Handling, Note};
use larder_semantics::{Group, Reason};
use larder_tower::Reply;

/// A body that knows how its response came about.
pub(crate) trait Noted: Body {
    /// What was done and why.
    fn note(&self) -> Note;

    /// Why it ended before it was complete.
    fn failure(error: &Self::Error) -> Reason;
}

/// What a line of our own is to the counters: for the site, or an error.
fn handling(reason: Reason) -> Handling {
    if reason.group() == Group::Own { Handling::Own } else { Handling::Refused }
}

impl<B: Noted<Data = Bytes>> Noted for Reply<B> {
    fn note(&self) -> Note {
        match self.passed() {
            Ok(body) => body.note(),
            Err(reason) => Note::new(handling(reason), reason),
        }
    }

    fn failure(error: &B::Error) -> Reason {
        B::failure(error)
    }
}
