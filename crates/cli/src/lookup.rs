//! `larder lookup`: what is published under which names, and what is to be forgotten of it.
//!
//! Reads the table itself, whether Larder runs or not ([publishing.md](../../docs/publishing.md)).

use std::process::ExitCode;
use std::time::Duration;

use larder_cache::{Clock as _, SystemClock};
use larder_config::{Config, Overrides, show_duration};
use larder_lookup::{Eraser, Identifier, Left, Listed, Lookup, Selector, Shown};
use larder_policy::Question;
use larder_publish::Shelf;
use serde_json::{Value, json};

use crate::arguments::{LookupArguments, LookupWhat};
use crate::{check, output};

/// The table, or a server, could not be asked.
const EXIT_FAILED: u8 = 1;

/// Rows that are read in one go.
const PORTION: u32 = 1000;

/// Shows or forgets; 1 when something could not be reached, 2 when the command line makes no sense.
pub(crate) fn run(arguments: &LookupArguments) -> ExitCode {
    let what = match selectors(arguments) {
        Ok(what) => what,
        Err(fault) => return output::fail(&fault),
    };
    let config = match check::load(&arguments.config, Overrides::new()) {
        Ok(config) => config,
        Err(problems) => {
            output::problems(&problems);
            return ExitCode::from(output::EXIT_NOT_STARTED);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(carry_out(arguments, &config, &what)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            output::complain(&fault);
            ExitCode::from(EXIT_FAILED)
        }
    }
}

async fn carry_out(
    arguments: &LookupArguments,
    config: &Config,
    what: &[Selector],
) -> Result<(), String> {
    let published = config.published.as_ref();
    let published = published.ok_or("nothing is published: [publish.memcached] names no server")?;
    let place = &published.lookup;
    let told = |error: larder_lookup::LookupError| format!("{place}: {error}");
    let table = Lookup::open(place).await.map_err(told)?;
    match arguments.what {
        LookupWhat::List => list(&table, what, arguments).await.map_err(told)?,
        LookupWhat::Show => show(&table, what, arguments).await.map_err(told)?,
        LookupWhat::Forget => {
            let shelf = Shelf::new(&larder_proxy::publish_settings(published))
                .map_err(|error| error.to_string())?;
            let mut pages = 0;
            for what in what {
                let erased = if arguments.rows_only {
                    table.purge(what, &Nowhere).await
                } else {
                    table.purge(what, &shelf).await
                };
                pages += erased.pages;
                if let Some(failure) = erased.failure {
                    return Err(format!("{pages} pages forgotten, then: {failure}"));
                }
            }
            output::say(&format!("{pages} pages forgotten"));
        }
    }
    table.close().await;
    Ok(())
}

/// Servers that are no more: nothing lies there.
struct Nowhere;

impl Eraser for Nowhere {
    async fn erase(&self, _: &[Listed]) -> Result<(), Left> {
        Ok(())
    }
}

type Told = Result<(), larder_lookup::LookupError>;

async fn list(table: &Lookup, what: &[Selector], arguments: &LookupArguments) -> Told {
    let now = now();
    let mut left = arguments.limit;
    for what in what {
        let mut after = 0;
        while left > 0 {
            let pages = table.list(what, after, left.min(PORTION)).await?;
            let Some(last) = pages.last().map(|page| page.id) else { break };
            for page in &pages {
                let line = if arguments.json {
                    described(page, now).to_string()
                } else {
                    format!("{}  {}  {}", url(page), page.rule, ends(page, now))
                };
                output::say(&line);
            }
            left = left.saturating_sub(u32::try_from(pages.len()).unwrap_or(u32::MAX));
            after = last;
        }
    }
    Ok(())
}

async fn show(table: &Lookup, what: &[Selector], arguments: &LookupArguments) -> Told {
    let now = now();
    for what in what {
        for page in table.list(what, 0, arguments.limit).await? {
            let shown = table.show(page).await?;
            output::say(&if arguments.json {
                whole(&shown, now).to_string()
            } else {
                text(&shown, now)
            });
        }
    }
    Ok(())
}

fn url(page: &Listed) -> String {
    format!("{}://{}{}", page.scheme, page.host, String::from_utf8_lossy(&page.target))
}

fn ends(page: &Listed, now: i64) -> String {
    match u64::try_from(page.expires_at - now) {
        Ok(left) => format!("ends in {}", show_duration(Duration::from_secs(left))),
        Err(_) => "has ended".to_owned(),
    }
}

fn described(page: &Listed, now: i64) -> Value {
    json!({
        "url": url(page),
        "key": String::from_utf8_lossy(&page.key),
        "rule": page.rule,
        "version": page.version,
        "content_type": page.content_type,
        "stored_at": page.stored_at,
        "expires_at": page.expires_at,
        "expires_in": page.expires_at - now,
    })
}

fn whole(shown: &Shown, now: i64) -> Value {
    let mut value = described(&shown.page, now);
    let identifiers = shown.identifiers.iter();
    let identifiers = identifiers
        .map(|it| json!({ "parent": it.parent, "supplementary": it.supplementary }))
        .collect::<Vec<_>>();
    if let Some(members) = value.as_object_mut() {
        members.insert("tags".to_owned(), json!(shown.tags));
        members.insert("groups".to_owned(), json!(shown.groups));
        members.insert("identifiers".to_owned(), json!(identifiers));
    }
    value
}

fn text(shown: &Shown, now: i64) -> String {
    let Shown { page, tags, groups, identifiers } = shown;
    let mut text = url(page);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("\n  {name:<12} {value}"));
        }
    };
    line("key", &String::from_utf8_lossy(&page.key));
    line("type", &page.content_type);
    line("rule", &page.rule);
    line("version", &page.version);
    line("tags", &tags.join(" "));
    line("groups", &groups.join(" "));
    let identifiers: Vec<String> = identifiers
        .iter()
        .map(|it| match &it.supplementary {
            Some(finer) => format!("{}/{finer}", it.parent),
            None => it.parent.clone(),
        })
        .collect();
    line("identifiers", &identifiers.join(" "));
    line("lifetime", &ends(page, now));
    text
}

