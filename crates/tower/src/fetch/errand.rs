//! A fetch that goes on when the one who asked for it leaves.
//!
//! As long as the client waits, its own task drives the fetch: most fetches end that way, and a
//! task of their own would cost each of them more than the fetch does. When the client leaves
//! first, the fetch is handed to a task, for those who wait with it and for the store.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Drives a future; spawns it when dropped before it has ended.
pub(crate) struct Enduring<T: Send + 'static> {
    fetch: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T: Send + 'static> Enduring<T> {
    pub(crate) fn new(fetch: impl Future<Output = T> + Send + 'static) -> Self {
        Self { fetch: Some(Box::pin(fetch)) }
    }
}

impl<T: Send + 'static> Future for Enduring<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(fetch) = &mut self.fetch else { return Poll::Pending };
        let outcome = std::task::ready!(fetch.as_mut().poll(cx));
        self.fetch = None;
        Poll::Ready(outcome)
    }
}

impl<T: Send + 'static> Drop for Enduring<T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending; then dropping the fetch fails those who wait.
        if let Some(fetch) = self.fetch.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { drop(fetch.await) });
        }
    }
}
