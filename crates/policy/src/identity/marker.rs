//! The signed marker: a cookie that says who a visitor is, which only the application can have made.
//!
//! ```text
//! 1 . <key id> . <base64url(payload)> . <base64url(mac)>          without padding
//!
//! payload = class=authenticated, user="42", segment="staff", session="sessionid", expires=1767225600
//!
//! mac = HMAC-SHA256(secret, of each of these: length in four bytes, highest first, then the bytes)
//!         "larder identity marker 1"
//!         the key's id
//!         the payload, before base64url
//!         the session cookie's name
//!         the session cookie's value, as it stands in the `Cookie` line
//! ```
//!
//! The payload is a structured field dictionary (RFC 9651 §3.2), `expires` in seconds since the epoch: the marker counts
//! before that second. Every part of the mac's input says its length, so that no two inputs give the same bytes. With any
//! other session cookie than its own a marker is worth nothing; with its own it counts until `expires`, also where the
//! application has ended the session meanwhile, since nobody is asked.

use super::Identity;
use super::members::{self, Form};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use larder_semantics::Timestamp;
use sha2::Sha256;

/// Longest marker. RFC 6265 §6.1: browsers keep cookies of 4096 bytes, name and attributes included.
pub const MARKER_BYTES_MAX: usize = 4096;

/// RFC 2104 §3: a secret shorter than the hash makes the signature weaker.
pub const SECRET_BYTES_MIN: usize = 32;

const VERSION: &[u8] = b"1";
const LABEL: &[u8] = b"larder identity marker 1";
const KEY_ID_BYTES_MAX: usize = 32;
const MAC_BYTES: usize = 32;
/// The largest integer of a structured field: RFC 9651 §3.3.1.
const EXPIRES_MAX: u64 = 999_999_999_999_999;

/// A secret with a name, so that it can be replaced without a moment in which markers are refused.
#[derive(Clone)]
pub struct Key {
    /// Its name: 1 to 32 of `A-Z a-z 0-9 - _`.
    pub id: String,
    /// The mac with the secret already in it. The secret itself is not kept.
    keyed: Hmac<Sha256>,
}

impl Key {
    /// A key.
    ///
    /// # Errors
    /// What is wrong with the name or the secret (fewer than 32 bytes), for people.
    pub fn new(id: &str, secret: &[u8]) -> Result<Self, String> {
        let is_name = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !is_name || !(1..=KEY_ID_BYTES_MAX).contains(&id.len()) {
            return Err(format!(
                "the key id {id:?} must be of 1 to {KEY_ID_BYTES_MAX} letters, digits, `-` or `_`"
            ));
        }
        if secret.len() < SECRET_BYTES_MIN {
            let len = secret.len();
            return Err(format!(
                "the secret of key {id:?} has {len} bytes: it must have at least {SECRET_BYTES_MIN}"
            ));
        }
        let keyed = Hmac::new_from_slice(secret)
            .map_err(|e| format!("the secret of key {id:?} can't be used: {e}"))?;
        Ok(Self { id: id.to_owned(), keyed })
    }

