//! Pages that wait to be published: each once, by its key, so that nothing holds on to a body meanwhile.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::limits::QUEUE_MAX;

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    some: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    order: VecDeque<Arc<[u8]>>,
    known: HashSet<Arc<[u8]>>,
}

impl Queue {
    /// Takes a page in. False: there is no room. One that waits already need not wait twice.
    pub(crate) fn push(&self, key: &[u8]) -> bool {
        let mut inner = self.inner.lock();
        if inner.known.contains(key) {
            return true;
        }
        if inner.order.len() >= QUEUE_MAX {
            return false;
        }
        let key: Arc<[u8]> = key.into();
        inner.known.insert(Arc::clone(&key));
        inner.order.push_back(key);
        drop(inner);
        self.some.notify_one();
        true
    }

    /// The next page. What is told of it from now on waits anew.
    pub(crate) async fn next(&self) -> Arc<[u8]> {
        loop {
            if let Some(key) = self.pop() {
                return key;
            }
            self.some.notified().await;
        }
    }

    fn pop(&self) -> Option<Arc<[u8]>> {
        let mut inner = self.inner.lock();
        let key = inner.order.pop_front()?;
        inner.known.remove(&key);
        if !inner.order.is_empty() {
            // Each wakes the next, so none sleeps while there is work.
            self.some.notify_one();
        }
        Some(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.inner.lock().order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_waits_once_and_again_after_it_was_taken() {
        let queue = Queue::default();
        assert!(queue.push(b"a") && queue.push(b"b") && queue.push(b"a"));
        assert_eq!(queue.len(), 2);
        assert_eq!(*queue.next().await, *b"a");
        assert!(queue.push(b"a"));
        assert_eq!(*queue.next().await, *b"b");
        assert_eq!(*queue.next().await, *b"a");
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let queue = Queue::default();
        for number in 0..QUEUE_MAX {
            assert!(queue.push(&number.to_ne_bytes()));
        }
        assert!(!queue.push(b"one more"));
        assert!(queue.push(&0_usize.to_ne_bytes()), "what waits is in it");
    }
}
