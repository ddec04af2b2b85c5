//! What does an order on the admin listener ask for? JSON, read strictly: what is not known is an error, because a purge that
//! does less than was meant is noticed too late.

use larder_cache::purge::{Mode, Pattern, Purge, Scope};
use larder_tower::internals::scope::{canonical, origin, prefix, url};
use serde_json::{Map, Value};

use super::Then;
use crate::limits::PURGED_AT_ONCE_MAX;

/// A purge as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// What to purge.
    pub(crate) purges: Vec<Purge>,
    /// Whether the answer waits until every page was looked at.
    pub(crate) waits: bool,
    /// What is done about the pages afterwards.
    pub(crate) then: Then,
}

/// What can be purged; one of them in an order.
const WHAT: [&str; 9] =
    ["url", "urls", "prefix", "host", "all", "tags", "groups", "pattern", "identifier"];

/// What says more about it.
const HOW: [&str; 5] = ["query", "origin", "soft", "wait", "warm"];

/// Reads an order; or says what is wrong with it, and what to write.
pub(crate) fn read(body: &[u8]) -> Result<Asked, String> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| format!("the body is not JSON: {error}; as in {{\"all\": true}}"))?;
    let Value::Object(members) = value else {
        return Err("the body is not an object; as in {\"url\": \"https://example.com/\"}".into());
    };
    let members = Members(members);
    members.only(&WHAT, &HOW)?;
    let mode = if members.switch("soft")? { Mode::Soft } else { Mode::Hard };
    let waits = members.switch("wait")?;
    let then = if members.switch("warm")? { Then::Warm } else { Then::Nothing };
    let scopes = scopes(&members, members.what()?)?;
    Ok(Asked {
        purges: scopes.into_iter().map(|scope| Purge { scope, mode }).collect(),
        waits,
        then,
    })
}

fn scopes(members: &Members, what: &'static str) -> Result<Vec<Scope>, String> {
    let text = || members.text(what);
    Ok(match what {
        "url" => vec![url(&text()?, members.exact()?)?],
        "urls" => {
            let exact = members.exact()?;
            let urls = members.list(what)?;
            urls.iter().map(|text| url(text, exact)).collect::<Result<_, _>>()?
        }
        "prefix" => vec![prefix(&text()?)?],
        "host" => vec![Scope::Host(canonical(&text()?)?)],
        "all" if members.switch("all")? => vec![Scope::All],
        "all" => return Err("`all` is false: leave it out, or purge everything with true".into()),
        "tags" => {
            let tags = members.list(what)?;
            tags.iter().try_for_each(|text| tag(text))?;
            let host = members.optional("host")?.map(|text| canonical(&text)).transpose()?;
            vec![Scope::Tags { tags: boxed(tags), host }]
        }
        "groups" => {
            let (scheme, host) = origin(&members.text("origin")?)?;
            vec![Scope::Groups { scheme, host, groups: boxed(members.list(what)?) }]
        }
        "pattern" => vec![pattern(&members.members(what)?)?],
        _ => identifier(&members.members(what)?)?,
    })
}

fn boxed(texts: Vec<String>) -> Vec<Box<str>> {
    texts.into_iter().map(Into::into).collect()
}

fn tag(text: &str) -> Result<(), String> {
    let fits = |byte: char| !byte.is_ascii_whitespace() && byte != ',';
    if text.is_empty() || !text.chars().all(fits) {
        return Err(format!(
            "{text:?} is not a tag: no page has one with spaces or commas; give several as a list"
        ));
    }
    Ok(())
}

fn pattern(members: &Members) -> Result<Scope, String> {
    members.only(&["host", "url", "content_type"], &[])?;
    if members.0.is_empty() {
        return Err("the pattern says nothing: give `host`, `url` or `content_type`".into());
    }
    let mut pattern = Pattern::new();
    for name in members.0.keys() {
        let source = members.text(name)?;
        let more = match name.as_str() {
            "host" => pattern.host(&source),
            "url" => pattern.target(&source),
            _ => pattern.content_type(&source),
        };
        pattern = more.map_err(|error| {
            format!("`pattern.{name}`, {source:?}, is not a regular expression: {error}")
        })?;
    }
    Ok(Scope::Matching(Box::new(pattern)))
}

