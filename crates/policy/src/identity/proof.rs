//! The proof of `Larder-Identity`: that a request for a page that several share is Larder's own.
//!
//! Whoever reaches the application in another way than through Larder could say in that field that they are anybody. Where the
//! site has keys (`identity.marker_keys`), Larder signs what it says, and an application that has them believes nothing else.
//!
//! ```text
//! Larder-Identity: user="42"
//! Larder-Identity-Proof: <key id> . <expires> . <base64url(mac)>          without padding
//!
//! mac = HMAC-SHA256(secret, of each of these: length in four bytes, highest first, then the bytes)
//!         "larder identity page 1"
//!         the key's id
//!         the value of Larder-Identity
//!         expires: seconds since the epoch, in decimal
//! ```
//!
//! It counts before that second, for [`PROOF_SECS`] from when it is made, for any page: so far may two clocks be apart.

use super::field::{self, LARDER_IDENTITY, Parts};
use super::{IdentityRules, Keys};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use larder_semantics::Timestamp;
use std::fmt;

/// The field's name.
pub const LARDER_IDENTITY_PROOF: HeaderName = HeaderName::from_static("larder-identity-proof");

/// For how long a proof counts.
pub const PROOF_SECS: u64 = 300;

const LABEL: &[u8] = b"larder identity page 1";
const MAC_BYTES: usize = 32;

/// Why `Larder-Identity` does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofFault {
    /// There is no proof of it.
    Missing,
    /// It or its proof is not as Larder writes it.
    Malformed,
    /// The proof's key is not one of the site's.
    UnknownKey,
    /// It is not what was signed.
    WrongSignature,
    /// The proof has expired.
    Expired,
}

impl fmt::Display for ProofFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => {
                "Larder-Identity comes without Larder-Identity-Proof: larder serve has to have the same identity.marker_keys as the \
                 application, or somebody else sent it"
            }
            Self::Malformed => "Larder-Identity or its proof is not as Larder writes it",
            Self::UnknownKey => {
                "Larder-Identity-Proof is by a key that is not among the application's identity.marker_keys"
            }
            Self::WrongSignature => "Larder-Identity is not what its proof is of",
            Self::Expired => {
                "Larder-Identity-Proof has expired: the clocks of Larder and the application are minutes apart"
            }
        })
    }
}

impl Keys {
    /// The proof of a value of `Larder-Identity`.
    #[must_use]
    pub fn prove(&self, told: &HeaderValue, now: Timestamp) -> Option<HeaderValue> {
        let key = self.signing()?;
        let expires = now.as_secs().saturating_add(PROOF_SECS).to_string();
        let mac = key.mac(LABEL, &[told.as_bytes(), expires.as_bytes()]).finalize().into_bytes();
        let mut proof = format!("{}.{expires}.", key.id);
        URL_SAFE_NO_PAD.encode_string(mac, &mut proof);
        HeaderValue::try_from(proof).ok()
    }

    /// Whether that is so.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn check(&self, told: &[u8], proof: &[u8], now: Timestamp) -> Result<(), ProofFault> {
        let (id, expires, mac) = parts(proof).ok_or(ProofFault::Malformed)?;
        let key = self.named(id).ok_or(ProofFault::UnknownKey)?;
        // In constant time: how much of a forged mac is right must not show.
        let signed = key.mac(LABEL, &[told, expires.as_bytes()]).verify_slice(&mac);
        signed.map_err(|_| ProofFault::WrongSignature)?;
        let expires: u64 = expires.parse().map_err(|_| ProofFault::Malformed)?;
        if now < Timestamp::from_secs(expires) { Ok(()) } else { Err(ProofFault::Expired) }
    }
}

