//! Whose page is a request for, and under which key does it lie?
//!
//! In this order, the first that holds:
//! 1. a script's request where `[xhr] never`, or a rule's `never`: never stored, and told so;
//! 2. a cookie of `identity.bypass_cookies`: to the application;
//! 3. no rule, or one without an audience: the response decides (RFC 9111);
//! 4. `pass`;
//! 5. `Authorization` that is no part of the key: to the application;
//! 6. the audience: a page of the visitor's, or, where it takes a proof and there is none, to the application.
//!
//! The key holds everything that may shape a shared page, and what is not in it is not sent ([`fill`](crate::fill)).

use crate::audience::{Audience, Part, UserKey};
use crate::cookies;
use crate::identity::{Class, Identity};
use crate::key::KeyBuf;
use crate::policy::Policy;
use crate::rule::{Action, Asked, Rule, RuleId, Share};
use crate::visit::Visit;
use crate::visitor::{Doubt, Sources, Visitor};
use crate::xhr::XhrClass;
use http::{HeaderMap, Method, header};
use larder_semantics::{Reason, Timestamp};
use std::sync::Arc;

/// What policy says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The rule that matched.
    pub rule: Option<RuleId>,
    /// What becomes of the request.
    pub way: Way,
    /// Which signs of a script's request it has.
    pub xhr: XhrClass,
    /// For whom the page is, as far as its key says so.
    pub identity: Keyed,
    /// Why the visitor is not verified, where that mattered.
    pub doubt: Option<Doubt>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The response decides (RFC 9111).
    Open,
    /// A page that its audience shares.
    Share,
    /// To the application with all that it came with; nothing is stored.
    Pass(Reason),
    /// The same, and the response says that nobody may store it.
    Never(Reason),
    /// The application has to say first who the visitor is.
    LookUp,
}

/// The parts of an identity that are in a page's key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyed {
    /// Whose they are. `None`: an anonymous visitor's.
    pub identity: Option<Arc<Identity>>,
    /// Whether the class is.
    pub class: bool,
    /// Whether the user is.
    pub user: bool,
    /// Whether the segment is.
    pub segment: bool,
}

impl Keyed {
    /// The class, where it is in the key.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        let class = self.identity.as_ref().map_or(Class::Anonymous, |identity| identity.class);
        self.class.then_some(class)
    }

    /// The user, where it is in the key and known.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.identity.as_ref().filter(|_| self.user)?.user.as_deref()
    }

    /// The segment, where it is in the key and known.
    #[must_use]
    pub fn segment(&self) -> Option<&str> {
        self.identity.as_ref().filter(|_| self.segment)?.segment.as_deref()
    }

    /// Whether any part of it is.
    #[must_use]
    pub const fn is_keyed(&self) -> bool {
        self.class || self.user || self.segment
    }

    /// Whether the page is another than an anonymous visitor's, so that the application has to confirm that it made that one.
    #[must_use]
    pub fn needs_confirmation(&self) -> bool {
        self.class() == Some(Class::Authenticated)
            || self.user().is_some()
            || self.segment().is_some()
    }
}

impl Policy {
    /// Says what becomes of a request, and writes the key of the page that it is about.
    #[must_use]
    pub fn decide(
        &self,
        visit: &Visit<'_>,
        sources: &dyn Sources,
        now: Timestamp,
        key: &mut KeyBuf,
    ) -> Ruling {
        let xhr = self.xhr.classify(visit.headers);
        let found = self.rules.find(&visit.asked());
        self.begin_key(visit, found.map(|(_, rule)| rule), key);
        let mut ruling = Ruling {
            rule: found.map(|(id, _)| id),
            way: Way::Open,
            xhr,
            identity: Keyed::default(),
            doubt: None,
        };
        let action = found.map(|(_, rule)| &rule.action);
        if xhr.is_script() && self.xhr.never {
            ruling.way = Way::Never(Reason::Xhr);
        } else if action == Some(&Action::Never) {
            ruling.way = Way::Never(Reason::RuleNever);
        } else if let Some(reason) = self.bypass(visit.headers) {
            ruling.way = Way::Pass(reason);
        } else {
            match action {
                None | Some(Action::Respect | Action::Never) => {}
                Some(Action::Pass) => ruling.way = Way::Pass(Reason::RulePass),
                Some(Action::Share(share)) => self.share(visit, share, sources, now, &mut ruling),
            }
        }
        match ruling.way {
            Way::Open => self.write_xhr(xhr, key),
            Way::Share => self.write_parts(visit, &ruling, key),
            Way::Pass(_) | Way::Never(_) | Way::LookUp => {}
        }
        ruling
    }

