//! What does the pipeline know of the connection a request came on?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use larder_policy::Scheme;
use larder_semantics::Reason;

use crate::listen::InterimQueue;

/// How the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.0 or 1.1.
    H1,
    /// HTTP/2.
    H2,
}

/// Who is at the other end of a connection, and how the bytes came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The client's address: as the socket tells it, or, where a PROXY protocol header came first, as that does.
    pub(crate) peer: SocketAddr,
    /// The address at the other end of the socket, whatever was announced.
    pub(crate) socket: IpAddr,
    /// Https over TLS, or where such a header says so.
    pub(crate) scheme: Scheme,
    /// Such a header came and said nothing of TLS: the proxy may have ended it.
    pub(crate) scheme_is_in_doubt: bool,
}

/// One client connection (HTTP/1.1) or one of its streams (HTTP/2).
#[derive(Debug)]
pub(crate) struct ConnContext {
    /// The client's address, as [`Caller`] has it.
    pub peer: SocketAddr,
    /// The address at the other end of the socket.
    pub socket: IpAddr,
    /// How the client reached us.
    pub scheme: Scheme,
    /// As [`Caller`] has it.
    pub(crate) scheme_is_in_doubt: bool,
    /// How the client speaks.
    pub protocol: Protocol,
    /// Where 1xx responses for the request in progress are put.
    pub interim: InterimQueue,
    /// The worker's number: which counters are its own.
    pub worker: usize,
    /// Why a request was taken from the pipeline before it was answered.
    pub(crate) cut_off: CutOff,
}

impl ConnContext {
    /// Of requests that are Larder's own.
    pub(crate) fn own(scheme: Scheme) -> Self {
        Self {
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            socket: Ipv4Addr::LOCALHOST.into(),
            scheme,
            scheme_is_in_doubt: false,
            protocol: Protocol::H1,
            interim: InterimQueue::to_nobody(),
            worker: 0,
            cut_off: CutOff::default(),
        }
    }
}

/// A reason that comes from outside the pipeline: a time limit, a client that left.
#[derive(Debug, Default)]
pub(crate) struct CutOff(AtomicUsize);

impl CutOff {
    /// To be said before the request's future is dropped.
    pub(crate) fn because(&self, reason: Reason) {
        self.0.store(reason.index() + 1, Ordering::Relaxed);
    }

    /// What was said; without that, a dropped request means that its client left.
    pub(crate) fn reason(&self) -> Reason {
        let said = self.0.load(Ordering::Relaxed).checked_sub(1);
        said.and_then(|index| Reason::ALL.get(index)).copied().unwrap_or(Reason::ClientLeft)
    }
}