impl IdentityRules {
    /// Adds the proof of what a request says in `Larder-Identity`, where there are keys.
    pub fn prove(&self, request: &mut HeaderMap, now: Timestamp) {
        let keys = self.marker.as_ref().map(|marker| &marker.keys);
        if let (Some(keys), Some(told)) = (keys, request.get(LARDER_IDENTITY))
            && let Some(proof) = keys.prove(told, now)
        {
            request.insert(LARDER_IDENTITY_PROOF, proof);
        }
    }

    /// For whom a request wants a page to be made that others get as well. `None`: it says nothing of that.
    ///
    /// # Errors
    /// Why what it says does not count. Without keys there is no proof, and it has to be Larder who sent it.
    pub fn told(&self, request: &HeaderMap, now: Timestamp) -> Result<Option<Parts>, ProofFault> {
        let mut lines = request.get_all(LARDER_IDENTITY).iter();
        let Some(told) = lines.next() else { return Ok(None) };
        if let Some(marker) = &self.marker {
            let mut proofs = request.get_all(LARDER_IDENTITY_PROOF).iter();
            let proof = proofs.next().ok_or(ProofFault::Missing)?;
            if lines.next().is_some() || proofs.next().is_some() {
                return Err(ProofFault::Malformed);
            }
            marker.keys.check(told.as_bytes(), proof.as_bytes(), now)?;
        }
        let parts = field::read_parts(request).filter(|parts| *parts != Parts::default());
        parts.map(Some).ok_or(ProofFault::Malformed)
    }
}

