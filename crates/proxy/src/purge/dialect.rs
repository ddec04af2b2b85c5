//! What do content management systems mean? The ways in which they purge a cache in front of them, each as it is on the wire.
//!
//! | request | means | who sends it |
//! |---|---|---|
//! | `PURGE URL` | this URL | Wagtail, `FOSHttpCache`, `WordPress`, Acquia, and nearly everybody |
//! | `PURGE URL.*`, `PURGE URL*`, `X-Purge-Method: regex` | everything that begins so | Proxy Cache Purge, Hummingbird, W3TC |
//! | `PURGE /purge/URL`, `GET /purge/URL` | `/URL` (with `PURGE`, the whole path as well) | `FOSHttpCache` for nginx, nginx-helper |
//! | `PURGE` + a field of tags, or `X-Cache-Tags-Pattern`, `X-Magento-Tags-Pattern` | tags | Proxy Cache Purge, Magento 2 |
//! | `PURGE` + `X-Purge-Host`, `-Regex`, `-Content-Type` | an expression | Magento 1 |
//! | `PURGE` + `X-LiteSpeed-Purge` | paths, tags, or all | `FOSHttpCache` for `LiteSpeed` |
//! | `PURGE /` + `Clear-Cache: true` | all | `FOSHttpCache` for Symfony |
//! | `PURGE http://IP/site` | all | Drupal |
//! | `PURGETAGS` + `X-Cache-Tags` | tags | `FOSHttpCache` for Symfony |
//! | `PURGEKEYS` + `xkey-purge`, `xkey-softpurge` | tags | `FOSHttpCache` for Varnish with xkey |
//! | `BAN` + a field of tags | tags | Drupal, `FOSHttpCache` |
//! | `BAN` + `X-Host`, `X-Url`, `X-Content-Type` | an expression | `FOSHttpCache` |
//! | `BAN URL` | as `PURGE URL` | |
//! | `URIBAN URL` | this URL | Drupal |
//! | `DELETE` + `X-Ban-Host` | a host | sisu-cache-tools |
//! | `REFRESH URL`, `GET URL` + `X-Refresh` or `Cache-Control: no-cache` | made anew, now | `FOSHttpCache` |
//!
//! `PURGE` with `Fastly-Soft-Purge: 1` is soft. A purge without a scheme is about both.

use http::header::CACHE_CONTROL;
use http::{HeaderMap, Method, Request};
use larder_cache::purge::{Mode, Pattern, PatternError, Purge, Scope};
use larder_policy::tags;

use super::tag_pattern::{self, Named};

/// What a request means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// A purge.
    Purge(Vec<Purge>, Answer),
    /// This page, made anew.
    Renew,
    /// A purge of nothing that is known: why, for people.
    Nonsense(String),
}

/// What the sender expects to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Purged,
    Banned,
    /// With how many were gone or expired.
    Counted,
}

/// A request, as far as it can mean something. The host is canonical.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'r> {
    pub(super) method: &'r Method,
    pub(super) host: &'r str,
    pub(super) target: &'r str,
    pub(super) headers: &'r HeaderMap,
}

const X_BAN_HOST: &str = "x-ban-host";

/// Fields that say what to purge, and mean nothing to applications.
pub const PURGE_FIELDS: &[&str] = &[
    "clear-cache",
    "fastly-soft-purge",
    "larder-token",
    "x-acquia-purge",
    "x-ban-host",
    "x-ban-regex",
    "x-ban-url",
    "x-cache-tags-pattern",
    "x-litespeed-purge",
    "x-magento-tags-pattern",
    "x-purge-content-type",
    "x-purge-host",
    "x-purge-method",
    "x-purge-regex",
    "x-refresh",
    "xkey-purge",
    "xkey-softpurge",
];

/// Methods that are a purge whatever comes with them.
pub const PURGE_METHODS: &[&str] = &["PURGE", "BAN", "URIBAN", "REFRESH", "PURGEKEYS", "PURGETAGS"];

/// Whether a field says what to purge, and means nothing to applications.
pub(super) fn is_helper(name: &str) -> bool {
    PURGE_FIELDS.contains(&name)
}

/// Whether a request is a purge by its method alone, so that it is none of the application's business.
pub(super) fn is_by_method(method: &Method, headers: &HeaderMap) -> bool {
    match *method {
        Method::GET | Method::HEAD | Method::POST => false,
        Method::DELETE => headers.contains_key(X_BAN_HOST),
        _ => PURGE_METHODS.contains(&method.as_str()),
    }
}

/// Whether a request for a page may be more than that.
pub(super) fn may_be_more<B>(request: &Request<B>) -> bool {
    request.uri().path().starts_with("/purge/")
        || request.headers().contains_key(CACHE_CONTROL)
        || request.headers().contains_key("x-refresh")
}

