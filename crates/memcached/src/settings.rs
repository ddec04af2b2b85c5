//! What can be chosen about a client.

use std::time::Duration;

/// Limits of a client, each per server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long an operation may take in all, connecting and waiting for a connection included. Deletions of many keys have it
    /// for each portion of [`PIPELINED_MAX`](crate::limits::PIPELINED_MAX).
    pub timeout: Duration,
    /// Connections at most; who comes when all are in use waits for one. At least 1.
    pub connections_max: usize,
    /// Bytes of a value at most. A larger one is not sent, and what lay under its key is deleted. Memcached's own limit is its
    /// `-I`, 1 MiB with key and overhead.
    pub item_bytes_max: usize,
    /// How long a server is left alone after its first failure; doubled with each that follows.
    pub pause: Duration,
    /// How long it is left alone at most. Not long: until it is asked again, a server that came back has what was to be deleted.
    pub pause_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(250),
            timeout: Duration::from_millis(500),
            connections_max: 4,
            item_bytes_max: 1024 * 1024,
            pause: Duration::from_millis(500),
            pause_max: Duration::from_secs(5),
        }
    }
}
