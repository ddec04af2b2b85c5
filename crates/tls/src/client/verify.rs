//! Is this the application's certificate? RFC 5280 §6, RFC 9525 §6.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::trust::{TrustProblem, Trusted};
use crate::facts::Facts;

/// What looks at certificates for `trusted`.
pub(super) fn verifier(trusted: &Trusted) -> Result<Arc<dyn ServerCertVerifier>, TrustProblem> {
    let (list, pinned) = match trusted {
        Trusted::System(list) => (list, false),
        Trusted::Only(list) => (list, true),
        Trusted::Anybody => return Ok(Arc::new(Anybody)),
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(list.iter().cloned());
    if added == 0 {
        let message = "none of the certificates to trust can be used as an authority";
        return Err(TrustProblem::new(message));
    }
    let by_authority =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crate::provider())
            .build()
            .map_err(|error| TrustProblem::new(format!("TLS can't be set up: {error}")))?;
    if !pinned {
        return Ok(by_authority);
    }
    Ok(Arc::new(Pinned { by_authority, list: list.clone() }))
}

/// By the authorities of a file; or it is one of the file's certificates itself, as of an application
/// that made its own. Such ones often say that they are an authority's, which nobody else may be.
#[derive(Debug)]
struct Pinned {
    by_authority: Arc<WebPkiServerVerifier>,
    list: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.by_authority.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match judged {
            Err(Error::InvalidCertificate(
                CertificateError::Other(_) | CertificateError::UnknownIssuer,
            )) if self.list.iter().any(|pinned| pinned.as_ref() == end_entity.as_ref()) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                verify_time(end_entity, now)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

/// RFC 5280 §6.1.3 (a) (2).
fn verify_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let facts = Facts::of(std::slice::from_ref(certificate))
        .map_err(|_| Error::from(CertificateError::BadEncoding))?;
    let seconds = |time: std::time::SystemTime| {
        time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
    };
    let (not_before, not_after) = (seconds(facts.not_before), seconds(facts.not_after));
    if now.as_secs() > not_after.as_secs() {
        let not_after = UnixTime::since_unix_epoch(not_after);
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    if now.as_secs() < not_before.as_secs() {
        let not_before = UnixTime::since_unix_epoch(not_before);
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    Ok(())
}

/// `danger.insecure_upstream`: whatever is shown is believed.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    // A signature by a key that anybody may have made proves nothing either, and certificates that are
    // too odd to be read are what this is used for.

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crate::provider().signature_verification_algorithms.supported_schemes()
    }
}
