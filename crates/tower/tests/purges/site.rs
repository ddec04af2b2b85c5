//! The site: two hosts, pages of every kind, and which requests ask for them.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use larder_policy::query::Query;
use larder_policy::rule::{Pattern, When};
use larder_policy::{
    Action, Audience, KeyBuf, Part, Plain, Policy, PolicyParts, Rule, Scheme, Share, Visit,
};
use larder_semantics::Timestamp;

use crate::record::Place;

pub(crate) const HOSTS: [&str; 2] = ["a.test", "b.test"];
/// Plain ones; one whose tags a rule gives besides; that varies; that an audience shares; that is asked for in parts.
pub(crate) const PATHS: [&str; 8] = ["/a/1", "/a/1", "/a/2", "/ab", "/v/1", "/u/1", "/u/2", "/r/1"];
pub(crate) const QUERIES: [&str; 5] = ["", "", "?q=1", "?q=2", "?q=1&utm=7"];
pub(crate) const LANGUAGES: [&str; 2] = ["en", "de"];
pub(crate) const COUNTRIES: [&str; 2] = ["fr", "it"];
pub(crate) const TAGS: [&str; 5] = ["t0", "t1", "t2", "t3", "ruled"];
pub(crate) const GROUPS: [&str; 2] = ["g0", "g1"];

pub(crate) fn policy() -> Arc<Policy> {
    let query = Query { ignore: vec!["utm".to_owned()], ..Query::default() };
    let rule = |path: &str, action, tags: &[&str]| {
        let pattern = Pattern::path(path).unwrap();
        let when = When { pattern, hosts: Vec::new(), methods: Vec::new() };
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Rule { place: path.to_owned(), when, action, query: query.clone(), tags, scheme: None }
    };
    let parts = vec![Part::Header(HeaderName::from_static("x-country"))];
    let audience = Audience::Custom { name: "country".to_owned(), parts };
    let rules = vec![
        rule("/u/*", Action::Share(Box::new(Share::with(audience))), &[]),
        rule("/a/2*", Action::Respect, &["ruled"]),
    ];
    let parts = PolicyParts { rules, query: query.clone(), ..PolicyParts::default() };
    Arc::new(Policy::new(parts).unwrap())
}

/// What of a target counts.
pub(crate) fn counts(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("utm=")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// The page that a request with these fields is for.
pub(crate) fn place(scheme: Scheme, host: &str, target: &str, headers: &HeaderMap) -> Place {
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    Place {
        scheme,
        host: host.to_owned(),
        target: counts(target),
        language: value("accept-language").filter(|_| target.starts_with("/v")),
        country: value("x-country").filter(|_| target.starts_with("/u")),
    }
}

/// Every page that there can be, each with its key; those that differ by language only have one key.
pub(crate) fn all_keys(policy: &Policy) -> Vec<KeyBuf> {
    let mut keys = Vec::new();
    for path in &PATHS[1..] {
        let countries: &[&'static str] = if path.starts_with("/u") { &COUNTRIES } else { &[""] };
        for (query, country) in pairs(&["", "?q=1", "?q=2"], countries) {
            let target = format!("{path}{query}");
            for (scheme, host) in pairs(&[Scheme::Http, Scheme::Https], &HOSTS) {
                keys.push(key(policy, scheme, host, &target, country));
            }
        }
    }
    keys
}

fn pairs<A: Copy, B: Copy>(one: &[A], other: &[B]) -> Vec<(A, B)> {
    one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b))).collect()
}

fn key(policy: &Policy, scheme: Scheme, host: &str, target: &str, country: &'static str) -> KeyBuf {
    let mut headers = HeaderMap::new();
    headers.insert("x-country", HeaderValue::from_static(country));
    let visit = Visit { scheme, host, method: &Method::GET, target, headers: &headers };
    let mut key = KeyBuf::new();
    let _ruling = policy.decide(&visit, &Plain, Timestamp::default(), &mut key);
    key
}
