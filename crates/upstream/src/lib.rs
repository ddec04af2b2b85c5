//! HTTP/1.1 towards applications: connection pool, balancing, time limits, one safe retry.
//!
//! [`Upstream`] is a tower service for one worker. [`Balancer`] is what all workers share: the
//! targets, their load, health and counters. [`UpstreamError`] carries the
//! [`Reason`](larder_semantics::Reason) that goes into the log, the metrics and `Cache-Status`.
//!
//! What it does not do: caching, rules about fields other than those of the connection, `Via` and
//! `Forwarded`, HTTP/2, retries of anything that could have had an effect. Whose certificates are taken
//! is `larder-tls`'s to say; a [`Target`] brings that along.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use larder_upstream::{Balancer, Settings, Target, Upstream};
//! use tower_service::Service;
//!
//! let balancer = Balancer::resolve([Target::new("127.0.0.1", 8000)]).await?;
//! let mut upstream = Upstream::new(balancer, Settings::default());
//! let request = http::Request::get("/").header("host", "example.org");
//! let response = upstream.call(request.body(http_body_util::Empty::new())?).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! How a request goes through: [`service`] -> [`exchange`] (canonical form: [`request`]; place:
//! [`worker`], [`balancer`], [`choose`], [`health`]; connection: [`pool`], [`connect`]) -> [`plain`]
//! (no body, and a response with a length: [`direct`], [`head`]) or hyper on the connection's task
//! ([`driver`], [`socket`], [`outgoing`], all over [`stream`]) -> [`response`] (framing) -> [`body`], or [`upgrade`]
//! after a 101. They talk about time limits through [`wire`].
#![expect(rustdoc::private_intra_doc_links, reason = "the list above is for those who read here")]

mod balancer;
mod body;
mod choose;
mod connect;
mod direct;
mod driver;
mod error;
mod exchange;
mod head;
mod health;
pub mod limits;
mod outgoing;
mod plain;
mod pool;
mod request;
mod response;
mod service;
mod settings;
mod socket;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod upgrade;
mod wire;
mod worker;

pub use balancer::{Balancer, TargetStatistics};
pub use body::UpstreamBody;
pub use error::UpstreamError;
pub use service::{Interim, InterimCallback, Upstream};
pub use settings::Settings;
pub use target::Target;
