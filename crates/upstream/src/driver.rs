//! The task of one connection: runs hyper's side of it and keeps its time limits.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::wire::{Look, Wire};

/// Ends when the connection does, or ends it by being dropped: when a limit is reached (see
/// [`Wire`]) or nobody wants the connection any longer. Whoever waits for it then gets an error
/// from hyper and the reason from the wire.
pub(crate) struct Driver<C> {
    connection: C,
    wire: Arc<Wire>,
    tick: Duration,
    /// The one timer of this connection's life.
    clock: Pin<Box<Sleep>>,
}

impl<C> Driver<C> {
    pub(crate) fn new(connection: C, wire: Arc<Wire>, tick: Duration) -> Self {
        let first = Instant::now().checked_add(tick).unwrap_or_else(Instant::now);
        Self { connection, wire, tick, clock: Box::pin(tokio::time::sleep_until(first)) }
    }
}

impl<C> Future for Driver<C>
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.wire.is_abandoned() {
            return Poll::Ready(());
        }
        if let Poll::Ready(result) = Pin::new(&mut this.connection).poll(cx) {
            if let Err(error) = result {
                // Whoever waits for a response is told; this is for closes in between.
                tracing::debug!(%error, "connection to the application ended");
            }
            return Poll::Ready(());
        }
        while this.clock.as_mut().poll(cx).is_ready() {
            match this.wire.look(Instant::now(), this.tick) {
                Look::Over => return Poll::Ready(()),
                Look::Again(at) => this.clock.as_mut().reset(at),
            }
        }
        Poll::Pending
    }
}
