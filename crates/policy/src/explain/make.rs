//! How is an explanation made? By asking the functions that decide, and writing down what they say.

use super::{
    Because, Explanation, Field, LeftOut, Lifetimes, Nearest, Outcome, RuleLine, Seen, Sent,
    Standing, VisitorLine, left_out, parts, secret::Secrets, show_span,
};
use crate::audience::Audience;
use crate::cookies;
use crate::identity::field::LARDER_IDENTITY;
use crate::identity::{Class, Identity, Session};
use crate::key::{self, KeyBuf};
use crate::policy::Policy;
use crate::rule::{Action, Mismatch, Rule, Share};
use crate::ruling::{Ruling, Way};
use crate::scheme::Scheme;
use crate::visit::Visit;
use crate::visitor::{Sources, Visitor};
use http::header::{self, HeaderMap, HeaderName};
use larder_semantics::{Lookup, Reason, Timestamp};
use std::time::Duration;

/// A request and what was decided about it.
struct Decided<'a> {
    policy: &'a Policy,
    visit: Visit<'a>,
    ruling: Ruling,
    key: KeyBuf,
    visitor: Visitor,
    /// By which fields the page is known to vary.
    varies: Vec<HeaderName>,
    outcome: Outcome,
    reason: Option<Reason>,
    /// Whether the client sent what only Larder may say.
    impostor: bool,
}

impl Policy {
    /// What would become of a request, and why. As far as rules say: what the application answers is not known.
    #[must_use]
    pub fn explain(&self, visit: &Visit<'_>, sources: &dyn Sources, now: Timestamp) -> Explanation {
        self.explain_knowing(visit, sources, &|_, _| Vec::new(), now)
    }

    /// The same for one who knows by which request fields a shared page varies: they are sent to the application too.
    /// `varies` is asked with the ruling and the page's key.
    #[must_use]
    pub fn explain_knowing(
        &self,
        visit: &Visit<'_>,
        sources: &dyn Sources,
        varies: &dyn Fn(&Ruling, &[u8]) -> Vec<HeaderName>,
        now: Timestamp,
    ) -> Explanation {
        let mut headers = visit.headers.clone();
        let impostor = headers.remove(&LARDER_IDENTITY).is_some();
        let visit = Visit { headers: &headers, ..*visit };
        let mut key = KeyBuf::new();
        let ruling = self.decide(&visit, sources, now, &mut key);
        let visitor = sources.visitor(&headers, &self.identity, now);
        let (outcome, reason) = outcome(&ruling, &visit);
        let varies =
            if outcome == Outcome::Shared { varies(&ruling, key.as_bytes()) } else { Vec::new() };
        let policy = self;
        Decided { policy, visit, ruling, key, visitor, varies, outcome, reason, impostor }.tell()
    }
}

impl Policy {
    /// The fields of a head and its cookies, as they may be shown.
    #[must_use]
    pub fn shown(&self, headers: &HeaderMap) -> (Vec<Field>, Vec<Field>) {
        shown(headers, &Secrets(&self.identity, &self.csrf))
    }
}

/// What HTTP itself keeps from the cache goes before what the rule says.
fn outcome(ruling: &Ruling, visit: &Visit<'_>) -> (Outcome, Option<Reason>) {
    let passes = match larder_semantics::lookup(visit.method, visit.headers) {
        Lookup::Yes => None,
        Lookup::Pass(reason) => Some(reason),
    };
    match (ruling.way, passes) {
        (Way::Never(reason), _) => (Outcome::Never, Some(reason)),
        (Way::Pass(reason), passes) => (Outcome::Pass, Some(passes.unwrap_or(reason))),
        (Way::LookUp, _) => (Outcome::LookUp, None),
        (Way::Open | Way::Share, Some(reason)) => (Outcome::Pass, Some(reason)),
        (Way::Open, None) => (Outcome::ResponseDecides, None),
        (Way::Share, None) => (Outcome::Shared, None),
    }
}