/// Key id, expires and mac. Only the one spelling of each counts.
fn parts(proof: &[u8]) -> Option<(&[u8], &str, [u8; MAC_BYTES])> {
    let mut parts = proof.split(|&byte| byte == b'.');
    let (id, expires, mac) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = !expires.is_empty() && expires.iter().all(u8::is_ascii_digit);
    if parts.next().is_some() || !is_number {
        return None;
    }
    let mut room = [0; MAC_BYTES + 1];
    let len = URL_SAFE_NO_PAD.decode_slice(mac, &mut room).ok()?;
    Some((id, std::str::from_utf8(expires).ok()?, room.get(..len)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Class, Key, Marker};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_secs(1_767_225_300);

    fn rules(ids: &[&str]) -> IdentityRules {
        // Each with a secret of its own, known from its id.
        let key = |id: &&str| Key::new(id, id.repeat(32).as_bytes()).unwrap();
        let marker = (!ids.is_empty()).then(|| Marker {
            cookie: "larder_id".to_owned(),
            keys: Keys::new(ids.iter().map(key).collect()).unwrap(),
        });
        IdentityRules { marker, ..IdentityRules::default() }
    }

    fn request(told: &str) -> HeaderMap {
        HeaderMap::from_iter([(LARDER_IDENTITY, HeaderValue::from_str(told).unwrap())])
    }

    fn proven(told: &str, ids: &[&str]) -> HeaderMap {
        let mut request = request(told);
        rules(ids).prove(&mut request, NOW);
        request
    }

    fn read(request: &HeaderMap, ids: &[&str], secs: u64) -> Result<Option<Parts>, ProofFault> {
        rules(ids).told(request, Timestamp::from_secs(NOW.as_secs() + secs))
    }

    const USER: &str = "user=\"42\"";

    fn user() -> Result<Option<Parts>, ProofFault> {
        Ok(Some(Parts { user: Some("42".to_owned()), ..Parts::default() }))
    }

    /// Computed by Python's `hmac`, from the description above; the same is in docs/rules.md.
    #[test]
    fn a_proof_looks_as_documented() {
        let key = Key::new("k1", b"0123456789abcdef0123456789abcdef").unwrap();
        let keys = Keys::new(vec![key]).unwrap();
        let proof = keys.prove(&HeaderValue::from_static(USER), NOW).unwrap();
        let documented = include_str!("../../../../docs/rules.md");
        assert!(documented.contains(&format!("\n{}\n", proof.to_str().unwrap())));
        assert_eq!(proof, "k1.1767225600.xbztYNLO6O2NK6qkJhrOSkIUWl0jghWFGVeoKnqaVYM");
    }

    #[test]
    fn what_larder_says_is_believed_for_five_minutes_and_with_any_of_the_keys() {
        let request = proven(USER, &["k1"]);
        assert_eq!(read(&request, &["k1"], 0), user());
        assert_eq!(read(&request, &["k2", "k1"], PROOF_SECS - 1), user());
        assert_eq!(read(&request, &["k1"], PROOF_SECS), Err(ProofFault::Expired));
        assert_eq!(read(&request, &["k2"], 0), Err(ProofFault::UnknownKey));
        assert_eq!(read(&HeaderMap::new(), &["k1"], 0), Ok(None));
        let class = proven("class=anonymous", &["k1"]);
        let expected = Parts { class: Some(Class::Anonymous), ..Parts::default() };
        assert_eq!(read(&class, &["k1"], 0), Ok(Some(expected)));
    }

    #[test]
    fn without_keys_there_is_no_proof_and_none_is_asked_for() {
        let request = proven(USER, &[]);
        assert!(!request.contains_key(LARDER_IDENTITY_PROOF));
        assert_eq!(read(&request, &[], 0), user());
        assert_eq!(read(&request, &["k1"], 0), Err(ProofFault::Missing));
        for nothing in ["", "more=1", "class=staff"] {
            assert_eq!(read(&self::request(nothing), &[], 0), Err(ProofFault::Malformed));
        }
    }

    #[test]
    fn what_was_changed_or_is_of_somebody_else_does_not_count() {
        let good = proven(USER, &["k1"]);
        let proof = good.get(LARDER_IDENTITY_PROOF).unwrap().to_str().unwrap().to_owned();
        let with = |told: &str, proof: &str| {
            let mut request = request(told);
            request.insert(LARDER_IDENTITY_PROOF, HeaderValue::from_str(proof).unwrap());
            read(&request, &["k1"], 0)
        };
        assert_eq!(with(USER, &proof), user());
        assert_eq!(with("user=\"43\"", &proof), Err(ProofFault::WrongSignature));
        assert_eq!(
            with("user=\"42\", class=authenticated", &proof),
            Err(ProofFault::WrongSignature)
        );
        let later = proof.replace(".1767225600.", ".9767225600.");
        assert_eq!(with(USER, &later), Err(ProofFault::WrongSignature));
        let malformed = [
            "",
            "k1",
            "k1.1767225600",
            "k1.1767225600.",
            "k1.+1767225600.AA",
            &format!("{proof}A"),
            &format!("{proof}="),
            &format!("{proof}.x"),
            &proof.replace("k1.", "k1.."),
        ];
        for proof in malformed {
            assert_eq!(with(USER, proof), Err(ProofFault::Malformed), "{proof:?}");
        }
        // A marker proves something else, by the same key.
        let identity = crate::Identity { class: Class::Authenticated, user: None, segment: None };
        let keys = rules(&["k1"]).marker.unwrap().keys;
        let marker = keys.sign(&identity, ("sessionid", b"x"), NOW).unwrap();
        assert!(with(USER, &marker).is_err());
    }

    #[test]
    fn of_two_lines_neither_counts() {
        let good = proven(USER, &["k1"]);
        for name in [LARDER_IDENTITY, LARDER_IDENTITY_PROOF] {
            let mut twice = good.clone();
            twice.append(&name, good.get(&name).unwrap().clone());
            assert_eq!(read(&twice, &["k1"], 0), Err(ProofFault::Malformed), "{name}");
        }
        let forged = proven("user=\"a\", user=\"b\"", &["k1"]);
        assert_eq!(read(&forged, &["k1"], 0), Err(ProofFault::Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_proof(proof in prop::collection::vec(0x20_u8..0x7f, 0..100), told in "[ -~]{0,40}") {
            let keys = rules(&["k1"]).marker.unwrap().keys;
            prop_assert!(keys.check(told.as_bytes(), &proof, NOW).is_err());
        }
    }
}
