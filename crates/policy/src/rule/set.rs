//! Which rule is a request's? One pass over the URL, however many rules there are.

use super::{HostPattern, Pattern, Rule, automaton::Automaton, expression::expression};
use http::Method;
use std::collections::HashMap;

/// A request, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// The canonical host.
    pub host: &'a str,
    /// `path?query` as it was sent.
    pub target: &'a str,
}

/// The place of a rule in the file's order, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u32);

/// Why a rule is not a request's, by the first of its conditions that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Its path or expression.
    Pattern,
    /// Its hosts.
    Host,
    /// Its methods.
    Method,
}

/// The rules of a site, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// What finds them; none where there are no rules.
    index: Option<Index>,
}

#[derive(Clone, Debug)]
struct Index {
    /// The distinct patterns.
    patterns: Automaton,
    /// Whose each pattern is.
    candidates: Vec<Candidates>,
    /// The pattern of each rule.
    pattern_of: Vec<usize>,
}

/// The rules of one pattern by host, each list in the order of the file. So a thousand sites that have a rule for `/` each cost no more
/// than one.
#[derive(Clone, Debug, Default)]
struct Candidates {
    anywhere: Vec<u32>,
    at: HashMap<String, Vec<u32>>,
    below: HashMap<String, Vec<u32>>,
}

impl RuleSet {
    /// Compiles the rules. Their patterns have been checked one by one.
    ///
    /// # Errors
    /// For people: they are too large together, or one that was not checked is wrong.
    pub fn new(rules: Vec<Rule>) -> Result<Self, String> {
        let index = if rules.is_empty() { None } else { Some(Index::new(&rules)?) };
        Ok(Self { rules, index })
    }

    /// The rule of a request: the first that matches. A target that does not begin with `/` has none.
    #[must_use]
    pub fn find(&self, asked: &Asked<'_>) -> Option<(RuleId, &Rule)> {
        let index = self.index.as_ref()?;
        if !is_path(asked) {
            return None;
        }
        let mut first = None;
        index.patterns.each_match(asked.target.as_bytes(), |pattern| {
            if let Some(candidates) = index.candidates.get(pattern) {
                candidates.improve(&mut first, asked.host, |rule| {
                    self.get(RuleId(rule)).is_some_and(|rule| takes_method(rule, asked.method))
                });
            }
        });
        let id = RuleId(first?);
        Some((id, self.get(id)?))
    }

    /// The rule at a place.
    #[must_use]
    pub fn get(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.0 as usize)
    }

    /// All rules, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.iter()
    }

    /// Why a rule is not a request's; `None` if it would be, were it the first. A place without a rule matches nothing.
    #[must_use]
    pub fn mismatch(&self, id: RuleId, asked: &Asked<'_>) -> Option<Mismatch> {
        match self.get(id) {
            Some(rule) => Met::by(rule, self.matching(asked).get(id.0 as usize), asked).mismatch(),
            None => Some(Mismatch::Pattern),
        }
    }

    /// Among the rules before `before` (all, if that is `None`), the one that came nearest to matching, and why it did not: the one with the
    /// most conditions met, and among those the one whose pattern agrees with most of the target.
    #[must_use]
    pub fn nearest(&self, asked: &Asked<'_>, before: Option<RuleId>) -> Option<(RuleId, Mismatch)> {
        let matching = self.matching(asked);
        let count = before.map_or(self.rules.len(), |id| id.0 as usize);
        let mut nearest = None;
        for ((id, rule), matches) in (0..).map(RuleId).zip(&self.rules).zip(&matching).take(count) {
            let met = Met::by(rule, Some(matches), asked);
            let Some(mismatch) = met.mismatch() else { continue };
            let nearness =
                (met.count(), if met.pattern { usize::MAX } else { self.agreement(id, asked) });
            if nearest.is_none_or(|(nearest, _, _)| nearness > nearest) {
                nearest = Some((nearness, id, mismatch));
            }
        }
        nearest.map(|(_, id, mismatch)| (id, mismatch))
    }

    /// Whether each rule's pattern matches.
    fn matching(&self, asked: &Asked<'_>) -> Vec<bool> {
        let mut matching = vec![false; self.rules.len()];
        let Some(index) = self.index.as_ref().filter(|_| is_path(asked)) else { return matching };
        let mut matched = vec![false; index.candidates.len()];
        index.patterns.each_match(asked.target.as_bytes(), |pattern| {
            if let Some(matched) = matched.get_mut(pattern) {
                *matched = true;
            }
        });
        for (matches, pattern) in matching.iter_mut().zip(&index.pattern_of) {
            *matches = matched.get(*pattern).copied().unwrap_or_default();
        }
        matching
    }

    fn agreement(&self, id: RuleId, asked: &Asked<'_>) -> usize {
        let Some(index) = &self.index else { return 0 };
        let pattern = index.pattern_of.get(id.0 as usize);
        pattern.map_or(0, |pattern| index.patterns.agreement(*pattern, asked.target.as_bytes()))
    }
}

