//! Which rules' pages does nginx look up, and what does it answer with them?

use http::{HeaderMap, Method};
use larder_policy::published::{ContentType, Publishing};
use larder_policy::rule::Pcre;
use larder_policy::{Action, Audience, Part, Rule, RuleSet, Share, dress};

/// What nginx has to say of a page, all of which it takes from the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) content_type: ContentType,
    /// `Cache-Control` and, where not all have the page, `Vary`.
    pub(super) fields: Vec<(String, String)>,
    /// Whether pages are told apart by the cookie of page versions.
    pub(super) versioned: bool,
}

/// A rule as nginx knows it.
#[derive(Debug)]
pub(super) struct Known {
    /// What it matches; perhaps more, then its pages are not looked up.
    pub(super) pcre: Pcre,
    /// Which kind its pages are; `None` leaves them to Larder.
    pub(super) kind: Option<usize>,
    /// Why they are left to Larder although they are published.
    pub(super) why: Option<String>,
}

/// All rules, in order; `None` for those that are for no GET.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    pub(super) rules: Vec<Option<Known>>,
    pub(super) kinds: Vec<Kind>,
    /// Whether a HEAD has the rules that a GET has.
    pub(super) head_as_get: bool,
}

/// nginx finds the place of a kind by a status that stands for it, from 470 on.
const KINDS_MAX: usize = 100;

/// Looks at all rules of a site.
pub(super) fn kinds(rules: &RuleSet, publishing: &Publishing) -> Kinds {
    let mut found = Kinds { head_as_get: true, ..Kinds::default() };
    for rule in rules.iter() {
        let methods = &rule.when.methods;
        let is_for = |method| methods.is_empty() || methods.contains(&method);
        found.head_as_get &= is_for(Method::GET) == is_for(Method::HEAD);
        let known = is_for(Method::GET).then(|| known(rule, publishing, &mut found.kinds));
        found.rules.push(known);
    }
    found
}

fn known(rule: &Rule, publishing: &Publishing, kinds: &mut Vec<Kind>) -> Known {
    // What was read from a file can be read again; what can't is as wide as can be.
    let pcre = rule.when.pattern.pcre();
    let pcre = pcre.unwrap_or_else(|_| Pcre { text: String::new(), exact: false });
    let Action::Share(share) = &rule.action else { return Known { pcre, kind: None, why: None } };
    let Some(publish) = &share.publish else { return Known { pcre, kind: None, why: None } };
    let made = if pcre.exact {
        kind(share, &publish.content_type, publishing)
    } else {
        Err("its expression could take nginx too long".to_owned())
    };
    match made {
        Ok(kind) => {
            let place = kinds.iter().position(|other| *other == kind).unwrap_or(kinds.len());
            if place == KINDS_MAX {
                let why = Some("there are too many kinds of pages".to_owned());
                return Known { pcre, kind: None, why };
            }
            if place == kinds.len() {
                kinds.push(kind);
            }
            Known { pcre, kind: Some(place), why: None }
        }
        Err(why) => Known { pcre, kind: None, why: Some(why) },
    }
}

fn kind(share: &Share, content_type: &str, publishing: &Publishing) -> Result<Kind, String> {
    publishing.may_publish_for(share).map_err(|reason| reason.text().to_owned())?;
    let content_type = ContentType::parse(content_type)
        .ok_or_else(|| "its `publish_type` is none that nginx can be told".to_owned())?;
    let mut headers = HeaderMap::new();
    dress::unseen(share, &mut headers);
    let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let names = [("cache-control", "Cache-Control"), ("vary", "Vary")];
    let fields = names
        .iter()
        .filter_map(|(name, shown)| Some(((*shown).to_owned(), text(headers.get(*name)?))))
        .collect();
    let by_segment =
        matches!(&share.audience, Audience::Custom { parts, .. } if parts.contains(&Part::Segment));
    let versioned = publishing.trusts_page_versions && by_segment;
    Ok(Kind { content_type, fields, versioned })
}
