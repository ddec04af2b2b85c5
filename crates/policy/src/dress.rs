//! What a visitor sees of a page's caching fields, where a rule says so.
//!
//! `Cache-Control` of the application is meant for whoever stands before it, which is Larder. What browsers may do is the
//! rule's `browser_ttl`. RFC 9111 §4.2.3 lets the recipient count the age that a page has, so its age is added: a page that
//! is five minutes old and may be kept for five seconds says `max-age=305`.

use crate::csrf::CsrfCookie;
use crate::identity::field::LARDER_IDENTITY;
use crate::policy::Policy;
use crate::rule::Share;
use crate::ruling::{Ruling, Way};
use crate::scheme::Scheme;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, ETAG, EXPIRES, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED,
    PRAGMA, SET_COOKIE, VARY,
};
use larder_semantics::field::cache_control::{Flags, ResponseDirectives};
use std::fmt::Write as _;
use std::time::Duration;

/// Fields for caches and helpers between the application and Larder, which say nothing to a visitor.
const HELPERS: [HeaderName; 5] = [
    HeaderName::from_static("surrogate-control"),
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("x-accel-expires"),
    HeaderName::from_static("x-hash-cookies"),
    LARDER_IDENTITY,
];

/// What a rule makes of a response before a visitor sees it.
#[derive(Clone, Copy, Debug)]
pub struct Dress<'p> {
    kind: Kind<'p>,
    /// Which rule of which policy, so that what was made once can be kept.
    pub id: (u64, u32),
    /// The cookie with the secret for forms.
    pub csrf: &'p CsrfCookie,
    /// By which scheme the visitor came.
    pub scheme: Scheme,
}

#[derive(Clone, Copy, Debug)]
enum Kind<'p> {
    /// Never to be stored.
    Never,
    /// A page that is shared.
    Shared(&'p Share),
    /// The visitor's own, of a URL whose pages are shared.
    Own(&'p Share),
}

impl Policy {
    /// What becomes of a response to the request of `ruling`. `shared`: it is a page's, not the visitor's own.
    #[must_use]
    pub fn dress(&self, ruling: &Ruling, shared: bool) -> Option<Dress<'_>> {
        let kind = match ruling.way {
            Way::Never(_) => Kind::Never,
            Way::Open => return None,
            Way::Share | Way::Pass(_) | Way::LookUp => {
                let share = self.share_of(ruling)?;
                if shared { Kind::Shared(share) } else { Kind::Own(share) }
            }
        };
        let place = ruling.rule.map_or(u32::MAX, |id| id.0);
        // Until it is said otherwise, what is safe by both.
        Some(Dress { kind, id: (self.number(), place), csrf: &self.csrf, scheme: Scheme::Https })
    }
}

impl Dress<'_> {
    /// For a visitor who came by `scheme`.
    #[must_use]
    pub const fn by(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// Puts it on a response of this age.
    pub fn apply(&self, headers: &mut HeaderMap, age: Duration) {
        match self.kind {
            Kind::Never => never(headers),
            Kind::Shared(share) => shared(share, headers, age),
            Kind::Own(share) => own(share, headers),
        }
    }
}

