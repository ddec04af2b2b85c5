//! A Memcached client that puts a key where its reader will look for it.
//!
//! Who reads is another program: nginx, or Django through pymemcache or pylibmc. With several servers each of them has its own
//! way of finding the one that holds a key, and a page that lies on another is a page that nobody finds and nobody erases. So
//! [`Routing`] says who reads, and keys go where that one looks, whatever else happens: a server that is gone is left alone for
//! a while, and its keys are not moved to another.
//!
//! It speaks the meta commands of the text protocol (Memcached 1.6) with an opaque number in every request. What comes back is
//! read strictly: a line that is too long, an answer to something else, an early end are errors and end the connection. A
//! connection is owned by the operation that uses it and goes back to the pool only when its last answer was read. So an
//! operation may be dropped at any moment, and no other will read what came for it.
//!
//! Three types to know: `Client`, `Key`, [`Routing`]. The client is behind the feature `client`; without it there is what a
//! configuration says of servers: [`Address`] and [`Routing`]. Not here: what is published under which key, queues, retries, TLS
//! (Memcached listens on networks that can be trusted, or on a socket).
//!
//! ```no_run
//! # #[cfg(feature = "client")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use larder_memcached::{Client, Expiry, Key, Routing, Settings};
//!
//! let servers = vec!["10.0.0.1:11211".parse()?, "10.0.0.2:11211".parse()?];
//! let client = Client::new(servers, Routing::Nginx, Settings::default())?;
//! let key = Key::new(b"site:https://example.org/")?;
//! let now = 1_800_000_000; // seconds since 1970
//! if let Some(expiry) = Expiry::after(Duration::from_secs(60), now) {
//!     client.set(&key, "<!doctype html>".into(), 0, expiry).await?;
//! }
//! for outcome in client.delete(&[key]).await {
//!     println!("{}: {} deleted", outcome.server, outcome.deleted);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod address;
#[cfg(feature = "client")]
pub mod answer;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod connection;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod expiry;
#[cfg(feature = "client")]
mod health;
#[cfg(feature = "client")]
mod key;
#[cfg(feature = "client")]
pub mod limits;
mod route;
#[cfg(feature = "client")]
mod server;
#[cfg(feature = "client")]
mod settings;

pub use address::{Address, BadAddress};
pub use route::{Routing, UnknownRouting};
#[cfg(feature = "client")]
pub use {
    client::{BadServers, Client, Item, Outcome},
    error::{Error, ErrorKind},
    expiry::Expiry,
    key::{BadKey, Key},
    route::Router,
    server::ServerState,
    settings::Settings,
};
