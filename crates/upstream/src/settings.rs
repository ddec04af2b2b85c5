//! What a site may choose about its application's side: time limits, sizes of pools, ejection.

use std::time::Duration;

/// Limits towards the application. All are per worker but those on the state of a
/// [`Balancer`](crate::Balancer), which all workers share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For the TCP connection, over all addresses of a target together.
    pub connect: Duration,
    /// From the last byte of the request's body (or from its head, without a body) being taken by
    /// the connection, to the end of the response's head. 1xx responses do not prolong it.
    pub first_byte: Duration,
    /// The longest time in which the application neither sends a piece of its body nor takes a
    /// piece of ours. The time a client takes does not count. Also what a tunnel (101) may be idle.
    pub between_bytes: Duration,
    /// How long an unused connection is kept. It has to be shorter than the application's own
    /// limit (gunicorn: 2 s, Node.js: 5 s), or requests meet connections that are just closing.
    /// `Keep-Alive: timeout=N` of the application shortens it further.
    pub idle: Duration,
    /// Unused connections kept per target and worker.
    pub idle_max: usize,
    /// Requests and tunnels in progress per target, over all workers. Beyond it: `UpstreamTooBusy`.
    pub connections_max: usize,
    /// Failures in a row after which a target gets no requests for a while. Zero: never ejected.
    pub eject_after: u32,
    /// How long the first ejection lasts; each one that follows without a success doubles it, up
    /// to [`limits::EJECTION_GROWTH_MAX`](crate::limits::EJECTION_GROWTH_MAX) times as long.
    pub eject_for: Duration,
    /// The status line and all fields of a response, and its trailers. At least 8 KiB is allowed.
    pub response_head_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(60),
            between_bytes: Duration::from_secs(60),
            idle: Duration::from_millis(1500),
            idle_max: 256,
            connections_max: 1024,
            eject_after: 5,
            eject_for: Duration::from_secs(2),
            response_head_bytes_max: 64 * 1024,
        }
    }
}