/// Pages of a parent identifier are tagged `id:PARENT`, those of a supplementary one `id:PARENT/SUPPLEMENTARY` as well. A host's
/// pages need no tag: unless something else is said, the host is the parent.
fn identifier(members: &Members) -> Result<Vec<Scope>, String> {
    members.only(&["parent", "supplementary"], &[])?;
    let parent = members.text("parent")?;
    tag(&parent)?;
    let tags = |tag: String| Scope::Tags { tags: vec![tag.into()], host: None };
    if let Some(supplementary) = members.optional("supplementary")? {
        tag(&supplementary)?;
        return Ok(vec![tags(format!("id:{parent}/{supplementary}"))]);
    }
    let host = canonical(&parent).ok().map(Scope::Host);
    Ok([tags(format!("id:{parent}"))].into_iter().chain(host).collect())
}

/// The members of an object.
struct Members(Map<String, Value>);

impl Members {
    fn only(&self, what: &[&str], how: &[&str]) -> Result<(), String> {
        let known = || what.iter().chain(how);
        let Some(other) = self.0.keys().find(|name| !known().any(|it| it == *name)) else {
            return Ok(());
        };
        let known: Vec<&str> = known().copied().collect();
        Err(format!("`{other}` is no member here; there are {}", known.join(", ")))
    }

    /// The one thing that is purged. `host` narrows `tags`.
    fn what(&self) -> Result<&'static str, String> {
        let has = |name: &str| self.0.contains_key(name);
        let mut said = WHAT.into_iter().filter(|name| has(name));
        let mut said = said.by_ref().filter(|name| *name != "host" || !has("tags"));
        let what = said
            .next()
            .ok_or_else(|| format!("nothing says what to purge: one of {}", WHAT.join(", ")))?;
        if let Some(other) = said.next() {
            return Err(format!("`{what}` and `{other}` are two purges: send them one by one"));
        }
        for (name, needs) in [("query", &["url", "urls"][..]), ("origin", &["groups"])] {
            if has(name) && !needs.contains(&what) {
                return Err(format!("`{name}` says nothing beside `{what}`: leave it out"));
            }
        }
        Ok(what)
    }

    fn switch(&self, name: &str) -> Result<bool, String> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => Err(format!("`{name}` is {other}: true or false")),
        }
    }

    fn optional(&self, name: &str) -> Result<Option<String>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(format!("`{name}` is {}: a text", short(other))),
        }
    }

    fn text(&self, name: &str) -> Result<String, String> {
        self.optional(name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    fn members(&self, name: &str) -> Result<Self, String> {
        match self.0.get(name) {
            Some(Value::Object(members)) => Ok(Self(members.clone())),
            Some(other) => Err(format!("`{name}` is {}: an object", short(other))),
            None => Err(format!("`{name}` is missing")),
        }
    }

    fn list(&self, name: &str) -> Result<Vec<String>, String> {
        let Some(Value::Array(list)) = self.0.get(name) else {
            return Err(format!("`{name}` is not a list of texts, such as [\"one\", \"two\"]"));
        };
        if list.is_empty() || list.len() > PURGED_AT_ONCE_MAX {
            let len = list.len();
            return Err(format!("`{name}` has {len} elements: from 1 to {PURGED_AT_ONCE_MAX}"));
        }
        let text = |(index, value): (usize, &Value)| {
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| format!("`{name}[{index}]` is {}: a text", short(value)))
        };
        list.iter().enumerate().map(text).collect()
    }

    /// Whether the query counts.
    fn exact(&self) -> Result<bool, String> {
        match self.optional("query")?.as_deref() {
            None | Some("all") => Ok(false),
            Some("exact") => Ok(true),
            Some(other) => Err(format!("`query` is {other:?}: \"exact\" or \"all\"")),
        }
    }
}

