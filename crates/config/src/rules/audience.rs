//! Who is meant by an audience's name, and what tells its pages apart?

use std::collections::BTreeMap;

use http::HeaderName;
use larder_policy::{Audience, Part, UserKey};

use super::raw::{At, RawAudience};
use super::table::AUDIENCE_OPTIONS;
use crate::parse::Fault;
use crate::problem::{Place, Problem};
use crate::suggest::closest;
use crate::words;

/// The audiences that every site has.
const BUILT_IN: [&str; 4] =
    ["all-users", "anonymous-only", "anonymous-and-authenticated", "per-user"];

/// Fields that tell no visitors apart, or that never reach the application on a request that fills a shared page.
const NO_PARTS: [&str; 12] = [
    "connection",
    "content-length",
    "forwarded",
    "host",
    "larder-identity",
    "larder-identity-proof",
    "proxy-authorization",
    "range",
    "surrogate-capability",
    "transfer-encoding",
    "via",
    "x-real-ip",
];

/// The audiences of a site.
pub(crate) struct Audiences {
    /// The site's own; `None` where something is wrong with one.
    custom: BTreeMap<String, Option<Vec<Part>>>,
    per_user: UserKey,
}

impl Audiences {
    /// Checks the site's own.
    pub(crate) fn check(
        raw: &[RawAudience],
        per_user: UserKey,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut custom = BTreeMap::new();
        for audience in raw {
            let before = problems.len();
            check_name(audience, problems);
            let parts = parts(audience, problems);
            let sound = problems.len() == before && !audience.faulty;
            custom.insert(audience.name.clone(), sound.then_some(parts));
        }
        Self { custom, per_user }
    }

    /// Whether the site has one of its own of this name, and nothing is wrong with it.
    pub(crate) fn is_sound(&self, name: &str) -> bool {
        matches!(self.custom.get(name), Some(Some(_)))
    }

    /// The audience of a name; `None` if there is one, but something is wrong with it.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Audience>, Fault> {
        let audience = match name {
            "all-users" => Audience::AllUsers,
            "anonymous-only" => Audience::AnonymousOnly,
            "anonymous-and-authenticated" => Audience::AnonymousAndAuthenticated,
            "per-user" => Audience::PerUser(self.per_user),
            _ => {
                let parts = self.custom.get(name).ok_or_else(|| self.unknown(name))?;
                let name = name.to_owned();
                return Ok(parts.clone().map(|parts| Audience::Custom { name, parts }));
            }
        };
        Ok(Some(audience))
    }

    fn unknown(&self, name: &str) -> Fault {
        let known = || BUILT_IN.into_iter().chain(self.custom.keys().map(String::as_str));
        let hint = match closest(name, known()) {
            Some(known) => format!("did you mean \"{known}\"?"),
            None => {
                let known: Vec<_> = known().collect();
                format!(
                    "one of \"{}\"; others are defined by [audience.NAME]",
                    known.join("\", \"")
                )
            }
        };
        Fault::new(format!("unknown audience {name:?}"), hint)
    }
}

fn check_name(audience: &RawAudience, problems: &mut Vec<Problem>) {
    let name = audience.name.as_str();
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let (message, hint) = if BUILT_IN.contains(&name) {
        (format!("the audience {name} is built in"), format!("give yours another name, my-{name}"))
    } else if !(1..=64).contains(&name.len()) || !name.bytes().all(is_char) {
        let message = format!("{name:?} is not a name of an audience");
        (message, "1 to 64 of A-Z a-z 0-9 - _".to_owned())
    } else {
        return;
    };
    problems.push(Problem::new(audience.place.clone(), message).hint(hint));
}

/// What tells its pages apart.
fn parts(audience: &RawAudience, problems: &mut Vec<Problem>) -> Vec<Part> {
    let example = AUDIENCE_OPTIONS.first().map_or_else(String::new, |o| o.expected().example());
    let Some(key) = &audience.key else {
        if !audience.faulty {
            let message = format!("the audience {} has no key", audience.name.escape_debug());
            problems.push(Problem::new(audience.place.clone(), message).hint(example));
        }
        return Vec::new();
    };
    if key.value.is_empty() {
        let hint = format!("without one it would be all-users; {example}");
        problems.push(Problem::new(key.place.clone(), "`key` is an empty list").hint(hint));
    }
    let mut parts: Vec<Part> = Vec::with_capacity(key.value.len());
    for At { value, place } in &key.value {
        match part(value) {
            Ok(part) if parts.contains(&part) => problems.push(twice(value, place)),
            Ok(part) => parts.push(part),
            Err(fault) => problems.push(fault.at(place)),
        }
    }
    parts
}

/// The problem of an element that a list has already.
pub(crate) fn twice(value: &str, place: &Place) -> Problem {
    Problem::new(place.clone(), format!("{value:?} is given twice")).hint("leave one of them out")
}

/// One part of a key.
fn part(text: &str) -> Result<Part, Fault> {
    match text.split_once(':') {
        Some(("cookie", name)) => words::cookie(name).map(|()| Part::Cookie(name.to_owned())),
        Some(("header", name)) => header(name).map(Part::Header),
        Some(("query", name)) => words::parameter_name(name).map(|()| Part::Query(name.to_owned())),
        None if text == "class" => Ok(Part::Class),
        None if text == "user" => Ok(Part::User),
        None if text == "segment" => Ok(Part::Segment),
        _ => {
            let words = ["class", "user", "segment", "cookie:NAME", "header:NAME", "query:NAME"];
            let hint = match closest(text, words.into_iter()) {
                Some(word) => format!("did you mean \"{word}\"?"),
                None => format!("one of \"{}\"", words.join("\", \"")),
            };
            Err(Fault::new(format!("{text:?} is no part of a key"), hint))
        }
    }
}

fn header(name: &str) -> Result<HeaderName, Fault> {
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(Fault::new(
            format!("{name:?} is not the name of a field"),
            "as in \"header:x-country\"",
        ));
    };
    let lower = header.as_str();
    if lower == "cookie" {
        let message = "a key of all cookies would be one page for each visitor";
        return Err(Fault::new(message, "name the cookies, as in \"cookie:theme\""));
    }
    if lower.contains('_') {
        let message = format!("{name:?} never reaches an application: Larder removes names with _");
        return Err(Fault::new(message, format!("write \"header:{}\"", lower.replace('_', "-"))));
    }
    let own = lower.starts_with("x-forwarded-") || lower.starts_with("if-");
    if own || NO_PARTS.contains(&lower) {
        let message = format!("{name:?} can't tell pages apart: a shared page is made without it");
        return Err(Fault::new(message, "leave it out"));
    }
    Ok(header)
}
