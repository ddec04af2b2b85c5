//! Which rules can never be a request's?
//!
//! A rule is behind an earlier one if that one's hosts and methods are at least as wide and it matches every target that the rule matches.
//! The last is shown so: every target that an expression matches begins with one of few literals (`/blog/` for `^/blog/(new|old)`), and an
//! expression that matches within such a literal, without a look at what follows, matches whatever follows.

use super::{
    Pattern, Rule, RuleId,
    automaton::Automaton,
    expression::{expression, without_lookahead},
    set::distinct,
};
use regex_syntax::hir::{
    Hir,
    literal::{ExtractKind, Extractor},
};

/// A rule that no request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// An earlier rule takes every request that this one would.
    Behind(RuleId),
    /// It matches no path at all: paths begin with `/`.
    Never,
}

/// The rules that no request comes to. Sound, not complete: what is named is unreachable, not all that is unreachable is named.
///
/// Of rules that [`RuleSet::new`](super::RuleSet::new) refuses nothing is said.
#[must_use]
pub fn unreachable_rules(rules: &[Rule]) -> Vec<(RuleId, Unreachable)> {
    let (patterns, pattern_of) = distinct(rules);
    let patterns: Vec<_> = patterns.into_iter().map(|(pattern, _)| pattern).collect();
    let Some(reach) = Reach::new(&patterns) else { return Vec::new() };
    let over: Vec<Option<Vec<usize>>> =
        (0..patterns.len()).map(|pattern| reach.over(pattern)).collect();
    let mut rules_of: Vec<Vec<(RuleId, &Rule)>> = vec![Vec::new(); patterns.len()];
    let mut unreachable = Vec::new();
    for ((id, rule), pattern) in (0..).map(RuleId).zip(rules).zip(&pattern_of) {
        match over.get(*pattern) {
            Some(Some(wider)) => {
                let earlier = wider.iter().filter_map(|wider| rules_of.get(*wider)).flatten();
                let wider = earlier.filter(|(_, earlier)| is_as_wide(earlier, rule));
                if let Some((first, _)) = wider.min_by_key(|(id, _)| *id) {
                    unreachable.push((id, Unreachable::Behind(*first)));
                }
            }
            Some(None) | None => unreachable.push((id, Unreachable::Never)),
        }
        if let Some(rules) = rules_of.get_mut(*pattern) {
            rules.push((id, rule));
        }
    }
    unreachable
}

/// Whether `wide` takes all hosts and methods of `narrow`.
fn is_as_wide(wide: &Rule, narrow: &Rule) -> bool {
    let (wide, narrow) = (&wide.when, &narrow.when);
    let hosts = wide.hosts.is_empty()
        || !narrow.hosts.is_empty()
            && narrow.hosts.iter().all(|host| wide.hosts.iter().any(|wide| wide.covers(host)));
    let methods = wide.methods.is_empty()
        || !narrow.methods.is_empty()
            && narrow.methods.iter().all(|method| wide.methods.contains(method));
    hosts && methods
}

struct Reach<'a> {
    patterns: &'a [&'a Pattern],
    expressions: Vec<Hir>,
    /// The expressions.
    whole: Automaton,
    /// The expressions as far as they don't look ahead.
    settled: Automaton,
}

impl<'a> Reach<'a> {
    fn new(patterns: &'a [&'a Pattern]) -> Option<Self> {
        let expressions: Vec<_> =
            patterns.iter().map(|pattern| expression(pattern).ok()).collect::<Option<_>>()?;
        let settled: Vec<_> = expressions.iter().map(without_lookahead).collect();
        Some(Self {
            patterns,
            whole: Automaton::new(&expressions).ok()?,
            settled: Automaton::new(&settled).ok()?,
            expressions,
        })
    }

    /// The patterns that match all that this one matches, itself among them; `None` if it matches nothing.
    fn over(&self, pattern: usize) -> Option<Vec<usize>> {
        if self.whole.agreement(pattern, b"/") == 0 {
            return None;
        }
        let mut over = match self.patterns.get(pattern)? {
            // The path alone, which is one target, and the path with whatever query.
            Pattern::Exact(path) => {
                let queried = self.settled_by(format!("{path}?").as_bytes());
                common(matches(&self.whole, path.as_bytes()), &queried)
            }
            Pattern::Prefix(path) => self.settled_by(path.as_bytes()),
            Pattern::Regex(_) => beginnings(self.expressions.get(pattern)?)
                .iter()
                .map(|literal| self.settled_by(literal))
                .reduce(|over, others| common(over, &others))?,
        };
        if !over.contains(&pattern) {
            over.push(pattern);
        }
        Some(over)
    }

    /// The patterns that match every target that begins so.
    fn settled_by(&self, beginning: &[u8]) -> Vec<usize> {
        matches(&self.settled, beginning)
    }
}

fn matches(automaton: &Automaton, target: &[u8]) -> Vec<usize> {
    let mut matches = Vec::new();
    automaton.each_match(target, |pattern| matches.push(pattern));
    matches.sort_unstable();
    matches.dedup();
    matches
}

fn common(mut these: Vec<usize>, those: &[usize]) -> Vec<usize> {
    these.retain(|pattern| those.binary_search(pattern).is_ok());
    these
}

