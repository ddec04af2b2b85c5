//! The body of a response: from the store, from a fetch in progress, or the application's own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use larder_semantics::Reason;
use pin_project_lite::pin_project;

use crate::flight::Reader;
use crate::note::Note;
use crate::stored_body::{Filling, Hole, StoredBody};

pin_project! {
    /// A response body that knows how it came about.
    #[derive(Debug)]
    pub struct Body<U> {
        #[pin]
        kind: Kind<U>,
        note: Note,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindOf]
    enum Kind<U> {
        Empty,
        // Taken at the first poll.
        Bytes { bytes: Option<Bytes> },
        // A window of a stored body.
        Stored { body: Arc<StoredBody>, position: u64, end: u64 },
        // A stored page, with this in each hole.
        Filled { filled: Filled },
        // A fetch that is still going on, or has just ended.
        Shared { reader: Reader },
        // The application's, unshared.
        Upstream { #[pin] body: U },
    }
}

/// A body that ended before it was complete. Whoever sends it must not end it cleanly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// What went wrong.
    pub reason: Reason,
}

impl std::fmt::Display for Incomplete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the body is incomplete: {}", self.reason.text())
    }
}

impl std::error::Error for Incomplete {}

impl<U> Body<U> {
    /// What was done and why.
    #[must_use]
    pub const fn note(&self) -> Note {
        self.note
    }

    /// No bytes at all.
    #[must_use]
    pub fn empty(note: Note) -> Self {
        Self { kind: Kind::Empty, note }
    }

    /// These bytes.
    #[must_use]
    pub fn bytes(bytes: Bytes, note: Note) -> Self {
        let kind = if bytes.is_empty() { Kind::Empty } else { Kind::Bytes { bytes: Some(bytes) } };
        Self { kind, note }
    }

    /// The stored bytes from `first` on and before `end`.
    #[must_use]
    pub fn stored(body: Arc<StoredBody>, first: u64, end: u64, note: Note) -> Self {
        if first >= end {
            return Self::empty(note);
        }
        if first == 0
            && let Some(single) = body.as_single()
            && single.len() as u64 == end
        {
            return Self::bytes(single.clone(), note);
        }
        Self { kind: Kind::Stored { body, position: first, end }, note }
    }

    /// A stored page with `token` in each of its holes for one.
    #[must_use]
    pub(crate) fn filled(body: Arc<StoredBody>, token: Bytes, note: Note) -> Self {
        let filled = Filled { body, position: 0, next: 0, include: 0, token, includes: None };
        Self { kind: Kind::Filled { filled }, note }
    }

    /// The page that it is of, if others are to be included and nobody brings them yet.
    #[must_use]
    pub fn template(&self) -> Option<&StoredBody> {
        match &self.kind {
            Kind::Filled { filled } if filled.includes.is_none() => {
                Some(&*filled.body).filter(|body| !body.includes().is_empty())
            }
            Kind::Empty
            | Kind::Bytes { .. }
            | Kind::Stored { .. }
            | Kind::Filled { .. }
            | Kind::Shared { .. }
            | Kind::Upstream { .. } => None,
        }
    }

    /// The same, with what is to be included.
    #[must_use]
    pub fn with_includes(mut self, includes: Box<dyn Includes>) -> Self {
        if let Kind::Filled { filled } = &mut self.kind {
            filled.includes = Some(includes);
        }
        self
    }

    /// What a fetch in progress brings.
    #[must_use]
    pub fn shared(reader: Reader, note: Note) -> Self {
        Self { kind: Kind::Shared { reader }, note }
    }

    /// The application's own body.
    #[must_use]
    pub fn upstream(body: U, note: Note) -> Self {
        Self { kind: Kind::Upstream { body }, note }
    }
}

/// Brings what stands in the includes of a page, one after the other.
pub trait Includes: std::fmt::Debug + Send {
    /// The next bytes of an include; `None` at its end.
    fn poll_next(
        &mut self,
        include: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Reason>>>;
}

/// A stored page on its way to one visitor. Nothing of it is copied.
#[derive(Debug)]
struct Filled {
    body: Arc<StoredBody>,
    position: u64,
    /// Which hole comes next.
    next: usize,
    /// Which include comes next.
    include: usize,
    token: Bytes,
    /// Without them a page that includes others breaks off there.
    includes: Option<Box<dyn Includes>>,
}

impl Filled {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        loop {
            let hole = self.body.holes().get(self.next).copied();
            match hole.filter(|hole| hole.at == self.position) {
                None => return Poll::Ready(self.read(hole)),
                Some(Hole { filling: Filling::Token, .. }) => {
                    self.next += 1;
                    return Poll::Ready(Some(Ok(Frame::data(self.token.clone()))));
                }
                Some(Hole { filling: Filling::Include, .. }) => {
                    let Some(includes) = &mut self.includes else {
                        return Poll::Ready(Some(Err(Incomplete {
                            reason: Reason::IncludeFailed,
                        })));
                    };
                    match std::task::ready!(includes.poll_next(self.include, cx)) {
                        Some(Ok(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                        Some(Err(reason)) => return Poll::Ready(Some(Err(Incomplete { reason }))),
                        None => (self.next, self.include) = (self.next + 1, self.include + 1),
                    }
                }
            }
        }
    }