impl Index {
    fn new(rules: &[Rule]) -> Result<Self, String> {
        let (patterns, pattern_of) = distinct(rules);
        let mut expressions = Vec::with_capacity(patterns.len());
        for (pattern, rule) in &patterns {
            let fault = |error| format!("{}: {error}", rule.place);
            expressions.push(expression(pattern).map_err(fault)?);
        }
        let mut candidates = vec![Candidates::default(); patterns.len()];
        for ((id, rule), pattern) in (0..).zip(rules).zip(&pattern_of) {
            if let Some(candidates) = candidates.get_mut(*pattern) {
                candidates.add(id, rule);
            }
        }
        Ok(Self { patterns: Automaton::new(&expressions)?, candidates, pattern_of })
    }
}

/// The patterns, each with the first rule that has it, and the number of the pattern of each rule.
pub(super) fn distinct(rules: &[Rule]) -> (Vec<(&Pattern, &Rule)>, Vec<usize>) {
    let mut patterns = Vec::new();
    let mut numbers = HashMap::new();
    let pattern_of = rules
        .iter()
        .map(|rule| {
            *numbers.entry(&rule.when.pattern).or_insert_with(|| {
                patterns.push((&rule.when.pattern, rule));
                patterns.len() - 1
            })
        })
        .collect();
    (patterns, pattern_of)
}

impl Candidates {
    fn add(&mut self, id: u32, rule: &Rule) {
        if rule.when.hosts.is_empty() {
            self.anywhere.push(id);
        }
        for host in &rule.when.hosts {
            let list = match host {
                HostPattern::Exact(host) => self.at.entry(host.clone()),
                HostPattern::Below(name) => self.below.entry(name.clone()),
            };
            list.or_default().push(id);
        }
    }

    /// Makes `first` the first rule for the host that is before it and is taken.
    fn improve(&self, first: &mut Option<u32>, host: &str, takes: impl Fn(u32) -> bool) {
        let mut look_in = |list: &[u32]| {
            let earlier = list.iter().take_while(|id| first.is_none_or(|first| **id < first));
            if let Some(id) = earlier.copied().find(|id| takes(*id)) {
                *first = Some(id);
            }
        };
        look_in(&self.anywhere);
        if let Some(list) = self.at.get(host).filter(|_| !self.at.is_empty()) {
            look_in(list);
        }
        if self.below.is_empty() {
            return;
        }
        let mut name = host;
        while let Some((_, above)) = name.split_once('.') {
            if let Some(list) = self.below.get(above) {
                look_in(list);
            }
            name = above;
        }
    }
}

/// Which conditions of a rule hold.
struct Met {
    pattern: bool,
    host: bool,
    method: bool,
}

impl Met {
    fn by(rule: &Rule, matches: Option<&bool>, asked: &Asked<'_>) -> Self {
        let hosts = &rule.when.hosts;
        Self {
            pattern: matches.copied().unwrap_or_default(),
            host: hosts.is_empty() || hosts.iter().any(|host| host.matches(asked.host)),
            method: takes_method(rule, asked.method),
        }
    }

