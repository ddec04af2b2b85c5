//! Which of the site's hosts have which rules?
//!
//! nginx finds the rule of a URL in one table for each set of rules that some host has: a rule with `host` is in the tables of its
//! hosts only, so that the first match is the same as Larder's.

use larder_policy::rule::HostPattern;
use larder_policy::{Rule, RuleSet};

/// A host, or all below a name, that are not covered by one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostClass {
    /// Which.
    pub(super) pattern: HostPattern,
    /// Which table is theirs.
    pub(super) table: usize,
}

/// Hosts, most particular first, and the tables: for each the places of its rules.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hosts {
    pub(super) classes: Vec<HostClass>,
    pub(super) tables: Vec<Vec<usize>>,
}

/// Puts the hosts of a site in order.
pub(super) fn hosts(site: &[HostPattern], rules: &RuleSet) -> Hosts {
    let mut patterns = site.to_vec();
    for host in rules.iter().flat_map(|rule| &rule.when.hosts) {
        if !patterns.contains(host) && site.iter().any(|own| own.covers(host)) {
            patterns.push(host.clone());
        }
    }
    // A host before what is below a name, a longer name before a shorter: the first that fits is the most particular.
    patterns.sort_by_key(|pattern| match pattern {
        HostPattern::Exact(_) => (0, 0),
        HostPattern::Below(name) => (1, usize::MAX - name.len()),
    });
    let mut tables: Vec<Vec<usize>> = Vec::new();
    let mut classes = Vec::new();
    for pattern in patterns {
        let is_its = |rule: &Rule| {
            let hosts = &rule.when.hosts;
            hosts.is_empty() || hosts.iter().any(|host| host.covers(&pattern))
        };
        let own: Vec<_> =
            rules.iter().enumerate().filter(|(_, rule)| is_its(rule)).map(|(at, _)| at).collect();
        let table = tables.iter().position(|table| *table == own).unwrap_or_else(|| {
            tables.push(own);
            tables.len() - 1
        });
        classes.push(HostClass { pattern, table });
    }
    Hosts { classes, tables }
}

/// A host without its port, and the port.
pub(super) fn split_port(host: &str) -> (&str, Option<&str>) {
    let is_number = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match host.rsplit_once(':') {
        Some((name, port)) if is_number(port) => (name, Some(port)),
        Some(_) | None => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use larder_config::Config;

    use super::*;

    #[test]
    fn a_table_for_each_set_of_rules_and_the_most_particular_host_first() {
        let text = r#"
            upstream = "http://127.0.0.1:8000"
            hosts = ["*.b.test", "a.test", "c.test:8443"]
            [[rule]]
            path = "/1"
            pass = true
            [[rule]]
            host = "x.b.test"
            path = "/2"
            pass = true
            [[rule]]
            host = ["*.y.b.test", "elsewhere.test"]
            path = "/3"
            pass = true
            [[rule]]
            host = "*.b.test"
            path = "/4"
            pass = true
        "#;
        let config = Config::from_toml("larder.toml", text).unwrap();
        let hosts = hosts(&config.front.hosts, &config.policy.rules);
        let classes: Vec<_> =
            hosts.classes.iter().map(|class| (class.pattern.to_string(), class.table)).collect();
        let expected = [
            ("a.test", 0),
            ("c.test:8443", 0),
            ("x.b.test", 1),
            ("*.y.b.test", 2),
            ("*.b.test", 3),
        ];
        assert_eq!(classes, expected.map(|(host, table)| (host.to_owned(), table)));
        assert_eq!(hosts.tables, [vec![0], vec![0, 1, 3], vec![0, 2, 3], vec![0, 3]]);
    }

    #[test]
    fn only_a_number_is_a_port() {
        assert_eq!(split_port("a.test:8443"), ("a.test", Some("8443")));
        assert_eq!(split_port("a.test"), ("a.test", None));
        assert_eq!(split_port("[::1]"), ("[::1]", None));
        assert_eq!(split_port("[::1]:80"), ("[::1]", Some("80")));
    }
}
