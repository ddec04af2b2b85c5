//! May this page be laid down for nginx to answer with, and under which key?
//!
//! It may where nginx would answer everybody who gets to it as Larder would:
//! 1. the page is one that nginx's visitors can be told to get: a rule's audience shares it, and it is that of visitors without a
//!    session, or of a page version that the site trusts the cookie for (`danger.trust_page_version_cookie`);
//! 2. it answers a GET with 200, whole, without a content coding;
//! 3. nothing that nginx does not look at chose it (`Vary`);
//! 4. nothing of it is a visitor's own (holes);
//! 5. nginx sends its type, and the fields that browsers obey;
//! 6. it has a key, and is not too large.
//!
//! That requests with credentials, bypass cookies, bodies or a script's signs are not looked up is nginx's part.

use super::content_type::ContentType;
use super::fields::is_obeyed;
use super::key::KeyScheme;
use crate::audience::{Audience, Part};
use crate::policy::Policy;
use crate::rule::Share;
use crate::ruling::{Ruling, Way};
use crate::scheme::Scheme;
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    STRICT_TRANSPORT_SECURITY,
};
use larder_semantics::Reason;
use larder_semantics::vary::Vary;

/// What a site says about publishing.
#[derive(Clone, Debug, Default)]
pub struct Publishing {
    /// How keys are made.
    pub keys: KeyScheme,
    /// Largest body, bytes.
    pub body_bytes_max: u64,
    /// Fields that nginx sends with every published page.
    pub fields: Vec<(HeaderName, HeaderValue)>,
    /// `Strict-Transport-Security` that Larder gives answers by https, and nginx too.
    pub hsts: Option<HeaderValue>,
    /// `danger.trust_page_version_cookie`: whether pages of a segment are published for whoever says that they are of it.
    pub trusts_page_versions: bool,
}

/// A page that was stored.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its ruling.
    pub ruling: &'a Ruling,
    /// How its rule shares it.
    pub share: &'a Share,
    /// The type that nginx gives it: the rule's `publish_type`.
    pub content_type: &'a str,
    /// By which scheme it was asked for.
    pub scheme: Scheme,
    /// The canonical host.
    pub host: &'a str,
    /// The target as it was sent: nothing of the query ignored, nothing sorted.
    pub raw_target: &'a str,
    /// Its status; 200 also for a body known in part, which is not to be offered.
    pub status: StatusCode,
    /// Its fields as stored.
    pub headers: &'a HeaderMap,
    /// Bytes of its body.
    pub body_bytes: u64,
    /// Whether parts of its body are made anew for each visitor.
    pub has_holes: bool,
}

/// Where a page is laid down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Its key on the wire.
    pub key: String,
    /// The same as nginx's `hash` sees it: what several servers are chosen among by.
    pub hashed: String,
    /// The page version; empty for those who have none.
    pub page_version: String,
}

impl Publishing {
    /// Whether a page may be published, and where it then lies. The cheapest look first.
    ///
    /// # Errors
    /// Why not.
    pub fn may_publish(
        &self,
        policy: &Policy,
        page: &Candidate<'_>,
    ) -> Result<Publication, Reason> {
        let page_version = self.page_version(page)?;
        if page.status != StatusCode::OK {
            return Err(Reason::PublishStatus);
        }
        if page.has_holes {
            return Err(Reason::PublishHoles);
        }
        if page.body_bytes > self.body_bytes_max {
            return Err(Reason::PublishTooLarge);
        }
        if page.headers.contains_key(CONTENT_ENCODING) {
            return Err(Reason::PublishEncoded);
        }
        selects_nothing(policy, page)?;
        is_of_type(page)?;
        self.sends_fields_of(page)?;
        let Candidate { scheme, host, raw_target, .. } = *page;
        let key = self.keys.key(scheme, host, raw_target, &page_version)?;
        let hashed = self.keys.hashed(scheme, host, raw_target, &page_version)?;
        Ok(Publication { key, hashed, page_version })
    }

    /// Whether pages of a rule could be published for anybody at all: what `check` asks.
    ///
    /// # Errors
    /// Why none ever is.
    pub fn may_publish_for(&self, share: &Share) -> Result<(), Reason> {
        match audience(share)? {
            // Those without a session get it, at least.
            Told::Nobody | Told::Class => Ok(()),
            Told::Segment if self.trusts_page_versions => Ok(()),
            Told::Segment => Err(Reason::PublishVersion),
        }
    }

