//! How do the options about proxies, hosts and https become one [`Front`], and what of them contradicts itself?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;
use larder_policy::forwarded_style::{Extra, Names, Style};
use larder_policy::redirect::{Https, Ports};
use larder_policy::rule::{HostPattern, Pattern};
use larder_policy::{Front, Scheme, Trust, host};

use crate::build::Places;
use crate::config::Config;
use crate::problem::{Place, Problem};

/// What holds at the door, before it is compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrontConfig {
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) hosts: Vec<String>,
    pub(crate) health_paths: Vec<String>,
    pub(crate) style: Names,
    pub(crate) extra: Vec<String>,
    /// Empty: each of those that are known.
    pub(crate) scheme_from: String,
    pub(crate) redirect: bool,
    /// Empty: the one that was asked for.
    pub(crate) https_host: String,
    pub(crate) exempt: Vec<String>,
    pub(crate) hsts: Duration,
    pub(crate) hsts_subdomains: bool,
    pub(crate) hsts_preload: bool,
}

/// What browsers' makers ask of hosts on their lists.
const PRELOAD_MIN: Duration = Duration::from_secs(365 * 86_400);

/// Options that do nothing without another one.
const NEEDS: [(&str, &str); 5] = [
    ("forwarded.scheme_from", "trusted_proxies"),
    ("https.host", "https.redirect"),
    ("https.exempt", "https.redirect"),
    ("https.hsts_subdomains", "https.hsts"),
    ("https.hsts_preload", "https.hsts"),
];

/// Puts it together. Texts that are wrong have been told of where they were read, and are left out.
pub(crate) fn compile(config: &Config, places: &Places, problems: &mut Vec<Problem>) -> Front {
    let options = &config.front_options;
    contradictions(options, !config.https.is_empty(), places, problems);
    let scheme_from =
        (!options.scheme_from.is_empty()).then(|| options.scheme_from.parse().ok()).flatten();
    Front {
        trust: Trust::new(&options.trusted_proxies, scheme_from),
        style: Arc::new(Style { names: options.style, extras: extras(options, places, problems) }),
        hosts: options.hosts.iter().filter_map(|host| HostPattern::parse(host).ok()).collect(),
        health: options.health_paths.iter().cloned().collect(),
        https: Https {
            redirect: options.redirect,
            host: canonical(&options.https_host),
            exempt: options.exempt.iter().filter_map(|path| Pattern::path(path).ok()).collect(),
            hsts: hsts(options),
            ports: ports(config),
        },
    }
}

fn extras(options: &FrontConfig, places: &Places, problems: &mut Vec<Problem>) -> Box<[Extra]> {
    let mut extras: Vec<Extra> = Vec::with_capacity(options.extra.len());
    for (index, text) in options.extra.iter().enumerate() {
        let Ok(extra) = Extra::parse(text) else { continue };
        let is_again = extras.iter().any(|other| other.name() == extra.name());
        // The places of a list's elements are theirs only if all of them are there.
        if is_again && places.sound(&["forwarded.extra"]) {
            let place = places.of_element("forwarded.extra", index);
            let message = format!("`{}` is written twice", extra.name());
            problems.push(Problem::new(place, message).hint("a field has one value"));
        }
        extras.push(extra);
    }
    extras.into()
}

fn canonical(named: &str) -> Option<Box<str>> {
    if named.is_empty() {
        return None;
    }
    host::canonical(named.as_bytes(), Scheme::Https).ok().map(|host| host.as_str().into())
}

/// Where https is, if it is not at 443. A port that the system is to choose is not known yet.
fn ports(config: &Config) -> Ports {
    let has = |list: &[SocketAddr], port| list.iter().any(|address| address.port() == port);
    if has(&config.https, 443) {
        return Ports::default();
    }
    let own = config.https.first().map(SocketAddr::port).filter(|port| *port != 0);
    Ports { by_default: own.filter(|_| has(&config.listen, 80)), by_other: own }
}

/// RFC 6797 §6.1.
fn hsts(options: &FrontConfig) -> Option<HeaderValue> {
    if options.hsts.is_zero() {
        return None;
    }
    let mut text = format!("max-age={}", options.hsts.as_secs());
    if options.hsts_subdomains {
        text.push_str("; includeSubDomains");
    }
    if options.hsts_preload {
        text.push_str("; preload");
    }
    HeaderValue::try_from(text).ok()
}

fn contradictions(
    options: &FrontConfig,
    has_tls: bool,
    places: &Places,
    problems: &mut Vec<Problem>,
) {
    for (key, needed) in NEEDS {
        if let (Some(place), None) = (places.of(key), places.of(needed)) {
            let problem = Problem::warning(place.clone(), format!("`{key}` has no effect"));
            problems.push(problem.hint(format!("it needs `{needed}`")));
        }
    }
    let place = |key: &str| places.of(key).cloned().unwrap_or(Place::Whole);
    let nobody = options.trusted_proxies.is_empty() && !has_tls;
    if options.redirect && nobody && places.sound(&["trusted_proxies", "listen.https"]) {
        let message = "nobody could come by https, so every request would be redirected for ever";
        let hint = "say `listen.https`, or name the proxy that ends TLS in `trusted_proxies`";
        problems.push(Problem::new(place("https.redirect"), message).hint(hint));
    }
    for (index, network) in options.trusted_proxies.iter().enumerate() {
        if network.prefix_len() == 0 {
            let place = places.of_element("trusted_proxies", index);
            let problem = Problem::warning(place, format!("{network} is everybody"));
            problems.push(
                problem.hint(
                    "whoever connects can then say who they are: name the proxies' addresses",
                ),
            );
        }
    }
    if options.https_host.starts_with("*.") {
        let problem = Problem::new(place("https.host"), "a redirect needs one host");
        problems.push(problem.hint("leave it out to redirect each host to itself"));
    }
    let fit_for_lists = options.hsts >= PRELOAD_MIN && options.hsts_subdomains;
    if options.hsts_preload && !options.hsts.is_zero() && !fit_for_lists {
        let message = "browsers' lists do not take a host with this";
        let hint = "they ask for `https.hsts` of 365d or more and `https.hsts_subdomains = true`";
        problems.push(Problem::warning(place("https.hsts_preload"), message).hint(hint));
    }
}
