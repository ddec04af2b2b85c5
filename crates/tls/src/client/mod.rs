//! TLS towards applications: whose certificates are taken, the handshake, and what went wrong with it.
//!
//! HTTP/1.1 is what is spoken inside (RFC 7301 says so to the other side), TLS 1.2 or 1.3 around it, and
//! sessions are taken up again where the application offers it: its certificate was verified then.

mod failure;
mod stream;
mod trust;
mod verify;

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub use failure::{Failure, failure_of};
pub use stream::Secured;
pub use trust::{Trust, TrustProblem};

use trust::Trusted;

/// Sessions remembered for being taken up again, the oldest forgotten first. By name: a site has as
/// many as it has applications of different names.
const SESSIONS_MAX: usize = 256;

/// What connections to applications begin with. Cheap to clone. Two are equal if they take the same
/// certificates.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    trusted: Arc<Trusted>,
}

impl ClientTls {
    /// Reads whom to trust, and makes what is the same for all connections.
    ///
    /// # Errors
    /// No authority could be had from where they should be.
    pub fn new(trust: &Trust) -> Result<Self, TrustProblem> {
        let trusted = Arc::new(Trusted::read(trust)?);
        let verifier = verify::verifier(&trusted)?;
        let mut config = ClientConfig::builder_with_provider(crate::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TrustProblem::new(format!("TLS can't be set up: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
        Ok(Self { config: Arc::new(config), trusted })
    }

    /// Begins TLS on a connection: sends `name`, if it is not an address, and verifies that the
    /// certificate is for it.
    ///
    /// # Errors
    /// Those of the connection, and those that [`failure_of`] knows.
    pub async fn handshake(&self, name: &Name, stream: TcpStream) -> io::Result<Secured> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(name.0.clone(), stream).await.map(Secured::new)
    }

    /// Whether certificates are verified at all.
    #[must_use]
    pub fn verifies(&self) -> bool {
        *self.trusted != Trusted::Anybody
    }
}

impl PartialEq for ClientTls {
    fn eq(&self, other: &Self) -> bool {
        self.trusted == other.trusted
    }
}

impl Eq for ClientTls {}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A hundred certificates tell nobody anything.
        f.debug_struct("ClientTls").field("trusted", &self.trusted).finish_non_exhaustive()
    }
}

/// What a certificate has to be for: a name, which is also sent (RFC 6066 §3), or an address, which is not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(ServerName<'static>);

impl Name {
    /// Nothing where no certificate could be for it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // RFC 6066 §3: sent without the dot of the root.
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.ends_with('.') {
            return None;
        }
        ServerName::try_from(text.to_owned()).ok().map(Self)
    }
}
