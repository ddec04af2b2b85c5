//! Which certificate is shown to a client? RFC 6066 §3: the one for the name that it asks for.
//!
//! Exactly that name, then a wildcard one label up, then the first certificate: an address has no name,
//! and a client that asks for another site gets to see whose server this is. Where several are for one
//! name, the first with a key that the client can check: RSA beside ECDSA.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, SignatureScheme};

use crate::facts::{Facts, canonical};
use crate::source::{Fault, Problem, Source, Stamp, Which};
use crate::{pem, provider};

/// The certificates of a site, read and checked; by default none. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Certificates(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    keys: Vec<Arc<CertifiedKey>>,
    facts: Vec<Facts>,
    /// Host, or wildcard as `*.example.com` -> indices, in the order of the sources.
    hosts: HashMap<String, Vec<usize>>,
    /// What the files were like before they were read.
    stamp: Stamp,
}

impl Certificates {
    /// Reads and checks all of them. No sources make no certificates: nobody can be served by them.
    ///
    /// That one has expired is no problem here, see [`Facts::has_expired`]: a clock can be wrong, and
    /// some clients do not mind.
    ///
    /// # Errors
    /// Everything that is wrong with the files, in the order of the sources.
    pub fn load(sources: &[Source]) -> Result<Self, Vec<Problem>> {
        let mut inner = Inner { stamp: Stamp::of(sources), ..Inner::default() };
        let mut problems = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            match read(source) {
                Ok((key, facts)) if facts.hosts.is_empty() && index > 0 => {
                    drop((key, facts));
                    let fault = Fault::new(Which::Hosts(0), "the certificate has no name in it");
                    problems.push(
                        fault.hint("only the first can do without: nothing chooses it").of(index),
                    );
                }
                Ok((key, facts)) => inner.add(key, facts),
                Err(faults) => problems.extend(faults.into_iter().map(|fault| fault.of(index))),
            }
        }
        if problems.is_empty() { Ok(Self(Arc::new(inner))) } else { Err(problems) }
    }

    /// What each certificate says of itself, in the order of the sources.
    #[must_use]
    pub fn facts(&self) -> &[Facts] {
        &self.0.facts
    }

    /// What the files were like when they were read: while they are, there is nothing to read again.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.0.stamp
    }

    /// The index of the certificate for a client that asks for `name` and can check `schemes`.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<usize> {
        let inner = &*self.0;
        let usable = |index: &usize| {
            inner.keys.get(*index).is_some_and(|key| key.key.choose_scheme(schemes).is_some())
        };
        let among = |host: &str| {
            let list = inner.hosts.get(host)?;
            list.iter().copied().find(usable).or_else(|| list.first().copied())
        };
        name.and_then(|name| {
            // rustls has made sure that it is a name, in lower case or not.
            let name = canonical(name);
            among(&name).or_else(|| among(&format!("*{}", name.get(name.find('.')?..)?)))
        })
        .or_else(|| (0..inner.keys.len()).find(|index| usable(index)))
        .or(if inner.keys.is_empty() { None } else { Some(0) })
    }
}

impl Inner {
    fn add(&mut self, key: CertifiedKey, facts: Facts) {
        let index = self.keys.len();
        for host in &facts.hosts {
            self.hosts.entry(host.clone()).or_default().push(index);
        }
        self.keys.push(Arc::new(key));
        self.facts.push(facts);
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let index = self.choose(hello.server_name(), hello.signature_schemes())?;
        self.0.keys.get(index).cloned()
    }
}

/// One certificate with its key.
fn read(source: &Source) -> Result<(CertifiedKey, Facts), Vec<Fault>> {
    let (chain, key) = match (pem::chain(&source.chain), pem::key(&source.key)) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => return Err([chain.err(), key.err()].into_iter().flatten().collect()),
    };
    let shown = source.chain.display();
    let mut facts = Facts::of(&chain).map_err(|error| {
        vec![Fault::new(Which::Chain, format!("the certificate in {shown} is not sound: {error}"))]
    })?;
    let shown_key = source.key.display();
    let key = provider().key_provider.load_private_key(key).map_err(|error| {
        let fault = Fault::new(Which::Key, format!("the key in {shown_key} is not sound: {error}"));
        vec![fault.hint("RSA from 2048 bits, ECDSA P-256, P-384, P-521 and Ed25519 are known")]
    })?;
    let mut certified = CertifiedKey::new(chain, key);
    if let Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) = certified.keys_match() {
        let fault = Fault::new(
            Which::Key,
            format!("the key in {shown_key} does not belong to the certificate in {shown}"),
        );
        // The certificate's own has to come first (RFC 8446 §4.4.2); is it further down?
        certified.cert.rotate_left(1);
        let elsewhere = (1..certified.cert.len()).any(|_| {
            let found = certified.keys_match().is_ok();
            certified.cert.rotate_left(1);
            found
        });
        return Err(vec![fault.hint(if elsewhere {
            "it belongs to another one in that file: the site's own certificate has to be the first"
        } else {
            "was one of the two files renewed and the other not?"
        })]);
    }
    let hosts: Vec<String> = source.hosts.iter().map(|host| canonical(host)).collect();
    let strange: Vec<Fault> = hosts
        .iter()
        .enumerate()
        .filter(|(_, host)| !facts.covers(host))
        .map(|(at, host)| {
            Fault::new(
                Which::Hosts(at),
                format!("the certificate in {shown} is not for `{host}` but for {}", list(&facts)),
            )
        })
        .collect();
    if !strange.is_empty() {
        return Err(strange);
    }
    if !hosts.is_empty() {
        facts.hosts = hosts;
    }
    Ok((certified, facts))
}

/// The names of a certificate, for people; not all of hundreds.
fn list(facts: &Facts) -> String {
    const SHOWN: usize = 5;
    if facts.names.is_empty() {
        return "no name at all".to_owned();
    }
    let mut list = facts.names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if facts.names.len() > SHOWN {
        list.push_str(", …");
    }
    list
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;
