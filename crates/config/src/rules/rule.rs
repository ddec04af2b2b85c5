//! What does this rule say, checked?
//!
//! Which requests it is for, and which of the four actions follows; what is shared is [`super::share`]'s.

use http::{Method, StatusCode};
use larder_policy::cookies::CookieNames;
use larder_policy::rule::Pattern;
use larder_policy::{Action, Audience, Rule, Scheme, When};

use super::audience::{Audiences, twice};
use super::compiled;
use super::raw::{At, RawRule, Texts};
use super::share;
use super::table::For;
use crate::limits::TAGS_MAX;
use crate::parse::Fault;
use crate::problem::{Place, Problem};
use crate::words;

/// What a rule is judged by.
pub(crate) struct Site<'a> {
    /// The text of the file.
    pub(crate) text: &'a str,
    /// The site's choices about queries, as written.
    pub(crate) ignore_query: &'a [String],
    pub(crate) keep_query: Option<&'a [String]>,
    pub(crate) sort_query: bool,
    pub(crate) session_cookies: &'a CookieNames,
    pub(crate) audiences: Audiences,
    /// Whether anything verifies visitors. True where that can't be said because its options are wrong.
    pub(crate) verifies: bool,
    /// `danger.trust_page_version_cookie`.
    pub(crate) trusts_version_cookie: bool,
}

