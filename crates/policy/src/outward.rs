//! What does a response say to caches that are not Larder: a CDN before the application, a proxy at the visitor's, a browser?
//!
//! They know neither rules nor visitors. What they may keep for all is what is the same for everybody whom they would give
//! it to, and they can tell only by the request's fields:
//!
//! | rule | response | is told |
//! |---|---|---|
//! | `never` | any | the no-cache set ([`dress::never`]) |
//! | `pass` | without a word of its own | `private, no-cache` |
//! | none, or no audience | any | nothing |
//! | an audience | that says `no-store`, `private`, `no-cache` | nothing more, unless the rule overrides it |
//! | | the visitor's own: personal, with a cookie for them, to credentials, `Vary: *` | `private, no-cache` |
//! | | not one that the rule is for (status, type) | nothing; `private, no-cache` where a session could show |
//! | | an anonymous visitor's, to a request without a session | `max-age=BROWSER, s-maxage=TTL` and the windows |
//! | | another's | `private, max-age=BROWSER`; of `anonymous-only`, `private, no-cache` |
//!
//! For `all-users` a session in the request does not matter, unless the application says that it varies by cookies. Where it
//! does for the audience, `Cookie` goes into `Vary`, and so do the fields of its key: a cache that has seen only visitors
//! without a session must not answer one with a session. What the application said stays where it is stricter.
//!
//! In front of Larder [`dress`] does this: there the page's age is known, and that it was made for nobody.

use crate::audience::{Audience, Part};
use crate::dress;
use crate::identity::{IdentityRules, Session};
use crate::policy::Policy;
use crate::rule::Share;
use crate::ruling::{Ruling, Way};
use crate::set_cookie;
use http::StatusCode;
use http::header::{
    self, CACHE_CONTROL, EXPIRES, HeaderMap, HeaderName, HeaderValue, PRAGMA, SET_COOKIE, VARY,
};
use larder_semantics::Reason;
use larder_semantics::field::cache_control::{Flags, ResponseDirectives, listed_fields};
use std::fmt::Write as _;
use std::time::Duration;

/// Fields with which some caches are told otherwise than by `Cache-Control`.
const OTHERS: [HeaderName; 3] = [SURROGATE_CONTROL, CDN_CACHE_CONTROL, X_ACCEL_EXPIRES];
const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
const X_ACCEL_EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");

/// The fields of a response that decide what it says; all others may be left out.
pub const READS: [HeaderName; 9] = [
    CACHE_CONTROL,
    header::CONTENT_TYPE,
    EXPIRES,
    PRAGMA,
    SET_COOKIE,
    VARY,
    SURROGATE_CONTROL,
    CDN_CACHE_CONTROL,
    X_ACCEL_EXPIRES,
];

const RESTRICTIONS: Flags = Flags::NO_STORE.and(Flags::PRIVATE).and(Flags::NO_CACHE);

/// What of a request matters to what its response says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// Whether it has a session cookie.
    pub session: bool,
    /// Whether it has `Authorization`.
    pub credentials: bool,
    /// Whether the application knows that it made the response for this visitor alone.
    pub personal: bool,
}

impl Asker {
    /// What a request's fields say.
    fn of(request: &HeaderMap, rules: &IdentityRules) -> Self {
        Self {
            session: Session::of(request, rules) != Session::None,
            credentials: request.contains_key(header::AUTHORIZATION),
            personal: false,
        }
    }
}

/// What is to be done to a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outward {
    /// Fields to set, each in place of all lines of its name.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Fields to take off.
    pub remove: Vec<HeaderName>,
}

impl Outward {
    /// Does it.
    pub fn apply(self, response: &mut HeaderMap) {
        for name in self.remove {
            response.remove(name);
        }
        for (name, value) in self.set {
            response.insert(name, value);
        }
    }

    fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.set.push((name, value));
    }

    fn remove(&mut self, response: &HeaderMap, names: &[HeaderName]) {
        self.remove.extend(names.iter().filter(|name| response.contains_key(*name)).cloned());
    }

    /// Nobody but the visitor's own browser may keep it, and that one has to ask again.
    fn own(&mut self, response: &HeaderMap) {
        self.set(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        self.remove(response, &[EXPIRES]);
        self.remove(response, &OTHERS);
    }

    /// Merges members into `Vary` (RFC 9110 §12.5.5); those that are there keep their order.
    fn vary(&mut self, response: &HeaderMap, more: &[HeaderName]) {
        let mut members: Vec<String> = varies(response).map(str::to_owned).collect();
        let before = members.len();
        if members.iter().any(|member| member == "*") {
            return;
        }
        for name in more {
            if !members.iter().any(|member| member.eq_ignore_ascii_case(name.as_str())) {
                members.push(titled(name));
            }
        }
        if members.len() > before
            && let Ok(line) = HeaderValue::try_from(members.join(", "))
        {
            self.set(VARY, line);
        }
    }
}

impl Policy {
    /// What of a request matters to what its response says.
    #[must_use]
    pub fn asker(&self, ruling: &Ruling, request: &HeaderMap) -> Asker {
        // Without an audience the application's word counts, whoever asks.
        self.share_of(ruling).map_or_else(Asker::default, |_| Asker::of(request, &self.identity))
    }

