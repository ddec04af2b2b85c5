//! What is to be written into nginx's configuration, all checked, and why nothing can be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use larder_config::{Config, Routing};
use larder_policy::Scheme;
use larder_policy::cookies::CookieNames;
use larder_policy::published::{KeyScheme, KeyStyle, Publishing};
use larder_policy::rule::HostPattern;

use super::hosts::{self, Hosts};
use super::kinds::{self, Kinds};
use super::visitors::{self, Sign};
use crate::arguments::NginxConf;

/// Everything that is written.
#[derive(Debug)]
pub(super) struct Plan {
    /// With what names in nginx begin.
    pub(super) name: String,
    /// From which file.
    pub(super) source: String,
    pub(super) larder: SocketAddr,
    /// Applications that are asked while Larder is away.
    pub(super) applications: Vec<String>,
    pub(super) tls: Option<(PathBuf, PathBuf)>,
    pub(super) hosts: Hosts,
    /// A line for each rule, for people.
    pub(super) lines: Vec<String>,
    pub(super) kinds: Kinds,
    pub(super) session_cookies: CookieNames,
    pub(super) bypass_cookies: CookieNames,
    pub(super) signs: Vec<Sign>,
    /// Whether a client's `Cache-Control` may ask for something.
    pub(super) honours_directives: bool,
    /// Whether fields with an underscore are for Larder to judge.
    pub(super) passes_underscores: bool,
    /// The field that alone says the scheme, where it is not one that is written anyway.
    pub(super) scheme_field: Option<HeaderName>,
    /// Longest wait for an answer of Larder's, seconds.
    pub(super) wait_secs: u64,
    pub(super) memcached: Option<Memcached>,
    /// What is odd, for people.
    pub(super) warnings: Vec<String>,
}

/// Where published pages are.
#[derive(Debug)]
pub(super) struct Memcached {
    /// As nginx writes them.
    pub(super) servers: Vec<String>,
    pub(super) keys: KeyScheme,
    pub(super) fields: Vec<(HeaderName, HeaderValue)>,
    pub(super) hsts: Option<HeaderValue>,
}

impl Memcached {
    /// Longer targets are nobody's published page. Some shorter ones are not either.
    pub(super) fn longest_target(&self) -> usize {
        self.keys.target_bytes_max(Scheme::Http, "")
    }
}

impl Plan {
    /// Whether any kind of pages has versions.
    pub(super) fn has_versions(&self) -> bool {
        self.kinds.kinds.iter().any(|kind| kind.versioned)
    }
}

/// Puts it together.
///
/// # Errors
/// Why there can be no configuration, for people.
pub(super) fn plan(config: &Config, arguments: &NginxConf) -> Result<Plan, String> {
    let (publishing, servers) = publishing(config)?;
    let rules = &config.policy.rules;
    let kinds = kinds::kinds(rules, &publishing);
    let site = &config.front.hosts;
    if site.is_empty() {
        let hint = "write hosts = [\"example.com\"], or --set 'hosts=[\"example.com\"]'";
        return Err(format!(
            "nginx has to be told the site's hosts, and `hosts` names none ({hint})"
        ));
    }
    let literal =
        |host: &&HostPattern| matches!(host, HostPattern::Exact(name) if name.starts_with('['));
    if let Some(host) = site.iter().find(literal) {
        return Err(format!(
            "{host}: an IPv6 address has many spellings, and nginx knows one; name a host"
        ));
    }
    let mut warnings = Vec::new();
    let larder = larder_address(config)?;
    if !config.front.trust.trusts(larder.ip()) && larder.ip().is_loopback() {
        warnings.push(format!(
            "Larder will not believe nginx who asks and by which scheme, and pages by https are then never found: \
             add trusted_proxies = [\"{}\"]",
            larder.ip()
        ));
    }
    let applications = if arguments.application { applications(config)? } else { Vec::new() };
    let has_kinds = !kinds.kinds.is_empty();
    let memcached = has_kinds.then(|| Memcached {
        servers,
        keys: publishing.keys.clone(),
        fields: publishing.fields.clone(),
        hsts: publishing.hsts.clone(),
    });
    if let Some(memcached) = &memcached {
        warn_of_keys(memcached, arguments, &mut warnings);
    }
    let name = name(&arguments.name)?;
    let written = ["x-forwarded-proto", "x-forwarded-ssl", "x-forwarded-protocol"];
    let scheme_field = config.front.trust.scheme_field().cloned();
    let first_byte = config.timeouts.first_byte.max(config.timeouts.between_bytes);
    Ok(Plan {
        name,
        source: arguments.config.as_ref().map_or_else(
            || "the command line".to_owned(),
            |path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        ),
        larder,
        applications,
        tls: tls(arguments)?,
        hosts: hosts::hosts(site, rules),
        lines: config.rule_lines().collect(),
        kinds,
        session_cookies: config.policy.identity.session_cookies.clone(),
        bypass_cookies: config.policy.identity.bypass_cookies.clone(),
        signs: visitors::signs(&config.policy.xhr)?,
        honours_directives: config.semantics.honour_request_directives,
        passes_underscores: !config.front.fields.passed().is_empty(),
        scheme_field: scheme_field.filter(|name| !written.contains(&name.as_str())),
        // A little more than Larder's own, which answers in its place.
        wait_secs: first_byte.as_secs().saturating_add(5),
        memcached,
        warnings,
    })
}

