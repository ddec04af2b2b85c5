//! How does a page of the demo go out: at once, or a line each second for ever?

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::clock;

/// A whole page or an endless stream.
#[derive(Debug)]
pub(super) enum DemoBody {
    /// `None` once it is sent.
    Whole(Option<Bytes>),
    /// Numbered lines.
    Lines { every: Interval, sent: u64 },
}

impl DemoBody {
    pub(super) fn whole(text: impl Into<Bytes>) -> Self {
        let bytes = text.into();
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    /// One line a second; a slow reader misses none but gets no burst afterwards.
    pub(super) fn lines() -> Self {
        let mut every = interval(Duration::from_secs(1));
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self::Lines { every, sent: 0 }
    }
}

impl Body for DemoBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Lines { every, sent } => {
                ready!(every.poll_tick(context));
                *sent += 1;
                let line = format!("line {sent}, sent at {}\n", clock::time_of_day());
                Poll::Ready(Some(Ok(Frame::data(line.into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let len = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(len).unwrap_or(u64::MAX))
            }
            Self::Lines { .. } => SizeHint::default(),
        }
    }
}
