//! A request's body as it comes from a client, whichever protocol carries it.
//!
//! The cache and the application's side see one type; the time limit for a client that stops in
//! the middle is kept here (HTTP/2) or noted for the sweep (HTTP/1.1).

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::listen::{H1Body, H2Body};

/// A request's body.
#[derive(Debug, Default)]
pub(crate) enum Inbound {
    /// None: what nearly every request has.
    #[default]
    Empty,
    /// From an HTTP/1.1 connection.
    H1(H1Body),
    /// From an HTTP/2 stream.
    H2(Box<H2Body>),
}

/// A request's body that did not arrive as announced. Says nothing: the client knows.
#[derive(Debug)]
pub(crate) enum InboundError {
    /// HTTP/1.1: cut off, malformed chunks, or the connection was lost.
    H1(hyper::Error),
    /// HTTP/2: reset, or the connection was lost.
    H2(h2::Error),
    /// HTTP/2: nothing came for too long.
    TimedOut,
}

impl std::fmt::Display for InboundError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::H1(error) => error.fmt(f),
            Self::H2(error) => error.fmt(f),
            Self::TimedOut => f.write_str("the request's body did not go on in time"),
        }
    }
}

impl std::error::Error for InboundError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::H1(error) => Some(error),
            Self::H2(error) => Some(error),
            Self::TimedOut => None,
        }
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = InboundError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InboundError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::H1(body) => body.poll_frame(cx),
            Self::H2(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::H1(body) => body.is_end_stream(),
            Self::H2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::H1(body) => body.size_hint(),
            Self::H2(body) => body.size_hint(),
        }
    }
}