impl Decided<'_> {
    fn tell(&self) -> Explanation {
        let asked = self.visit.asked();
        let rules = &self.policy.rules;
        let nearest = rules.nearest(&asked, self.ruling.rule).and_then(|(id, why)| {
            let rule = rules.get(id)?;
            Some(Nearest { rule: line(rule), but: but(rule, why, &self.visit) })
        });
        let (scheme, host) = (self.visit.scheme, self.visit.host);
        let is_shared = self.outcome == Outcome::Shared;
        let secrets = Secrets(&self.policy.identity, &self.policy.csrf);
        Explanation {
            method: self.visit.method.to_string(),
            url: url(scheme, host, self.visit.target),
            counts_as: url(scheme, host, &self.counts()),
            rule: self.policy.rule_of(&self.ruling).map(line),
            nearest,
            outcome: self.outcome,
            because: self.reason.map(Because::from),
            door: None,
            visitor: self.visitor(),
            key: if matches!(self.outcome, Outcome::Shared | Outcome::ResponseDecides) {
                parts::lines(self.key.as_bytes(), &secrets)
            } else {
                Vec::new()
            },
            sent: self.sent(&secrets),
            lifetimes: self.policy.share_of(&self.ruling).filter(|_| is_shared).map(lifetimes),
            seen: self.seen(),
            notes: self.notes(),
        }
    }

    /// The target that the key has.
    fn counts(&self) -> String {
        let target = key::read(self.key.as_bytes()).map(|(_, _, target)| target);
        String::from_utf8_lossy(target.unwrap_or_default()).into_owned()
    }

    fn visitor(&self) -> VisitorLine {
        let (standing, doubt) = match &self.visitor {
            Visitor::Anonymous => (Standing::Anonymous, None),
            Visitor::Verified(_) => (Standing::Verified, None),
            Visitor::Unverified(doubt) => (Standing::Unverified, Some(doubt.text())),
            Visitor::LookUp => (Standing::ToBeAsked, None),
        };
        let identity = match &self.visitor {
            Visitor::Verified(identity) => Some(&**identity),
            Visitor::Anonymous => Some(&Identity::ANONYMOUS),
            Visitor::Unverified(_) | Visitor::LookUp => None,
        };
        VisitorLine {
            standing,
            matters: self.matters(),
            doubt,
            class: identity.map(|identity| Class::as_str(identity.class)),
            user: identity.and_then(|identity| identity.user.clone()),
            segment: identity.and_then(|identity| identity.segment.clone()),
            session_cookies: session_cookies(self),
        }
    }

    /// Whether who asks had to be known.
    fn matters(&self) -> bool {
        let Some(share) = self.policy.share_of(&self.ruling) else { return false };
        let audience = &share.audience;
        let came_to_it = match self.ruling.way {
            Way::Share | Way::LookUp => true,
            Way::Pass(reason) => matches!(reason, Reason::SessionCookie | Reason::Unverified),
            Way::Open | Way::Never(_) => false,
        };
        came_to_it && (audience.needs_identity() || *audience == Audience::AnonymousOnly)
    }

    fn sent(&self, secrets: &Secrets<'_>) -> Sent {
        let client = self.visit.headers;
        let share = self.policy.share_of(&self.ruling).filter(|_| self.outcome == Outcome::Shared);
        let target = match self.outcome {
            Outcome::Shared | Outcome::ResponseDecides if self.visit.is_for_a_page() => {
                self.counts()
            }
            Outcome::Shared
            | Outcome::ResponseDecides
            | Outcome::Pass
            | Outcome::Never
            | Outcome::LookUp
            | Outcome::AtTheDoor => self.visit.target.to_owned(),
        };
        let mut left_out = LeftOut::default();
        let (mut fields, mut cookies) = (Vec::new(), Vec::new());
        if let Some(share) = share {
            let filled = self.policy.fill(&self.ruling, share, client, &self.varies);
            left_out = left_out::of_fields(client, &filled);
            (fields, cookies) = shown(&filled, secrets);
        }
        if self.impostor {
            left_out.fields.push(LARDER_IDENTITY.as_str().to_owned());
        }
        left_out.parameters = left_out::of_query(self.visit.target, &target);
        let removed = Vec::new();
        Sent { target, as_it_came: share.is_none(), fields, cookies, left_out, removed }
    }

    /// What the rule makes of a response that says nothing of caching.
    fn seen(&self) -> Seen {
        let is_shared = self.outcome == Outcome::Shared;
        let mut headers = HeaderMap::new();
        let dress = self.policy.dress(&self.ruling, is_shared);
        // Whether the page is shared is not known before the look-up.
        if let Some(dress) = dress.filter(|_| self.outcome != Outcome::LookUp) {
            dress.apply(&mut headers, Duration::ZERO);
        }
        let (fields, _) = shown(&headers, &Secrets(&self.policy.identity, &self.policy.csrf));
        let share = self.policy.share_of(&self.ruling);
        let states = share.is_some_and(|share| is_shared && share.browser_ttl.is_some());
        Seen { fields, replaces: states || self.outcome == Outcome::Never }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let has_session = Session::of(self.visit.headers, &self.policy.identity) != Session::None;
        if self.outcome == Outcome::ResponseDecides
            && has_session
            && !self.policy.share_session_responses
        {
            notes.push(
                "the request has a session cookie: its answer is stored for others only if it says `public`, `s-maxage`, has a \
                 targeted field or varies on Cookie"
                    .to_owned(),
            );
        }
        if let Some(look_up) = &self.policy.identity.lookup
            && self.outcome == Outcome::LookUp
        {
            notes.push(format!(
                "the application is asked for {} with the session cookie only; its answer counts for {}",
                look_up.path,
                show_span(look_up.ttl)
            ));
        }
        if self.outcome == Outcome::Shared {
            notes.push(match joined(&self.varies) {
                None => {
                    "fields that the page's Vary names are sent too, once it has named them".into()
                }
                Some(names) => format!("the page varies by {names}, as its last answer said"),
            });
        }
        if self.ruling.identity.needs_confirmation() && self.outcome == Outcome::Shared {
            notes.push(
                "the answer has to say `Vary: Larder-Identity`: that it was made for whom it says"
                    .to_owned(),
            );
        }
        notes
    }
}

