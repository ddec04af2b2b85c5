//! How do the frames of several HTTP/2 streams become one write?
//!
//! The `h2` crate writes and flushes each DATA frame alone: a system call and, with TLS, a record a
//! response. While a connection answers several streams at once, what it writes is gathered here and
//! goes out together, up to a record's length (RFC 8446 §5.1: 2^14 bytes).

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use super::stream::Stream;
use crate::limits;

/// What waits to be written to one connection. Takes memory only while something does.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    bytes: Vec<u8>,
    written: usize,
}

impl Gathered {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes `slices` to those that wait, or writes all of it where that is more than a record holds.
    pub(crate) fn poll_write(
        &mut self,
        socket: &mut Stream,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if self.bytes.len() + length > limits::GATHERED_BYTES_MAX {
            std::task::ready!(self.poll_write_out(socket, cx))?;
        }
        if length >= limits::GATHERED_BYTES_MAX {
            return socket.poll_write_vectored(cx, slices);
        }
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(limits::GATHERED_BYTES_MAX);
        }
        for slice in slices {
            self.bytes.extend_from_slice(slice);
        }
        Poll::Ready(Ok(length))
    }

    /// Writes until nothing waits.
    pub(crate) fn poll_write_out(
        &mut self,
        socket: &mut Stream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self.bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            match std::task::ready!(socket.poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        *self = Self::default();
        Poll::Ready(Ok(()))
    }
}
