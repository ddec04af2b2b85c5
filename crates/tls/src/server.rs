//! What does a client's TLS connection begin with? And how is that replaced while others are open?

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};

use crate::{Certificates, provider};

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    /// TLS 1.2 (RFC 5246), with authenticated ciphers and forward secrecy only.
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// What new connections begin with. Those that are open keep what they have.
///
/// The keys of session tickets are this value's: they outlive a replaced configuration, so that clients
/// come back without a full handshake after a certificate was renewed.
#[derive(Debug)]
pub struct ServerTls {
    current: ArcSwap<ServerConfig>,
    tickets: Arc<dyn ProducesTickets>,
}

impl ServerTls {
    /// Serves by these certificates.
    ///
    /// # Errors
    /// The system has no randomness, or the cryptography does not fit the versions.
    pub fn new(certificates: &Certificates, least: MinVersion) -> Result<Self, Error> {
        let tickets = Ticketer::new()?;
        let config = configuration(certificates, least, &tickets)?;
        Ok(Self { current: ArcSwap::from_pointee(config), tickets })
    }

    /// Serves new connections by these from now on.
    ///
    /// # Errors
    /// Nothing was replaced.
    pub fn replace(&self, certificates: &Certificates, least: MinVersion) -> Result<(), Error> {
        let config = configuration(certificates, least, &self.tickets)?;
        self.current.store(Arc::new(config));
        Ok(())
    }

    /// What a new connection begins with.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }
}

fn configuration(
    certificates: &Certificates,
    least: MinVersion,
    tickets: &Arc<dyn ProducesTickets>,
) -> Result<ServerConfig, Error> {
    let versions: &[_] = match least {
        MinVersion::Tls12 => &[&TLS13, &TLS12],
        MinVersion::Tls13 => &[&TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates.clone()));
    // RFC 7301: what the client offers of these, in our order.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Clients carry their sessions themselves (RFC 5077, RFC 8446 §4.6.1): nothing is kept here, and all
    // workers know them.
    config.ticketer = Arc::clone(tickets);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // RFC 8470: a replayed request is a request twice, so there is no early data.
    config.max_early_data_size = 0;
    Ok(config)
}
