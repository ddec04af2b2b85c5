//! What does the pipeline know of the connection a request came on?

use std::net::SocketAddr;

use larder_policy::Scheme;

use crate::listen::InterimQueue;

/// How the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 or 1.1.
    H1,
    /// HTTP/2.
    H2,
}

/// One client connection (HTTP/1.1) or one of its streams (HTTP/2).
#[derive(Debug)]
pub struct ConnContext {
    /// The client's address, as the socket tells it.
    pub peer: SocketAddr,
    /// How the client reached us.
    pub scheme: Scheme,
    /// How the client speaks.
    pub protocol: Protocol,
    /// Where 1xx responses for the request in progress are put.
    pub interim: InterimQueue,
    /// The worker's number: which counters are its own.
    pub worker: usize,
}
