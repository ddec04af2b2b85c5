//! How do the file's certificates become what TLS begins with? And what of it contradicts the listeners?
//!
//! The files are read here, so that `larder check` says what is wrong with them, each with the line that
//! names it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use larder_tls::{Certificates, Facts, Source, Which};

use crate::build::Places;
use crate::certificates::RawCertificate;
use crate::config::Config;
use crate::kind::Words;
use crate::parse::Fault;
use crate::problem::{Place, Problem};
use crate::words;

/// Reads the certificates that are described soundly, and judges them together with the listeners.
pub(crate) fn compile(
    raw: &[RawCertificate],
    config: &mut Config,
    places: &Places,
    now: SystemTime,
    problems: &mut Vec<Problem>,
) {
    let listeners = ["listen.http", "listen.https", "listen.proxy_protocol"];
    if places.sound(&listeners) {
        proxy_protocol(config, places, problems);
    }
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

/// What is wrong with the certificates' texts, without reading a file.
pub(crate) fn spelling(raw: &[RawCertificate], problems: &mut Vec<Problem>) {
    for certificate in raw.iter().filter(|certificate| !certificate.faulty) {
        hosts(certificate, problems);
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

fn hosts(certificate: &RawCertificate, problems: &mut Vec<Problem>) -> Vec<String> {
    let Some(hosts) = &certificate.hosts else { return Vec::new() };
    if hosts.value.is_empty() {
        let problem = Problem::new(hosts.place.clone(), "`hosts` is an empty list");
        problems.push(problem.hint("leave it out for the names in the certificate"));
    }
    let mut names = Vec::with_capacity(hosts.value.len());
    for host in &hosts.value {
        match host_name(&host.value) {
            Ok(()) => names.push(host.value.clone()),
            Err(fault) => problems.push(fault.at(&host.place)),
        }
    }
    names
}

/// A host as certificates have them.
fn host_name(text: &str) -> Result<(), Fault> {
    words::parse(Words::Hosts, text)?;
    match text.split_once(':') {
        Some((name, _)) if !text.starts_with('[') => {
            let message = format!("{text:?}: certificates are not for ports");
            Err(Fault::new(message, format!("write {name:?}")))
        }
        _ => Ok(()),
    }
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

/// A header is looked for where there is a listener, from somebody who is believed.
fn proxy_protocol(config: &Config, places: &Places, problems: &mut Vec<Problem>) {
    const KEY: &str = "listen.proxy_protocol";
    let is_listener =
        |address: &SocketAddr| config.listen.contains(address) || config.https.contains(address);
    for (index, address) in config.proxy_protocol.iter().enumerate() {
        if !is_listener(address) {
            let message = format!("{address} is not listened to");
            let problem = Problem::new(places.of_element(KEY, index), message);
            problems.push(problem.hint("write it as it stands in `listen.http` or `listen.https`"));
        }
    }
    let nobody = config.front_options.trusted_proxies.is_empty();
    if nobody && !config.proxy_protocol.is_empty() && places.sound(&["trusted_proxies"]) {
        let place = places.of(KEY).cloned().unwrap_or(Place::Whole);
        let message = "nobody may say by PROXY protocol who the visitor is";
        let hint = "name the load balancer's addresses in `trusted_proxies`";
        problems.push(Problem::new(place, message).hint(hint));
    }
}