/// Writes the set of fields that keeps every cache, old ones too, from storing a response; replaces what was there.
pub fn never(headers: &mut HeaderMap) {
    for name in &HELPERS {
        headers.remove(name);
    }
    put(headers, &CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
    put(headers, &PRAGMA, HeaderValue::from_static("no-cache"));
    put(headers, &EXPIRES, HeaderValue::from_static("0"));
}

/// Makes of a page's fields those of a page that has something of the one visitor's in it: nobody else may keep it, and since
/// another secret may hold for the visitor at any time, their browser asks again.
pub fn personal(headers: &mut HeaderMap) {
    for name in [&ETAG, &LAST_MODIFIED, &ACCEPT_RANGES, &EXPIRES, &PRAGMA] {
        headers.remove(name);
    }
    for name in &HELPERS {
        headers.remove(name);
    }
    put(headers, &CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    add_to_vary(headers, "Cookie");
}

/// Writes what a visitor is told of a page that is just made, by whom the page's own fields are unknown to: nginx.
pub fn unseen(share: &Share, headers: &mut HeaderMap) {
    shared(share, headers, Duration::ZERO);
}

/// Whether the page is the same for all who ask for it.
const fn is_everybody(share: &Share) -> bool {
    share.audience.is_everybody() && share.keep_cookies.is_empty()
}

/// A visitor's own answer under a rule: where the application says nothing, nobody else may keep it.
fn own(share: &Share, headers: &mut HeaderMap) {
    for name in &HELPERS {
        headers.remove(name);
    }
    drop_from_vary(headers, &LARDER_IDENTITY);
    if !headers.contains_key(CACHE_CONTROL) {
        put(headers, &CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    if !is_everybody(share) {
        add_to_vary(headers, "Cookie");
    }
}

fn shared(share: &Share, headers: &mut HeaderMap, age: Duration) {
    let value = browser_value(share, headers, age);
    for name in &HELPERS {
        headers.remove(name);
    }
    headers.remove(SET_COOKIE);
    drop_from_vary(headers, &LARDER_IDENTITY);
    if let Some(value) = value {
        headers.remove(PRAGMA);
        headers.remove(EXPIRES);
        put(headers, &CACHE_CONTROL, value);
    }
    if !is_everybody(share) {
        add_to_vary(headers, "Cookie");
    }
}

/// The `Cache-Control` for a page of this age. `None`: the application's stays as it is.
fn browser_value(share: &Share, headers: &HeaderMap, age: Duration) -> Option<HeaderValue> {
    let everybody = is_everybody(share);
    let lasts = |ttl: Duration| {
        // Zero stays zero: nothing is fresh then, whatever its age.
        if ttl.is_zero() { 0 } else { ttl.as_secs().saturating_add(age.as_secs()) }
    };
    let mut text = String::with_capacity(48);
    match share.browser_ttl {
        Some(ttl) => push(&mut text, "max-age", lasts(ttl)),
        None if !headers.contains_key(CACHE_CONTROL) => text.push_str("max-age=0"),
        None if everybody && share.cdn_ttl.is_none() && !share.override_no_store => return None,
        None => kept(headers, &mut text),
    }
    if !everybody {
        text.push_str(", private");
    } else if let Some(ttl) = share.cdn_ttl {
        push(&mut text, ", s-maxage", lasts(ttl));
    }
    HeaderValue::try_from(text).ok()
}

/// What of the application's own `Cache-Control` holds for browsers too.
fn kept(headers: &HeaderMap, text: &mut String) {
    let said = ResponseDirectives::of(headers);
    push(text, "max-age", said.max_age.unwrap_or_default().as_secs());
    if said.flags.has(Flags::MUST_REVALIDATE) {
        text.push_str(", must-revalidate");
    }
    if said.flags.has(Flags::IMMUTABLE) {
        text.push_str(", immutable");
    }
    if let Some(window) = said.stale_while_revalidate {
        push(text, ", stale-while-revalidate", window.as_secs());
    }
}

fn push(text: &mut String, name: &str, secs: u64) {
    // Writing to a string does not fail.
    let _written = write!(text, "{name}={secs}");
}

fn put(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    // A map that is too full for one more line is over the head's limit anyway.
    let _before = headers.try_insert(name, value);
}

/// Merges a member into `Vary` (RFC 9110 §12.5.5), unless it is there.
fn add_to_vary(headers: &mut HeaderMap, member: &'static str) {
    let is_there = members(headers)
        .any(|other| other.eq_ignore_ascii_case(member.as_bytes()) || other == b"*");
    if !is_there {
        let _too_full = headers.try_append(VARY, HeaderValue::from_static(member));
    }
}

fn members(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(VARY).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii))
}

/// Takes an internal field out of `Vary`; what is left stays in order.
fn drop_from_vary(headers: &mut HeaderMap, name: &HeaderName) {
    let is_it = |member: &[u8]| member.eq_ignore_ascii_case(name.as_str().as_bytes());
    if !members(headers).any(is_it) {
        return;
    }
    let rest: Vec<&[u8]> =
        members(headers).filter(|member| !member.is_empty() && !is_it(member)).collect();
    let line = HeaderValue::from_bytes(&rest.join(&b", "[..])).ok().filter(|_| !rest.is_empty());
    headers.remove(VARY);
    if let Some(line) = line {
        put(headers, &VARY, line);
    }
}