    /// The rule of a ruling.
    #[must_use]
    pub fn rule_of(&self, ruling: &Ruling) -> Option<&Rule> {
        self.rules.get(ruling.rule?)
    }

    /// How the page of a ruling is shared, if it is by a rule.
    #[must_use]
    pub fn share_of(&self, ruling: &Ruling) -> Option<&Share> {
        match &self.rule_of(ruling)?.action {
            Action::Share(share) => Some(share),
            Action::Never | Action::Pass | Action::Respect => None,
        }
    }

    /// Writes the key of a URL, without what tells its pages apart: what is invalidated when the URL is.
    pub fn url_key(&self, visit: &Visit<'_>, key: &mut KeyBuf) {
        let asked = Asked { method: &Method::GET, ..visit.asked() };
        let found = self.rules.find(&asked);
        self.begin_key(&Visit { method: &Method::GET, ..*visit }, found.map(|(_, r)| r), key);
    }

    fn begin_key(&self, visit: &Visit<'_>, rule: Option<&Rule>, key: &mut KeyBuf) {
        if visit.is_for_a_page() {
            let query = rule.map_or(&self.query, |rule| &rule.query);
            key.write(visit.scheme, visit.host, &query.normal(visit.target), &[]);
        } else {
            // Another method is about the page that a GET would be for.
            self.url_key(visit, key);
        }
    }

    fn bypass(&self, headers: &HeaderMap) -> Option<Reason> {
        let names = &self.identity.bypass_cookies;
        if names.as_slice().is_empty() || !headers.contains_key(header::COOKIE) {
            return None;
        }
        cookies::iter(headers)
            .any(|(name, value)| !matches!(value, b"" | b"\"\"") && names.contains(name))
            .then_some(Reason::BypassCookie)
    }

    /// Which page of a shared URL is it?
    fn share(
        &self,
        visit: &Visit<'_>,
        share: &Share,
        sources: &dyn Sources,
        now: Timestamp,
        ruling: &mut Ruling,
    ) {
        ruling.way = Way::Share;
        if !visit.is_for_a_page() {
            ruling.way = Way::Pass(Reason::Method);
            return;
        }
        if visit.headers.contains_key(header::AUTHORIZATION) && !keys_authorization(&share.audience)
        {
            ruling.way = Way::Pass(Reason::Credentials);
            return;
        }
        ruling.identity = Keyed::of(&share.audience);
        let anonymous_only = share.audience == Audience::AnonymousOnly;
        if !anonymous_only && !ruling.identity.is_keyed() {
            return;
        }
        match sources.visitor(visit.headers, &self.identity, now) {
            Visitor::Anonymous => {}
            Visitor::LookUp => ruling.way = Way::LookUp,
            Visitor::Verified(identity) if anonymous_only => {
                if identity.class == Class::Authenticated {
                    ruling.way = Way::Pass(Reason::SessionCookie);
                }
            }
            Visitor::Verified(identity) => {
                // Somebody without a name must not get the page of those who have none because they are nobody.
                let nameless = ruling.identity.user
                    && identity.class == Class::Authenticated
                    && identity.user.is_none();
                if nameless {
                    ruling.way = Way::Pass(Reason::Unverified);
                }
                ruling.identity.identity = Some(identity);
            }
            Visitor::Unverified(doubt) => {
                let reason =
                    if anonymous_only { Reason::SessionCookie } else { Reason::Unverified };
                ruling.way = Way::Pass(reason);
                ruling.doubt = Some(doubt);
            }
        }
    }