    const fn mismatch(&self) -> Option<Mismatch> {
        if !self.pattern {
            Some(Mismatch::Pattern)
        } else if !self.host {
            Some(Mismatch::Host)
        } else if !self.method {
            Some(Mismatch::Method)
        } else {
            None
        }
    }

    fn count(&self) -> u8 {
        [self.pattern, self.host, self.method].into_iter().map(u8::from).sum()
    }
}

fn takes_method(rule: &Rule, method: &Method) -> bool {
    rule.when.methods.is_empty() || rule.when.methods.contains(method)
}

/// RFC 9112 §3.2: the other forms of a target (`*`, an authority) name no page.
fn is_path(asked: &Asked<'_>) -> bool {
    asked.target.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::tests::{at, by_path, by_regex};

    fn set(rules: Vec<Rule>) -> RuleSet {
        RuleSet::new(rules).unwrap()
    }

    fn found(rules: &RuleSet, method: &Method, host: &str, target: &str) -> Option<u32> {
        rules.find(&Asked { method, host, target }).map(|(id, _)| id.0)
    }

    #[test]
    fn a_pattern_is_held_against_the_beginning_of_path_and_query() {
        let cases = [
            (by_path("/blog"), "/blog", true),
            (by_path("/blog"), "/blog?", true),
            (by_path("/blog"), "/blog?page=2", true),
            (by_path("/blog"), "/blog/", false),
            (by_path("/blog"), "/blogs", false),
            (by_path("/blog"), "/blo", false),
            (by_path("/blog"), "/Blog", false),
            (by_path("/blog*"), "/blog", true),
            (by_path("/blog*"), "/blogs?x", true),
            (by_path("/blog/*"), "/blog", false),
            (by_path("/blog/*"), "/blog/", true),
            (by_path("/*"), "/", true),
            (by_path("/a.b"), "/a.b", true),
            (by_path("/a.b"), "/acb", false),
            (by_regex("^/blog/"), "/blog/1", true),
            (by_regex("/blog/"), "/blog/1", true),
            (by_regex("/blog/"), "/a/blog/1", false),
            (by_regex("blog"), "/blog", false),
            (by_regex("^/blog/$"), "/blog/", true),
            (by_regex("^/blog/$"), "/blog/?a", false),
            (by_regex(r"^/.*\.css(\?|$)"), "/a/b.css", true),
            (by_regex(r"^/.*\.css(\?|$)"), "/a/b.css?v=1", true),
            (by_regex(r"^/.*\.css(\?|$)"), "/a/b.cssx", false),
            (by_regex(r"^/[^?]*\?(.*&)?page="), "/a?b=1&page=2", true),
            (by_regex(r"^/[^?]*\?(.*&)?page="), "/a?homepage=2", false),
            (by_regex("(?i)^/BLOG"), "/blog", true),
            (by_regex(r"^/\w+/"), "/caf%C3%A9/", false),
            (by_regex("^.*$"), "*", false),
            (by_regex("^.*$"), "", false),
        ];
        for (rule, target, expected) in cases {
            let rules = set(vec![rule.clone()]);
            let actual = found(&rules, &Method::GET, "a.example", target).is_some();
            assert_eq!(actual, expected, "{} and {target}", rule.when.pattern);
        }
    }

    #[test]
    fn the_first_rule_whose_conditions_all_hold_wins() {
        let rules = set(vec![
            at(by_path("/blog/*"), &["a.example"], &[]),
            at(by_path("/blog/*"), &["*.example"], &[Method::POST]),
            at(by_regex("^/blog/new"), &[], &[Method::GET]),
            at(by_path("/blog/*"), &["*.a.example", "b.example"], &[]),
            by_path("/blog/*"),
            by_path("/*"),
        ]);
        let cases = [
            (Method::GET, "a.example", "/blog/", Some(0)),
            (Method::POST, "a.example", "/blog/", Some(0)),
            (Method::POST, "b.example", "/blog/new", Some(1)),
            (Method::POST, "c.b.example", "/blog/new", Some(1)),
            (Method::GET, "b.example", "/blog/new", Some(2)),
            (Method::GET, "b.example", "/blog/old", Some(3)),
            (Method::GET, "www.a.example", "/blog/old", Some(3)),
            (Method::GET, "example", "/blog/old", Some(4)),
            (Method::POST, "c.test", "/blog/new", Some(4)),
            (Method::GET, "", "/shop", Some(5)),
            (Method::GET, "a.example", "*", None),
        ];
        for (method, host, target, expected) in cases {
            assert_eq!(found(&rules, &method, host, target), expected, "{method} {host}{target}");
        }
    }

    #[test]
    fn without_rules_nothing_is_found() {
        for rules in [RuleSet::default(), set(Vec::new())] {
            let asked = Asked { method: &Method::GET, host: "a.example", target: "/" };
            assert!(rules.find(&asked).is_none());
            assert_eq!(rules.mismatch(RuleId(0), &asked), Some(Mismatch::Pattern));
            assert_eq!(rules.nearest(&asked, None), None);
        }
    }

    #[test]
    fn the_first_condition_that_fails_is_told() {
        let rules = set(vec![at(by_path("/a*"), &["a.example"], &[Method::GET])]);
        let cases = [
            (Method::POST, "b.example", "/b", Some(Mismatch::Pattern)),
            (Method::POST, "b.example", "/a", Some(Mismatch::Host)),
            (Method::POST, "a.example", "/a", Some(Mismatch::Method)),
            (Method::GET, "a.example", "/a", None),
            (Method::GET, "a.example", "*", Some(Mismatch::Pattern)),
        ];
        for (method, host, target, expected) in cases {
            let asked = Asked { method: &method, host, target };
            assert_eq!(rules.mismatch(RuleId(0), &asked), expected, "{method} {host}{target}");
        }
    }

    #[test]
    fn the_nearest_meets_most_conditions_and_then_agrees_with_most_of_the_target() {
        let rules = set(vec![
            by_path("/shop/*"),
            by_path("/blog/new"),
            by_regex("^/blog/[0-9]+$"),
            at(by_path("/blog/*"), &["a.example"], &[]),
            at(by_path("/blog/*"), &["a.example"], &[Method::POST]),
            by_path("/*"),
        ]);
        let (pattern, host) = (Mismatch::Pattern, Mismatch::Host);
        let cases = [
            ("of those by pattern the longest", "b.example", "/blog/1x", Some(3), (2, pattern)),
            ("the first of equals", "b.example", "/x", None, (0, pattern)),
            ("a whole pattern agrees with all", "b.example", "/blog/1x", Some(5), (3, host)),
            ("one condition less", "a.example", "/blog/1x", Some(5), (4, Mismatch::Method)),
            ("only what is before", "b.example", "/blog/1", Some(1), (0, pattern)),
        ];
        for (name, host, target, before, (id, mismatch)) in cases {
            let asked = Asked { method: &Method::GET, host, target };
            let actual = rules.nearest(&asked, before.map(RuleId));
            assert_eq!(actual, Some((RuleId(id), mismatch)), "{name}: {host}{target}");
        }
        let asked = Asked { method: &Method::GET, host: "a.example", target: "/" };
        assert_eq!(rules.nearest(&asked, Some(RuleId(0))), None, "nothing is before the first");
    }

    #[test]
    fn a_pattern_that_was_not_checked_is_refused_with_its_place() {
        let mut wrong = by_path("/");
        wrong.place = "larder.toml:7".to_owned();
        wrong.when.pattern = Pattern::Regex("(".to_owned());
        let message = RuleSet::new(vec![wrong]).unwrap_err();
        assert!(message.starts_with("larder.toml:7: unclosed group"), "{message}");
    }
}
