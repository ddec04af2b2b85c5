//! What may be shown of a value? What proves who somebody is, only as the beginning of its hash: enough to see that two are
//! the same, nothing to log in with.

use crate::csrf::CsrfCookie;
use crate::identity::IdentityRules;
use http::header;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Longer values are cut: it is what they are that counts, not each byte.
const SHOWN_BYTES_MAX: usize = 120;

/// Which values are secrets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secrets<'a>(pub(super) &'a IdentityRules, pub(super) &'a CsrfCookie);

impl Secrets<'_> {
    /// Whether a cookie's value says who somebody is.
    pub(super) fn has_cookie(&self, name: &[u8]) -> bool {
        self.0.session_cookies.may_mean(name)
            || self.1.name.as_bytes() == name
            || self.0.marker.as_ref().is_some_and(|marker| marker.cookie.as_bytes() == name)
    }

    /// Whether a field's value may.
    pub(super) fn has_field(&self, name: &[u8]) -> bool {
        let secret = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];
        secret.iter().any(|other| name.eq_ignore_ascii_case(other.as_str().as_bytes()))
    }

    /// A value as it is shown: printable ASCII, not too long.
    #[expect(
        clippy::unused_self,
        reason = "so that nobody shows a value without asking whether it is a secret"
    )]
    pub(super) fn show(&self, value: &[u8], is_secret: bool) -> String {
        if is_secret {
            return hashed(value);
        }
        let (head, tail) = value.split_at_checked(SHOWN_BYTES_MAX).unwrap_or((value, b""));
        let more = if tail.is_empty() { "" } else { "..." };
        format!("{}{more}", printable(head))
    }
}

/// Backslashes and quotes stay: nothing is quoted with them.
fn printable(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value {
        match byte {
            b' '..=b'~' => text.push(char::from(*byte)),
            other => {
                // Writing to a string does not fail.
                let _written = write!(text, "\\x{other:02x}");
            }
        }
    }
    text
}

fn hashed(value: &[u8]) -> String {
    let hash = Sha256::digest(value);
    let mut text = "sha256:".to_owned();
    for byte in hash.iter().take(4) {
        // Writing to a string does not fail.
        let _written = write!(text, "{byte:02x}");
    }
    text.push_str("...");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hashes_and_the_rest_is_printable_and_short() {
        let (rules, csrf) = (IdentityRules::default(), CsrfCookie::default());
        let secrets = Secrets(&rules, &csrf);
        assert_eq!(secrets.show(b"test", true), "sha256:9f86d081...");
        assert_eq!(secrets.show(b"a\xc3\xa9\n\"\\", false), "a\\xc3\\xa9\\x0a\"\\");
        assert_eq!(secrets.show(&[b'a'; 120], false), "a".repeat(120));
        assert_eq!(secrets.show(&[b'a'; 121], false), "a".repeat(120) + "...");
        for (name, expected) in
            [("sessionid", true), ("SESSIONID", true), ("csrftoken", true), ("theme", false)]
        {
            assert_eq!(secrets.has_cookie(name.as_bytes()), expected, "{name}");
        }
        assert!(secrets.has_field(b"Authorization") && !secrets.has_field(b"accept"));
    }
}