    /// What a response to the request of `ruling` says to caches that are not Larder.
    #[must_use]
    pub fn outward(
        &self,
        ruling: &Ruling,
        asker: Asker,
        status: StatusCode,
        response: &HeaderMap,
    ) -> Outward {
        let mut outward = Outward::default();
        if let Way::Never(_) = ruling.way {
            let mut never = HeaderMap::new();
            dress::never(&mut never);
            outward.set = never.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            outward.remove(response, &OTHERS);
            return outward;
        }
        let Some(share) = self.share_of(ruling) else {
            self.unshared(ruling, asker, response, &mut outward);
            return outward;
        };
        let by_method = ruling.way == Way::Pass(Reason::Method);
        let page = Page { policy: self, share, ruling, asker, status, response };
        match ruling.way {
            Way::Share => page.shared(&mut outward),
            // Nobody can tell them from what the rule's audience gets, but what changes something is stored nowhere.
            Way::Pass(_) if by_method && !asker.personal => page.unsaid(&mut outward),
            Way::Pass(_) | Way::LookUp | Way::Open | Way::Never(_) => page.own(&mut outward),
        }
        outward
    }

    /// Without an audience: what the application says counts, and where it says nothing to a request that went past the
    /// cache, the response is the visitor's.
    fn unshared(&self, ruling: &Ruling, asker: Asker, response: &HeaderMap, out: &mut Outward) {
        let passed = matches!(ruling.way, Way::Pass(_) | Way::LookUp);
        let is_silent = !response.contains_key(CACHE_CONTROL);
        if asker.personal && !is_restricted(response) || passed && is_silent {
            out.own(response);
        }
        if asker.personal {
            out.vary(response, &[header::COOKIE]);
        }
    }
}

/// A response under a rule with an audience.
struct Page<'a> {
    policy: &'a Policy,
    share: &'a Share,
    ruling: &'a Ruling,
    asker: Asker,
    status: StatusCode,
    response: &'a HeaderMap,
}

