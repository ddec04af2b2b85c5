//! The body of what goes back to a client: the pipeline's, or a line of our own.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use larder_cache::{Handling, Note};
use larder_semantics::{Group, Reason};

/// A body that knows how its response came about.
pub(crate) trait Noted: Body {
    /// What was done and why.
    fn note(&self) -> Note;

    /// Why it ended before it was complete.
    fn failure(error: &Self::Error) -> Reason;
}

/// The body of a response, from further in or made here.
#[derive(Debug)]
pub(crate) enum Reply<B> {
    /// From further in.
    Inner(B),
    /// A line of text of ours; taken at the first poll.
    Own {
        /// What is still to be sent.
        text: Option<Bytes>,
        /// Why we answer.
        reason: Reason,
    },
}

impl<B> Reply<B> {
    /// A line of our own; empty for none.
    #[must_use]
    pub(crate) fn own(text: Bytes, reason: Reason) -> Self {
        Self::Own { text: (!text.is_empty()).then_some(text), reason }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Reply<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.get_mut() {
            Self::Inner(body) => Pin::new(body).poll_frame(cx),
            Self::Own { text, .. } => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Inner(body) => body.is_end_stream(),
            Self::Own { text, .. } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Inner(body) => body.size_hint(),
            Self::Own { text, .. } => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}

/// What a line of our own is to the counters: for the site, or an error.
fn handling(reason: Reason) -> Handling {
    if reason.group() == Group::Own { Handling::Own } else { Handling::Refused }
}

impl<B: Noted<Data = Bytes> + Unpin> Noted for Reply<B> {
    fn note(&self) -> Note {
        match self {
            Self::Inner(body) => body.note(),
            Self::Own { reason, .. } => Note::new(handling(*reason), *reason),
        }
    }

    fn failure(error: &B::Error) -> Reason {
        B::failure(error)
    }
}