    /// Of a label, which says what it is for, the key's id and `parts`, each with its length.
    pub(super) fn mac(&self, label: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        for part in [label, self.id.as_bytes()].iter().chain(parts) {
            mac.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys of a site: the first signs, all are accepted.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

/// Why a marker does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkerFault {
    /// It is none.
    Malformed,
    /// Its key is not one of the site's.
    UnknownKey,
    /// Forged, changed, or made for another session.
    WrongSignature,
    /// It has expired.
    Expired,
}

impl Keys {
    /// The keys of a site. The first signs.
    ///
    /// # Errors
    /// None at all, or two of one name, for people.
    pub fn new(keys: Vec<Key>) -> Result<Self, String> {
        if keys.is_empty() {
            return Err("there is no key to verify markers with".to_owned());
        }
        for (place, key) in keys.iter().enumerate() {
            if keys.iter().take(place).any(|other| other.id == key.id) {
                return Err(format!("two keys have the id {:?}", key.id));
            }
        }
        Ok(Self(keys))
    }

    /// How many there are: at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn signing(&self) -> Option<&Key> {
        self.0.first()
    }

    pub(super) fn named(&self, id: &[u8]) -> Option<&Key> {
        self.0.iter().find(|key| key.id.as_bytes() == id)
    }

    /// A marker for `identity`, bound to the session cookie `(name, value)`, that counts until `expires`. Fit for a cookie's
    /// value. Parts of a second are cut off `expires`.
    ///
    /// # Errors
    /// What can't be in a marker, for people.
    pub fn sign(
        &self,
        identity: &Identity,
        session: (&str, &[u8]),
        expires: Timestamp,
    ) -> Result<String, String> {
        let key = self.signing().ok_or("there is no key to sign with")?;
        let (name, value) = session;
        if value.is_empty() {
            return Err("the session cookie is empty: a marker is bound to a session".to_owned());
        }
        let (user, segment) = (identity.user.as_deref(), identity.segment.as_deref());
        let mut payload = members::write(Some(identity.class), user, segment)?;
        members::push(&mut payload, "session", name)?;
        let secs = expires.as_secs();
        if secs > EXPIRES_MAX {
            return Err(format!("a marker can't count for {secs} seconds since the epoch"));
        }
        payload.push_str(", expires=");
        payload.push_str(&secs.to_string());
        let mac =
            key.mac(LABEL, &[payload.as_bytes(), name.as_bytes(), value]).finalize().into_bytes();
        let mut marker = format!("1.{}.", key.id);
        URL_SAFE_NO_PAD.encode_string(&payload, &mut marker);
        marker.push('.');
        URL_SAFE_NO_PAD.encode_string(mac, &mut marker);
        Ok(marker)
    }

    /// Who a visitor with this marker and this session is, and until when that counts.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verify(
        &self,
        marker: &[u8],
        session: (&[u8], &[u8]),
        now: Timestamp,
    ) -> Result<(Identity, Timestamp), MarkerFault> {
        let (id, payload, mac) = parts(marker).ok_or(MarkerFault::Malformed)?;
        // A key's id is no secret.
        let key = self.named(id).ok_or(MarkerFault::UnknownKey)?;
        // In constant time: how much of a forged mac is right must not show.
        let signed = key.mac(LABEL, &[&payload, session.0, session.1]).verify_slice(&mac);
        signed.map_err(|_| MarkerFault::WrongSignature)?;
        // What is signed and yet wrong is an application's mistake. It counts no more than a forgery.
        let read = members::read(&payload, Form::Marker).ok_or(MarkerFault::Malformed)?;
        let (Some(class), Some(bound), Some(expires)) = (read.class, read.session, read.expires)
        else {
            return Err(MarkerFault::Malformed);
        };
        if bound.as_bytes() != session.0 {
            return Err(MarkerFault::WrongSignature);
        }
        let expires = Timestamp::from_secs(expires);
        if now >= expires {
            return Err(MarkerFault::Expired);
        }
        Ok((Identity { class, user: read.user, segment: read.segment }, expires))
    }
}

/// Key id, payload and mac. Only the one spelling of each counts: no padding, no idle bits, nothing before or after.
fn parts(marker: &[u8]) -> Option<(&[u8], Vec<u8>, [u8; MAC_BYTES])> {
    if marker.len() > MARKER_BYTES_MAX {
        return None;
    }
    let mut parts = marker.split(|&byte| byte == b'.');
    let (version, id, payload, mac) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version != VERSION || parts.next().is_some() {
        return None;
    }
    let mut room = [0; MAC_BYTES + 1];
    let len = URL_SAFE_NO_PAD.decode_slice(mac, &mut room).ok()?;
    let mac = room.get(..len)?.try_into().ok()?;
    Some((id, URL_SAFE_NO_PAD.decode(payload).ok()?, mac))
}

#[cfg(test)]
mod tests {
    use super::super::{Class, VALUE_BYTES_MAX};
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_secs(1_767_225_599);
    const EXPIRES: Timestamp = Timestamp::from_secs(1_767_225_600);
    const SESSION: (&str, &[u8]) = ("sessionid", b"abcdefgh");

    fn keys(ids: &[&str]) -> Keys {
        // Each with a secret of its own, known from its id.
        let key = |id: &&str| Key::new(id, id.repeat(32).as_bytes()).unwrap();
        Keys::new(ids.iter().map(key).collect()).unwrap()
    }

