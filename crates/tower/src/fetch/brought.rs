//! What the service behind the cache brings, as all of the cache reads it: in bytes, failing with a reason.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use larder_semantics::Reason;
use pin_project_lite::pin_project;

use crate::cause::{self, BoxError};

pin_project! {
    /// A body of any type.
    #[derive(Debug)]
    pub(crate) struct Brought<U> {
        #[pin]
        body: U,
    }
}

impl<U> Brought<U> {
    pub(crate) const fn new(body: U) -> Self {
        Self { body }
    }
}

impl<U> Body for Brought<U>
where
    U: Body,
    U::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = Reason;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reason>>> {
        self.project().body.poll_frame(cx).map(|frame| {
            // Nothing is copied of what is in `Bytes` already.
            let in_bytes = |mut data: U::Data| data.copy_to_bytes(data.remaining());
            let frame = frame?.map(|frame| frame.map_data(in_bytes));
            Some(frame.map_err(|error| cause::of_body(error.into())))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
