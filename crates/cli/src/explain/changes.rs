//! What is the least to change so that the page can be kept? Each change is tried on the answer, and the function that decides
//! says whether it was enough.

use http::header::{
    AGE, CACHE_CONTROL, EXPIRES, HeaderMap, HeaderName, HeaderValue, PRAGMA, SET_COOKIE, VARY,
};
use larder_policy::identity::field::LARDER_IDENTITY;
use larder_policy::{Explanation, set_cookie};
use larder_semantics::Reason;
use serde::Serialize;

use super::verdict::Judged;

/// What to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Changes {
    /// Each of them is needed.
    pub(super) steps: Vec<String>,
    /// Whether they were tried on this answer and are enough.
    pub(super) enough: bool,
}

/// More prohibitions than that on one answer are meant.
const STEPS_MAX: usize = 8;

/// What to change about an answer.
pub(super) fn of_answer(judged: &Judged<'_>, explanation: &Explanation) -> Changes {
    let mut response = judged.answer.fields.clone();
    let mut steps = Vec::new();
    let mender = Mender { judged, place: place(explanation) };
    for _ in 0..STEPS_MAX {
        let Err(reason) = judged.draft(&response) else {
            return Changes { steps, enough: true };
        };
        match mender.mend(reason, &mut response) {
            Some(step) => steps.push(step),
            None => {
                steps.push(reason.advice().to_owned());
                return Changes { steps, enough: false };
            }
        }
    }
    Changes { steps, enough: false }
}

/// What to change where it was the request that kept the page from being stored.
pub(super) fn of_request(reason: Reason, explanation: &Explanation) -> Changes {
    let mut step = String::new();
    let sessions = &explanation.visitor.session_cookies;
    if matches!(reason, Reason::SessionCookie | Reason::Unverified) {
        if let Some(doubt) = explanation.visitor.doubt {
            step.push_str(&format!("{doubt} (session cookie: {}). ", sessions.join(", ")));
        }
    } else if let (Reason::RulePass | Reason::RuleNever | Reason::Credentials, Some(place)) =
        (reason, place(explanation))
    {
        step.push_str(&format!("The rule is at {place}. "));
    }
    step.push_str(reason.advice());
    Changes { steps: vec![step], enough: false }
}

/// What to do about a HEAD whose GET could be stored.
pub(super) fn of_head() -> Changes {
    let step = "nothing: an answer to HEAD has no body to store, the one to GET may be stored";
    Changes { steps: vec![step.to_owned()], enough: false }
}

fn place(explanation: &Explanation) -> Option<&str> {
    let shared = explanation.rule.as_ref().filter(|rule| rule.audience.is_some());
    shared.or(explanation.rule.as_ref()).map(|rule| rule.place.as_str())
}

struct Mender<'a> {
    judged: &'a Judged<'a>,
    place: Option<&'a str>,
}

