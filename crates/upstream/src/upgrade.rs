//! A connection that stops being HTTP: RFC 9110 §7.8.
//!
//! Nothing of the client's goes to the application before the application has answered 101: until
//! then the connection speaks HTTP only, and any other answer is an ordinary response.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::UPGRADE;
use http::{HeaderMap, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::time::Instant;

use crate::worker::Lease;

/// A client that asked for another protocol and is ready for it.
pub(crate) struct Wish {
    pub(crate) protocols: HeaderValue,
    pub(crate) client: OnUpgrade,
}

impl Wish {
    /// RFC 9110 §7.8: a server must not switch to a protocol that was not asked for.
    pub(crate) fn is_met_by(&self, response: &HeaderMap) -> bool {
        let mut lines = response.get_all(UPGRADE).iter();
        let (Some(chosen), None) = (lines.next(), lines.next()) else { return false };
        let chosen = chosen.as_bytes().trim_ascii();
        let mut wished = self.protocols.as_bytes().split(|&b| b == b',');
        wished.any(|one| one.trim_ascii().eq_ignore_ascii_case(chosen))
    }
}

/// Joins both sides until one of them ends, or nothing has moved either way for `idle`.
pub(crate) fn join(client: OnUpgrade, application: OnUpgrade, lease: Lease, idle: Duration) {
    tokio::spawn(async move {
        // The place at the target is taken as long as the tunnel is open.
        let _lease = lease;
        let (client, application) = match tokio::try_join!(client, application) {
            Ok(both) => both,
            Err(error) => {
                tracing::debug!(%error, "a side left before the tunnel was open");
                return;
            }
        };
        let moved = LastMove::now();
        let mut client = TokioIo::new(client);
        let mut application = Watched { io: TokioIo::new(application), moved: &moved };
        let copied = tokio::select! {
            copied = copy_bidirectional(&mut client, &mut application) => copied,
            () = moved.over(idle) => Err(io::ErrorKind::TimedOut.into()),
        };
        if let Err(error) = copied {
            tracing::debug!(%error, "tunnel ended");
        }
    });
}

/// When bytes last moved.
struct LastMove {
    begun: Instant,
    micros: AtomicU64,
}

impl LastMove {
    fn now() -> Self {
        Self { begun: Instant::now(), micros: AtomicU64::new(0) }
    }

    fn note(&self) {
        let since = Instant::now().saturating_duration_since(self.begun);
        self.micros.store(u64::try_from(since.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Waits until nothing has moved for `idle`.
    async fn over(&self, idle: Duration) {
        loop {
            let last = Duration::from_micros(self.micros.load(Relaxed));
            let Some(until) = self.begun.checked_add(last.saturating_add(idle)) else {
                return std::future::pending().await;
            };
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// One side of the tunnel: what both directions pass through.
struct Watched<'a, T> {
    io: T,
    moved: &'a LastMove,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if polled.is_ready() {
            self.moved.note();
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<'_, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        if polled.is_ready() {
            self.moved.note();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
