//! Connections that wait for their next request. One pool per worker, so nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use parking_lot::Mutex;

use crate::direct::Direct;
use crate::outgoing::Outgoing;
use crate::wire::Wire;

/// Our end of a connection.
#[derive(Debug)]
pub(crate) enum Link {
    /// For ordinary exchanges.
    Direct(Direct),
    /// For all exchanges.
    Driven(Driven),
}

/// Our end of a connection that a task of hyper's drives.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) sender: SendRequest<Outgoing>,
    pub(crate) wire: Arc<Wire>,
    /// Of the target's addresses when it was opened.
    pub(crate) generation: u64,
    /// Whether a request went over it before.
    pub(crate) used: bool,
    /// Its first exchange was begun before it was hyper's.
    pub(crate) begun: bool,
}

/// Which kind of connection a request would rather have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefer {
    Direct,
    Driven,
}

impl Link {
    pub(crate) fn wire(&self) -> &Arc<Wire> {
        match self {
            Self::Direct(direct) => &direct.wire,
            Self::Driven(driven) => &driven.wire,
        }
    }

    fn generation(&self) -> u64 {
        match self {
            Self::Direct(direct) => direct.generation,
            Self::Driven(driven) => driven.generation,
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Direct(direct) => direct.wire.is_abandoned() || direct.has_more(),
            Self::Driven(driven) => driven.sender.is_closed(),
        }
    }

    /// Nothing came from it that nobody asked for. Of hyper's, hyper asks when a request comes.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Direct(direct) => direct.is_quiet(),
            Self::Driven(_) => true,
        }
    }

    /// Its task has seen the end of the last exchange, and has written the last request.
    fn is_ready(&self) -> bool {
        match self {
            Self::Direct(_) => true,
            Self::Driven(driven) => driven.sender.is_ready(),
        }
    }

    fn kind(&self) -> Prefer {
        match self {
            Self::Direct(_) => Prefer::Direct,
            Self::Driven(_) => Prefer::Driven,
        }
    }

    /// It has been used, and rests.
    fn rest(&mut self) {
        match self {
            Self::Direct(direct) => direct.rest(),
            Self::Driven(driven) => driven.used = true,
        }
    }
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

    /// The latest used connection that is good: the others may grow old and be closed. One of the
    /// kind that is preferred, if there is one.
    pub(crate) fn take(&self, target: usize, generation: u64, prefer: Prefer) -> Option<Link> {
        let mut resting = self.0[target].lock();
        let mut second_best = None;
        let mut at = resting.len();
        while at > 0 {
            at -= 1;
            let candidate = &resting[at];
            let link = &candidate.link;
            let dead = link.is_closed()
                || link.generation() != generation
                || link.wire().rested_until(candidate.until);
            if dead {
                drop(resting.remove(at));
                second_best = second_best.map(|later: usize| later - 1);
            } else if link.kind() != prefer {
                if link.is_ready() && second_best.is_none() {
                    second_best = Some(at);
                }
            } else if link.is_ready() {
                return Some(resting.remove(at).link);
            }
            // Neither dead nor ready: its task has not yet seen the end of the last exchange, or
            // still writes the last request. Its turn may come.
        }
        second_best.map(|at| resting.remove(at).link)
    }

    pub(crate) fn put(&self, target: usize, mut link: Link, idle: Duration, max: usize) {
        if link.is_closed() {
            return;
        }
        let mut resting = self.0[target].lock();
        if resting.len() >= max {
            resting.retain(|other| !other.link.is_closed());
        }
        if resting.len() < max {
            link.rest();
            let until = link.wire().rest(idle);
            resting.push(Resting { link, until });
        }
    }

    /// Closes what has rested long enough.
    pub(crate) fn sweep(&self, target: usize) {
        self.0[target].lock().retain(|other| !other.link.is_closed());
    }
}
