//! How do the options about proxies, hosts and https become one [`Front`], and what of them contradicts itself?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use larder_policy::forwarded_style::{Extra, Names, Style};
use larder_policy::hygiene::{self, FieldRules, Passed, Underscores};
use larder_policy::redirect::{Https, Ports};
use larder_policy::rule::{HostPattern, Pattern};
use larder_policy::{Front, Scheme, Trust, host};

use crate::build::{Places, Reader};
use crate::config::Config;
use crate::problem::{Place, Problem};
use crate::rules::Entries;
use crate::words;

/// What holds at the door, before it is compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrontConfig {
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) hosts: Vec<String>,
    /// Empty: a request for another host is refused.
    pub(crate) default_host: String,
    pub(crate) underscores: Underscored,
    pub(crate) underscores_pass: Vec<String>,
    pub(crate) override_fields: Vec<String>,
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

/// `underscores`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Underscored {
    #[default]
    Drop,
    Reject,
    Pass,
}

/// What browsers' makers ask of hosts on their lists.
const PRELOAD_MIN: Duration = Duration::from_secs(365 * 86_400);

/// Options that do nothing without another one.
const NEEDS: [(&str, &str); 4] = [
    ("forwarded.scheme_from", "trusted_proxies"),
    ("default_host", "hosts"),
    ("https.hsts_subdomains", "https.hsts"),
    ("https.hsts_preload", "https.hsts"),
];

/// Puts it together. Texts that are wrong have been told of where they were read, and are left out.
pub(crate) fn compile(
    config: &Config,
    entries: &Entries,
    places: &Places,
    reader: Reader,
    problems: &mut Vec<Problem>,
) -> Front {
    let (options, policy) = (&config.front_options, &config.policy);
    contradictions(options, entries, places, problems);
    if options.trusted_proxies.is_empty() && config.https.is_empty() {
        nobody_by_https(options, entries, places, reader, problems);
    }
    let scheme_from =
        (!options.scheme_from.is_empty()).then(|| options.scheme_from.parse().ok()).flatten();
    let trust = Trust::new(&options.trusted_proxies, scheme_from);
    let extras = extras(options, places, problems);
    let hosts: Box<[_]> =
        options.hosts.iter().filter_map(|host| HostPattern::parse(host).ok()).collect();
    let fields = fields(options, &extras, &trust, places, problems);
    let by_scheme = policy.rules.iter().any(|rule| rule.scheme.is_some());
    Front {
        trust,
        style: Arc::new(Style { names: options.style, extras }),
        fields,
        default_host: default_host(options, &hosts, places, problems),
        hosts,
        schemes: by_scheme.then(|| Arc::clone(policy)),
        health: options.health_paths.iter().cloned().collect(),
        https: Https {
            redirect: options.redirect,
            host: canonical(&options.https_host),
            exempt: options.exempt.iter().filter_map(|path| Pattern::path(path).ok()).collect(),
            hsts: hsts(options),
            ports: ports(Scheme::Https, &config.https, &config.listen),
            plain_ports: plain_ports(config),
        },
    }
}

/// The host that others count as, which has to be one of the site's.
fn default_host(
    options: &FrontConfig,
    hosts: &[HostPattern],
    places: &Places,
    problems: &mut Vec<Problem>,
) -> Option<HeaderValue> {
    let place = places.of("default_host").cloned().unwrap_or(Place::Whole);
    if options.default_host.starts_with("*.") {
        let problem = Problem::new(place, "requests for other hosts count as for one host");
        problems.push(problem.hint("write a name without `*`"));
        return None;
    }
    let host = canonical(&options.default_host)?;
    if !hosts.is_empty()
        && places.sound(&["hosts"])
        && !hosts.iter().any(|pattern| pattern.matches(&host))
    {
        let problem = Problem::new(place, format!("{host} is not among the site's `hosts`"));
        problems.push(problem.hint("add it there, or name one that is"));
    }
    HeaderValue::from_str(&host).ok()
}

