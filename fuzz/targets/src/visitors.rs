//! What tells visitors apart: cookies, `Larder-Identity` and the signed marker.

use http::HeaderMap;
use http::header::{COOKIE, SET_COOKIE};
use larder_policy::identity::{IdentityRules, Key, Keys, Session, field};
use larder_policy::{Identity, cookies, set_cookie};
use larder_semantics::Timestamp;

use crate::input;

/// Cookies: what is kept is what was there, nobody hides a session, and each line of a response sets something.
pub fn cookies(data: &[u8]) {
    let request = input::field("cookie", data);
    let rules = IdentityRules::default();
    let listed = |name: &[u8]| !name.is_empty() && rules.session_cookies.contains(name);
    let written = cookies::only(&request, listed).map(|line| (COOKIE, line));
    let kept = HeaderMap::from_iter(written);
    let expected = cookies::iter(&request).filter(|(name, _)| listed(name));
    assert!(cookies::iter(&kept).eq(expected));
    let has_session = cookies::iter(&kept).any(|(_, value)| !value.is_empty());
    assert!(!has_session || Session::of(&request, &rules) != Session::None);
    let response = input::field("set-cookie", data);
    assert_eq!(set_cookie::kept_name(&response, &[]).is_some(), response.contains_key(SET_COOKIE));
}

/// Identities: what is read can be written and signed and read again, and no bytes are a marker by chance.
pub fn identity(data: &[u8]) {
    let keys = Key::new("k1", &[7; 32]).and_then(|key| Keys::new(vec![key]));
    let keys = keys.expect("a good key");
    let (now, expires) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
    let session: (&[u8], &[u8]) = (b"sessionid", b"abcdefgh");
    assert!(keys.verify(data, session, now).is_err(), "forged");
    let Some(read) = field::read(&input::field("larder-identity", data)) else { return };
    let Identity { class, user, segment } = &read;
    let line = field::write(Some(*class), user.as_deref(), segment.as_deref());
    let line = line.expect("what was read can be written");
    assert_eq!(
        field::read(&HeaderMap::from_iter([(field::LARDER_IDENTITY, line)])),
        Some(read.clone())
    );
    let marker = keys.sign(&read, ("sessionid", session.1), expires).expect("can be signed");
    assert_eq!(keys.verify(marker.as_bytes(), session, now), Ok((read, expires)));
    assert!(keys.verify(marker.as_bytes(), (b"sessionid", b"another"), now).is_err());
}
