//! How are the pages of this rule shared, checked?

use std::time::Duration;

use larder_policy::{Audience, Share};

use super::audience::twice;
use super::published;
use super::raw::{At, RawRule};
use super::rework;
use super::rule::{Site, elements, status};
use crate::limits::LIFETIME_SECONDS_MAX;
use crate::problem::Problem;
use crate::quantity::show_duration;
use crate::words;

/// Checks everything that a rule with an audience may say; `audience` is `None` where it is at fault itself.
pub(crate) fn check(
    raw: &RawRule,
    audience: Option<Audience>,
    site: &Site<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Share> {
    let mut share = Share::with(audience.clone().unwrap_or(Audience::AllUsers));
    lifetimes(raw, &mut share, problems);
    if let (Some(audience), Some(at)) = (&audience, &raw.cdn_ttl)
        && !audience.is_everybody()
    {
        let message = format!(
            "`cdn_ttl` lets caches on the way show a page to everybody, but it is for {}",
            audience.name()
        );
        let hint = "leave it out: only pages for all-users may have it";
        problems.push(Problem::new(at.place.clone(), message).hint(hint));
    }
    if let Some(list) = &raw.status {
        share.statuses.clear();
        if list.value.is_empty() {
            let problem = Problem::new(list.place.clone(), "`status` is an empty list");
            problems.push(problem.hint("leave it out: then it is 200"));
        }
        for At { value, place } in &list.value {
            match status(*value) {
                Ok(status) if share.statuses.contains(&status) => {
                    problems.push(twice(status.as_str(), place));
                }
                Ok(status) => share.statuses.push(status),
                Err(fault) => problems.push(fault.at(place)),
            }
        }
    }
    share.content_types =
        elements(raw.content_type.as_ref(), "content_type", problems, words::media_type);
    let cookie = |text: &str| words::cookie(text).map(|()| text.to_owned());
    share.keep_cookies = elements(raw.keep_cookies.as_ref(), "keep_cookies", problems, cookie);
    share.drop_set_cookie =
        elements(raw.drop_set_cookie.as_ref(), "drop_set_cookie", problems, cookie);
    share.rework = rework::check(raw, problems);
    kept_cookies(raw, site, problems);
    dropped_sessions(raw, site, problems);
    let is = |at: &Option<At<bool>>| at.as_ref().is_some_and(|at| at.value);
    share.respect_origin = is(&raw.respect_origin);
    share.override_no_store = is(&raw.override_no_store);
    share.publish = published::check(raw, audience.as_ref(), site, problems);
    audience.map(|_| share)
}

/// `ttl` and its kin.
fn lifetimes(raw: &RawRule, share: &mut Share, problems: &mut Vec<Problem>) {
    if let Some(at) = raw.ttl.as_ref().filter(|at| at.value.is_zero()) {
        let problem = Problem::new(at.place.clone(), "a page that is kept for 0s is not kept");
        let hint = "write never = true in place of audience and ttl, or leave ttl out: then the response says";
        problems.push(problem.hint(hint));
    } else {
        share.ttl = lifetime(raw.ttl.as_ref(), problems);
    }
    share.browser_ttl = lifetime(raw.browser_ttl.as_ref(), problems);
    share.cdn_ttl = lifetime(raw.cdn_ttl.as_ref(), problems);
    share.grace = lifetime(raw.grace.as_ref(), problems);
    share.stale_if_error = lifetime(raw.stale_if_error.as_ref(), problems);
    let beside = [
        ("browser_ttl", &raw.browser_ttl, "browsers"),
        ("cdn_ttl", &raw.cdn_ttl, "caches on the way"),
    ];
    for (key, at, who) in beside {
        if let (Some(at), Some(ttl)) = (at, share.ttl)
            && at.value > ttl
        {
            let message =
                format!("`{key}` is longer than `ttl`: {who} keep pages that Larder has given up");
            let hint = format!("at most {}, or a longer ttl", show_duration(ttl));
            problems.push(Problem::warning(at.place.clone(), message).hint(hint));
        }
    }
}

/// A lifetime in whole seconds, a year at most.
fn lifetime(at: Option<&At<Duration>>, problems: &mut Vec<Problem>) -> Option<Duration> {
    let at = at?;
    let shown = show_duration(at.value);
    let (message, hint) = if at.value.subsec_nanos() != 0 {
        let up = Duration::from_secs(at.value.as_secs() + 1);
        (
            format!("HTTP counts in whole seconds, not {shown}"),
            format!("write {:?}", show_duration(up)),
        )
    } else if at.value.as_secs() > LIFETIME_SECONDS_MAX {
        (format!("{shown} is too long"), "at most 365d; purge what changes sooner".to_owned())
    } else {
        return Some(at.value);
    };
    problems.push(Problem::new(at.place.clone(), message).hint(hint));
    None
}

/// Cookies in the key of pages that somebody else may keep, and sessions where there is an audience for them.
fn kept_cookies(raw: &RawRule, site: &Site<'_>, problems: &mut Vec<Problem>) {
    let Some(list) = &raw.keep_cookies else { return };
    if let Some(at) = &raw.cdn_ttl {
        let message = "`cdn_ttl` lets caches on the way show a page to everybody, but `keep_cookies` tells visitors apart";
        let hint = "leave one of them out: caches on the way do not know which cookies count";
        problems.push(Problem::new(at.place.clone(), message).hint(hint));
    }
    for At { value, place } in &list.value {
        if site.session_cookies.may_mean(value.as_bytes()) {
            let message =
                format!("{value} is a session cookie: each visitor would have pages of their own");
            let hint = "write audience = \"per-user\" if that is meant: it keeps them out of shared caches";
            problems.push(Problem::new(place.clone(), message).hint(hint));
        }
    }
}

/// A session that is taken off never reaches the visitor who was to be logged in.
fn dropped_sessions(raw: &RawRule, site: &Site<'_>, problems: &mut Vec<Problem>) {
    let Some(list) = &raw.drop_set_cookie else { return };
    for At { value, place } in &list.value {
        if site.session_cookies.contains(value.as_bytes()) {
            let message = format!("nobody gets a session from these pages: {value} is taken off");
            let hint =
                "leave it out, unless no visitor has to keep the session that these pages begin";
            problems.push(Problem::warning(place.clone(), message).hint(hint));
        }
    }
}
