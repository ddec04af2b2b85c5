//! May the pages of this rule be laid down for nginx, and how?

use larder_policy::{Audience, Part, Publish, Unlisted};

use super::raw::RawRule;
use super::rule::Site;
use crate::parse::choice;
use crate::problem::Problem;
use crate::words;

/// Checks everything that a rule says about publishing; `audience` is `None` where it is at fault itself.
pub(super) fn check(
    raw: &RawRule,
    audience: Option<&Audience>,
    site: &Site<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Publish> {
    let before = problems.len();
    if raw.place_of("publish").is_none() {
        for key in ["publish_type", "unlisted"] {
            if let Some(place) = raw.place_of(key) {
                let message =
                    format!("`{key}` is for published pages, and these are not published");
                let hint = "leave it out, or add publish = \"nginx\"";
                problems.push(Problem::new(place.clone(), message).hint(hint));
            }
        }
        return None;
    }
    let at = raw.publish.as_ref()?;
    if let Err(fault) = choice(&at.value, &["nginx"]) {
        problems.push(fault.at(&at.place));
    }
    if let Some(problem) = audience.and_then(|audience| unfit(audience, site)) {
        let (message, hint) = problem;
        problems.push(Problem::new(at.place.clone(), message).hint(hint));
    }
    if let Some(list) = &raw.keep_cookies {
        let problem = Problem::new(
            list.place.clone(),
            "nginx does not know which cookies tell these pages apart",
        );
        problems.push(problem.hint("leave out `keep_cookies` or `publish`"));
    }
    let mut publish = Publish::default();
    if let Some(at) = &raw.publish_type {
        match words::content_type(&at.value) {
            Ok(()) => publish.content_type.clone_from(&at.value),
            Err(fault) => problems.push(fault.at(&at.place)),
        }
    }
    if let Some(at) = &raw.unlisted {
        match choice(&at.value, &["skip", "publish"]) {
            Ok(0) => publish.unlisted = Unlisted::Skip,
            Ok(_) => publish.unlisted = Unlisted::Publish,
            Err(fault) => problems.push(fault.at(&at.place)),
        }
    }
    (problems.len() == before).then_some(publish)
}

/// Why nginx can't tell the pages of an audience apart, and what to do.
fn unfit(audience: &Audience, site: &Site<'_>) -> Option<(String, &'static str)> {
    match audience {
        Audience::AllUsers | Audience::AnonymousOnly | Audience::AnonymousAndAuthenticated => None,
        Audience::PerUser(_) => Some((
            "pages of one user are not for nginx, which knows nobody".to_owned(),
            "leave out `publish`: Larder answers with them",
        )),
        Audience::Custom { name, parts } => {
            let tellable = |part: &Part| matches!(part, Part::Segment | Part::Query(_));
            let is_told = parts.iter().all(tellable);
            if is_told && !parts.contains(&Part::Segment) {
                return None;
            }
            let is_version = is_told;
            if is_version && site.trusts_version_cookie {
                return None;
            }
            let name = name.escape_debug();
            if is_version {
                let message = format!(
                    "nginx would choose among the pages of {name} by a cookie that every visitor can forge"
                );
                return Some((
                    message,
                    "leave out `publish`, or set danger.trust_page_version_cookie = true if each version may be read by everybody",
                ));
            }
            let message = format!("nginx can't tell the pages of {name} apart");
            Some((
                message,
                "publish pages for all-users, anonymous-only or anonymous-and-authenticated, or audiences by segment alone",
            ))
        }
    }
}
