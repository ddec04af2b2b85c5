//! Which published pages is a purge about?

use http::{HeaderMap, Method};
use larder_cache::publish::OutOfDate;
use larder_cache::purge::Scope;
use larder_lookup::{Expressions, Selector};
use larder_policy::{KeyBuf, Policy, Scheme, Visit, key};

/// What a purge's scope is in the table. `policy` says what of a URL's query counts.
#[must_use]
pub fn selectors(scope: &Scope, policy: &Policy) -> Vec<Selector> {
    let owned = |text: &str| text.to_owned();
    match scope {
        Scope::Url { host, target } => urls(host, target, policy),
        Scope::Path { host, path } => vec![Selector::Path { host: owned(host), path: owned(path) }],
        Scope::Prefix { host, prefix } => {
            vec![Selector::Prefix { host: host.as_deref().map(owned), prefix: owned(prefix) }]
        }
        Scope::Host(host) => vec![Selector::Host(owned(host))],
        Scope::All => vec![Selector::All],
        Scope::Tags { tags, host } => {
            let host = host.as_deref().map(owned);
            let tag = |tag: &str| Selector::Tag { tag: owned(tag), host: host.clone() };
            tags.iter().map(|it| tag(it)).collect()
        }
        Scope::Groups { scheme, host, groups } => {
            groups.iter().map(|it| group(*scheme, host, it)).collect()
        }
        Scope::Matching(pattern) => {
            let [host, target, content_type] = pattern.sources().map(|source| source.map(owned));
            vec![Selector::Matching(Expressions { host, target, content_type })]
        }
    }
}

fn group(scheme: Scheme, host: &str, group: &str) -> Selector {
    Selector::Group { scheme: scheme.as_str().into(), host: host.into(), group: group.into() }
}

/// A URL as pages of it are remembered: with what of the query counts, which may be another thing by each scheme.
fn urls(host: &str, target: &str, policy: &Policy) -> Vec<Selector> {
    let headers = HeaderMap::new();
    let mut found = Vec::new();
    for scheme in [Scheme::Http, Scheme::Https] {
        let mut buffer = KeyBuf::new();
        let visit = Visit { scheme, host, method: &Method::GET, target, headers: &headers };
        policy.url_key(&visit, &mut buffer);
        let Some((_, host, target)) = key::read(buffer.as_bytes()) else { continue };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let url = Selector::Url { host: text(host), target: text(target) };
        if !found.contains(&url) {
            found.push(url);
        }
    }
    found
}

/// What an unsafe request made out of date.
pub(crate) fn out_of_date(what: OutOfDate) -> Selector {
    match what {
        OutOfDate::Url { host, target } => {
            Selector::Url { host: host.into(), target: target.into() }
        }
        OutOfDate::Group { scheme, host, group: name } => group(scheme, &host, &name),
    }
}

#[cfg(test)]
mod tests {
    use larder_cache::purge::Pattern;

    use super::*;

    #[test]
    fn every_scope_of_a_purge_is_found_in_the_table() {
        let policy = Policy::default();
        let pattern = Pattern::new().target("^/a").unwrap().content_type("html").unwrap();
        let expressions = Expressions {
            host: None,
            target: Some("^/a".into()),
            content_type: Some("html".into()),
        };
        let cases = [
            (
                Scope::Url { host: "a".into(), target: "/x?y".into() },
                vec![Selector::Url { host: "a".into(), target: "/x?y".into() }],
            ),
            (
                Scope::Path { host: "a".into(), path: "/x".into() },
                vec![Selector::Path { host: "a".into(), path: "/x".into() }],
            ),
            (
                Scope::Prefix { host: None, prefix: "/x".into() },
                vec![Selector::Prefix { host: None, prefix: "/x".into() }],
            ),
            (Scope::Host("a".into()), vec![Selector::Host("a".into())]),
            (Scope::All, vec![Selector::All]),
            (
                Scope::Tags { tags: vec!["s".into(), "t".into()], host: Some("a".into()) },
                vec![
                    Selector::Tag { tag: "s".into(), host: Some("a".into()) },
                    Selector::Tag { tag: "t".into(), host: Some("a".into()) },
                ],
            ),
            (
                Scope::Groups { scheme: Scheme::Https, host: "a".into(), groups: vec!["g".into()] },
                vec![Selector::Group {
                    scheme: "https".into(),
                    host: "a".into(),
                    group: "g".into(),
                }],
            ),
            (Scope::Matching(Box::new(pattern)), vec![Selector::Matching(expressions)]),
        ];
        for (scope, expected) in cases {
            assert_eq!(selectors(&scope, &policy), expected, "{scope:?}");
        }
    }
}