fn url(scheme: Scheme, host: &str, target: &str) -> String {
    format!("{}://{host}{target}", scheme.as_str())
}

/// The names of the session cookies that a request carries.
fn session_cookies(decided: &Decided<'_>) -> Vec<String> {
    let names = &decided.policy.identity.session_cookies;
    cookies::iter(decided.visit.headers)
        .filter(|(name, value)| !value.is_empty() && names.may_mean(name))
        .map(|(name, _)| String::from_utf8_lossy(name).replace(char::is_control, "?"))
        .collect()
}

/// The fields of a head, and its cookies.
fn shown(headers: &HeaderMap, secrets: &Secrets<'_>) -> (Vec<Field>, Vec<Field>) {
    let fields = headers.iter().filter(|(name, _)| *name != header::COOKIE);
    let fields = fields.map(|(name, value)| Field {
        name: name.as_str().to_owned(),
        value: secrets.show(value.as_bytes(), secrets.has_field(name.as_str().as_bytes())),
    });
    let cookies = cookies::iter(headers).map(|(name, value)| Field {
        name: secrets.show(name, false),
        value: secrets.show(value, secrets.has_cookie(name)),
    });
    (fields.collect(), cookies.collect())
}

fn lifetimes(share: &Share) -> Lifetimes {
    let secs = |span: Option<Duration>| span.map(|span| span.as_secs());
    Lifetimes {
        ttl_secs: secs(share.ttl),
        browser_ttl_secs: secs(share.browser_ttl),
        cdn_ttl_secs: secs(share.cdn_ttl),
        grace_secs: secs(share.grace),
        stale_if_error_secs: secs(share.stale_if_error),
        statuses: share.statuses.iter().map(|status| status.as_u16()).collect(),
        content_types: share.content_types.clone(),
        respect_origin: share.respect_origin,
        override_no_store: share.override_no_store,
    }
}

fn line(rule: &Rule) -> RuleLine {
    let mut matches = format!("{} = {}", rule.when.pattern.option(), rule.when.pattern);
    if let Some(hosts) = joined(&rule.when.hosts) {
        matches.push_str(&format!(" at {hosts}"));
    }
    if let Some(methods) = joined(&rule.when.methods) {
        matches.push_str(&format!(" for {methods}"));
    }
    let (mut follows, audience) = match &rule.action {
        Action::Never => ("never".to_owned(), None),
        Action::Pass => ("pass".to_owned(), None),
        Action::Respect => ("as the response says".to_owned(), None),
        Action::Share(share) => {
            let name = share.audience.name();
            let ttl = share.ttl.map_or_else(
                || "as long as the response says".to_owned(),
                |ttl| format!("ttl {}", show_span(ttl)),
            );
            let made = share.rework.words();
            (format!("{name}, {ttl}{made}"), Some(name.to_owned()))
        }
    };
    if let Some(scheme) = rule.scheme {
        follows.insert_str(0, &format!("by {} only, ", scheme.as_str()));
    }
    RuleLine { place: rule.place.clone(), matches, follows, audience }
}

fn joined<T: ToString>(list: &[T]) -> Option<String> {
    let texts: Vec<_> = list.iter().map(ToString::to_string).collect();
    if texts.is_empty() { None } else { Some(texts.join(", ")) }
}

fn but(rule: &Rule, why: Mismatch, visit: &Visit<'_>) -> String {
    match why {
        Mismatch::Pattern => format!(
            "its `{} = {}` does not match {}",
            rule.when.pattern.option(),
            rule.when.pattern,
            visit.target
        ),
        Mismatch::Host => format!(
            "it is for {}, not for {}",
            joined(&rule.when.hosts).unwrap_or_default(),
            visit.host
        ),
        Mismatch::Method => format!(
            "it is for {}, not for {}",
            joined(&rule.when.methods).unwrap_or_default(),
            visit.method
        ),
    }
}