/// What the site lets through of fields that are kept back from the application.
fn fields(
    options: &FrontConfig,
    extras: &[Extra],
    trust: &Trust,
    places: &Places,
    problems: &mut Vec<Problem>,
) -> FieldRules {
    let names = |texts: &[String]| -> Box<[HeaderName]> {
        texts.iter().filter_map(|text| HeaderName::from_bytes(text.as_bytes()).ok()).collect()
    };
    let place = |key: &str| places.of(key).cloned().unwrap_or(Place::Whole);
    let named = !options.underscores_pass.is_empty();
    let underscores = match options.underscores {
        Underscored::Drop => Underscores::Drop,
        Underscored::Reject => Underscores::Reject,
        Underscored::Pass => {
            if !named && places.sound(&["underscores_pass"]) {
                let problem =
                    Problem::new(place("underscores"), "no field is named that is to be passed on");
                let hint = "name each in underscores_pass = [\"SM_USER\"]: to let all through would let visitors say anything";
                problems.push(problem.hint(hint));
            }
            let own: Vec<HeaderName> = extras
                .iter()
                .map(|extra| extra.name())
                .chain(trust.scheme_field())
                .cloned()
                .collect();
            // The places of a list's elements are theirs only if all of them are there.
            let sound = places.sound(&["underscores_pass"]);
            for (index, text) in options.underscores_pass.iter().enumerate().filter(|_| sound) {
                let is_own = |name: &HeaderName| {
                    hygiene::collision(name, &[]).is_none()
                        && hygiene::collision(name, &own).is_some()
                };
                let name = HeaderName::from_bytes(text.as_bytes()).ok();
                if let Some(name) = name.filter(is_own) {
                    let place = places.of_element("underscores_pass", index);
                    problems.push(words::taken(text, &name).at(&place));
                }
            }
            let passed = Passed::new(&names(&options.underscores_pass), &own);
            Underscores::Pass(passed.unwrap_or_default())
        }
    };
    if named && options.underscores != Underscored::Pass && places.sound(&["underscores"]) {
        let problem =
            Problem::warning(place("underscores_pass"), "`underscores_pass` has no effect");
        problems.push(problem.hint("it needs `underscores = \"pass\"`"));
    }
    FieldRules { underscores, overrides: names(&options.override_fields) }
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

/// Where a scheme is, if it is not at its own port: `there` is what listens for it, `here` what listens for the other one. A port
/// that the system is to choose is not known yet.
fn ports(scheme: Scheme, there: &[SocketAddr], here: &[SocketAddr]) -> Ports {
    let has = |list: &[SocketAddr], scheme: Scheme| {
        list.iter().any(|address| address.port() == scheme.default_port())
    };
    if has(there, scheme) {
        return Ports::default();
    }
    let own = there.first().map(SocketAddr::port).filter(|port| *port != 0);
    Ports { by_default: own.filter(|_| has(here, scheme.other())), by_other: own }
}

/// Without TLS here, whoever ends it in front maps the ports.
fn plain_ports(config: &Config) -> Ports {
    if config.https.is_empty() {
        return Ports::default();
    }
    ports(Scheme::Http, &config.listen, &config.https)
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
    entries: &Entries,
    places: &Places,
    problems: &mut Vec<Problem>,
) {
    let has_no_effect = |key: &str, needed: &str, problems: &mut Vec<Problem>| {
        if let (Some(place), None) = (places.of(key), places.of(needed)) {
            let problem = Problem::warning(place.clone(), format!("`{key}` has no effect"));
            problems.push(problem.hint(format!("it needs `{needed}`")));
        }
    };
    for (key, needed) in NEEDS {
        has_no_effect(key, needed, problems);
    }
    if !entries.rules.iter().any(|rule| rule.scheme.is_some()) {
        for key in ["https.host", "https.exempt"] {
            has_no_effect(key, "https.redirect", problems);
        }
    }
    let place = |key: &str| places.of(key).cloned().unwrap_or(Place::Whole);
    // RFC 6797 §8.3: such a browser never asks by http again, so it would be sent in a circle.
    let by_http = entries.rules.iter().filter_map(|rule| rule.scheme.as_ref());
    for scheme in by_http.filter(|scheme| scheme.value == "http" && !options.hsts.is_zero()) {
        let message =
            "browsers that were told to come by https only (`https.hsts`) would go in a circle";
        let hint = "leave `https.hsts` out, or let these pages be by https";
        problems.push(Problem::new(scheme.place.clone(), message).hint(hint));
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

/// Redirects to https where no TLS ends here, and nobody is believed that it ended before. An application may be called by
/// a server of its own that ends TLS, of which the file says nothing.
fn nobody_by_https(
    options: &FrontConfig,
    entries: &Entries,
    places: &Places,
    reader: Reader,
    problems: &mut Vec<Problem>,
) {
    if !places.sound(&["trusted_proxies", "listen.https"]) {
        return;
    }
    let site = options.redirect.then(|| places.of("https.redirect").cloned());
    let rules = entries.rules.iter().filter_map(|rule| rule.scheme.as_ref());
    let rules = rules.filter(|scheme| scheme.value == "https").map(|at| at.place.clone());
    for place in site.map(|place| place.unwrap_or(Place::Whole)).into_iter().chain(rules) {
        problems.push(match reader {
            Reader::Proxy => {
                let message = "nobody could come by https, so every request would be redirected for ever";
                let hint = "say `listen.https`, or name the proxy that ends TLS in `trusted_proxies`";
                Problem::new(place, message).hint(hint)
            }
            Reader::Application => {
                let message = "no proxy is named that may say that a request came by https";
                let hint = "name the proxy that ends TLS in `trusted_proxies`, unless the application ends it itself";
                Problem::warning(place, message).hint(hint)
            }
        });
    }
}
