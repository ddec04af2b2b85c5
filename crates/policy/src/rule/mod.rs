//! One rule of the file: when it applies, and what follows.
//!
//! Rules are tried in the order of the file and the first match wins. [`RuleSet`] finds it in one pass over the URL,
//! however many there are.

mod automaton;
mod expression;
mod host;
pub(crate) mod limits;
mod pattern;
mod pcre;
mod reach;
mod set;
#[cfg(test)]
mod tests;

pub use host::HostPattern;
pub use pattern::{Pattern, PatternError};
pub use pcre::Pcre;
pub use reach::{Unreachable, unreachable_rules};
pub use set::{Asked, Mismatch, RuleId, RuleSet};

use crate::audience::Audience;
use crate::query::Query;
use crate::scheme::Scheme;
use http::{HeaderMap, Method, StatusCode, header};
use larder_semantics::Terms;
use std::time::Duration;

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where it stands, for people: `larder.toml:12`.
    pub place: String,
    /// Which requests it is for.
    pub when: When,
    /// By which scheme its pages are; a request by the other is sent there. `None`: by either.
    pub scheme: Option<Scheme>,
    /// What follows.
    pub action: Action,
    /// What of the query counts: the site's choice unless the rule has one of its own.
    pub query: Query,
    /// The tags of its pages.
    pub tags: Vec<String>,
}

/// Which requests a rule is for. All of it has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// Which path and query.
    pub pattern: Pattern,
    /// Which hosts; empty means any.
    pub hosts: Vec<HostPattern>,
    /// Which methods; empty means any.
    pub methods: Vec<Method>,
}

/// What follows from a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `never = true`: never stored anywhere, and the response says so.
    Never,
    /// `pass = true`: to the application, as it is.
    Pass,
    /// No audience: the response decides (RFC 9111).
    Respect,
    /// Shared by an audience.
    Share(Box<Share>),
}

/// How the pages of a rule are shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// By whom.
    pub audience: Audience,
    /// How long Larder keeps a page; without it the response says.
    pub ttl: Option<Duration>,
    /// How long browsers may.
    pub browser_ttl: Option<Duration>,
    /// How long caches between Larder and the visitor may.
    pub cdn_ttl: Option<Duration>,
    /// How long past its freshness a page answers while it is made anew.
    pub grace: Option<Duration>,
    /// How long past its freshness a page answers while the application fails.
    pub stale_if_error: Option<Duration>,
    /// Statuses that get `ttl`.
    pub statuses: Vec<StatusCode>,
    /// Media types that get `ttl`, in lower case: `text/html`, `text/*`. Empty means any.
    pub content_types: Vec<String>,
    /// Whether a lifetime that the response states wins over `ttl`.
    pub respect_origin: bool,
    /// `danger.override_no_store`: whether `no-store`, `private` and `no-cache` of the response are overridden.
    pub override_no_store: bool,
    /// Cookies that are part of the key, and are sent, beside those of the audience.
    pub keep_cookies: Vec<String>,
    /// Cookies that may be taken off a response to make it storable.
    pub drop_set_cookie: Vec<String>,
    /// What is made of its pages before they are stored.
    pub rework: Rework,
    /// `publish = "nginx"`: where they are laid down besides, for nginx to answer with.
    pub publish: Option<Publish>,
}

/// How the pages of a rule are laid down where nginx finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The `Content-Type` that nginx answers with: only pages of this type are published.
    pub content_type: String,
    /// What becomes of a page that the lookup table could not remember.
    pub unlisted: Unlisted,
}

/// What becomes of a page that could not be remembered, so that no purge would find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// It is not published.
    #[default]
    Skip,
    /// It is, and stays until its lifetime is over.
    Publish,
}

impl Publish {
    /// The type of pages where a rule says nothing else.
    pub const HTML: &str = "text/html; charset=utf-8";
}

impl Default for Publish {
    fn default() -> Self {
        Self { content_type: Self::HTML.to_owned(), unlisted: Unlisted::default() }
    }
}

