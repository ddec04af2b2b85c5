//! Whose word about an application is taken?

use std::fmt;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

use crate::source;

/// Whose certificates are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that an authority vouches for which this machine trusts.
    System,
    /// Those that an authority in this PEM file vouches for, and those in it, and no others.
    Only(PathBuf),
    /// All. Whoever is on the way can then read and change everything.
    Anybody,
}

/// What keeps [`Trust`] from being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustProblem {
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

impl TrustProblem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// [`Trust`], read.
#[derive(PartialEq, Eq)]
pub(super) enum Trusted {
    /// The machine's bundle.
    System(Vec<CertificateDer<'static>>),
    /// A file's.
    Only(Vec<CertificateDer<'static>>),
    Anybody,
}

impl Trusted {
    pub(super) fn read(trust: &Trust) -> Result<Self, TrustProblem> {
        match trust {
            Trust::System => system().map(Self::System),
            Trust::Only(path) => only(path).map(Self::Only),
            Trust::Anybody => Ok(Self::Anybody),
        }
    }
}

impl fmt::Debug for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(list) => write!(f, "System({} certificates)", list.len()),
            Self::Only(list) => write!(f, "Only({} certificates)", list.len()),
            Self::Anybody => f.write_str("Anybody"),
        }
    }
}

/// The machine's bundle: where that is differs between distributions, which is what the crate knows;
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` of the environment come first, as with OpenSSL.
fn system() -> Result<Vec<CertificateDer<'static>>, TrustProblem> {
    let found = rustls_native_certs::load_native_certs();
    if !found.certs.is_empty() {
        return Ok(found.certs);
    }
    let why = found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
    let message = format!("this machine has no certificate authorities to trust{why}");
    Err(TrustProblem::new(message).hint(
        "install the package ca-certificates, or name the application's own authority in `upstream_tls.ca`",
    ))
}

fn only(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustProblem> {
    let shown = path.display();
    let content = source::read(path)
        .map_err(|error| TrustProblem::new(format!("{shown} cannot be read: {error}")))?;
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    let list = list.map_err(|error| {
        let is_cut = matches!(error, pem::Error::MissingSectionEnd { .. });
        let what = if is_cut {
            "ends within a certificate".into()
        } else {
            format!("is not sound PEM: {error}")
        };
        TrustProblem::new(format!("{shown} {what}"))
    })?;
    if list.is_empty() {
        let hint = if content.starts_with(&[0x30, 0x82]) {
            "it looks like DER: `openssl x509 -inform der -in FILE -out PEM` makes PEM of it"
        } else {
            "a certificate begins with the line -----BEGIN CERTIFICATE-----"
        };
        return Err(TrustProblem::new(format!("{shown} has no certificate in it")).hint(hint));
    }
    Ok(list)
}