/// Checks one rule. What is returned is fit for use only if no problem but warnings was added.
pub(crate) fn check(
    raw: &RawRule,
    place: String,
    site: &Site<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Rule> {
    let pattern = pattern(raw, site.text, problems);
    let hosts = elements(raw.host.as_ref(), "host", problems, compiled::host);
    let shared = raw.place_of("audience").is_some();
    let methods = elements(raw.methods.as_ref(), "methods", problems, |text| method(text, shared));
    let scheme = scheme(raw, problems);
    let action = action(raw, site, problems);
    let tags = tags(raw, problems);
    let ignore = parameters(raw.ignore_query.as_ref(), problems);
    let keep = parameters(raw.keep_query.as_ref(), problems);
    if let (Some(ignored), Some(_)) = (&raw.ignore_query, &raw.keep_query) {
        problems.push(ignored_beside_kept(ignored.place.clone()));
    }
    let query = compiled::query(
        ignore.as_deref().unwrap_or(site.ignore_query),
        keep.as_deref().or(site.keep_query),
        raw.sort_query.as_ref().map_or(site.sort_query, |at| at.value),
    );
    let (pattern, action) = (pattern?, action?);
    let when = When { pattern, hosts, methods };
    let query = compiled::query_under(&action, query);
    Some(Rule { place, when, scheme, action, query, tags })
}

/// `match` or `path`: exactly one of them.
fn pattern(raw: &RawRule, text: &str, problems: &mut Vec<Problem>) -> Option<Pattern> {
    match (raw.place_of("match"), raw.place_of("path")) {
        (Some(_), Some(place)) => {
            let problem = Problem::new(place.clone(), "a rule has `match` or `path`, not both");
            problems.push(problem.hint("leave one of them out, or make two rules of it"));
        }
        (None, None) => {
            let message = "a rule has to say which pages it is for";
            let hint = "add path = \"/blog/*\", or match = \"^/\" for all pages";
            problems.push(Problem::new(raw.place.clone(), message).hint(hint));
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    let expression = raw.pattern.as_ref().map(|at| (at, Pattern::regex(&at.value)));
    let path = raw.path.as_ref().map(|at| (at, Pattern::path(&at.value)));
    let mut pattern = None;
    for (at, compiled) in expression.into_iter().chain(path) {
        match compiled {
            Ok(compiled) => pattern = Some(compiled),
            Err(error) => {
                let place = within(at, error.span, text);
                problems.push(Problem::new(place, error.message).hint(error.hint));
            }
        }
    }
    pattern
}

/// The place of a part of a string, where it stands in the file as it is.
fn within(at: &At<String>, part: Option<std::ops::Range<usize>>, text: &str) -> Place {
    let whole = at.place.clone();
    let (Place::Span(span), Some(part)) = (&whole, part) else { return whole };
    let start = span.start + 1;
    // One quote before it, nothing escaped in it.
    let as_it_is = text.get(start..).is_some_and(|rest| rest.starts_with(at.value.as_str()));
    if as_it_is && part.end <= at.value.len() {
        Place::Span(start + part.start..start + part.end)
    } else {
        whole
    }
}

fn method(text: &str, shared: bool) -> Result<Method, Fault> {
    let upper = text.to_ascii_uppercase();
    if text != upper
        && ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&upper.as_str())
    {
        let message = format!("{text:?} is not a method: they are case-sensitive");
        return Err(Fault::new(message, format!("write \"{upper}\"")));
    }
    let method = Method::from_bytes(text.as_bytes())
        .map_err(|_| Fault::new(format!("{text:?} is not a method"), "as in \"GET\""))?;
    if shared && method != Method::GET && method != Method::HEAD {
        let message = format!("answers to {method} are never shared");
        let hint = "leave it out, or make another rule with pass = true of it";
        return Err(Fault::new(message, hint));
    }
    Ok(method)
}

fn scheme(raw: &RawRule, problems: &mut Vec<Problem>) -> Option<Scheme> {
    let At { value, place } = raw.scheme.as_ref()?;
    match value.as_str() {
        "http" => return Some(Scheme::Http),
        "https" => return Some(Scheme::Https),
        _ => {}
    }
    let problem = Problem::new(place.clone(), format!("{value:?} is not a scheme of pages"));
    problems.push(problem.hint("write \"https\" or \"http\""));
    None
}

/// What follows, with everything that only makes sense for another action reported.
fn action(raw: &RawRule, site: &Site<'_>, problems: &mut Vec<Problem>) -> Option<Action> {
    let said = |at: &Option<At<bool>>| at.as_ref().filter(|at| at.value).map(|at| at.place.clone());
    let (never, pass) = (said(&raw.never), said(&raw.pass));
    let audience = raw.place_of("audience");
    let all =
        [("never = true", never.as_ref()), ("pass = true", pass.as_ref()), ("audience", audience)];
    let said: Vec<_> = all.into_iter().filter_map(|(name, place)| Some((name, place?))).collect();
    if let [(first, _), (second, place), ..] = said.as_slice() {
        let message = format!("a rule has one of `{first}` and `{second}`");
        let problem = Problem::new((*place).clone(), message);
        problems.push(problem.hint("leave one of them out: each says for itself what is stored"));
    }
    if audience.is_none() {
        needs_audience(raw, said.first().map(|(name, _)| *name), problems);
    }
    let shared = audience.map(|_| {
        let audience = raw.audience.as_ref().and_then(|at| audience_of(at, site, problems));
        share::check(raw, audience, site, problems)
    });
    match said.as_slice() {
        [] => Some(Action::Respect),
        [("never = true", _)] => Some(Action::Never),
        [("pass = true", _)] => Some(Action::Pass),
        [_] => shared?.map(|share| Action::Share(Box::new(share))),
        [_, _, ..] => None,
    }
}

/// What a rule without an audience may not say; `said` is what it says instead.
fn needs_audience(raw: &RawRule, said: Option<&str>, problems: &mut Vec<Problem>) {
    let unclear = said.is_none()
        && raw.faulty
        && ["never", "pass"].iter().any(|key| raw.place_of(key).is_some());
    if unclear {
        return;
    }
    let remedy = match said {
        Some(said) => format!("leave it out: with `{said}` nothing is stored"),
        None => "say who may share them, as in audience = \"all-users\"".to_owned(),
    };
    for (option, place) in raw.keys.iter().filter(|(option, _)| option.only == For::Shared) {
        let message = format!("`{}` is for shared pages, and nobody shares these", option.key);
        problems.push(Problem::new(place.clone(), message).hint(remedy.clone()));
    }
}

/// The audience of a name, if it is one that can be served.
fn audience_of(at: &At<String>, site: &Site<'_>, problems: &mut Vec<Problem>) -> Option<Audience> {
    let audience = match site.audiences.find(&at.value) {
        Ok(audience) => audience?,
        Err(fault) => {
            problems.push(fault.at(&at.place));
            return None;
        }
    };
    if audience.needs_identity() && !site.verifies {
        let message = format!(
            "the audience {} needs visitors to be verified, and nothing verifies them",
            audience.name()
        );
        let or = match audience {
            Audience::PerUser(_) => ", or identity.per_user = \"session\"",
            Audience::AllUsers
            | Audience::AnonymousOnly
            | Audience::AnonymousAndAuthenticated
            | Audience::Custom { .. } => "",
        };
        let hint =
            format!("set identity.lookup = \"/_larder/identity\" or identity.marker_keys{or}");
        problems.push(Problem::new(at.place.clone(), message).hint(hint));
        return None;
    }
    Some(audience)
}

fn tags(raw: &RawRule, problems: &mut Vec<Problem>) -> Vec<String> {
    let check = |text: &str| words::tag(text).map(|()| text.to_owned());
    let tags = elements(raw.tags.as_ref(), "tags", problems, check);
    let tags = [tags, identifiers(raw, problems)].concat();
    let Some(at) = &raw.tags else { return tags };
    if tags.len() > TAGS_MAX {
        let message = format!("{} tags are too many", tags.len());
        let problem = Problem::new(at.place.clone(), message);
        problems.push(problem.hint(format!("at most {TAGS_MAX}: each page carries them all")));
    }
    let stored_nowhere = |at: &Option<At<bool>>| at.as_ref().is_some_and(|at| at.value);
    if stored_nowhere(&raw.never) || stored_nowhere(&raw.pass) {
        let problem = Problem::warning(at.place.clone(), "these tags are never given to a page");
        problems.push(problem.hint("nothing of this rule is stored: leave them out"));
    }
    tags
}

/// What a rule's identifiers are as tags.
fn identifiers(raw: &RawRule, problems: &mut Vec<Problem>) -> Vec<String> {
    let mut sound = |at: &At<String>| {
        let checked = words::tag(&format!("id:{}", at.value));
        checked.map_err(|fault| problems.push(fault.at(&at.place))).is_ok()
    };
    match (&raw.identifier, &raw.supplementary) {
        (Some(parent), None) if sound(parent) => vec![format!("id:{}", parent.value)],
        (Some(parent), Some(finer)) if sound(parent) & sound(finer) => {
            vec![format!("id:{}", parent.value), format!("id:{}/{}", parent.value, finer.value)]
        }
        (None, Some(finer)) if raw.place_of("identifier").is_none() => {
            let problem = Problem::new(
                finer.place.clone(),
                "`supplementary` is below an `identifier`, and there is none",
            );
            problems.push(problem.hint("add identifier = \"…\", such as the host, or use tags"));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The warning about a list of parameters that has nothing to say.
pub(super) fn ignored_beside_kept(place: Place) -> Problem {
    Problem::warning(place, "`ignore_query` has no effect beside `keep_query`")
        .hint("leave it out: what is not kept is ignored")
}

/// A list of parameters, if it is there. It may be empty.
fn parameters(texts: Option<&Texts>, problems: &mut Vec<Problem>) -> Option<Vec<String>> {
    let check = |text: &str| words::parameter(text).map(|()| text.to_owned());
    texts.map(|texts| each(texts, problems, check))
}

/// The elements of a list, each checked; an empty list says nothing and is a problem.
pub(crate) fn elements<T: PartialEq>(
    texts: Option<&Texts>,
    key: &str,
    problems: &mut Vec<Problem>,
    parse: impl Fn(&str) -> Result<T, Fault>,
) -> Vec<T> {
    let Some(texts) = texts else { return Vec::new() };
    if texts.value.is_empty() {
        let problem = Problem::new(texts.place.clone(), format!("`{key}` is an empty list"));
        problems.push(problem.hint("leave it out, or name one"));
    }
    each(texts, problems, parse)
}

fn each<T: PartialEq>(
    texts: &Texts,
    problems: &mut Vec<Problem>,
    parse: impl Fn(&str) -> Result<T, Fault>,
) -> Vec<T> {
    let mut list: Vec<T> = Vec::with_capacity(texts.value.len());
    for At { value, place } in &texts.value {
        match parse(value) {
            Ok(parsed) if list.contains(&parsed) => problems.push(twice(value, place)),
            Ok(parsed) => list.push(parsed),
            Err(fault) => problems.push(fault.at(place)),
        }
    }
    list
}

/// A status that may get a rule's lifetimes.
pub(crate) fn status(number: i128) -> Result<StatusCode, Fault> {
    let hint = "a status from 200 to 599, as in 200 or 404";
    let status = u16::try_from(number)
        .ok()
        .filter(|number| (200..=599).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .ok_or_else(|| Fault::new(format!("{number} is not the status of a page"), hint))?;
    let reason = match status {
        StatusCode::PARTIAL_CONTENT => "206 is a part of a page",
        StatusCode::NOT_MODIFIED => "304 is not a page, but says that one has not changed",
        _ => return Ok(status),
    };
    Err(Fault::new(reason, "leave it out: 200 covers it"))
}