    fn page_version(&self, page: &Candidate<'_>) -> Result<String, Reason> {
        let ruling = page.ruling;
        if ruling.way != Way::Share || ruling.xhr.is_script() {
            return Err(Reason::PublishAudience);
        }
        let told = audience(page.share)?;
        if !ruling.identity.needs_confirmation() {
            return Ok(String::new());
        }
        let segment = ruling.identity.segment().filter(|_| told == Told::Segment);
        let segment = segment.ok_or(Reason::PublishAudience)?;
        if !self.trusts_page_versions {
            return Err(Reason::PublishVersion);
        }
        Ok(segment.to_owned())
    }

    fn sends_fields_of(&self, page: &Candidate<'_>) -> Result<(), Reason> {
        let sent = |name: &HeaderName| {
            let own = self.fields.iter().filter(|(sent, _)| sent == name).map(|(_, value)| value);
            own.map(HeaderValue::as_bytes).collect::<Vec<_>>()
        };
        let is_plain_http = page.scheme == Scheme::Http;
        for (name, _) in &self.fields {
            if is_plain_http && name == STRICT_TRANSPORT_SECURITY {
                continue;
            }
            if lines(page.headers, name) != sent(name) {
                return Err(Reason::PublishFields);
            }
        }
        let listed = |name: &HeaderName| self.fields.iter().any(|(sent, _)| sent == name);
        let unsent = page.headers.keys().filter(|name| is_obeyed(name) && !listed(name));
        // What a page says itself takes the place of what Larder would add.
        let is_ours = |name: &HeaderName| {
            let ours = self.hsts.as_ref().filter(|_| !is_plain_http);
            name == STRICT_TRANSPORT_SECURITY
                && ours.is_some_and(|ours| lines(page.headers, name) == [ours.as_bytes()])
        };
        if unsent.into_iter().all(is_ours) { Ok(()) } else { Err(Reason::PublishFields) }
    }
}

/// What of a visitor's identity tells a rule's pages apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nobody,
    Class,
    Segment,
}

fn audience(share: &Share) -> Result<Told, Reason> {
    if !share.keep_cookies.is_empty() {
        return Err(Reason::PublishAudience);
    }
    match &share.audience {
        Audience::AllUsers | Audience::AnonymousOnly => Ok(Told::Nobody),
        Audience::AnonymousAndAuthenticated => Ok(Told::Class),
        Audience::PerUser(_) => Err(Reason::PublishAudience),
        Audience::Custom { parts, .. } => {
            let tellable = |part: &Part| matches!(part, Part::Query(_) | Part::Segment);
            if !parts.iter().all(tellable) {
                return Err(Reason::PublishAudience);
            }
            let by_segment = parts.contains(&Part::Segment);
            Ok(if by_segment { Told::Segment } else { Told::Nobody })
        }
    }
}

/// `Vary` of what nginx looks at, or of what was not sent. Nothing is encoded, so `Accept-Encoding` chose nothing.
fn selects_nothing(policy: &Policy, page: &Candidate<'_>) -> Result<(), Reason> {
    let keyed = policy.keyed_fields(page.share);
    match Vary::of(page.headers) {
        Vary::None => Ok(()),
        Vary::Any => Err(Reason::PublishVaries),
        Vary::Fields(names) => {
            let is_known = |name: &HeaderName| *name == ACCEPT_ENCODING || keyed.contains(name);
            if names.iter().all(is_known) { Ok(()) } else { Err(Reason::PublishVaries) }
        }
    }
}

fn is_of_type(page: &Candidate<'_>) -> Result<(), Reason> {
    let told = ContentType::parse(page.content_type).ok_or(Reason::PublishType)?;
    let mut own = page.headers.get_all(CONTENT_TYPE).iter();
    let first = own.next().and_then(|line| line.to_str().ok()).and_then(ContentType::parse);
    if first == Some(told) && own.next().is_none() { Ok(()) } else { Err(Reason::PublishType) }
}

fn lines<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

#[cfg(test)]
#[path = "publishing_tests.rs"]
mod tests;