impl Mender<'_> {
    /// Takes the reason away, and says how. `None`: nothing that could be changed about the fields does.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a reason that no field takes away has the table's own advice"
    )]
    fn mend(&self, reason: Reason, response: &mut HeaderMap) -> Option<String> {
        match reason {
            Reason::NoStore => self.unsay("no-store", response),
            Reason::Private => self.unsay("private", response),
            Reason::NoCache => self.unsay("no-cache", response),
            Reason::SetCookie => Some(self.without_cookie(response)),
            Reason::SessionResponse => {
                say(response, "public");
                Some(
                    "say `public` in Cache-Control (or s-maxage, or Vary: Cookie), or give the URL a rule with an audience"
                        .to_owned(),
                )
            }
            Reason::Authorization => {
                say(response, "public");
                Some("say `public` in Cache-Control, if all who log in may see it".to_owned())
            }
            Reason::Unconfirmed => {
                response.append(VARY, HeaderValue::from(LARDER_IDENTITY));
                Some(
                    "make the page for the Larder-Identity that is sent, and say `Vary: Larder-Identity`"
                        .to_owned(),
                )
            }
            Reason::VaryAny => self.vary_less(response),
            Reason::NoLifetimeNorValidator | Reason::AlreadyExpired => {
                Some(self.with_lifetime(response))
            }
            _ => None,
        }
    }

    /// Takes a directive out of the field that it stands in.
    fn unsay(&self, directive: &str, response: &mut HeaderMap) -> Option<String> {
        let name = holders().into_iter().find(|name| says(response, name, directive))?;
        let kept: Vec<String> = response
            .get_all(&name)
            .iter()
            .flat_map(|line| members(line.as_bytes()))
            .filter(|member| !is_directive(member, directive))
            .collect();
        replace(response, &name, &kept);
        let mut text = format!("leave `{directive}` out of {}", titled(&name));
        if let Some(place) = self.place.filter(|_| self.judged.sharing.is_some()) {
            text.push_str(&format!(
                ", or, if the rule knows better, set danger.override_no_store = true in the rule at {place}"
            ));
        }
        Some(text)
    }

    fn without_cookie(&self, response: &mut HeaderMap) -> String {
        let share = self.judged.sharing.as_ref().and_then(|sharing| sharing.share());
        let dropped = share.map(|share| &*share.drop_set_cookie).unwrap_or_default();
        // Without a sharing rule nothing is dropped, and the first cookie is the one.
        let cookie = set_cookie::kept_name(response, dropped).unwrap_or_default().to_vec();
        let others: Vec<_> = response.get_all(SET_COOKIE).iter().cloned().collect();
        response.remove(SET_COOKIE);
        for line in others {
            let alone = HeaderMap::from_iter([(SET_COOKIE, line.clone())]);
            if set_cookie::kept_name(&alone, &[]) != Some(&*cookie) {
                response.append(SET_COOKIE, line);
            }
        }
        let cookie = String::from_utf8_lossy(&cookie).into_owned();
        match (share, self.place) {
            (Some(_), Some(place)) => format!(
                "do not set the cookie {cookie} on this page, or, if nobody needs it here, have it taken off: drop_set_cookie = \
                 [\"{cookie}\"] in the rule at {place}"
            ),
            (Some(_) | None, _) => format!(
                "do not set the cookie {cookie} on this page, or give the URL a rule with an audience and drop_set_cookie = [\"{cookie}\"]"
            ),
        }
    }

    /// Finds the member that is too much.
    fn vary_less(&self, response: &mut HeaderMap) -> Option<String> {
        let all: Vec<String> =
            response.get_all(VARY).iter().flat_map(|line| members(line.as_bytes())).collect();
        for member in &all {
            let rest: Vec<String> = all.iter().filter(|other| *other != member).cloned().collect();
            let mut tried = response.clone();
            replace(&mut tried, &VARY, &rest);
            if !matches!(self.judged.draft(&tried), Err(Reason::VaryAny)) {
                *response = tried;
                return Some(format!("leave `{member}` out of Vary"));
            }
        }
        None
    }

    fn with_lifetime(&self, response: &mut HeaderMap) -> String {
        for name in [EXPIRES, AGE, PRAGMA] {
            response.remove(name);
        }
        for name in holders() {
            let kept: Vec<String> = response
                .get_all(&name)
                .iter()
                .flat_map(|line| members(line.as_bytes()))
                .filter(|member| {
                    !["max-age", "s-maxage"].iter().any(|other| is_directive(member, other))
                })
                .collect();
            replace(response, &name, &kept);
        }
        say(response, "max-age=60");
        match (self.judged.sharing.as_ref().and_then(|sharing| sharing.share()), self.place) {
            (Some(share), Some(place)) => {
                let covers = share.covers(self.judged.answer.status, &self.judged.answer.fields);
                let rule = if share.ttl.is_none() {
                    format!("give the rule at {place} a ttl, such as ttl = \"10m\"")
                } else if covers {
                    format!("raise the ttl of the rule at {place}")
                } else {
                    format!(
                        "name the status {} and its type in `status` and `content_type` of the rule at {place}",
                        self.judged.answer.status.as_u16()
                    )
                };
                format!("say how long it is good, as in `Cache-Control: max-age=60`, or {rule}")
            }
            (Some(_) | None, _) => {
                "say how long it is good, as in `Cache-Control: max-age=60`, or give the URL a rule with an audience and a ttl"
                    .to_owned()
            }
        }
    }
}

/// The fields that directives stand in, the one that outranks the others first.
fn holders() -> [HeaderName; 3] {
    [
        HeaderName::from_static("cdn-cache-control"),
        HeaderName::from_static("surrogate-control"),
        CACHE_CONTROL,
    ]
}

fn titled(name: &HeaderName) -> &'static str {
    match name.as_str() {
        "cdn-cache-control" => "CDN-Cache-Control",
        "surrogate-control" => "Surrogate-Control",
        _ => "Cache-Control",
    }
}

fn says(response: &HeaderMap, name: &HeaderName, directive: &str) -> bool {
    let lines = response.get_all(name).iter();
    lines.flat_map(|line| members(line.as_bytes())).any(|member| is_directive(&member, directive))
}

fn is_directive(member: &str, directive: &str) -> bool {
    let name = member.split(['=', ';']).next().unwrap_or_default().trim();
    name.eq_ignore_ascii_case(directive)
}

/// The members of a list; commas within quotes are none.
fn members(line: &[u8]) -> Vec<String> {
    let (mut members, mut current, mut quoted) = (Vec::new(), String::new(), false);
    for character in String::from_utf8_lossy(line).chars() {
        match character {
            ',' if !quoted => members.push(std::mem::take(&mut current)),
            other => {
                quoted ^= other == '"';
                current.push(other);
            }
        }
    }
    members.push(current);
    members.iter().map(|each| each.trim().to_owned()).filter(|each| !each.is_empty()).collect()
}

/// Adds a directive to the field that holds already, or begins one.
fn say(response: &mut HeaderMap, directive: &'static str) {
    let name = holders().into_iter().find(|name| response.contains_key(name));
    response.append(name.unwrap_or(CACHE_CONTROL), HeaderValue::from_static(directive));
}

fn replace(response: &mut HeaderMap, name: &HeaderName, members: &[String]) {
    response.remove(name);
    if let Ok(line) = HeaderValue::try_from(members.join(", "))
        && !members.is_empty()
    {
        response.insert(name.clone(), line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_do_not_part_members() {
        let parted = members(b" no-cache=\"a, b\" , max-age=1,,");
        assert_eq!(parted, ["no-cache=\"a, b\"", "max-age=1"]);
        assert!(
            is_directive("No-Cache=\"a\"", "no-cache") && !is_directive("no-cached", "no-cache")
        );
    }
}