fn publishing(config: &Config) -> Result<(Publishing, Vec<String>), String> {
    let Some(published) = &config.published else { return Ok((Publishing::default(), Vec::new())) };
    if published.servers.len() > 1 && published.routing != Routing::Nginx {
        let hint = "write routing = \"nginx\", or leave reading to who routes so";
        return Err(format!("nginx finds pages on several servers by its own hash only ({hint})"));
    }
    let publishing = config.publishing();
    for part in [&publishing.keys.prefix, &publishing.keys.version, &publishing.keys.cookie] {
        KeyScheme::check_part(part).map_err(|why| format!("{part:?} in keys: {why}"))?;
    }
    Ok((publishing, published.servers.iter().map(ToString::to_string).collect()))
}

fn warn_of_keys(memcached: &Memcached, arguments: &NginxConf, warnings: &mut Vec<String>) {
    let keys = &memcached.keys;
    if keys.style == KeyStyle::DjangoNginxMemcache
        && keys.scheme == Scheme::Https
        && arguments.tls.is_none()
    {
        warnings.push(
            "pages by https only are published in this style of keys, and nginx is not to speak TLS: nothing will be found \
             (give --tls CERT KEY, or set publish.memcached.scheme = \"http\")"
                .to_owned(),
        );
    }
}

/// Where nginx reaches Larder.
fn larder_address(config: &Config) -> Result<SocketAddr, String> {
    let plain = |address: &&SocketAddr| !config.proxy_protocol.contains(address);
    let Some(mut address) = config.listen.iter().find(plain).copied() else {
        return Err(
            "nginx needs a listener for plain HTTP without the PROXY protocol: listen.http"
                .to_owned(),
        );
    };
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    Ok(address)
}

/// The applications as nginx names them.
fn applications(config: &Config) -> Result<Vec<String>, String> {
    let server = |url: &larder_config::UpstreamUrl| {
        if url.scheme == Scheme::Https {
            return Err(format!(
                "{url}: nginx speaks to Larder without TLS, and can't to this one in its place; leave out --application"
            ));
        }
        let host =
            if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
        Ok(format!("{host}:{}", url.port))
    };
    config.upstreams.iter().map(server).collect()
}

fn tls(arguments: &NginxConf) -> Result<Option<(PathBuf, PathBuf)>, String> {
    match arguments.tls.as_deref() {
        None => Ok(None),
        Some([certificate, key]) => Ok(Some((certificate.clone(), key.clone()))),
        Some(_) => Err("--tls takes two files: the certificate's and the key's".to_owned()),
    }
}

fn name(text: &str) -> Result<String, String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins_well && text.chars().all(is_word) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "--name {text:?}: write letters, digits and `_`, as they are in names of nginx's variables"
    ))
}
