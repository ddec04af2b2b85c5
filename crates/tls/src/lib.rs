//! Certificates as files, and what rustls is told of them. Towards clients; towards applications.
//!
//! It opens no socket and watches no file: it reads what it is told to read, says what is wrong with it
//! in words for people, and makes the configuration that a connection begins with. Which options there
//! are, who listens where and what is logged is not its business.
//!
//! Three names to know: [`Certificates`], the checked content of a site's files; [`Facts`], what one of
//! them says of itself; [`ServerTls`], what every new connection asks for its configuration, which can be
//! replaced while connections are open. The other direction is [`client`]'s, which also shakes hands on a
//! connection that somebody else opened.
//!
//! The cryptography is aws-lc-rs, handed to rustls wherever TLS begins ([`provider`]): there is no default
//! of the process that another crate could have set before.

#![forbid(unsafe_code)]

mod certificates;
pub mod client;
mod facts;
pub mod look;
mod pem;
mod server;
mod source;

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

pub use certificates::Certificates;
pub use facts::Facts;
pub use rustls;
pub use server::{MinVersion, ServerTls};
pub use source::{Problem, Source, Stamp, Which};

/// The one provider of cryptography, for servers and clients.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}
