//! Who asks: without a session anonymous, with one nobody until that is verified.
//!
//! A visitor's class is verified, not believed: what a client can invent never selects somebody else's page.

use crate::cookies;
use crate::identity::{Identity, IdentityRules, Keys, MarkerFault, Session};
use http::HeaderMap;
use larder_semantics::Timestamp;
use std::sync::Arc;

/// A session cookie: its name and its value.
pub type SessionCookie<'a> = (&'a [u8], &'a [u8]);

/// What is known of a visitor, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// No session cookie.
    Anonymous,
    /// A session, and a proof of who it is.
    Verified(Arc<Identity>),
    /// A session without a proof.
    Unverified(Doubt),
    /// A session of which the application has to be asked.
    LookUp,
}

/// Why a visitor is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Several session cookies: whose the request is, only the application knows.
    SeveralSessions,
    /// The marker does not count, and nothing else says who it is.
    Marker(MarkerFault),
    /// No marker, and no look-up is configured.
    NoProof,
    /// The application did not say who it is.
    LookUpFailed,
}

impl Doubt {
    /// One line for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::SeveralSessions => {
                "several session cookies: list only the application's own in identity.session_cookies"
            }
            Self::Marker(MarkerFault::Malformed) => "the signed marker is malformed",
            Self::Marker(MarkerFault::UnknownKey) => {
                "the signed marker's key is not among identity.marker_keys"
            }
            Self::Marker(MarkerFault::WrongSignature) => {
                "the signed marker is forged, changed or made for another session"
            }
            Self::Marker(MarkerFault::Expired) => "the signed marker has expired",
            Self::NoProof => "no signed marker, and no look-up is configured",
            Self::LookUpFailed => "the application did not answer the look-up with an identity",
        }
    }
}

/// What a look-up is known to have brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nobody has asked lately.
    Unknown,
    /// The application said who it is.
    Identity(Arc<Identity>),
    /// The application was asked and did not say.
    Failed,
}

/// Where proofs come from, so that the decision itself keeps nothing.
pub trait Sources {
    /// What a marker proves of a session.
    ///
    /// # Errors
    /// Why it proves nothing.
    fn marker(
        &self,
        keys: &Keys,
        marker: &[u8],
        session: SessionCookie<'_>,
        now: Timestamp,
    ) -> Result<Arc<Identity>, MarkerFault>;

    /// What is known of a session by a look-up.
    fn looked_up(&self, session: SessionCookie<'_>, now: Timestamp) -> Known;

    /// Who sent a request with these fields: [`identify`], or the same from memory.
    fn visitor(&self, headers: &HeaderMap, rules: &IdentityRules, now: Timestamp) -> Visitor;
}

/// Proofs worked out anew each time, and no look-ups: for explanations and tests.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Sources for Plain {
    fn marker(
        &self,
        keys: &Keys,
        marker: &[u8],
        session: SessionCookie<'_>,
        now: Timestamp,
    ) -> Result<Arc<Identity>, MarkerFault> {
        keys.verify(marker, session, now).map(|(identity, _)| Arc::new(identity))
    }

    fn looked_up(&self, _: SessionCookie<'_>, _: Timestamp) -> Known {
        Known::Unknown
    }

    fn visitor(&self, headers: &HeaderMap, rules: &IdentityRules, now: Timestamp) -> Visitor {
        identify(headers, rules, self, now)
    }
}

/// Says who sent a request with these fields.
#[must_use]
pub fn identify(
    headers: &HeaderMap,
    rules: &IdentityRules,
    sources: &dyn Sources,
    now: Timestamp,
) -> Visitor {
    let session = match Session::of(headers, rules) {
        Session::None => return Visitor::Anonymous,
        Session::Several => return Visitor::Unverified(Doubt::SeveralSessions),
        Session::One { name, value } => (name, value),
    };
    let mut doubt = Doubt::NoProof;
    if let Some(marker) = &rules.marker {
        let markers = cookies::iter(headers).filter(|(name, _)| *name == marker.cookie.as_bytes());
        // Cookies of other paths and domains may have the same name: one that proves it is enough.
        for (_, value) in markers.take(MARKERS_MAX) {
            match sources.marker(&marker.keys, value, session, now) {
                Ok(identity) => return Visitor::Verified(identity),
                Err(fault) => doubt = Doubt::Marker(fault),
            }
        }
    }
    if rules.lookup.is_none() {
        return Visitor::Unverified(doubt);
    }
    match sources.looked_up(session, now) {
        Known::Unknown => Visitor::LookUp,
        Known::Identity(identity) => Visitor::Verified(identity),
        Known::Failed => Visitor::Unverified(Doubt::LookUpFailed),
    }
}

/// Markers of one request that are looked at: verifying costs, and a client chooses how many it sends.
const MARKERS_MAX: usize = 3;
