//! What is known of visitors: markers verified a moment ago, and what look-ups brought.
//!
//! A visitor's requests carry the same marker again and again. Verifying it costs more than all else of a hit, so each
//! thread remembers a few hundred by all their bytes, until they expire.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use larder_policy::identity::{Keys, MarkerFault};
use larder_policy::{Identity, KeyBuf, Known, Scheme, SessionCookie, Sources};
use larder_semantics::Timestamp;
use larder_store::{Change, MemoryStore, Sizes, Store, Weigh};

use crate::limits::{LOOKUP_BYTES, VERIFIED_SLOTS};

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
#[derive(Clone, Copy, Debug)]
pub struct Proofs<'a> {
    identities: &'a Identities,
    host: &'a str,
    policy: u64,
}

impl Identities {
    /// Those of a site, under the policy of this number: sessions of one site are nothing to another.
    #[must_use]
    pub const fn of_site<'a>(&'a self, host: &'a str, policy: u64) -> Proofs<'a> {
        Proofs { identities: self, host, policy }
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
        VERIFIED
            .with_borrow_mut(|verified| verified.marker((self.policy, keys), marker, session, now))
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
}

thread_local! {
    static VERIFIED: RefCell<Verified> = RefCell::new(Verified::default());
}

/// Markers that were found good, each with all that made it good.
#[derive(Default)]
struct Verified {
    slots: Vec<Option<Slot>>,
    hasher: RandomState,
}

struct Slot {
    /// The policy whose keys it was verified with: other keys, other answer.
    policy: u64,
    marker: Box<[u8]>,
    session: (Box<[u8]>, Box<[u8]>),
    identity: Arc<Identity>,
    until: Timestamp,
}

impl Verified {
    fn marker(
        &mut self,
        (policy, keys): (u64, &Keys),
        marker: &[u8],
        session: SessionCookie<'_>,
        now: Timestamp,
    ) -> Result<Arc<Identity>, MarkerFault> {
        if self.slots.is_empty() {
            self.slots.resize_with(VERIFIED_SLOTS, || None);
        }
        let place = self.hasher.hash_one(marker) % VERIFIED_SLOTS as u64;
        let slot = self.slots.get_mut(usize::try_from(place).unwrap_or_default());
        let Some(slot) = slot else { return Err(MarkerFault::Malformed) };
        if let Some(known) = slot
            && known.policy == policy
            && *known.marker == *marker
            && *known.session.0 == *session.0
            && *known.session.1 == *session.1
            && now < known.until
        {
            return Ok(Arc::clone(&known.identity));
        }
        let (identity, until) = keys.verify(marker, session, now)?;
        let identity = Arc::new(identity);
        *slot = Some(Slot {
            policy,
            marker: marker.into(),
            session: (session.0.into(), session.1.into()),
            identity: Arc::clone(&identity),
            until,
        });
        Ok(identity)
    }
}
