//! Why would Larder do what it would do with a request? The decision and all that it rests on, as plain values.
//!
//! Nothing is decided here: [`Front::explain`](crate::Front::explain) asks what is decided at the door, and
//! [`Policy::explain`](crate::Policy::explain) asks the functions that decide ([`decide`], [`identify`], [`fill`],
//! [`dress`], [`nearest`], [`lookup`]) and writes down what they say. It knows the rules only; what the application's answer
//! makes of it is not this crate's.
//!
//! What proves who somebody is (session cookies, markers, credentials) is never shown, only the beginning of its hash.
//!
//! [`decide`]: crate::Policy::decide
//! [`identify`]: crate::identify
//! [`fill`]: crate::Policy::fill
//! [`dress`]: crate::Policy::dress
//! [`nearest`]: crate::RuleSet::nearest
//! [`lookup`]: larder_semantics::lookup

mod door;
mod left_out;
mod make;
mod parts;
mod question;
mod rows;
mod secret;
#[cfg(test)]
mod tests;
mod text;

pub use door::{Knowing, Peer};
pub use question::Question;
pub use rows::{Rows, show_span};

use larder_semantics::Reason;
use serde::Serialize;

/// What Larder would do with a request, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The method.
    pub method: String,
    /// The URL as it was asked for, its host in canonical form.
    pub url: String,
    /// The URL that counts: what is ignored of the query is gone.
    pub counts_as: String,
    /// The rule that matched.
    pub rule: Option<RuleLine>,
    /// Of the rules before it (all, if none matched), the one that came nearest.
    pub nearest: Option<Nearest>,
    /// What becomes of the request.
    pub outcome: Outcome,
    /// Why, where it is not shared by a rule.
    pub because: Option<Because>,
    /// What Larder answers itself, where nothing else is asked.
    pub door: Option<DoorLine>,
    /// Who asks.
    pub visitor: VisitorLine,
    /// What tells the page from others of the same URL. Empty where nothing is shared.
    pub key: Vec<KeyLine>,
    /// What the application would be sent.
    pub sent: Sent,
    /// How long the rule keeps the page.
    pub lifetimes: Option<Lifetimes>,
    /// What the visitor would see of caching.
    pub seen: Seen,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// No rule has a word: the response decides (RFC 9111).
    ResponseDecides,
    /// A page that the rule's audience shares.
    Shared,
    /// To the application as it is; nothing is stored.
    Pass,
    /// The same, and the response says that nobody may store it.
    Never,
    /// The application is asked first who the visitor is.
    LookUp,
    /// Larder answers itself: neither rules nor the application are asked.
    AtTheDoor,
}

/// An answer of Larder's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoorLine {
    /// Its status.
    pub status: u16,
    /// Where it sends the visitor.
    pub location: Option<String>,
}

/// A rule in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleLine {
    /// Where it stands: `larder.toml:12`.
    pub place: String,
    /// What it matches: `path = /blog/*`.
    pub matches: String,
    /// What follows: `all-users, ttl 10m`.
    pub follows: String,
    /// Its audience, if it has one.
    pub audience: Option<String>,
}

/// A rule that did not match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Nearest {
    /// The rule.
    #[serde(flatten)]
    pub rule: RuleLine,
    /// Why it did not match.
    pub but: String,
}

/// A row of the table of reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Because {
    /// Its stable name.
    pub reason: &'static str,
    /// One line for people.
    pub text: &'static str,
    /// What can be done about it.
    pub advice: &'static str,
    /// The clause that it is read from, where there is one.
    pub clause: Option<&'static str>,
}

impl From<Reason> for Because {
    fn from(reason: Reason) -> Self {
        Self {
            reason: reason.token(),
            text: reason.text(),
            advice: reason.advice(),
            clause: reason.clause(),
        }
    }
}

/// How a visitor is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// No session cookie.
    Anonymous,
    /// A session, and a proof of who it is.
    Verified,
    /// A session without a proof.
    Unverified,
    /// A session of which the application has to be asked.
    ToBeAsked,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VisitorLine {
    /// How they are known.
    pub standing: Standing,
    /// Whether the decision depends on it.
    pub matters: bool,
    /// Why they are not verified.
    pub doubt: Option<&'static str>,
    /// `anonymous` or `authenticated`, where that is known.
    pub class: Option<&'static str>,
    /// The verified user.
    pub user: Option<String>,
    /// The verified segment.
    pub segment: Option<String>,
    /// The names of the session cookies that came.
    pub session_cookies: Vec<String>,
}

/// A part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyLine {
    /// What it is: `for`, `class`, `cookie theme`, `header x-country`.
    pub name: String,
    /// Its values; none is "not there", which is not the empty value.
    pub values: Vec<String>,
}

/// A field or a cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value; what proves who somebody is as a hash.
    pub value: String,
}

/// What the application is sent. What Larder says of itself and the site (`Host`, `X-Forwarded-Proto`, `Via`) comes with each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Path and query.
    pub target: String,
    /// Whether it is the visitor's own request, with all that it came with. Then the rest is empty.
    pub as_it_came: bool,
    /// The fields, cookies apart.
    pub fields: Vec<Field>,
    /// The cookies.
    pub cookies: Vec<Field>,
    /// What of the visitor's is not sent, by name, because the page is for others too.
    pub left_out: LeftOut,
    /// What of the visitor's is sent on no such request.
    pub removed: Vec<Removed>,
}

/// A field that does not reach the application, whoever the page is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Its name.
    pub field: String,
    /// A word for why: `underscore`, `forwarded`, `override`, `connection`.
    pub why: &'static str,
    /// The same for people.
    pub text: &'static str,
}

/// What of a visitor's request the application does not see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Fields.
    pub fields: Vec<String>,
    /// Cookies.
    pub cookies: Vec<String>,
    /// Parameters of the query.
    pub parameters: Vec<String>,
}

impl LeftOut {
    /// Whether all is sent.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.fields.is_empty() && self.cookies.is_empty() && self.parameters.is_empty()
    }
}

/// How long a rule keeps a page, in seconds. `None`: the response says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lifetimes {
    /// Fresh in Larder.
    pub ttl_secs: Option<u64>,
    /// Fresh in browsers.
    pub browser_ttl_secs: Option<u64>,
    /// Fresh in caches between.
    pub cdn_ttl_secs: Option<u64>,
    /// Past its freshness, while it is made anew.
    pub grace_secs: Option<u64>,
    /// Past its freshness, while the application fails.
    pub stale_if_error_secs: Option<u64>,
    /// Only responses with these statuses get them.
    pub statuses: Vec<u16>,
    /// Only responses of these media types; empty means any.
    pub content_types: Vec<String>,
    /// Whether a lifetime that the response states wins.
    pub respect_origin: bool,
    /// Whether `no-store`, `private` and `no-cache` of the response are overridden.
    pub override_no_store: bool,
}

/// What a visitor sees of caching on a response without caching fields of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The fields that the rule writes.
    pub fields: Vec<Field>,
    /// Whether they replace the application's own. If not, they stand where it says nothing.
    pub replaces: bool,
}