    fn write_xhr(&self, xhr: XhrClass, key: &mut KeyBuf) {
        if !xhr.is_script() {
            return;
        }
        let signs = self.xhr.signs.iter().enumerate();
        for (_, sign) in signs.filter(|(place, _)| xhr.0 >> place & 1 == 1) {
            for (name, value) in &sign.0 {
                key.part(name.as_str(), Some(value.as_bytes()));
            }
        }
    }

    /// Everything that may shape a shared page.
    fn write_parts(&self, visit: &Visit<'_>, ruling: &Ruling, key: &mut KeyBuf) {
        let Some(share) = self.share_of(ruling) else { return };
        key.part("for", Some(share.audience.name().as_bytes()));
        self.write_xhr(ruling.xhr, key);
        let headers = visit.headers;
        match &share.audience {
            Audience::AllUsers | Audience::AnonymousOnly => {}
            Audience::AnonymousAndAuthenticated => ruling.identity.write(&Part::Class, key),
            Audience::PerUser(UserKey::User) => ruling.identity.write(&Part::User, key),
            Audience::PerUser(UserKey::Session) => {
                let names = &self.identity.session_cookies;
                for (name, value) in cookies::iter(headers) {
                    // Empty ones too: they are sent, and what an application says to them is not for those who have none.
                    if names.contains(name) {
                        key.part("session", Some(name));
                        key.part("=", Some(value));
                    }
                }
            }
            Audience::Custom { parts, .. } => {
                for part in parts {
                    match part {
                        Part::Cookie(name) => write_cookie(name, headers, key),
                        Part::Header(name) => write_header(name, headers, key),
                        // A part of the target already.
                        Part::Query(_) => {}
                        Part::Class | Part::User | Part::Segment => {
                            ruling.identity.write(part, key);
                        }
                    }
                }
            }
        }
        for name in &share.keep_cookies {
            write_cookie(name, headers, key);
        }
    }
}

impl Keyed {
    /// Which parts of an identity an audience is told apart by.
    fn of(audience: &Audience) -> Self {
        match audience {
            Audience::AllUsers | Audience::AnonymousOnly | Audience::PerUser(UserKey::Session) => {
                Self::default()
            }
            Audience::AnonymousAndAuthenticated => Self { class: true, ..Self::default() },
            Audience::PerUser(UserKey::User) => Self { user: true, ..Self::default() },
            Audience::Custom { parts, .. } => Self {
                identity: None,
                class: parts.contains(&Part::Class),
                user: parts.contains(&Part::User),
                segment: parts.contains(&Part::Segment),
            },
        }
    }

    fn write(&self, part: &Part, key: &mut KeyBuf) {
        match part {
            Part::Class => key.part("class", self.class().map(|class| class.as_str().as_bytes())),
            Part::User => key.part("user", self.user().map(str::as_bytes)),
            Part::Segment => key.part("segment", self.segment().map(str::as_bytes)),
            Part::Cookie(_) | Part::Header(_) | Part::Query(_) => {}
        }
    }
}

/// A cookie that came several times is keyed with all its values: which of them counts, applications do not agree about.
fn write_cookie(name: &str, headers: &HeaderMap, key: &mut KeyBuf) {
    key.part("cookie", Some(name.as_bytes()));
    let mut absent = true;
    for (_, value) in cookies::iter(headers).filter(|(other, _)| *other == name.as_bytes()) {
        key.part("=", Some(value));
        absent = false;
    }
    if absent {
        key.part("=", None);
    }
}

fn write_header(name: &http::HeaderName, headers: &HeaderMap, key: &mut KeyBuf) {
    key.part("header", Some(name.as_str().as_bytes()));
    let mut absent = true;
    for line in headers.get_all(name) {
        key.part("=", Some(line.as_bytes()));
        absent = false;
    }
    if absent {
        key.part("=", None);
    }
}

fn keys_authorization(audience: &Audience) -> bool {
    match audience {
        Audience::Custom { parts, .. } => parts.contains(&Part::Header(header::AUTHORIZATION)),
        Audience::AllUsers
        | Audience::AnonymousOnly
        | Audience::AnonymousAndAuthenticated
        | Audience::PerUser(_) => false,
    }
}