/// Which pages are meant.
fn selectors(arguments: &LookupArguments) -> Result<Vec<Selector>, String> {
    let LookupArguments { urls, prefix, host, tag, identifier, all, .. } = arguments;
    let said = [
        !urls.is_empty(),
        prefix.is_some(),
        host.is_some() && tag.is_none(),
        tag.is_some(),
        identifier.is_some(),
        *all,
    ];
    match said.iter().filter(|said| **said).count() {
        0 if arguments.what == LookupWhat::List => return Ok(vec![Selector::All]),
        0 => return Err("which pages? name URLs, or see larder lookup --help".to_owned()),
        1 => {}
        _ => return Err("these are several selections: call larder lookup for each".to_owned()),
    }
    if arguments.rows_only && arguments.what != LookupWhat::Forget {
        return Err("--rows-only is about `forget`".to_owned());
    }
    let question = |text: &str| Question::new(text, "GET", &[] as &[&str]);
    if !urls.is_empty() {
        let path = |text: &String| {
            let Question { host, target, .. } = question(text)?;
            let path = target.split('?').next().unwrap_or_default().to_owned();
            Ok(Selector::Path { host, path })
        };
        return urls.iter().map(path).collect();
    }
    Ok(vec![if let Some(prefix) = prefix {
        let Question { host, target, .. } = question(prefix)?;
        Selector::Prefix { host: Some(host), prefix: target }
    } else if let Some(tag) = tag {
        Selector::Tag { tag: tag.clone(), host: host.clone() }
    } else if let Some(host) = host {
        Selector::Host(host.clone())
    } else if let Some(identifier) = identifier {
        let (parent, finer) = match identifier.split_once('/') {
            Some((parent, finer)) => (parent, Some(finer.to_owned())),
            None => (identifier.as_str(), None),
        };
        Selector::Identifier(Identifier { parent: parent.to_owned(), supplementary: finer })
    } else {
        Selector::All
    }])
}

fn now() -> i64 {
    i64::try_from(SystemClock.now().as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn parsed(line: &str) -> LookupArguments {
        let words = ["larder", "lookup"].into_iter().chain(line.split_whitespace());
        let words = words.chain(["--config", "larder.toml"]);
        let parsed = Arguments::try_parse_from(words).expect(line);
        let Command::Lookup(lookup) = parsed.command else { panic!("{line} is a look-up") };
        lookup
    }

    #[test]
    fn the_command_line_says_which_pages() {
        let cases = [
            ("list", Selector::All),
            (
                "show https://a.test/b?c",
                Selector::Path { host: "a.test".into(), path: "/b".into() },
            ),
            ("list --tag t", Selector::Tag { tag: "t".into(), host: None }),
            (
                "list --tag t --host a.test",
                Selector::Tag { tag: "t".into(), host: Some("a.test".into()) },
            ),
            ("forget --host a.test", Selector::Host("a.test".into())),
            (
                "forget --prefix https://a.test/x --rows-only",
                Selector::Prefix { host: Some("a.test".into()), prefix: "/x".into() },
            ),
            (
                "list --identifier shop/news",
                Selector::Identifier(Identifier {
                    parent: "shop".into(),
                    supplementary: Some("news".into()),
                }),
            ),
            ("forget --all", Selector::All),
        ];
        for (line, expected) in cases {
            assert_eq!(selectors(&parsed(line)), Ok(vec![expected]), "{line}");
        }
        for line in ["forget", "show", "list --all --tag t", "list --rows-only --all"] {
            assert!(selectors(&parsed(line)).is_err(), "{line}");
        }
    }
}