    /// The bytes before the hole.
    fn read(&mut self, hole: Option<Hole>) -> Option<Result<Frame<Bytes>, Incomplete>> {
        let complete = self.body.complete().unwrap_or_default();
        if self.position >= complete {
            return None;
        }
        let end = hole.map_or(complete, |hole| hole.at);
        let Some(block) = self.body.read(self.position, end) else {
            return Some(Err(Incomplete { reason: Reason::Truncated }));
        };
        self.position += block.len() as u64;
        Some(Ok(Frame::data(block)))
    }

    fn is_over(&self) -> bool {
        self.next >= self.body.holes().len()
            && self.position >= self.body.complete().unwrap_or_default()
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = self.body.complete().unwrap_or_default().saturating_sub(self.position);
        if self.include < self.body.includes().len() {
            return SizeHint::default();
        }
        let holes = self.body.holes().len().saturating_sub(self.next) as u64;
        SizeHint::with_exact(bytes + holes * self.token.len() as u64)
    }
}

impl<U> http_body::Body for Body<U>
where
    U: http_body::Body<Data = Bytes>,
    U::Error: Into<Reason>,
{
    type Data = Bytes;
    type Error = Incomplete;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        match self.project().kind.project() {
            KindOf::Empty => Poll::Ready(None),
            KindOf::Bytes { bytes } => Poll::Ready(bytes.take().map(|all| Ok(Frame::data(all)))),
            KindOf::Stored { body, position, end } => {
                if position >= end {
                    return Poll::Ready(None);
                }
                let Some(block) = body.read(*position, *end) else {
                    // A window is only made over bytes that are known, so this is a bug in the
                    // making of it; failing the connection is right, ending cleanly is not.
                    return Poll::Ready(Some(Err(Incomplete { reason: Reason::Truncated })));
                };
                *position += block.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(block))))
            }
            KindOf::Filled { filled } => filled.poll(cx),
            KindOf::Shared { reader } => reader.poll_frame(cx),
            KindOf::Upstream { body } => {
                body.poll_frame(cx).map_err(|error| Incomplete { reason: error.into() })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty | Kind::Bytes { bytes: None } => true,
            Kind::Bytes { bytes: Some(_) } => false,
            Kind::Stored { position, end, .. } => position >= end,
            Kind::Filled { filled } => filled.is_over(),
            Kind::Shared { reader } => reader.is_end_stream(),
            Kind::Upstream { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty | Kind::Bytes { bytes: None } => SizeHint::with_exact(0),
            Kind::Bytes { bytes: Some(bytes) } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stored { position, end, .. } => SizeHint::with_exact(end - position),
            Kind::Filled { filled } => filled.size_hint(),
            Kind::Shared { reader } => reader.size_hint(),
            Kind::Upstream { body } => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body::Body as _;
    use proptest::prelude::*;

    use super::*;
    use crate::note::Handling;
    use crate::stored_body::Holes;

    #[derive(Debug)]
    struct NoBody;

    impl http_body::Body for NoBody {
        type Data = Bytes;
        type Error = Incomplete;

        fn poll_frame(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
            Poll::Ready(None)
        }
    }

    impl From<Incomplete> for Reason {
        fn from(incomplete: Incomplete) -> Self {
            incomplete.reason
        }
    }

    proptest! {
        #[test]
        fn a_filled_page_is_its_bytes_with_the_filling_in_each_hole(
            length in 0_usize..150_000,
            mut places in proptest::collection::vec(0_usize..150_001, 0..8),
        ) {
            let page: Vec<u8> = (0..length).map(|at| b"0123456789<>"[at % 12]).collect();
            for place in &mut places {
                *place = (*place).min(length);
            }
            places.sort_unstable();
            let mut expected = page.clone();
            for place in places.iter().rev() {
                expected.splice(place..place, [b'x'; 64]);
            }
            let hole = |at: &usize| Hole { at: *at as u64, filling: Filling::Token };
            let places = places.iter().map(hole).collect();
            let holes = Holes { places, includes: Vec::new(), secret: true };
            let stored = Arc::new(StoredBody::whole(&[page.into()]).with_holes(holes));
            prop_assert_eq!(stored.filled_length(), Some(expected.len() as u64));
            let note = Note::new(Handling::Hit, Reason::Fresh);
            let mut body: Body<NoBody> = Body::filled(stored, Bytes::from_static(&[b'x'; 64]), note);
            let mut read = Vec::new();
            let mut cx = Context::from_waker(Waker::noop());
            loop {
                let left = (expected.len() - read.len()) as u64;
                prop_assert_eq!(body.size_hint().exact(), Some(left));
                prop_assert_eq!(body.is_end_stream(), left == 0);
                match Pin::new(&mut body).poll_frame(&mut cx) {
                    Poll::Ready(Some(frame)) => {
                        read.extend_from_slice(&frame.unwrap().into_data().unwrap());
                    }
                    Poll::Ready(None) => break,
                    Poll::Pending => panic!("it is all there"),
                }
            }
            prop_assert_eq!(read, expected);
        }
    }
}
