//! Whether finding, explaining and warning say the same, for rules that nobody would write.

use super::{
    Action, Asked, HostPattern, Mismatch, Pattern, Rule, RuleId, RuleSet, Unreachable, When,
    expression, unreachable_rules,
};
use crate::query::Query;
use http::Method;
use proptest::prelude::*;
use regex_automata::{Anchored, Input, nfa::thompson::pikevm::PikeVM};

pub(super) fn rule(pattern: Pattern) -> Rule {
    Rule {
        place: "larder.toml:1".to_owned(),
        when: When { pattern, hosts: Vec::new(), methods: Vec::new() },
        action: Action::Respect,
        scheme: None,
        query: Query::default(),
        tags: Vec::new(),
    }
}

pub(super) fn by_path(text: &str) -> Rule {
    rule(Pattern::path(text).unwrap())
}

pub(super) fn by_regex(source: &str) -> Rule {
    rule(Pattern::regex(source).unwrap())
}

pub(super) fn at(mut rule: Rule, hosts: &[&str], methods: &[Method]) -> Rule {
    rule.when.hosts = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
    rule.when.methods = methods.to_vec();
    rule
}

const HOSTS: [&str; 5] = ["a.example", "b.a.example", "c.b.a.example", "example", "a.example:81"];
const METHODS: [Method; 3] = [Method::GET, Method::HEAD, Method::POST];

fn any_pattern() -> impl Strategy<Value = Pattern> {
    let piece = prop::sample::select(vec![
        "/",
        "a",
        "b",
        "ab",
        "/a",
        ".",
        "[ab]",
        "[^a]",
        "(a|b)",
        "(/|b$)",
        ".*",
        "a*",
        "b+",
        "a?",
        r"\?",
        "$",
        r"\b",
        "^",
        "(?i:A)",
        "(a|/b)*",
        "[ab]{2,3}",
    ]);
    let regex = (any::<bool>(), prop::collection::vec(piece, 1..5))
        .prop_map(|(slash, pieces)| format!("{}{}", if slash { "/" } else { "" }, pieces.concat()))
        .prop_filter_map("not an expression", |source| Pattern::regex(&source).ok());
    let path = r"/[ab/]{0,3}\*?".prop_map(|text| Pattern::path(&text).unwrap());
    prop_oneof![2 => regex, 1 => path]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let hosts = prop::sample::subsequence(
        vec!["a.example", "*.a.example", "*.example", "a.example:81", "b.a.example"],
        0..3,
    );
    let methods = prop::sample::subsequence(METHODS.to_vec(), 0..3);
    (any_pattern(), hosts, any::<bool>(), methods).prop_map(
        |(pattern, hosts, anywhere, methods)| {
            at(rule(pattern), if anywhere { &[] } else { &hosts }, &methods)
        },
    )
}

/// The pattern as it was written, one machine for it alone, nothing left out.
fn matches(pattern: &Pattern, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let source = match pattern {
        Pattern::Exact(exact) => return path == exact,
        Pattern::Prefix(prefix) => return path.starts_with(prefix),
        Pattern::Regex(source) => source,
    };
    let hir = expression::parse(source).unwrap();
    let nfa = expression::compile(&[hir], 1 << 20).unwrap();
    let machine = PikeVM::new_from_nfa(nfa).unwrap();
    let input = Input::new(target).anchored(Anchored::Yes);
    machine.is_match(&mut machine.create_cache(), input)
}

/// What the documentation says, word by word.
fn mismatch(rule: &Rule, asked: &Asked<'_>) -> Option<Mismatch> {
    let When { pattern, hosts, methods } = &rule.when;
    if !asked.target.starts_with('/') || !matches(pattern, asked.target) {
        Some(Mismatch::Pattern)
    } else if !hosts.is_empty() && !hosts.iter().any(|host| host.matches(asked.host)) {
        Some(Mismatch::Host)
    } else if !methods.is_empty() && !methods.contains(asked.method) {
        Some(Mismatch::Method)
    } else {
        None
    }
}