/// What is made of HTML pages before they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rework {
    /// `minify = true`: what nobody sees is left out.
    pub minify: bool,
    /// `csrf = "django"`: each visitor gets tokens of their own in its forms.
    pub csrf: bool,
    /// `esi`: which of them are put together of several.
    pub templates: Templates,
}

/// Which pages of a rule are templates, by the note "ESI Language Specification 1.0".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Templates {
    /// Those whose response says so.
    #[default]
    Said,
    /// `esi = true`: all.
    All,
    /// `esi = false`: none.
    None,
}

impl Templates {
    /// Whether a response is one.
    #[must_use]
    pub fn has(self, response: &HeaderMap) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Said => says_esi(response),
        }
    }
}

/// Edge Architecture Specification 1.0 §2.2: `Surrogate-Control: content="ESI/1.0"`.
fn says_esi(response: &HeaderMap) -> bool {
    response.get_all("surrogate-control").iter().any(|line| {
        let line = line.as_bytes().to_ascii_lowercase();
        let text = String::from_utf8_lossy(&line);
        let contents = text.split("content=\"").skip(1).filter_map(|rest| rest.split('"').next());
        contents.flat_map(|words| words.split([' ', ','])).any(|word| word == "esi/1.0")
    })
}

impl Rework {
    /// Whether anything is. Such pages are asked for without a content coding.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.minify || self.csrf || matches!(self.templates, Templates::All)
    }

    /// What is made of its pages, for people: nothing, or `, minified, with forms`.
    #[must_use]
    pub fn words(self) -> String {
        let all = [
            (self.minify, ", minified"),
            (self.csrf, ", with forms"),
            (self.templates == Templates::All, ", with ESI"),
        ];
        all.into_iter().filter_map(|(is, word)| is.then_some(word)).collect()
    }
}

impl Rule {
    /// Where visitors get tokens of their own, the cookie that goes with them is Larder's to set: the application's is for
    /// nobody.
    pub(crate) fn own_cookie(&mut self, name: &str) {
        let Action::Share(share) = &mut self.action else { return };
        if share.rework.csrf && !share.drop_set_cookie.iter().any(|other| other == name) {
            share.drop_set_cookie.push(name.to_owned());
        }
    }
}

impl Share {
    /// A rule's defaults for an audience.
    #[must_use]
    pub fn with(audience: Audience) -> Self {
        Self {
            audience,
            ttl: None,
            browser_ttl: None,
            cdn_ttl: None,
            grace: None,
            stale_if_error: None,
            statuses: vec![StatusCode::OK],
            content_types: Vec::new(),
            respect_origin: false,
            override_no_store: false,
            keep_cookies: Vec::new(),
            drop_set_cookie: Vec::new(),
            rework: Rework::default(),
            publish: None,
        }
    }

    /// Whether its pages are asked for without a content coding: whoever reworks them, or answers with them, knows none.
    #[must_use]
    pub const fn is_asked_uncoded(&self) -> bool {
        self.rework.is_any() || self.publish.is_some()
    }

    /// Whether a response is one that the rule's lifetimes are for. All others follow RFC 9111.
    #[must_use]
    pub fn covers(&self, status: StatusCode, response: &HeaderMap) -> bool {
        self.statuses.contains(&status) && self.covers_type(response)
    }

    /// The rule's word on a response, which this one may not get all of.
    #[must_use]
    pub fn terms(&self, status: StatusCode, response: &HeaderMap) -> Terms {
        let covered = self.covers(status, response);
        // An error is not to be kept going.
        let is_error = status.is_client_error() || status.is_server_error();
        Terms {
            lifetime: self.ttl.filter(|_| covered),
            grace: self.grace.filter(|_| covered && !is_error),
            stale_if_error: self.stale_if_error.filter(|_| covered && !is_error),
            respects_response: self.respect_origin,
            overrides_prohibition: self.override_no_store && covered,
        }
    }

    fn covers_type(&self, response: &HeaderMap) -> bool {
        if self.content_types.is_empty() {
            return true;
        }
        let line = response.get(header::CONTENT_TYPE).map_or(&b""[..], |line| line.as_bytes());
        let media = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        self.content_types.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(prefix) => media
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes())),
            None => media.eq_ignore_ascii_case(wanted.as_bytes()),
        })
    }
}
