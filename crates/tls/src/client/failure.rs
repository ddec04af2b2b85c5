//! What kind of failure is this? Those that an operator would mend in different ways.

use std::io;

use rustls::{CertificateError, Error};

/// Why there is no TLS with an application, or no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody who is trusted vouches for the certificate.
    Untrusted,
    /// The certificate is for others.
    WrongName,
    /// The certificate is no longer valid, or not yet.
    Expired,
    /// Everything else: no version in common, no TLS on the other side, bytes that were changed.
    Protocol,
}

/// What of an error is TLS's. Nothing for those of the connection itself.
#[must_use]
pub fn failure_of(error: &io::Error) -> Option<Failure> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let Error::InvalidCertificate(certificate) = error else { return Some(Failure::Protocol) };
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others mean that it proves nothing")]
    Some(match certificate {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Failure::Expired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Failure::WrongName
        }
        _ => Failure::Untrusted,
    })
}