/// Texts one of which every target that the expression matches begins with. None of them: it matches nothing.
fn beginnings(expression: &Hir) -> Vec<Vec<u8>> {
    let any = || vec![b"/".to_vec()];
    let mut extractor = Extractor::new();
    extractor.kind(ExtractKind::Prefix).limit_literal_len(1000);
    let found = extractor.extract(expression);
    let Some(literals) = found.literals() else { return any() };
    if literals.iter().any(|literal| literal.is_empty()) {
        return any();
    }
    // What begins with something else than `/` is no target.
    literals
        .iter()
        .map(|literal| literal.as_bytes().to_vec())
        .filter(|literal| literal.starts_with(b"/"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::tests::{at, by_path, by_regex};
    use http::Method;

    #[test]
    fn a_rule_behind_a_wider_one_is_named() {
        let path = by_path;
        let regex = by_regex;
        let cases = [
            (path("/a"), path("/a"), true),
            (path("/a"), path("/b"), false),
            (path("/a"), path("/a*"), false),
            (path("/a*"), path("/a"), true),
            (path("/a*"), path("/ab*"), true),
            (path("/ab*"), path("/a*"), false),
            (path("/*"), regex("^/blog/"), true),
            (path("/*"), regex(".*"), true),
            (path("/*"), regex("[^x]"), true),
            (path("/blog/*"), regex("^/blog/(new|old)/[0-9]+"), true),
            (path("/blog/*"), regex("^/blog"), false),
            (path("/blog/*"), regex("^/(blog|shop)/"), false),
            (path("/blog*"), regex("^/blog(s|/)"), true),
            (path("/a"), regex(r"^/a\?"), true),
            (regex(r"^/a\?"), path("/a"), false),
            (path("/a"), regex("^/a$"), false),
            (regex("^/"), path("/*"), true),
            (regex("^/.*"), path("/a"), true),
            (regex("^/.+"), path("/*"), false),
            (regex("^/.+"), path("/a"), true),
            (regex("^/blog/"), regex("^/blog/new"), true),
            (regex("^/blog/new"), regex("^/blog/"), false),
            (regex("^/(a|b)"), regex("^/[ab]c"), true),
            (regex("^/[ab]"), regex("^/[abc]"), false),
            (regex("(?i)^/blog"), regex("^/BLOG/1"), true),
            (regex("^/blog"), regex("(?i)^/blog"), false),
            (regex("^/a$"), path("/a"), false),
            (regex(r"^/a(\?|$)"), path("/a"), true),
            (regex(r"^/a\b"), regex("^/a$"), false),
            (regex("^/a$"), regex("^/a$"), true),
            (regex("^/a(b|$)"), regex("^/ab"), true),
            (regex("^/blog/$"), path("/blog/*"), false),
        ];
        for (first, second, expected) in cases {
            let rules = [first, second];
            let behind = vec![(RuleId(1), Unreachable::Behind(RuleId(0)))];
            let expected = if expected { behind } else { Vec::new() };
            let [first, second] = rules.each_ref().map(|rule| &rule.when.pattern);
            assert_eq!(unreachable_rules(&rules), expected, "{first} before {second}");
        }
    }

    #[test]
    fn hosts_and_methods_have_to_be_as_wide() {
        let (get, post) = (Method::GET, Method::POST);
        let get_post: &[Method] = &[get.clone(), post];
        let get: &[Method] = &[get];
        type Conditions<'a> = (&'a [&'a str], &'a [Method]);
        let cases: &[(Conditions<'_>, Conditions<'_>, bool)] = &[
            ((&[], &[]), (&[], &[]), true),
            ((&[], &[]), (&["a.example"], get), true),
            ((&["a.example"], &[]), (&[], &[]), false),
            ((&["a.example"], &[]), (&["a.example"], &[]), true),
            ((&["a.example"], &[]), (&["a.example", "b.example"], &[]), false),
            ((&["a.example", "*.b.example"], &[]), (&["x.b.example", "a.example"], &[]), true),
            ((&["*.example"], &[]), (&["*.a.example"], &[]), true),
            ((&["*.a.example"], &[]), (&["*.example"], &[]), false),
            ((&[], get), (&[], &[]), false),
            ((&[], get), (&[], get), true),
            ((&[], get), (&[], get_post), false),
            ((&[], get_post), (&[], get), true),
        ];
        for (wide, narrow, expected) in cases {
            let rules = [wide, narrow].map(|(hosts, methods)| at(by_path("/*"), hosts, methods));
            assert_eq!(!unreachable_rules(&rules).is_empty(), *expected, "{wide:?} {narrow:?}");
        }
    }

    #[test]
    fn a_rule_that_matches_no_path_is_named() {
        let cases = [
            ("blog", true),
            ("^blog/", true),
            ("[a-z]+/", true),
            (r"[^\s\S]", true),
            ("^$", true),
            ("^/?blog", false),
            ("", false),
            ("/", false),
            (".", false),
            ("(/|a)", false),
        ];
        for (source, expected) in cases {
            let mut rule = by_path("/");
            rule.when.pattern = Pattern::Regex(source.to_owned());
            let expected =
                if expected { vec![(RuleId(0), Unreachable::Never)] } else { Vec::new() };
            assert_eq!(unreachable_rules(&[rule]), expected, "{source}");
        }
    }

    #[test]
    fn the_first_of_several_wider_rules_is_named() {
        let rules = [
            at(by_path("/a/*"), &["a.example"], &[]),
            by_path("/a/b"),
            by_path("/a/*"),
            by_path("/*"),
            by_path("/a/b"),
            by_path("/a/c"),
        ];
        let expected = [
            (RuleId(4), Unreachable::Behind(RuleId(1))),
            (RuleId(5), Unreachable::Behind(RuleId(2))),
        ];
        assert_eq!(unreachable_rules(&rules), expected);
    }

    #[test]
    fn long_paths_are_told_apart_to_their_end() {
        let long = "a".repeat(3000);
        let rules = [by_path(&format!("/{long}b*")), by_path(&format!("/{long}*"))];
        assert_eq!(unreachable_rules(&rules), []);
    }
}
