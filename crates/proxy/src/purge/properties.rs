//! What must hold of strangers' purges whatever they say: pieces of what means something, in any order.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use larder_cache::purge::Scope;
use proptest::prelude::*;
use regex_automata::meta::Regex;

use super::dialect::{Meaning, Said, is_by_method, read};
use super::tag_pattern::{self, Named};

const HOST: &str = "a.test";

fn joined(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..most).prop_map(|pieces| pieces.concat())
}

fn expression() -> impl Strategy<Value = String> {
    let pieces = &[
        "(^|,)", "(,|$)", "(", "(?:", ")", "|", "^", "$", ",", "a", "b", "ab", "\\.", "\\", "[",
        "]", "a|b", ".*", ".", "?", "{", " ", "é", "\\b",
    ];
    joined(pieces, 9)
}

/// As senders write them, and nearly so.
fn whole() -> impl Strategy<Value = String> {
    let begins = prop::sample::select(vec!["(^|,)", "(^|,)", "^", "", "(,|^)", ","]);
    let bodies =
        vec!["a", "b", "(a|b)", "(?:a|ab)", "((a)|(b))", "a|b", "(a)?", "[ab]", "a\\.", "(a|)", ""];
    let ends = prop::sample::select(vec!["(,|$)", "(,|$)", "$", "", "($|,)", ","]);
    let one = (begins, prop::sample::select(bodies), ends);
    let one = one.prop_map(|(begin, body, end)| format!("{begin}{body}{end}"));
    let wrapped = (one, any::<bool>());
    let wrapped = wrapped.prop_map(|(one, wrap)| if wrap { format!("({one})") } else { one });
    prop::collection::vec(wrapped, 1..4).prop_map(|parts| parts.join("|"))
}

fn target() -> impl Strategy<Value = String> {
    let pieces =
        &["/", "a", ".*", "*", "?", "purge", "/purge/", "site", "(", ")", "[", "^", "$", "\\", "|"];
    joined(pieces, 7).prop_map(|rest| format!("/{rest}"))
}

fn fields() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = &[
        "x-cache-tags",
        "x-cache-tags-pattern",
        "x-magento-tags-pattern",
        "surrogate-key",
        "xkey-purge",
        "xkey-softpurge",
        "x-purge-method",
        "x-purge-host",
        "x-purge-regex",
        "x-purge-content-type",
        "x-host",
        "x-url",
        "x-content-type",
        "x-litespeed-purge",
        "x-ban-host",
        "clear-cache",
        "x-refresh",
        "cache-control",
        "fastly-soft-purge",
    ];
    let words =
        &["regex", "exact", "true", "1", "0", "*", "tag=a", "/x", ", ", "no-cache", "b.test", ""];
    let value = prop_oneof![joined(words, 4), expression()];
    prop::collection::vec((prop::sample::select(names.as_slice()), value), 0..4)
}

fn method() -> impl Strategy<Value = Method> {
    let names = [
        "PURGE",
        "BAN",
        "URIBAN",
        "REFRESH",
        "PURGEKEYS",
        "PURGETAGS",
        "DELETE",
        "GET",
        "HEAD",
        "POST",
        "OPTIONS",
    ];
    prop::sample::select(names.to_vec()).prop_map(|name| name.parse().expect("a method"))
}

/// Only tags reach beyond the host that was named, and what says so plainly.
fn stays_within(scope: &Scope) -> bool {
    match scope {
        Scope::Url { host, target } => &**host == HOST && target.starts_with('/'),
        Scope::Prefix { host, prefix } => host.as_deref() == Some(HOST) && prefix.starts_with('/'),
        Scope::Host(host) => !host.is_empty(),
        Scope::Tags { tags, .. } => !tags.is_empty(),
        Scope::All | Scope::Matching(_) => true,
        // No dialect has them.
        Scope::Path { .. } | Scope::Groups { .. } => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_a_purge_by_its_method_never_goes_on_and_nothing_else_purges(
        method in method(), target in target(), fields in fields(),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        let said = Said { method: &method, host: HOST, target: &target, headers: &headers };
        let by_method = is_by_method(&method, &headers);
        match read(&said) {
            None => prop_assert!(!by_method),
            Some(Meaning::Renew) => {
                prop_assert!(method == Method::GET || method.as_str() == "REFRESH");
            }
            Some(Meaning::Nonsense(why)) => prop_assert!(by_method && !why.is_empty()),
            Some(Meaning::Purge(purges, _)) => {
                prop_assert!(by_method || target.starts_with("/purge/"), "{target}");
                prop_assert!(!purges.is_empty(), "a purge of nothing");
                for purge in &purges {
                    prop_assert!(stays_within(&purge.scope), "{:?}", purge.scope);
                }
            }
        }
    }

    /// The sender wrote it for a cache that matches it against a page's tags between commas.
    #[test]
    fn an_expression_for_tags_means_what_it_means_to_a_regular_expression(
        text in prop_oneof![whole(), expression()],
    ) {
        let is_expression = text.contains(['(', '^', '$', '[', '\\']);
        let (Ok(Named::Tags(tags)), Ok(regex)) = (tag_pattern::read(&text), Regex::new(&text)) else {
            return Ok(());
        };
        if !is_expression {
            return Ok(());
        }
        for tag in ["a", "b", "ab", "ba", "aa", "z", "a.", "é"] {
            let named = tags.iter().any(|named| **named == *tag);
            // In the middle of a page's tags, and alone.
            for field in [format!("x,{tag},y"), tag.to_owned()] {
                let fits = regex.is_match(&field);
                // More than was named may not be; what fits must be named.
                prop_assert!(named || !fits || tags.iter().any(|it| it.contains(',') || it.is_empty()),
                    "{text:?} fits {field:?}, and is read as {tags:?}");
            }
            prop_assert!(!named || regex.is_match(tag), "{text:?} is read as {tags:?}, and does not fit {tag:?}");
        }
    }

    #[test]
    fn a_list_is_never_an_error(text in "[a-z0-9:_, |-]{0,40}") {
        prop_assert!(tag_pattern::read(&text).is_ok(), "{text:?}");
    }
}
