//! Connections that wait for their next request. One pool per worker, so nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use parking_lot::Mutex;

use crate::outgoing::Outgoing;
use crate::wire::Wire;

/// Our end of a connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) sender: SendRequest<Outgoing>,
    pub(crate) wire: Arc<Wire>,
    /// Of the target's addresses when it was opened.
    pub(crate) generation: u64,
    /// Whether a request went over it before.
    pub(crate) used: bool,
}

#[derive(Debug)]
struct Resting {
    link: Link,
    /// In time since the connection was opened.
    until: Duration,
}

/// For each target the connections at rest, the latest used last.
#[derive(Debug)]
pub(crate) struct Pool(Box<[Mutex<Vec<Resting>>]>);

impl Pool {
    pub(crate) fn new(targets: usize) -> Self {
        Self((0..targets).map(|_| Mutex::new(Vec::new())).collect())
    }

    /// The latest used connection that is good: the others may grow old and be closed.
    pub(crate) fn take(&self, target: usize, generation: u64) -> Option<Link> {
        let mut resting = self.0[target].lock();
        let mut at = resting.len();
        while at > 0 {
            at -= 1;
            let candidate = &resting[at];
            let link = &candidate.link;
            let dead = link.sender.is_closed()
                || link.generation != generation
                || link.wire.rested_until(candidate.until);
            if dead {
                drop(resting.remove(at));
            } else if link.sender.is_ready() {
                return Some(resting.remove(at).link);
            }
            // Neither dead nor ready: its task has not yet seen the end of the last exchange, or
            // still writes the last request. Its turn may come.
        }
        None
    }

    pub(crate) fn put(&self, target: usize, mut link: Link, idle: Duration, max: usize) {
        if link.sender.is_closed() {
            return;
        }
        let mut resting = self.0[target].lock();
        if resting.len() >= max {
            resting.retain(|other| !other.link.sender.is_closed());
        }
        if resting.len() < max {
            link.used = true;
            let until = link.wire.rest(idle);
            resting.push(Resting { link, until });
        }
    }
}