/// A value as messages show it.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let Some((end, _)) = text.char_indices().nth(80) else { return text };
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use larder_policy::Scheme;

    use super::*;

    fn scope(body: &str) -> Scope {
        let asked = read(body.as_bytes()).expect(body);
        assert_eq!(asked.purges.len(), 1, "{body}");
        asked.purges.into_iter().next().expect("one").scope
    }

    #[test]
    fn every_order_is_understood() {
        let host = || Box::<str>::from("example.com");
        let cases = [
            (
                r#"{"url": "https://Example.com/a?b#c", "query": "exact"}"#,
                Scope::Url { host: host(), target: "/a?b".into() },
            ),
            (
                r#"{"url": "https://example.com:443/a?b"}"#,
                Scope::Path { host: host(), path: "/a".into() },
            ),
            (
                r#"{"prefix": "https://example.com/blog/"}"#,
                Scope::Prefix { host: Some(host()), prefix: "/blog/".into() },
            ),
            (r#"{"prefix": "/blog/"}"#, Scope::Prefix { host: None, prefix: "/blog/".into() }),
            (r#"{"host": "EXAMPLE.com:443"}"#, Scope::Host(host())),
            (r#"{"all": true}"#, Scope::All),
            (
                r#"{"tags": ["a", "b"], "host": "example.com"}"#,
                Scope::Tags { tags: vec!["a".into(), "b".into()], host: Some(host()) },
            ),
            (
                r#"{"groups": ["a b"], "origin": "https://example.com"}"#,
                Scope::Groups { scheme: Scheme::Https, host: host(), groups: vec!["a b".into()] },
            ),
            (
                r#"{"pattern": {"url": "^/a", "host": "com$"}}"#,
                Scope::Matching(Box::new(
                    Pattern::new().host("com$").expect("h").target("^/a").expect("t"),
                )),
            ),
            (
                r#"{"identifier": {"parent": "example.com", "supplementary": "7"}}"#,
                Scope::Tags { tags: vec!["id:example.com/7".into()], host: None },
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(scope(body), expected, "{body}");
        }
    }

    #[test]
    fn a_parent_is_its_pages_tag_and_its_host() {
        let asked =
            read(br#"{"identifier": {"parent": "example.com"}, "soft": true, "wait": true}"#);
        let Asked { purges, waits, .. } = asked.expect("understood");
        let tag = Scope::Tags { tags: vec!["id:example.com".into()], host: None };
        let host = Scope::Host("example.com".into());
        assert_eq!(purges, [Purge::soft(tag), Purge::soft(host)]);
        assert!(waits);
    }

    #[test]
    fn several_urls_are_one_order() {
        let asked = read(br#"{"urls": ["http://a/1", "http://b/2"], "query": "exact"}"#);
        assert_eq!(asked.expect("understood").purges.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_remedy() {
        let cases = [
            ("", "the body is not JSON"),
            ("[]", "the body is not an object"),
            ("{}", "nothing says what to purge"),
            (r#"{"soft": true}"#, "nothing says what to purge"),
            (r#"{"url": "http://a/", "tags": ["a"]}"#, "`url` and `tags` are two purges"),
            (r#"{"url": "http://a/", "host": "a"}"#, "`url` and `host` are two purges"),
            (r#"{"urll": "http://a/"}"#, "`urll` is no member here; there are url, urls"),
            (r#"{"url": "/a"}"#, "\"/a\" is not a whole URL"),
            (r#"{"url": 5}"#, "`url` is 5: a text"),
            (r#"{"url": "http://a/", "query": "some"}"#, "`query` is \"some\""),
            (r#"{"all": true, "query": "all"}"#, "`query` says nothing beside `all`"),
            (r#"{"all": false}"#, "`all` is false"),
            (r#"{"all": "yes"}"#, "`all` is \"yes\": true or false"),
            (r#"{"all": true, "soft": 1}"#, "`soft` is 1: true or false"),
            (r#"{"urls": []}"#, "`urls` has 0 elements"),
            (r#"{"urls": "http://a/"}"#, "`urls` is not a list"),
            (r#"{"tags": ["a b"]}"#, "\"a b\" is not a tag"),
            (r#"{"tags": ["a", 5]}"#, "`tags[1]` is 5: a text"),
            (r#"{"host": "a/b"}"#, "\"a/b\" is not a host"),
            (r#"{"prefix": "blog"}"#, "such as \"/blog/\""),
            (r#"{"prefix": "/ä"}"#, "is not the beginning of a path"),
            (r#"{"groups": ["a"]}"#, "`origin` is missing"),
            (r#"{"groups": ["a"], "origin": "https://a/b"}"#, "is more than an origin"),
            (r#"{"pattern": {}}"#, "the pattern says nothing"),
            (r#"{"pattern": {"path": "a"}}"#, "`path` is no member here; there are host, url"),
            (r#"{"pattern": {"url": "("}}"#, "is not a regular expression"),
            (r#"{"identifier": {}}"#, "`parent` is missing"),
        ];
        for (body, part) in cases {
            let fault = read(body.as_bytes()).expect_err(body);
            assert!(fault.contains(part), "{body}: {fault}");
        }
    }
}
