//! `larder purge`: makes a running Larder forget pages.
//!
//! One request to the admin listener of `larder serve` ([purging.md](../../docs/purging.md)); everything is decided there.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::admin::At;
use crate::arguments::{Purge, PurgeWhat};
use crate::output;

/// Refused, or not reached.
const EXIT_REFUSED: u8 = 1;

/// In force in memory, and accepted for what is published, but not complete.
const EXIT_ACCEPTED: u8 = 3;

/// Purges; 1 when it was refused or nobody was there, 2 when the order makes no sense, 3 when it is accepted and not complete.
pub(crate) fn run(arguments: &Purge) -> ExitCode {
    let body = match order(arguments) {
        Ok(body) => body,
        Err(fault) => return output::fail(&fault),
    };
    let at = match At::of(&arguments.admin) {
        Ok(at) => at,
        Err(fault) => return output::fail(&fault),
    };
    if arguments.what.all && !arguments.yes && !confirmed(at.address) {
        output::complain(&"nothing was purged");
        return ExitCode::from(EXIT_REFUSED);
    }
    match at.ask("/purge", &body.to_string()) {
        Ok((200, answer)) => {
            let text = if arguments.json { answer.to_string() } else { said(&answer) };
            output::say(&text);
            ExitCode::SUCCESS
        }
        Ok((202, answer)) => {
            let text = if arguments.json { answer.to_string() } else { said(&answer) };
            output::say(&text);
            for why in unreached(&answer) {
                output::complain(&format!("accepted, not complete: {why}"));
            }
            ExitCode::from(EXIT_ACCEPTED)
        }
        Ok((status, answer)) => {
            if arguments.json {
                output::say(&answer.to_string());
            }
            let detail = answer.get("detail").and_then(Value::as_str);
            let detail = detail.map_or_else(|| unreached(&answer).join("; "), str::to_owned);
            output::complain(&format!("refused with {status}: {detail}"));
            ExitCode::from(EXIT_REFUSED)
        }
        Err(fault) => {
            output::complain(&format!("{}: {fault}", at.address));
            ExitCode::from(EXIT_REFUSED)
        }
    }
}

/// The order as the admin listener takes it.
fn order(arguments: &Purge) -> Result<Value, String> {
    let PurgeWhat { urls, prefix, host, tags, groups, origin, regex, content_type, all } =
        &arguments.what;
    let mut order = Map::new();
    let mut put = |name: &str, value: Value| order.insert(name.to_owned(), value);
    let mut said = 0;
    if !urls.is_empty() {
        said += 1;
        put("urls", json!(urls));
        put("query", json!(if arguments.exact_query { "exact" } else { "all" }));
    } else if arguments.exact_query {
        return Err("--exact-query is about URLs: name one".to_owned());
    }
    if let Some(prefix) = prefix {
        said += 1;
        put("prefix", json!(prefix));
    }
    if !tags.is_empty() {
        said += 1;
        put("tags", json!(tags));
    }
    if !groups.is_empty() {
        said += 1;
        put("groups", json!(groups));
        put("origin", json!(origin));
    }
    if *all {
        said += 1;
        put("all", json!(true));
    }
    let is_pattern = regex.is_some() || content_type.is_some();
    if is_pattern {
        said += 1;
        put("pattern", pattern(arguments));
    }
    if let Some(host) = host.as_ref().filter(|_| !is_pattern) {
        said += usize::from(tags.is_empty());
        put("host", json!(host));
    }
    match said {
        0 => return Err("nothing to purge: name URLs, or see larder purge --help".to_owned()),
        1 => {}
        _ => return Err("these are several purges: call larder purge for each".to_owned()),
    }
    put("soft", json!(arguments.soft));
    put("wait", json!(!arguments.no_wait));
    if arguments.warm {
        put("warm", json!(true));
    }
    Ok(Value::Object(order))
}

/// Of URLs the expression sees path and query. A host beside it is that very host.
fn pattern(arguments: &Purge) -> Value {
    let PurgeWhat { host, regex, content_type, .. } = &arguments.what;
    let mut pattern = Map::new();
    if let Some(host) = host {
        let literal =
            host.to_ascii_lowercase().replace('.', "\\.").replace('[', "\\[").replace(']', "\\]");
        pattern.insert("host".to_owned(), json!(format!("^{literal}$")));
    }
    for (name, source) in [("url", regex), ("content_type", content_type)] {
        if let Some(source) = source {
            pattern.insert(name.to_owned(), json!(source));
        }
    }
    Value::Object(pattern)
}

/// Only people are asked, and only where they can answer.
fn confirmed(address: SocketAddr) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return true;
    }
    let _closed = write!(io::stderr(), "Purge every page of {address}? [y/N] ");
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}

