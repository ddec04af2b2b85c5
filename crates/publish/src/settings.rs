//! What a site chose, and what keeps publishing from starting.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use larder_lookup::Place;
use larder_memcached::{Address, Routing};
use larder_policy::published::Publishing;

/// What a site chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the table is.
    pub lookup: Place,
    /// The file of orders that wait.
    pub outbox: PathBuf,
    /// The Memcached servers, in the order in which their reader has them.
    pub servers: Vec<Address>,
    /// How it is known which of them has a page.
    pub routing: Routing,
    /// Which pages may be published, under which keys.
    pub publishing: Publishing,
    /// How long a server is waited for.
    pub timeout: Duration,
}

/// Why nothing can be published or purged, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(pub String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}
