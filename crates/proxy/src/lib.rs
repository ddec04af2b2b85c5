//! Everything around the pipeline: listeners, HTTP/1.1 and HTTP/2, 1xx responses, time limits,
//! refusals, metrics, the access log, the admin listener, signals.
//!
//! It decides nothing about caching (that is `larder-cache`), nothing about fields (`larder-policy`),
//! and does not choose applications (`larder-upstream`); [`pipeline`] puts them together.
//!
//! Three things to know: [`run`], which is `larder serve`; [`Server`], the same without signals;
//! [`listen::Site`], what the listeners serve.
//!
//! ```no_run
//! let config = larder_config::Config::from_toml("larder.toml", "upstream = 'http://127.0.0.1:8000'")?;
//! let server = larder_proxy::Server::start(config)?;
//! let addresses = server.addresses();
//! server.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![expect(
    rustdoc::private_intra_doc_links,
    reason = "the contents below are for those who read here"
)]

mod admin;
mod certificates;
mod clock;
mod context;
mod door;
mod dropped;
mod error;
mod explain;
mod exposition;
mod forward;
mod inbound;
mod limits;
mod listen;
mod log;
mod metrics;
mod observe;
mod own;
mod pipeline;
mod published;
mod purge;
mod reply;
mod server;
mod settings;
mod signals;
mod start_error;
mod tell;
mod warm;
mod watch;

pub use explain::explain;
pub use metrics::Metrics;
pub use pipeline::{cache_options, targets, upstream_settings};
pub use purge::{PURGE_FIELDS, PURGE_METHODS};
pub use server::{Server, publish_settings};
pub use signals::{run, run_with};
pub use start_error::StartError;