    fn staff() -> Identity {
        let (user, segment) = (Some("42".to_owned()), Some("staff".to_owned()));
        Identity { class: Class::Authenticated, user, segment }
    }

    fn signed() -> String {
        keys(&["k1"]).sign(&staff(), SESSION, EXPIRES).unwrap()
    }

    fn bytes<'a>((name, value): (&'a str, &'a [u8])) -> (&'a [u8], &'a [u8]) {
        (name.as_bytes(), value)
    }

    fn verify(marker: &str) -> Result<(Identity, Timestamp), MarkerFault> {
        keys(&["k1"]).verify(marker.as_bytes(), bytes(SESSION), NOW)
    }

    /// Signs whatever payload, as an application that makes a mistake would.
    fn sign_raw(payload: &str, session: (&str, &[u8])) -> String {
        let keys = keys(&["k1"]);
        let mac = keys.0[0]
            .mac(LABEL, &[payload.as_bytes(), session.0.as_bytes(), session.1])
            .finalize()
            .into_bytes();
        format!("1.k1.{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(mac))
    }

    #[test]
    fn a_marker_looks_as_documented() {
        let marker = signed();
        let parts: Vec<&str> = marker.split('.').collect();
        assert_eq!(parts[..2], ["1", "k1"]);
        let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).unwrap();
        let expected = "class=authenticated, user=\"42\", segment=\"staff\", session=\"sessionid\", expires=1767225600";
        assert_eq!(payload, expected);
        // The mac, from the layout and the definition of HMAC (RFC 2104 §2), by the hash alone.
        let mut input = Vec::new();
        for part in
            [&b"larder identity marker 1"[..], b"k1", payload.as_bytes(), b"sessionid", b"abcdefgh"]
        {
            input.extend([0, 0, 0, u8::try_from(part.len()).unwrap()]);
            input.extend(part);
        }
        let mut secret = [0; 64];
        secret.copy_from_slice("k1".repeat(32).as_bytes());
        let hash = |parts: [&[u8]; 2]| <Sha256 as sha2::Digest>::digest(parts.concat());
        let inner = hash([&secret.map(|byte| byte ^ 0x36), &input]);
        let mac = hash([&secret.map(|byte| byte ^ 0x5c), &inner]);
        assert_eq!(parts[3], URL_SAFE_NO_PAD.encode(mac));
        assert!(
            marker.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)),
            "{marker}"
        );
    }

    #[test]
    fn a_marker_counts_for_its_own_session_only() {
        assert_eq!(verify(&signed()), Ok((staff(), EXPIRES)));
        let others: [(&[u8], &[u8]); 8] = [
            (b"sessionid", b"abcdefgi"),
            (b"sessionid", b"abcdefg"),
            (b"sessionid", b"abcdefghi"),
            (b"sessionid", b""),
            (b"sessionid", b"\"abcdefgh\""),
            (b"Sessionid", b"abcdefgh"),
            // The border between name and value can't be moved.
            (b"sessionida", b"bcdefgh"),
            (b"", b"sessionidabcdefgh"),
        ];
        for session in others {
            let actual = keys(&["k1"]).verify(signed().as_bytes(), session, NOW);
            assert_eq!(actual, Err(MarkerFault::WrongSignature), "{session:?}");
        }
    }

    #[test]
    fn a_marker_is_refused_on_the_very_second_it_expires() {
        let at = |now| keys(&["k1"]).verify(signed().as_bytes(), bytes(SESSION), now).map(|_| ());
        assert_eq!(at(Timestamp::from_secs(0)), Ok(()));
        assert_eq!(at(Timestamp::from_millis(EXPIRES.as_millis() - 1)), Ok(()));
        assert_eq!(at(EXPIRES), Err(MarkerFault::Expired));
        assert_eq!(at(Timestamp::from_millis(u64::MAX)), Err(MarkerFault::Expired));
    }

    #[test]
    fn a_replaced_key_is_accepted_until_it_is_taken_away() {
        let old = signed();
        let both = keys(&["k2", "k1"]);
        let new = both.sign(&staff(), SESSION, EXPIRES).unwrap();
        assert!(new.starts_with("1.k2."), "the first signs: {new}");
        for marker in [&old, &new] {
            assert!(both.verify(marker.as_bytes(), bytes(SESSION), NOW).is_ok());
        }
        let after = keys(&["k2"]);
        assert!(after.verify(new.as_bytes(), bytes(SESSION), NOW).is_ok());
        let refused = after.verify(old.as_bytes(), bytes(SESSION), NOW);
        assert_eq!(refused, Err(MarkerFault::UnknownKey));
    }

    #[test]
    fn a_key_of_the_same_name_with_another_secret_is_another_key() {
        let other = Keys::new(vec![Key::new("k1", &[7; 32]).unwrap()]).unwrap();
        let refused = other.verify(signed().as_bytes(), bytes(SESSION), NOW);
        assert_eq!(refused, Err(MarkerFault::WrongSignature));
        // One that is accepted can't speak in the name of another that is.
        let both = keys(&["k1", "k2"]);
        let renamed = signed().replace("1.k1.", "1.k2.");
        let refused = both.verify(renamed.as_bytes(), bytes(SESSION), NOW);
        assert_eq!(refused, Err(MarkerFault::WrongSignature));
    }

    #[test]
    fn what_is_no_marker_is_malformed() {
        let good = signed();
        let (front, mac) = good.rsplit_once('.').unwrap();
        let cases = [
            String::new(),
            "authenticated".to_owned(),
            "...".to_owned(),
            front.to_owned(),
            format!("{front}."),
            format!("{good}."),
            format!("{good}="),
            format!(".{good}"),
            format!("\"{good}\""),
            good.replacen('1', "2", 1),
            good.replacen('1', "01", 1),
            good.split_at(good.len() - 1).0.to_owned(),
            format!("{front}.{mac}A"),
            format!("1.k1.{}.{mac}", "A".repeat(MARKER_BYTES_MAX)),
            format!("1.k1.A.{mac}"),
        ];
        for marker in cases {
            assert_eq!(verify(&marker), Err(MarkerFault::Malformed), "{marker}");
        }
    }

    #[test]
    fn what_is_signed_but_incomplete_or_contradictory_does_not_count() {
        let rest = "session=\"sessionid\", expires=1767225600";
        assert!(verify(&sign_raw(&format!("class=anonymous, {rest}"), SESSION)).is_ok());
        assert!(
            verify(&sign_raw(&format!("class=anonymous, later=(1 2), {rest}"), SESSION)).is_ok()
        );
        let cases = [
            rest.to_owned(),
            "class=anonymous, session=\"sessionid\"".to_owned(),
            "class=anonymous, expires=1767225600".to_owned(),
            format!("class=anonymous, class=authenticated, {rest}"),
            format!("class=anonymous, {rest}, expires=1867225600"),
            format!("class=anonymous, {rest}, session=\"sessionid\""),
            format!("class=anonymous, user=\"{}\", {rest}", "a".repeat(VALUE_BYTES_MAX + 1)),
            "class=anonymous, session=\"sessionid\", expires=-1".to_owned(),
            "class=anonymous, session=\"sessionid\", expires=\"1767225600\"".to_owned(),
            String::new(),
        ];
        for payload in cases {
            let actual = verify(&sign_raw(&payload, SESSION));
            assert_eq!(actual, Err(MarkerFault::Malformed), "{payload}");
        }
        let other = sign_raw("class=anonymous, session=\"other\", expires=1767225600", SESSION);
        assert_eq!(verify(&other), Err(MarkerFault::WrongSignature));
    }

    #[test]
    fn what_can_not_be_in_a_marker_is_not_signed() {
        let keys = keys(&["k1"]);
        let user = |user: &str| Identity { user: Some(user.to_owned()), ..staff() };
        let longest = "\\".repeat(VALUE_BYTES_MAX);
        let great = Identity { segment: Some(longest.clone()), ..user(&longest) };
        let name = longest.as_str();
        let marker = keys.sign(&great, (name, b"v"), EXPIRES).unwrap();
        assert!(marker.len() <= MARKER_BYTES_MAX, "{}", marker.len());
        assert!(keys.verify(marker.as_bytes(), (name.as_bytes(), b"v"), NOW).is_ok());
        for bad in ["", "é", "a\n", &"a".repeat(VALUE_BYTES_MAX + 1)] {
            assert!(keys.sign(&user(bad), SESSION, EXPIRES).unwrap_err().contains("user"), "{bad}");
        }
        assert!(keys.sign(&staff(), ("", b"v"), EXPIRES).is_err());
        assert!(keys.sign(&staff(), ("sessionid", b""), EXPIRES).is_err());
        assert!(keys.sign(&staff(), SESSION, Timestamp::from_secs(EXPIRES_MAX)).is_ok());
        assert!(keys.sign(&staff(), SESSION, Timestamp::from_secs(EXPIRES_MAX + 1)).is_err());
    }

    #[test]
    fn keys_have_good_names_and_long_secrets() {
        for good in ["k", "2026-01_a", &"K".repeat(32)] {
            assert_eq!(Key::new(good, &[1; 32]).unwrap().id, good);
        }
        for bad in ["", "a b", "a.b", "é", &"k".repeat(33)] {
            assert!(Key::new(bad, &[1; 32]).is_err(), "{bad}");
        }
        assert!(Key::new("k", &[1; 31]).unwrap_err().contains("32"));
        assert!(Key::new("k", &[1; 200]).is_ok());
        assert!(Keys::new(Vec::new()).is_err());
        let twice = ["k", "j", "k"].map(|id| Key::new(id, &[1; 32]).unwrap());
        assert!(Keys::new(twice.to_vec()).unwrap_err().contains("\"k\""));
    }

    #[test]
    fn secrets_are_not_printed() {
        let key = Key::new("k1", b"a secret that is long enough, really").unwrap();
        assert_eq!(format!("{key:?}"), "Key { id: \"k1\", .. }");
    }

    fn identities() -> impl Strategy<Value = Identity> {
        let value = || prop::option::of("[ -~]{1,40}");
        (any::<bool>(), value(), value()).prop_map(|(authenticated, user, segment)| {
            let class = if authenticated { Class::Authenticated } else { Class::Anonymous };
            Identity { class, user, segment }
        })
    }

    fn sessions() -> impl Strategy<Value = (String, Vec<u8>)> {
        ("[!-~]{1,20}", prop::collection::vec(any::<u8>(), 1..60))
    }

    proptest! {
        // A thousand markers are verified in each case of the second.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_signed_is_verified_and_only_for_its_session(
            identity in identities(), session in sessions(), other in sessions(), secs in 1..EXPIRES_MAX,
        ) {
            let keys = keys(&["k1", "k2"]);
            let expires = Timestamp::from_secs(secs);
            let before = Timestamp::from_secs(secs - 1);
            let marker = keys.sign(&identity, (&session.0, &session.1), expires).unwrap();
            let verify = |(name, value): &(String, Vec<u8>), now| {
                keys.verify(marker.as_bytes(), (name.as_bytes(), value), now)
            };
            prop_assert_eq!(verify(&session, before), Ok((identity, expires)));
            prop_assert_eq!(verify(&session, expires), Err(MarkerFault::Expired));
            prop_assert_eq!(verify(&other, before).is_ok(), session == other);
        }

        #[test]
        fn every_changed_bit_is_refused(identity in identities(), session in sessions()) {
            let keys = keys(&["k1"]);
            let marker = keys.sign(&identity, (&session.0, &session.1), EXPIRES).unwrap();
            let session = (session.0.as_bytes(), session.1.as_slice());
            for at in 0..marker.len() {
                for bit in 0..8 {
                    let mut changed = marker.clone().into_bytes();
                    changed[at] ^= 1 << bit;
                    prop_assert!(keys.verify(&changed, session, NOW).is_err(), "bit {} of byte {}", bit, at);
                }
            }
        }

        #[test]
        fn no_bytes_panic(
            marker in prop::collection::vec(any::<u8>(), 0..120),
            payload in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let keys = keys(&["k1"]);
            prop_assert!(keys.verify(&marker, bytes(SESSION), NOW).is_err());
            // As far as the payload: signed nonsense.
            let payload = String::from_utf8_lossy(&payload);
            prop_assert!(verify(&sign_raw(&payload, SESSION)).is_err());
        }
    }
}
