//! What is in a PEM file (RFC 7468), and if not what was looked for, what then?

use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::source::{self, Fault, Which};

/// The certificates of a file in their order, at least one.
pub(crate) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let content = content(Which::Chain, path)?;
    let shown = path.display();
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match list {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) if has(&content, "PRIVATE KEY-----") => {
            let fault = Fault::new(Which::Chain, format!("{shown} has a key but no certificate"));
            Err(fault.hint("`chain` is the file of the certificate, `key` that of its private key"))
        }
        Ok(_) => Err(Fault::new(Which::Chain, format!("{shown} has no certificate in it"))
            .hint("a certificate begins with the line -----BEGIN CERTIFICATE-----")),
        Err(error) => Err(Fault::new(Which::Chain, format!("{shown} is not sound PEM: {error}"))),
    }
}

/// The private key of a file.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Fault> {
    let content = content(Which::Key, path)?;
    let shown = path.display();
    if has(&content, "BEGIN ENCRYPTED PRIVATE KEY") || has(&content, "Proc-Type: 4,ENCRYPTED") {
        return Err(Fault::new(Which::Key, format!("the key in {shown} is encrypted"))
            .hint("there is nobody to ask for its password at the start: `openssl pkey -in KEY -out PLAIN` takes it off"));
    }
    match PrivateKeyDer::pem_slice_iter(&content).next() {
        Some(Ok(key)) => Ok(key),
        Some(Err(error)) => {
            Err(Fault::new(Which::Key, format!("{shown} is not sound PEM: {error}")))
        }
        None if has(&content, "BEGIN CERTIFICATE") => {
            let fault = Fault::new(Which::Key, format!("{shown} has a certificate but no key"));
            Err(fault.hint("`chain` is the file of the certificate, `key` that of its private key"))
        }
        None => Err(Fault::new(Which::Key, format!("{shown} has no private key in it"))
            .hint("a key begins with the line -----BEGIN PRIVATE KEY-----")),
    }
}

/// What a file holds, as far as it is PEM at all.
fn content(which: Which, path: &Path) -> Result<Vec<u8>, Fault> {
    let shown = path.display();
    let content = source::read(path)
        .map_err(|error| Fault::new(which, format!("{shown} cannot be read: {error}")))?;
    if has(&content, "-----BEGIN ") {
        return Ok(content);
    }
    // DER: a SEQUENCE with a length of two bytes, as certificates and keys are.
    let hint = match (which, content.starts_with(&[0x30, 0x82])) {
        (Which::Chain, true) => {
            "it looks like DER: `openssl x509 -inform der -in FILE -out CHAIN` makes PEM of it"
        }
        (_, true) => {
            "it looks like DER: `openssl pkey -inform der -in FILE -out KEY` makes PEM of it"
        }
        (_, false) => "PEM is text that begins with -----BEGIN",
    };
    Err(Fault::new(which, format!("{shown} is not PEM")).hint(hint))
}

fn has(content: &[u8], text: &str) -> bool {
    content.windows(text.len()).any(|part| part == text.as_bytes())
}
