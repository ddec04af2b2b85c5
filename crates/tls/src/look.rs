//! What does a server show of itself, and would anybody believe it? For looking only: the handshake goes on whatever the
//! certificate is, so nothing secret may be sent inside.
//!
//! Three questions that a browser answers at once are told apart: whether the certificate is valid now ([`Facts`] says), whether
//! it is for the name, and whether its chain leads to an authority that this machine trusts. The server has to prove in
//! any case that the certificate is its own.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::facts::{Facts, canonical};
use crate::provider;

/// Looks at servers.
#[derive(Clone, Debug)]
pub struct Looker {
    roots: Arc<RootCertStore>,
}

/// What a server showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What its certificate says, or why it can't be read.
    pub facts: Result<Facts, String>,
    /// Whether the certificate is for the name that was asked for.
    pub is_for_name: bool,
    /// Whether its chain is believed here.
    pub trust: Believed,
}

/// Whether a chain leads to an authority that this machine trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Believed {
    /// It does.
    Yes,
    /// It does not, and why.
    No(String),
    /// This machine has no list of authorities.
    NobodyTrusted,
}

impl Looker {
    /// With the authorities that this machine trusts.
    #[must_use]
    pub fn system() -> Self {
        Self::trusting(rustls_native_certs::load_native_certs().certs)
    }

    /// With these authorities; what is none of them is left out.
    #[must_use]
    pub fn trusting(authorities: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities);
        Self { roots: Arc::new(roots) }
    }

    /// Does the handshake as `name`, a host name or an address, and says what the server showed.
    ///
    /// # Errors
    /// No TLS with this server: no version in common, no TLS there at all, a certificate that is not its own.
    pub async fn look(
        &self,
        name: &str,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<Shown>)> {
        let server = ServerName::try_from(name.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let watcher = Arc::new(Watcher {
            name: canonical(name),
            roots: Arc::clone(&self.roots),
            provider: provider(),
            shown: Mutex::default(),
        });
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Watcher>::clone(&watcher))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let stream = TlsConnector::from(Arc::new(config)).connect(server, stream).await?;
        let shown = watcher.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok((stream, shown))
    }
}

#[derive(Debug)]
struct Watcher {
    name: String,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    shown: Mutex<Option<Shown>>,
}

impl Watcher {
    fn believed(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        at: UnixTime,
    ) -> Believed {
        if self.roots.is_empty() {
            return Believed::NobodyTrusted;
        }
        let builder = WebPkiServerVerifier::builder_with_provider(
            Arc::clone(&self.roots),
            Arc::clone(&self.provider),
        );
        let verifier = match builder.build() {
            Ok(verifier) => verifier,
            Err(error) => return Believed::No(error.to_string()),
        };
        match verifier.verify_server_cert(end, between, server, &[], at) {
            Ok(_)
            // The chain has been verified by the time the name is looked at.
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Believed::Yes,
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                Believed::No("nobody whom this machine trusts has signed it".to_owned())
            }
            Err(error) => Believed::No(error.to_string()),
        }
    }
}

impl ServerCertVerifier for Watcher {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<_> = std::iter::once(end).chain(between).cloned().collect();
        let facts = Facts::of(&chain);
        // Dates are a question of their own: the chain is looked at as of a moment when the certificate is valid.
        let at = facts.as_ref().map_or(now, |facts| valid(facts, now));
        let shown = Shown {
            is_for_name: facts.as_ref().is_ok_and(|facts| facts.covers(&self.name)),
            trust: self.believed(end, between, server, at),
            facts,
        };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// `now`, or the nearest moment at which the certificate is valid.
fn valid(facts: &Facts, now: UnixTime) -> UnixTime {
    let seconds =
        |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (first, last) = (seconds(facts.not_before), seconds(facts.not_after));
    let at = now.as_secs().max(first).min(last.max(first));
    UnixTime::since_unix_epoch(Duration::from_secs(at))
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd,
    };
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// An authority of this test's own.
    fn authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root")
    }

    type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

    fn signed(by: Option<&CertifiedIssuer<'_, KeyPair>>, names: &[&str], until: i32) -> Chain {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = match by {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        (vec![certificate.expect("a certificate").der().clone()], key)
    }

    async fn look(looker: &Looker, name: &str, (chain, key): Chain) -> Shown {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its number");
        let serving = async {
            let (stream, _) = listener.accept().await.expect("a client");
            TlsAcceptor::from(Arc::new(config)).accept(stream).await
        };
        let looking = async {
            let stream = TcpStream::connect(address).await.expect("a connection");
            looker.look(name, stream).await
        };
        let (served, looked) = tokio::join!(serving, looking);
        served.expect("a handshake");
        looked.expect("a handshake").1.expect("a certificate")
    }

    #[tokio::test]
    async fn dates_names_and_trust_are_told_apart() {
        let root = authority();
        let looker = Looker::trusting(vec![root.der().clone()]);
        let cases = [
            (Some(&root), "a.test", 2090, false, true, true),
            (Some(&root), "a.test", 2021, true, true, true),
            (Some(&root), "b.test", 2090, false, false, true),
            (Some(&root), "b.test", 2021, true, false, true),
            (None, "a.test", 2090, false, true, false),
            (None, "b.test", 2021, true, false, false),
        ];
        for (by, name, until, expired, is_for_name, is_trusted) in cases {
            let shown = look(&looker, name, signed(by, &["a.test"], until)).await;
            let facts = shown.facts.as_ref().expect("facts");
            let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
            assert_eq!(facts.has_expired(noon), expired, "{name} {until}");
            assert_eq!(shown.is_for_name, is_for_name, "{name} {until}");
            assert_eq!(shown.trust == Believed::Yes, is_trusted, "{name} {until}: {shown:?}");
        }
    }

    #[tokio::test]
    async fn addresses_are_names_too_and_without_authorities_nobody_is_believed() {
        let nobody = Looker::trusting(Vec::new());
        let shown = look(&nobody, "127.0.0.1", signed(None, &["127.0.0.1"], 2090)).await;
        assert!(shown.is_for_name);
        assert_eq!(shown.trust, Believed::NobodyTrusted);
        assert!(shown.facts.expect("facts").self_signed);
    }
}