/// What a request means that comes from somebody who may purge; `None`: it is an ordinary one.
pub(super) fn read(said: &Said<'_>) -> Option<Meaning> {
    let meaning = match said.method.as_str() {
        "GET" => return said.get(),
        "REFRESH" => return Some(Meaning::Renew),
        _ if !is_by_method(said.method, said.headers) => return None,
        "DELETE" => said.delete(),
        "PURGEKEYS" => said.keys(),
        "PURGETAGS" => said.tags(Answer::Purged).unwrap_or_else(|| {
            Err("PURGETAGS without X-Cache-Tags, which says what to purge".to_owned())
        }),
        "BAN" => said.ban(),
        "URIBAN" => Ok(hard(vec![said.url()], Answer::Banned)),
        _ => said.purge(),
    };
    Some(meaning.unwrap_or_else(Meaning::Nonsense))
}

type Read = Result<Meaning, String>;

fn hard(scopes: Vec<Scope>, answer: Answer) -> Meaning {
    Meaning::Purge(scopes.into_iter().map(Purge::hard).collect(), answer)
}

impl<'r> Said<'r> {
    fn field(&self, name: &str) -> Option<&'r str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    fn host(&self) -> Box<str> {
        self.host.into()
    }

    fn url(&self) -> Scope {
        Scope::Url { host: self.host(), target: self.target.into() }
    }

    /// Those who ask an nginx for a path below `/purge` mean the path.
    fn below_purge(&self) -> Option<Scope> {
        let target = self.target.strip_prefix("/purge").filter(|rest| rest.starts_with('/'))?;
        Some(Scope::Url { host: self.host(), target: target.into() })
    }

    fn get(&self) -> Option<Meaning> {
        if let Some(scope) = self.below_purge() {
            return Some(hard(vec![scope], Answer::Purged));
        }
        let refreshes = self.field("x-refresh").is_some_and(|value| value != "0");
        let no_cache = || {
            let lines = self.headers.get_all(CACHE_CONTROL).iter();
            let mut words =
                lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
            words.any(|word| word.trim().eq_ignore_ascii_case("no-cache"))
        };
        (refreshes || no_cache()).then_some(Meaning::Renew)
    }

    fn delete(&self) -> Read {
        let named = self.field(X_BAN_HOST).unwrap_or_default();
        let host =
            canonical(named).ok_or_else(|| format!("X-Ban-Host: {named:?} is not a host"))?;
        Ok(hard(vec![Scope::Host(host)], Answer::Banned))
    }

    fn keys(&self) -> Read {
        let keys = |name| self.headers.contains_key(name).then(|| self.tags_in(name)).transpose();
        let mut purges = Vec::new();
        for (name, mode) in [("xkey-purge", Mode::Hard), ("xkey-softpurge", Mode::Soft)] {
            purges.extend(keys(name)?.map(|scope| Purge { scope, mode }));
        }
        if purges.is_empty() {
            return Err("PURGEKEYS without xkey-purge and xkey-softpurge, which say what to purge"
                .to_owned());
        }
        Ok(Meaning::Purge(purges, Answer::Counted))
    }

    /// The tags of all lines of a field.
    fn tags_in(&self, name: &str) -> Result<Scope, String> {
        let mut tags = Vec::new();
        for line in self.headers.get_all(name) {
            let text = String::from_utf8_lossy(line.as_bytes());
            match tag_pattern::read(&text) {
                Ok(Named::All) => return Ok(Scope::All),
                Ok(Named::Tags(more)) => tags.extend(more),
                Err(tag_pattern::NotWhole) => {
                    return Err(format!(
                        "{name}: {text:?} is neither a list of tags nor an expression for whole tags, such as (^|,)(a|b)(,|$)"
                    ));
                }
            }
        }
        if tags.is_empty() {
            return Err(format!("{name} names no tag"));
        }
        Ok(Scope::Tags { tags, host: None })
    }

    /// What the fields of tags say, if there is one. Tags are the site's, whatever host the request names: most senders name
    /// the cache's address.
    fn tags(&self, answer: Answer) -> Option<Read> {
        const MORE: [&str; 3] =
            ["x-cache-tags-pattern", "x-magento-tags-pattern", "x-drupal-cache-tag-clears"];
        let mut names = MORE.into_iter().chain(tags::FIELDS);
        let name = names.find(|name| self.headers.contains_key(*name))?;
        Some(self.tags_in(name).map(|scope| hard(vec![scope], answer)))
    }

    fn ban(&self) -> Read {
        if let Some(read) = self.tags(Answer::Banned) {
            return read;
        }
        match self.expression(["x-host", "x-url", "x-content-type"])? {
            Some(scope) => Ok(hard(vec![scope], Answer::Banned)),
            None => Ok(hard(self.beginning()?, Answer::Banned)),
        }
    }

    fn purge(&self) -> Read {
        let softly = self.field("fastly-soft-purge") == Some("1");
        let mode = if softly { Mode::Soft } else { Mode::Hard };
        let read = match self.tags(Answer::Purged) {
            Some(read) => read?,
            None => hard(self.purged()?, Answer::Purged),
        };
        Ok(match read {
            Meaning::Purge(purges, answer) => {
                let softly = |purge| Purge { mode, ..purge };
                Meaning::Purge(purges.into_iter().map(softly).collect(), answer)
            }
            other @ (Meaning::Renew | Meaning::Nonsense(_)) => other,
        })
    }

    fn purged(&self) -> Result<Vec<Scope>, String> {
        if self.field("clear-cache") == Some("true") {
            return Ok(vec![Scope::All]);
        }
        if let Some(said) = self.field("x-litespeed-purge") {
            return self.litespeed(said);
        }
        if let Some(scope) =
            self.expression(["x-purge-host", "x-purge-regex", "x-purge-content-type"])?
        {
            return Ok(vec![scope]);
        }
        if self.target == "/site" && is_address(self.host) {
            return Ok(vec![Scope::All]);
        }
        if self.field("x-purge-method") == Some("exact") {
            return Ok(vec![self.url()]);
        }
        let mut scopes = self.beginning()?;
        scopes.extend(self.below_purge());
        Ok(scopes)
    }

    /// A URL, or what begins so.
    fn beginning(&self) -> Result<Vec<Scope>, String> {
        let is_expression = self.field("x-purge-method") == Some("regex");
        let Some(prefix) = self.target.strip_suffix(".*").or_else(|| self.target.strip_suffix('*'))
        else {
            if is_expression {
                return self.fits(self.target).map(|scope| vec![scope]);
            }
            return Ok(vec![self.url()]);
        };
        // What of an expression is in no URL can't be meant literally.
        if prefix.contains(['(', '[', '|', '^', '$', '\\', '*']) {
            return self.fits(self.target).map(|scope| vec![scope]);
        }
        Ok(vec![Scope::Prefix { host: Some(self.host()), prefix: prefix.into() }])
    }

    /// An expression over path and query, of this host.
    fn fits(&self, source: &str) -> Result<Scope, String> {
        let host = format!("^{}$", escaped(self.host));
        let pattern = Pattern::new().host(&host).and_then(|pattern| pattern.target(source));
        pattern.map(Box::new).map(Scope::Matching).map_err(|error| wrong(source, &error))
    }

    /// The expressions of three fields: over host, URL and `Content-Type`. Those that fit everything say nothing.
    fn expression(&self, names: [&str; 3]) -> Result<Option<Scope>, String> {
        if !names.iter().any(|name| self.headers.contains_key(*name)) {
            return Ok(None);
        }
        let [host, target, content_type] = names
            .map(|name| self.field(name).filter(|source| !matches!(*source, "" | ".*" | "^.*$")));
        if host.is_none() && target.is_none() && content_type.is_none() {
            return Ok(Some(Scope::All));
        }
        let mut pattern = Pattern::new();
        type With = fn(Pattern, &str) -> Result<Pattern, PatternError>;
        let parts: [(Option<&str>, With); 3] = [
            (host, Pattern::host),
            (target, Pattern::target),
            (content_type, Pattern::content_type),
        ];
        for (source, with) in parts {
            if let Some(source) = source {
                pattern = with(pattern, source).map_err(|error| wrong(source, &error))?;
            }
        }
        Ok(Some(Scope::Matching(Box::new(pattern))))
    }

    fn litespeed(&self, said: &str) -> Result<Vec<Scope>, String> {
        if said == "*" {
            return Ok(vec![Scope::All]);
        }
        let (mut scopes, mut tags) = (Vec::new(), Vec::new());
        for part in said.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if let Some(tag) = part.strip_prefix("tag=") {
                tags.push(tag.into());
            } else if part.starts_with('/') {
                scopes.push(Scope::Url { host: self.host(), target: part.into() });
            } else {
                return Err(format!(
                    "X-LiteSpeed-Purge: {part:?} is neither *, a path nor tag=NAME"
                ));
            }
        }
        if !tags.is_empty() {
            scopes.push(Scope::Tags { tags, host: None });
        }
        if scopes.is_empty() {
            return Err("X-LiteSpeed-Purge says nothing".to_owned());
        }
        Ok(scopes)
    }
}

fn wrong(source: &str, error: &PatternError) -> String {
    format!("{source:?} is not a regular expression: {error}")
}

fn escaped(host: &str) -> String {
    host.replace('.', "\\.").replace('[', "\\[").replace(']', "\\]")
}

fn is_address(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok()
        || host.parse::<std::net::SocketAddr>().is_ok()
        || host.starts_with('[')
}

/// A host as keys have it, whichever scheme's port is named.
pub(super) fn canonical(named: &str) -> Option<Box<str>> {
    let host =
        larder_policy::host::canonical(named.as_bytes(), larder_policy::Scheme::Http).ok()?;
    Some(without_port(host.as_str()).into())
}

/// A purge is about both schemes, so neither's own port tells sites apart.
pub(super) fn without_port(host: &str) -> &str {
    host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host)
}
