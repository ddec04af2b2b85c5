//! How do the file's certificates become what TLS begins with? And what of it contradicts the listeners?
//!
//! The files are read here, so that `larder check` says what is wrong with them, each with the line that
//! names it.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use larder_tls::{Certificates, Facts, MinVersion, Source, Which};

use crate::build::Places;
use crate::certificates::{RawCertificate, hosts};
use crate::config::Config;
use crate::problem::{Place, Problem};

/// `[tls]`.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    /// The oldest version that is spoken.
    pub min_version: MinVersion,
    /// Where the certificates are.
    pub sources: Vec<Source>,
    /// What they were when the configuration was read.
    pub certificates: Certificates,
}

/// Reads the certificates that are described soundly, and judges them together with the listeners.
pub(crate) fn compile(
    raw: &[RawCertificate],
    config: &mut Config,
    places: &Places,
    now: SystemTime,
    problems: &mut Vec<Problem>,
) {
    config.tls.min_version = match config.tls_options.min_version {
        0 => MinVersion::Tls12,
        _ => MinVersion::Tls13,
    };
    if let (Some(place), true) = (places.of("tls.min_version"), config.https.is_empty()) {
        let problem = Problem::warning(place.clone(), "`tls.min_version` has no effect");
        problems.push(problem.hint("it needs `listen.https`"));
    }
    if raw.is_empty() && !config.https.is_empty() {
        let place = places.of("listen.https").cloned().unwrap_or(Place::Whole);
        let problem = Problem::new(place, "there is no certificate for https");
        problems.push(problem.hint("write [[tls.certificate]], and below it `chain` and `key`"));
    }
    if let (Some(first), None) = (raw.first(), places.of("listen.https")) {
        let problem = Problem::new(first.place.clone(), "nobody is shown this certificate");
        problems.push(problem.hint("say where https is listened to: listen.https = \"[::]:443\""));
    }
    let mut sound = Vec::with_capacity(raw.len());
    for certificate in raw.iter().filter(|certificate| !certificate.faulty) {
        let before = problems.len();
        let hosts = hosts(certificate, problems);
        if let (Some(chain), Some(key), true) =
            (&certificate.chain, &certificate.key, problems.len() == before)
        {
            let (chain, key) = (PathBuf::from(&chain.value), PathBuf::from(&key.value));
            sound.push((certificate, Source { chain, key, hosts }));
        }
    }
    let sources: Vec<Source> = sound.iter().map(|(_, source)| source.clone()).collect();
    match Certificates::load(&sources) {
        Ok(certificates) => {
            for ((raw, _), facts) in sound.iter().zip(certificates.facts()) {
                problems.extend(expiry(raw, facts, now));
            }
            config.tls.sources = sources;
            config.tls.certificates = certificates;
        }
        Err(found) => {
            for problem in found {
                let Some((raw, _)) = sound.get(problem.index) else { continue };
                let told = Problem::new(place(raw, problem.which), problem.message);
                problems.push(match problem.hint {
                    Some(hint) => told.hint(hint),
                    None => told,
                });
            }
        }
    }
}

/// Where in the file something is that a problem is about.
fn place(raw: &RawCertificate, which: Which) -> Place {
    let known = match which {
        Which::Chain => raw.chain.as_ref().map(|chain| &chain.place),
        Which::Key => raw.key.as_ref().map(|key| &key.place),
        Which::Hosts(index) => raw
            .hosts
            .as_ref()
            .and_then(|hosts| hosts.value.get(index))
            .map(|host| &host.place)
            .or_else(|| raw.chain.as_ref().map(|chain| &chain.place)),
    };
    known.unwrap_or(&raw.place).clone()
}

/// RFC 5280 §4.1.2.5. A warning, because the clock may be what is wrong.
fn expiry(raw: &RawCertificate, facts: &Facts, now: SystemTime) -> Option<Problem> {
    const DAY: Duration = Duration::from_secs(86_400);
    let days = |span: Duration| match span.as_secs() / DAY.as_secs() {
        0 => "today".to_owned(),
        1 => "1 day ago".to_owned(),
        days => format!("{days} days ago"),
    };
    let (message, hint) = if facts.has_expired(now) {
        let since = now.duration_since(facts.not_after).unwrap_or_default();
        (
            format!("the certificate has expired {}", days(since)),
            "browsers show a warning: renew it",
        )
    } else if now < facts.not_before {
        ("the certificate is not valid yet".to_owned(), "is the clock right?")
    } else {
        return None;
    };
    Some(Problem::warning(place(raw, Which::Chain), message).hint(hint))
}
