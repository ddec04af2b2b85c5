//! The body of a response: stored bytes, what a fetch in progress brings, or the inner service's own body.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use larder_cache::Note;
use larder_semantics::Reason;
use pin_project_lite::pin_project;

use crate::cause::BoxError;
use crate::fetch::Brought;

pin_project! {
    /// The body of a response of [`CacheService`](super::CacheService); `U` is the inner service's.
    ///
    /// Nothing of it is boxed or copied: stored bytes are shared by all who read them, and a body that is not stored passes
    /// through. Several who share a fetch read the same bytes, each at its own pace: what is kept is kept for all, and where a
    /// body is too large to be kept, the inner service's body is read no faster than the slowest of them reads.
    ///
    /// Dropping it ends nothing that others need: a body that is being stored is read to its end.
    #[derive(Debug)]
    pub struct CacheBody<U> {
        #[pin]
        body: larder_cache::Body<Brought<U>>,
    }
}

impl<U> CacheBody<U> {
    pub(super) const fn new(body: larder_cache::Body<Brought<U>>) -> Self {
        Self { body }
    }

    /// What was done and why.
    #[doc(hidden)]
    #[must_use]
    pub const fn note(&self) -> Note {
        self.body.note()
    }
}

impl<U> Body for CacheBody<U>
where
    U: Body,
    U::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = Incomplete;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        self.project().body.poll_frame(cx).map_err(Incomplete)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that ended before it was complete: the inner service's body failed, or was dropped. It was not stored.
///
/// Whoever sends the response must break it off, as hyper does, and not end it cleanly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incomplete(larder_cache::Incomplete);

impl Incomplete {
    /// What went wrong, as `Cache-Status` names it: a row of the table of reasons.
    #[must_use]
    pub const fn token(&self) -> &'static str {
        self.0.reason.token()
    }

    /// What went wrong.
    #[doc(hidden)]
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.0.reason
    }
}

impl std::fmt::Display for Incomplete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Incomplete {}
