//! How do the file's rules and the site's options become one policy?

use larder_policy::identity::IdentityRules;
use larder_policy::{Policy, PolicyParts, Rule, TagFields, UserKey};

use super::audience::Audiences;
use super::raw::Entries;
use super::rule::Site;
use super::{compiled, rule, site, whole};
use crate::build::Places;
use crate::config::{PerUser, SiteConfig};
use crate::lines::Lines;
use crate::problem::{Place, Problem, Severity};
use crate::secret::ReadSecret;

/// What comes in, beside the options.
pub(crate) struct Compiled<'a> {
    /// What problems call the file.
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    pub(crate) entries: &'a Entries,
    pub(crate) places: &'a Places,
    pub(crate) read: ReadSecret,
    /// In which fields tags are.
    pub(crate) tags: TagFields,
    /// `danger.trust_page_version_cookie`.
    pub(crate) trusts_version_cookie: bool,
}

/// Checks everything; a policy only if no problem but warnings was added.
pub(crate) fn compile(
    source: &Compiled<'_>,
    options: &SiteConfig,
    problems: &mut Vec<Problem>,
) -> Option<Policy> {
    let Compiled { name, text, entries, places, read, .. } = *source;
    let before = problems.len();
    let identity = site::identity(options, places, read, problems);
    let xhr = site::xhr(options, places, problems);
    let per_user = match options.per_user {
        PerUser::Session => UserKey::Session,
        PerUser::User => UserKey::User,
    };
    if let (Some(place), Some(_)) = (places.of("ignore_query"), places.of("keep_query")) {
        problems.push(rule::ignored_beside_kept(place.clone()));
    }
    let keep = places.of("keep_query").map(|_| options.keep_query.as_slice());
    let site = Site {
        text,
        ignore_query: &options.ignore_query,
        keep_query: keep,
        sort_query: options.sort_query,
        session_cookies: &identity.session_cookies,
        audiences: Audiences::check(&entries.audiences, per_user, problems),
        verifies: verifies(&identity, places),
        trusts_version_cookie: source.trusts_version_cookie,
    };
    whole::unused_audiences(entries, &site.audiences, problems);
    whole::too_many(entries, problems);
    let lines = Lines::of(text);
    let (rules, headers) = rules(name, &lines, entries, &site, problems);
    whole::unreachable(&rules, &headers, &lines, problems);
    if problems.iter().skip(before).any(|problem| problem.severity() == Severity::Error) {
        return None;
    }
    let parts = PolicyParts {
        rules,
        query: compiled::query(&options.ignore_query, keep, options.sort_query),
        identity,
        xhr,
        share_session_responses: options.share_session_responses,
        tags: source.tags.clone(),
        csrf: options.csrf.cookie(),
    };
    let place = headers.first().cloned().unwrap_or(Place::Whole);
    Policy::new(parts).map_err(|message| problems.push(Problem::new(place, message))).ok()
}

/// Whether anything verifies visitors; where its options are wrong, that is all there is to say.
fn verifies(identity: &IdentityRules, places: &Places) -> bool {
    let meant = ["identity.marker_keys", "identity.lookup"];
    identity.marker.is_some()
        || identity.lookup.is_some()
        || meant.into_iter().any(|key| places.of(key).is_some())
}

/// The rules that are right, with their headers.
fn rules(
    name: &str,
    lines: &Lines<'_>,
    entries: &Entries,
    site: &Site<'_>,
    problems: &mut Vec<Problem>,
) -> (Vec<Rule>, Vec<Place>) {
    let mut rules = Vec::with_capacity(entries.rules.len());
    let mut headers = Vec::with_capacity(entries.rules.len());
    for raw in &entries.rules {
        let place = match &raw.place {
            Place::Span(span) => format!("{name}:{}", lines.of_byte(span.start).0),
            Place::Argument(_) | Place::Whole => name.to_owned(),
        };
        if let Some(rule) = rule::check(raw, place, site, problems) {
            rules.push(rule);
            headers.push(raw.place.clone());
        }
    }
    (rules, headers)
}