/// The answer in a line for people.
fn said(answer: &Value) -> String {
    let count = |name: &str| answer.pointer(&format!("/purged/{name}")).and_then(Value::as_u64);
    let is_exact = answer.pointer("/purged/counted").and_then(Value::as_str) == Some("exact");
    let about = if is_exact { "" } else { "about " };
    let (pages, variants) = (count("pages").unwrap_or(0), count("variants").unwrap_or(0));
    let noun = |count, one: &str| if count == 1 { one.to_owned() } else { format!("{one}s") };
    let again = match answer.get("warm") {
        None => String::new(),
        Some(warm) => match warm.get("queued").and_then(Value::as_u64) {
            Some(queued) => format!("; {queued} will be fetched again"),
            None => "; they will be fetched again".to_owned(),
        },
    };
    let mut text = format!(
        "purged {about}{pages} {}, {variants} {}{again}",
        noun(pages, "page"),
        noun(variants, "variant")
    );
    if let Some(published) = answer.pointer("/published/pages").and_then(Value::as_u64) {
        text.push_str(&format!("; published: {published} {}", noun(published, "page")));
        let servers = answer.pointer("/published/servers").and_then(Value::as_array);
        for server in servers.into_iter().flatten() {
            let name = server.get("server").and_then(Value::as_str).unwrap_or_default();
            let of = |name: &str| server.get(name).and_then(Value::as_u64).unwrap_or(0);
            text.push_str(&format!(
                "\n  {name}: {} deleted, {} absent",
                of("deleted"),
                of("absent")
            ));
            if of("left") > 0 {
                text.push_str(&format!(", {} may still be there", of("left")));
            }
        }
    }
    text
}

/// Where a purge did not get to, and why.
fn unreached(answer: &Value) -> Vec<String> {
    let list = answer.get("not_reached").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn parsed(line: &str) -> Purge {
        let words = ["larder", "purge"].into_iter().chain(line.split_whitespace());
        let parsed = Arguments::try_parse_from(words).expect(line);
        let Command::Purge(purge) = parsed.command else { panic!("{line} is a purge") };
        purge
    }

    #[test]
    fn the_command_line_becomes_an_order() {
        let cases = [
            (
                "https://a/ https://a/b --exact-query",
                json!({"urls": ["https://a/", "https://a/b"], "query": "exact", "soft": false, "wait": true}),
            ),
            ("--all --warm", json!({"all": true, "soft": false, "wait": true, "warm": true})),
            (
                "https://a/ --soft --no-wait",
                json!({"urls": ["https://a/"], "query": "all", "soft": true, "wait": false}),
            ),
            ("--prefix /blog/", json!({"prefix": "/blog/", "soft": false, "wait": true})),
            ("--host a.b", json!({"host": "a.b", "soft": false, "wait": true})),
            (
                "--tag a --tag b --host a.b",
                json!({"tags": ["a", "b"], "host": "a.b", "soft": false, "wait": true}),
            ),
            (
                "--group g --origin https://a",
                json!({"groups": ["g"], "origin": "https://a", "soft": false, "wait": true}),
            ),
            (
                "--regex ^/x --content-type ^text/ --host A.b",
                json!({"pattern": {"url": "^/x", "content_type": "^text/", "host": "^a\\.b$"}, "soft": false, "wait": true}),
            ),
            ("--all", json!({"all": true, "soft": false, "wait": true})),
        ];
        for (line, expected) in cases {
            assert_eq!(order(&parsed(line)), Ok(expected), "{line}");
        }
    }

    #[test]
    fn orders_that_make_no_sense_are_not_sent() {
        for line in ["", "--all --tag a", "https://a/ --prefix /b", "--exact-query --all"] {
            assert!(order(&parsed(line)).is_err(), "{line}");
        }
        let alone = ["larder", "purge", "--group", "g"];
        assert!(Arguments::try_parse_from(alone).is_err(), "a group is of an origin");
    }

    #[test]
    fn answers_are_one_line() {
        let answer = |pages, variants, counted| {
            said(&json!({"purged": {"pages": pages, "variants": variants, "counted": counted}}))
        };
        assert_eq!(answer(1, 2, "exact"), "purged 1 page, 2 variants");
        assert_eq!(answer(0, 0, "exact"), "purged 0 pages, 0 variants");
        assert_eq!(answer(9000, 9001, "estimate"), "purged about 9000 pages, 9001 variants");
        let warmed = json!({"purged": {"pages": 2, "variants": 2, "counted": "exact"}, "warm": {"queued": 2}});
        assert_eq!(said(&warmed), "purged 2 pages, 2 variants; 2 will be fetched again");
        let published = json!({
            "purged": {"pages": 1, "variants": 1, "counted": "exact"},
            "published": {
                "pages": 3,
                "servers": [
                    {"server": "10.0.0.1:11211", "deleted": 2, "absent": 1, "left": 0},
                    {"server": "10.0.0.2:11211", "deleted": 0, "absent": 0, "left": 4},
                ],
            },
        });
        assert_eq!(
            said(&published),
            "purged 1 page, 1 variant; published: 3 pages\n  10.0.0.1:11211: 2 deleted, 1 absent\n  \
             10.0.0.2:11211: 0 deleted, 0 absent, 4 may still be there"
        );
    }
}
