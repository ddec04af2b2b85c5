//! Tables of nginx (`map`): what the site's host is, which kind the URL's page is, whether the request is for it.
//!
//! A table that nginx can't finish (an expression with too many steps) gives its `default`, which leaves the request to Larder in all
//! of them. So does everything that no row speaks of.

use larder_policy::published::KeyStyle;
use larder_policy::rule::HostPattern;

use super::Text;
use crate::nginx_conf::hosts::split_port;
use crate::nginx_conf::plan::{Memcached, Plan};
use crate::nginx_conf::quote;
use crate::nginx_conf::visitors::{Compared, cookie_expressions};

/// Whether keys take a module that nginx does not come with.
pub(super) fn needs_module(memcached: &Memcached) -> bool {
    memcached.keys.style == KeyStyle::DjangoNginxMemcache
}

pub(super) fn write(plan: &Plan, out: &mut Text) {
    upstreams(plan, out);
    out.say("", &["For WebSockets."]);
    let upgrade = [("default", "upgrade"), ("''", "''")];
    out.map("$http_upgrade", &format!("{}_connection", plan.name), &rows(&upgrade));
    hosts(plan, out);
    let Some(memcached) = &plan.memcached else { return };
    if memcached.fields.iter().any(|(_, value)| value.as_bytes().contains(&b'$')) {
        out.say("", &["A `$` where nginx would look for a variable."]);
        out.line(&format!("geo ${}_dollar {{\n    default \"$\";\n}}\n", plan.name));
    }
    pages(plan, out);
    if plan.has_versions() {
        versions(plan, memcached, out);
    }
    visitors(plan, out);
    lookup(plan, memcached, out);
}

