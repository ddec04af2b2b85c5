//! What is known of visitors: markers verified a moment ago, and what look-ups brought.
//!
//! A visitor's requests carry the same cookies again and again. Reading them and verifying a marker costs more than all else
//! of a hit, so each thread remembers a few hundred `Cookie` lines by all their bytes, until the marker in them expires.

use std::cell::{Cell, RefCell};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use http::header::{COOKIE, HeaderMap};
use larder_policy::identity::{IdentityRules, Keys, MarkerFault};
use larder_policy::{Identity, KeyBuf, Known, Scheme, SessionCookie, Sources, Visitor, identify};
use larder_semantics::Timestamp;
use larder_store::{Change, MemoryStore, Sizes, Store, Weigh};

use crate::limits::{LOOKUP_BYTES, VERIFIED_LINE_BYTES_MAX, VERIFIED_SLOTS};

/// What look-ups brought, within a fixed number of bytes.
#[derive(Debug)]
pub struct Identities {
    known: MemoryStore<Answer>,
}

#[derive(Clone, Debug)]
struct Answer {
    /// `None`: the application did not say.
    identity: Option<Arc<Identity>>,
    until: Timestamp,
}

impl Weigh for Answer {
    fn weight_bytes(&self) -> usize {
        let texts = self.identity.as_ref().map_or(0, |identity| {
            let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            size_of::<Identity>() + text(&identity.user) + text(&identity.segment)
        });
        size_of::<Self>() + texts
    }
}

impl Default for Identities {
    fn default() -> Self {
        Self { known: MemoryStore::new(Sizes::of(LOOKUP_BYTES)) }
    }
}

/// The sources of proofs for one site.
#[derive(Debug)]
pub struct Proofs<'a> {
    identities: &'a Identities,
    host: &'a str,
    policy: u64,
    /// Until when the marker verified last counts.
    until: Cell<Timestamp>,
}

impl Identities {
    /// Those of a site, under the policy of this number: sessions of one site are nothing to another.
    #[must_use]
    pub fn of_site<'a>(&'a self, host: &'a str, policy: u64) -> Proofs<'a> {
        Proofs { identities: self, host, policy, until: Cell::default() }
    }
}

impl Proofs<'_> {
    /// Remembers what a look-up brought.
    pub fn learn(
        &self,
        session: SessionCookie<'_>,
        identity: Option<Identity>,
        lasts: Duration,
        now: Timestamp,
    ) {
        let answer = Answer { identity: identity.map(Arc::new), until: now.plus(lasts) };
        let key = session_key(self.host, session);
        self.identities.known.update(key.as_bytes(), |_| Change::Put(answer.clone()));
    }
}

/// The bytes that a session is known under.
#[must_use]
pub fn session_key(host: &str, (name, value): SessionCookie<'_>) -> KeyBuf {
    let mut key = KeyBuf::new();
    key.write(Scheme::Http, host, "", &[]);
    key.part("name", Some(name));
    key.part("value", Some(value));
    key
}

impl Sources for Proofs<'_> {
    fn marker(
        &self,
        keys: &Keys,
        marker: &[u8],
        session: SessionCookie<'_>,
        now: Timestamp,
    ) -> Result<Arc<Identity>, MarkerFault> {
        let (identity, until) = keys.verify(marker, session, now)?;
        self.until.set(until);
        Ok(Arc::new(identity))
    }

    fn looked_up(&self, session: SessionCookie<'_>, now: Timestamp) -> Known {
        let key = session_key(self.host, session);
        match self.identities.known.look_up(key.as_bytes()) {
            Some(answer) if now < answer.until => {
                answer.identity.map_or(Known::Failed, Known::Identity)
            }
            Some(_) | None => Known::Unknown,
        }
    }

    fn visitor(&self, headers: &HeaderMap, rules: &IdentityRules, now: Timestamp) -> Visitor {
        let mut lines = headers.get_all(COOKIE).iter();
        let line = match (lines.next(), lines.next()) {
            (None, _) => return Visitor::Anonymous,
            (Some(line), None) if line.len() <= VERIFIED_LINE_BYTES_MAX => line.as_bytes(),
            // Rare: many cookies, or lines that somebody took apart.
            (Some(_), _) => return identify(headers, rules, self, now),
        };
        VERIFIED.with_borrow_mut(|verified| {
            verified.visitor(self.policy, line, now, || {
                self.until.set(Timestamp::default());
                let visitor = identify(headers, rules, self, now);
                let until = match &visitor {
                    Visitor::Anonymous => Timestamp::from_secs(u64::MAX / 1000),
                    Visitor::Verified(_) => self.until.get(),
                    // Another answer may be known any moment.
                    Visitor::Unverified(_) | Visitor::LookUp => Timestamp::default(),
                };
                (visitor, until)
            })
        })
    }
}

thread_local! {
    static VERIFIED: RefCell<Verified> = RefCell::new(Verified::default());
}

/// `Cookie` lines that were read, each with who sends it.
#[derive(Default)]
struct Verified {
    slots: Vec<Option<Slot>>,
    hasher: RandomState,
}

struct Slot {
    /// The policy by which it was read: other keys and names, other answer.
    policy: u64,
    line: Box<[u8]>,
    visitor: Visitor,
    until: Timestamp,
}

impl Verified {
    fn visitor(
        &mut self,
        policy: u64,
        line: &[u8],
        now: Timestamp,
        read: impl FnOnce() -> (Visitor, Timestamp),
    ) -> Visitor {
        if self.slots.is_empty() {
            self.slots.resize_with(VERIFIED_SLOTS, || None);
        }
        let place = self.hasher.hash_one(line) % VERIFIED_SLOTS as u64;
        let slot = self.slots.get_mut(usize::try_from(place).unwrap_or_default());
        if let Some(Some(known)) = &slot
            && known.policy == policy
            && *known.line == *line
            && now < known.until
        {
            return known.visitor.clone();
        }
        let (visitor, until) = read();
        if let Some(slot) = slot.filter(|_| now < until) {
            *slot = Some(Slot { policy, line: line.into(), visitor: visitor.clone(), until });
        }
        visitor
    }
}