/// All targets of up to five bytes.
fn short_targets() -> Vec<String> {
    let mut targets = vec!["/".to_owned()];
    let mut done = 0;
    for _ in 0..4 {
        let longer: Vec<_> = targets
            .iter()
            .skip(done)
            .flat_map(|target| ['/', 'a', 'b', '?'].map(|next| format!("{target}{next}")))
            .collect();
        done = targets.len();
        targets.extend(longer);
    }
    targets
}

proptest! {
    #[test]
    fn finding_and_explaining_agree_with_the_documentation(
        rules in prop::collection::vec(any_rule(), 0..8),
        asked in prop::collection::vec(
            (r"/?[/ab?]{0,8}", prop::sample::select(&HOSTS[..]), prop::sample::select(&METHODS[..])),
            1..20,
        ),
    ) {
        let set = RuleSet::new(rules.clone()).unwrap();
        for (target, host, method) in &asked {
            let asked = Asked { method, host, target };
            let mut first = None;
            for (id, rule) in (0..).map(RuleId).zip(&rules) {
                let expected = mismatch(rule, &asked);
                prop_assert_eq!(set.mismatch(id, &asked), expected, "{:?} {:?}", id, asked);
                first = first.or_else(|| expected.is_none().then_some(id));
            }
            prop_assert_eq!(set.find(&asked).map(|(id, _)| id), first, "{:?}", asked);
            for before in [None, first] {
                if let Some((id, mismatch)) = set.nearest(&asked, before) {
                    prop_assert_eq!(set.mismatch(id, &asked), Some(mismatch));
                    prop_assert!(before.is_none_or(|before| id < before));
                } else {
                    let count = before.map_or(rules.len(), |id| id.0 as usize);
                    let all_match =
                        rules.iter().take(count).all(|rule| mismatch(rule, &asked).is_none());
                    prop_assert!(all_match, "there is a nearest if there is one that does not match");
                }
            }
        }
    }

    #[test]
    fn no_request_comes_to_what_is_named_unreachable(
        rules in prop::collection::vec(any_rule(), 2..7),
    ) {
        let unreachable = unreachable_rules(&rules);
        if unreachable.is_empty() {
            return Ok(());
        }
        let set = RuleSet::new(rules).unwrap();
        for target in short_targets() {
            for host in HOSTS {
                for method in &METHODS {
                    let asked = Asked { method, host, target: &target };
                    let found = set.find(&asked).map(|(id, _)| id);
                    for (id, why) in &unreachable {
                        prop_assert_ne!(found, Some(*id), "{:?} is named {:?}", asked, why);
                        if let Unreachable::Behind(wider) = why {
                            prop_assert!(wider < id);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn no_request_panics(
        rules in prop::collection::vec(any_rule(), 0..4),
        target in any::<String>(),
        host in any::<String>(),
        id in any::<u32>(),
    ) {
        let set = RuleSet::new(rules).unwrap();
        for target in [target.clone(), format!("/{target}")] {
            let asked = Asked { method: &Method::GET, host: &host, target: &target };
            let _ = set.find(&asked);
            let _ = (set.mismatch(RuleId(id), &asked), set.nearest(&asked, Some(RuleId(id))));
        }
    }
}

#[test]
fn rules_of_many_sites_are_told_apart_by_host() {
    let rules = (0..1000).map(|site| at(by_path("/*"), &[&format!("s{site}.example")], &[]));
    let set = RuleSet::new(rules.collect()).unwrap();
    for site in [0, 1, 500, 999] {
        let host = format!("s{site}.example");
        let asked = Asked { method: &Method::GET, host: &host, target: "/a" };
        assert_eq!(set.find(&asked).map(|(id, _)| id), Some(RuleId(site)));
    }
}