impl Page<'_> {
    /// A page that its audience shares.
    fn shared(&self, out: &mut Outward) {
        let covered = self.share.covers(self.status, self.response);
        if self.asker.personal || self.asker.credentials || self.has_own_marks() {
            self.own(out);
        } else if !covered {
            self.uncovered(out);
        } else if is_restricted(self.response) && !self.share.override_no_store {
            // Stricter than the rule, and the application's to say.
        } else if self.may_be_public() {
            self.public(out);
        } else if self.share.audience == Audience::AnonymousOnly {
            self.own(out);
        } else {
            self.private(out);
        }
    }

    /// The one visitor's. The application's own word counts where it is as strict.
    fn own(&self, out: &mut Outward) {
        if !is_restricted(self.response) {
            out.own(self.response);
        }
        if self.asker.personal || !self.is_everybody() {
            out.vary(self.response, &self.key_fields());
        }
    }

    /// Where the application says nothing.
    fn unsaid(&self, out: &mut Outward) {
        if !self.response.contains_key(CACHE_CONTROL) {
            out.own(self.response);
        }
    }

    /// Not a response that the rule has a word for: an error, a redirect, another type.
    fn uncovered(&self, out: &mut Outward) {
        if self.may_be_public() {
            if !self.is_everybody() {
                out.vary(self.response, &self.key_fields());
            }
        } else {
            self.own(out);
        }
    }

    fn public(&self, out: &mut Outward) {
        let response = self.response;
        if let Some(value) = self.public_value() {
            out.set(CACHE_CONTROL, value);
            out.remove(response, &[EXPIRES, PRAGMA]);
        }
        // Those that the rule names, or it would not be public.
        out.remove(response, &[SET_COOKIE]);
        let mut fields = self.key_fields();
        fields.extend(self.policy.xhr.fields_of(self.ruling.xhr).cloned());
        out.vary(response, &fields);
    }

    fn private(&self, out: &mut Outward) {
        let mut text = String::from("private");
        push(&mut text, "max-age", self.browser_age());
        self.stricter(&mut text);
        if let Ok(value) = HeaderValue::try_from(text) {
            out.set(CACHE_CONTROL, value);
        }
        out.remove(self.response, &[EXPIRES]);
        out.remove(self.response, &OTHERS);
        out.vary(self.response, &self.key_fields());
    }

    /// The `Cache-Control` for everybody. `None`: the application's stays as it is.
    fn public_value(&self) -> Option<HeaderValue> {
        let share = self.share;
        let said = ResponseDirectives::of(self.response);
        let speaks = self.response.contains_key(CACHE_CONTROL);
        let lives = said.max_age.is_some()
            || said.s_maxage.is_some()
            || self.response.contains_key(EXPIRES);
        if share.respect_origin && lives {
            return None;
        }
        let terms = share.terms(self.status, self.response);
        let shared = share.cdn_ttl.or(terms.lifetime);
        if shared.is_none() && share.browser_ttl.is_none() && speaks {
            return None;
        }
        let mut text = String::with_capacity(64);
        push(&mut text, "max-age", self.browser_age());
        match shared {
            Some(ttl) => push(&mut text, "s-maxage", ttl),
            None => {
                if let Some(ttl) = said.s_maxage {
                    push(&mut text, "s-maxage", ttl);
                }
            }
        }
        // RFC 9111 §4.2.4: what must be revalidated is not served stale, whoever allows it.
        if !said.flags.has(Flags::MUST_REVALIDATE.and(Flags::PROXY_REVALIDATE)) {
            let windows = [
                ("stale-while-revalidate", terms.grace.or(said.stale_while_revalidate)),
                ("stale-if-error", terms.stale_if_error.or(said.stale_if_error)),
            ];
            for (name, window) in windows {
                if let Some(window) = window.filter(|window| !window.is_zero()) {
                    push(&mut text, name, window);
                }
            }
        }
        self.stricter(&mut text);
        HeaderValue::try_from(text).ok()
    }

    /// How long browsers keep it: as the rule says, else as the application does, else not unasked.
    fn browser_age(&self) -> Duration {
        let said = || ResponseDirectives::of(self.response).max_age;
        self.share.browser_ttl.or_else(said).unwrap_or_default()
    }

    /// What of the application's own holds beside every lifetime.
    fn stricter(&self, text: &mut String) {
        let flags = ResponseDirectives::of(self.response).flags;
        let kept = [
            (flags.has(Flags::MUST_REVALIDATE), "must-revalidate"),
            (flags.has(Flags::PROXY_REVALIDATE), "proxy-revalidate"),
            (flags.has(Flags::IMMUTABLE), "immutable"),
            (says(self.response, "no-transform"), "no-transform"),
        ];
        for (_, name) in kept.into_iter().filter(|(is, _)| *is) {
            text.push_str(", ");
            text.push_str(name);
        }
    }

    /// Whether the response itself shows that it is one visitor's.
    fn has_own_marks(&self) -> bool {
        // Other caches put no token into a form: the cookie with its secret makes the page this visitor's.
        let is_form = self.share.rework.csrf
            && set_cookie::names(self.response)
                .any(|name| name == self.policy.csrf.name.as_bytes());
        is_form
            || set_cookie::kept_name(self.response, &self.share.drop_set_cookie).is_some()
            || varies(self.response).any(|member| member == "*")
    }

    /// Whether who has no session, and only they, would get this page: that caches can tell by `Vary`.
    fn may_be_public(&self) -> bool {
        let by_cookie =
            || varies(self.response).any(|member| member.eq_ignore_ascii_case("cookie"));
        if self.is_everybody() {
            return !(self.asker.session && by_cookie());
        }
        !self.asker.session && !self.ruling.identity.needs_confirmation()
    }

    /// Whether the page is the same for all who ask for it.
    fn is_everybody(&self) -> bool {
        self.share.audience.is_everybody() && self.share.keep_cookies.is_empty()
    }

    /// The fields that tell the rule's pages apart.
    fn key_fields(&self) -> Vec<HeaderName> {
        if self.is_everybody() {
            return if self.asker.personal { vec![header::COOKIE] } else { Vec::new() };
        }
        let mut fields = vec![header::COOKIE];
        if let Audience::Custom { parts, .. } = &self.share.audience {
            fields.extend(parts.iter().filter_map(|part| match part {
                Part::Header(name) => Some(name.clone()),
                Part::Cookie(_) | Part::Query(_) | Part::Class | Part::User | Part::Segment => None,
            }));
        }
        fields
    }
}

/// Whether the application keeps a response from being shared, in whole or in part.
fn is_restricted(response: &HeaderMap) -> bool {
    ResponseDirectives::of(response).flags.has(RESTRICTIONS)
        || listed_fields(response).next().is_some()
}

fn says(response: &HeaderMap, directive: &str) -> bool {
    response.get_all(CACHE_CONTROL).iter().any(|line| {
        let words = line.as_bytes().split(|byte| *byte == b',');
        words.map(<[u8]>::trim_ascii).any(|word| word.eq_ignore_ascii_case(directive.as_bytes()))
    })
}

/// The members of `Vary`. What is not ASCII selects by nothing.
fn varies(response: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = response.get_all(VARY).iter().filter_map(|line| line.to_str().ok());
    let members =
        lines.flat_map(|line| line.split(',')).map(|member| member.trim_matches([' ', '\t']));
    members.filter(|member| !member.is_empty())
}

fn push(text: &mut String, name: &str, span: Duration) {
    let comma = if text.is_empty() { "" } else { ", " };
    // Writing to a string does not fail.
    let _written = write!(text, "{comma}{name}={}", span.as_secs());
}

/// `cookie` as `Cookie`, as people write it.
fn titled(name: &HeaderName) -> String {
    let mut starts = true;
    let letter = |c: char| {
        let c = if starts { c.to_ascii_uppercase() } else { c };
        starts = c == '-';
        c
    };
    name.as_str().chars().map(letter).collect()
}

#[cfg(test)]
#[path = "outward_tests.rs"]
mod tests;