fn rows(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn upstreams(plan: &Plan, out: &mut Text) {
    let name = &plan.name;
    out.line(&format!("upstream {name} {{"));
    if plan.applications.is_empty() {
        out.line(&format!("    server {};", plan.larder));
    } else {
        // One failure is enough: it is tried again a second later.
        out.line(&format!("    server {} max_fails=1 fail_timeout=1s;", plan.larder));
        for application in &plan.applications {
            out.line(&format!("    server {application} backup;    # while Larder is away"));
        }
    }
    out.line("    keepalive 32;\n}\n");
    let Some(memcached) = &plan.memcached else { return };
    out.line(&format!("upstream {name}_memcached {{"));
    if memcached.servers.len() > 1 {
        out.line("    # By the same hash Larder knows which server nginx will ask. Neither order nor spelling may differ.");
        out.line("    hash $memcached_key consistent;");
    }
    for server in &memcached.servers {
        out.line(&format!("    server {server} max_fails=1 fail_timeout=1s;"));
    }
    out.line("    keepalive 32;\n}\n");
}

/// The hosts, each in the one spelling that its pages' keys have.
fn hosts(plan: &Plan, out: &mut Text) {
    out.say("", &[
        "The site's hosts in the one spelling that keys have. Every other one, a host in another spelling or with another port, and",
        "a URL that names another host than the field does, is Larder's to answer (421, or its default_host).",
    ]);
    let mut table = vec![("default".to_owned(), "\"\"".to_owned())];
    for class in &plan.hosts.classes {
        match &class.pattern {
            HostPattern::Exact(host) => {
                let (name, _) = split_port(host);
                table.push((quote::key(&format!("{name} {host}")), quote::literal(host)));
            }
            HostPattern::Below(host) => {
                let (name, port) = split_port(host);
                let expression =
                    format!("~*^((?:[a-z0-9_-]+\\.)+{}) \\1", quote::in_expression(name));
                let (with, value) = port.map_or_else(
                    || (String::new(), "$host".to_owned()),
                    |port| (format!("\\x3a{port}"), format!("\"${{host}}:{port}\"")),
                );
                table.push((format!("\"{expression}{with}$\""), value));
            }
        }
    }
    out.map("\"$host $http_host\"", &format!("{}_host", plan.name), &table);
    out.say("", &["As which host Larder is asked."]);
    let own = format!("${}_host", plan.name);
    let table = [("default".to_owned(), own.clone()), ("\"\"".to_owned(), "$host".to_owned())];
    out.map(&own, &format!("{}_asked", plan.name), &table);
}

/// The rules: which kind the page of a URL is.
fn pages(plan: &Plan, out: &mut Text) {
    let name = &plan.name;
    let single = plan.hosts.tables.len() == 1;
    for (number, table) in plan.hosts.tables.iter().enumerate() {
        let target =
            if single { format!("{name}_rule") } else { format!("{name}_rule_{}", number + 1) };
        if number == 0 {
            out.say("", &[
                "The rules in their order, as far as pages are published: the first that fits decides, over path and query as they",
                "were sent. \"\" leaves a URL to Larder, a number is the kind of its page.",
            ]);
        }
        out.line(&format!("map $request_uri ${target} {{"));
        out.line("    default \"\";");
        let longest = plan.memcached.as_ref().map_or(0, |memcached| memcached.longest_target());
        out.line(&format!("    \"~^.{{{}}}\" \"\";    # too long for a key", longest + 1));
        let known = |place: &&usize| plan.kinds.rules.get(**place).is_some_and(Option::is_some);
        let has_kind = |place: &usize| {
            plan.kinds
                .rules
                .get(*place)
                .and_then(Option::as_ref)
                .is_some_and(|rule| rule.kind.is_some())
        };
        // Behind the last rule with pages here, everything is Larder's.
        let count = table.iter().rposition(has_kind).map_or(0, |last| last + 1);
        for &place in table.iter().take(count).filter(known) {
            rule(plan, place, out);
        }
        out.line("}\n");
    }
    out.say("", &["Which rules a host has."]);
    let variable = |table: usize| {
        if single { format!("${name}_rule") } else { format!("${name}_rule_{}", table + 1) }
    };
    let mut table = vec![("default".to_owned(), "\"\"".to_owned())];
    for class in &plan.hosts.classes {
        let key = match &class.pattern {
            HostPattern::Exact(host) => quote::key(host),
            HostPattern::Below(host) => format!("\"~.\\.{}$\"", quote::in_expression(host)),
        };
        table.push((key, variable(class.table)));
    }
    out.map(&format!("${name}_host"), &format!("{name}_page"), &table);
}

fn rule(plan: &Plan, place: usize, out: &mut Text) {
    let Some(Some(rule)) = plan.kinds.rules.get(place) else { return };
    if let Some(line) = plan.lines.get(place) {
        out.line(&format!("    # {}", quote::comment(line)));
    }
    if let Some(why) = &rule.why {
        out.line(&format!("    # Left to Larder: {}.", quote::comment(why)));
    } else if !rule.pcre.exact {
        out.line("    # Wider than the rule, which nginx might not come to an end with.");
    }
    let value = rule.kind.map_or_else(
        || "\"\"".to_owned(),
        |kind| {
            let versioned = plan.kinds.kinds.get(kind).is_some_and(|kind| kind.versioned);
            format!("{}{}", if versioned { "v" } else { "" }, kind + 1)
        },
    );
    out.line(&format!("    \"~^(?:{})\" {value};", rule.pcre.text));
}

fn versions(plan: &Plan, memcached: &Memcached, out: &mut Text) {
    out.say("", &[
        "The page version that the visitor says they have, which the site trusts (danger.trust_page_version_cookie).",
        "The cookie's whole name and value: neither another cookie that ends in this name nor a part of a value is one.",
    ]);
    let cookie = quote::in_expression(&memcached.keys.cookie);
    let expression = format!("\"~(?:^|;)[ ]*{cookie}=([A-Za-z0-9_.-]{{1,64}})[ ]*(?:;|$)\"");
    // In keys that can be read, a version ends in a colon.
    let value = if needs_module(memcached) { "$1" } else { "\"$1:\"" };
    let table = [("default".to_owned(), "\"\"".to_owned()), (expression, value.to_owned())];
    out.map("$http_cookie", &format!("{}_version", plan.name), &table);
}

/// By what a request is seen to be for no page that all share.
fn visitors(plan: &Plan, out: &mut Text) {
    let name = &plan.name;
    out.say("", &["Only GET and HEAD ask for a page."]);
    let mut methods = rows(&[("default", "1"), ("GET", "\"\"")]);
    if plan.kinds.head_as_get {
        methods.push(("HEAD".to_owned(), "\"\"".to_owned()));
    }
    out.map("$request_method", &format!("{name}_method"), &methods);
    for (what, names, compared, says) in [
        (
            "session",
            &plan.session_cookies,
            Compared::Loosely,
            "Whoever may have a session: identity.session_cookies.",
        ),
        (
            "bypass",
            &plan.bypass_cookies,
            Compared::Exactly,
            "Whoever is to have pages of their own: identity.bypass_cookies.",
        ),
    ] {
        if names.as_slice().is_empty() {
            continue;
        }
        out.say("", &[says]);
        let mut table = rows(&[("default", "1"), ("\"\"", "\"\"")]);
        for expression in cookie_expressions(names, compared) {
            table.push((expression, "1".to_owned()));
        }
        table.push(("\"~^\"".to_owned(), "\"\"".to_owned()));
        out.map("$http_cookie", &format!("{name}_{what}"), &table);
    }
    if !plan.signs.is_empty() {
        out.say("", &["Scripts get pages of their own, if any: xhr.signs."]);
    }
    for (number, sign) in plan.signs.iter().enumerate() {
        let table = [("default".to_owned(), "\"\"".to_owned()), (sign.key.clone(), "1".to_owned())];
        out.map(&format!("\"{}\"", sign.source), &format!("{name}_script_{}", number + 1), &table);
    }
}

/// What is looked up in the end.
fn lookup(plan: &Plan, memcached: &Memcached, out: &mut Text) {
    let name = &plan.name;
    let mut doubts = format!("${name}_method");
    if !plan.bypass_cookies.as_slice().is_empty() {
        doubts.push_str(&format!("${name}_bypass"));
    }
    for number in 1..=plan.signs.len() {
        doubts.push_str(&format!("${name}_script_{number}"));
    }
    if needs_module(memcached) {
        out.say("", &["These keys do not tell http from https: only pages by one of them are published, and looked up."]);
        let table = rows(&[("default", "1"), (memcached.keys.scheme.as_str(), "\"\"")]);
        out.map("$scheme", &format!("{name}_scheme"), &table);
        doubts.push_str(&format!("${name}_scheme"));
    }
    doubts.push_str("$http_authorization$http_upgrade$content_length$http_transfer_encoding");
    if plan.honours_directives {
        doubts.push_str("$http_cache_control$http_pragma");
    }
    let target = format!("{name}_lookup");
    let session = if plan.session_cookies.as_slice().is_empty() {
        String::new()
    } else {
        format!("${name}_session")
    };
    if !plan.has_versions() {
        out.say("", &["Which kind of page is looked up: that of the rule, for whom nothing speaks against it."]);
        let page = format!("${name}_page");
        let table = [("default".to_owned(), "\"\"".to_owned()), ("\"\"".to_owned(), page)];
        out.map(&format!("\"{doubts}{session}\""), &target, &table);
        return;
    }
    out.say("", &[
        "Which kind of page is looked up: that of the rule, for whom nothing speaks against it. Visitors with a session get pages",
        "with versions only, and only with one.",
    ]);
    let table = rows(&[
        ("default", "\"\""),
        ("\"~^ [^ ]* v?([0-9]+)$\"", "$1"),
        ("\"~^1 [^ ]+ v([0-9]+)$\"", "$1"),
    ]);
    out.map(&format!("\"{doubts}{session} ${name}_version ${name}_page\""), &target, &table);
}
