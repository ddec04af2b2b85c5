//! Who may purge? A peer by its address, or whoever has the token.
//!
//! The address is the connection's. What a request says of itself can be made up by whoever sends it, so it never opens
//! anything; but it may close: a proxy that stands beside those who may purge passes on what visitors send, and says for whom.

use crate::trusted::every_hop;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use sha2::Sha256;
use std::fmt;
use std::net::IpAddr;

/// The field for a token where `Authorization` means something else.
pub(crate) const LARDER_TOKEN: HeaderName = HeaderName::from_static("larder-token");

/// Fewer bytes could be guessed: 16 of base64 are 96 bits.
const TOKEN_BYTES_MIN: usize = 16;

/// What the tokens are hashed under. No secret: it makes two texts that are compared of one length.
const LABEL: &[u8] = b"larder token 1";

/// A token. Only its hash is kept, and compared in a time that says nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// A token of this text.
    ///
    /// # Errors
    /// It is too short, or can't be sent in a field.
    pub fn new(text: &[u8]) -> Result<Self, String> {
        if text.len() < TOKEN_BYTES_MIN {
            return Err(format!(
                "a token of {} bytes is too short: at least {TOKEN_BYTES_MIN}",
                text.len()
            ));
        }
        if !text.iter().all(u8::is_ascii_graphic) {
            return Err("a token is of visible ASCII, in one line".to_owned());
        }
        Ok(Self(hash(text).finalize().into_bytes().into()))
    }

    fn is(&self, text: &[u8]) -> bool {
        hash(text).verify_slice(&self.0).is_ok()
    }
}

/// HMAC takes keys of any length.
#[expect(clippy::expect_used, reason = "a constant key")]
fn hash(text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(LABEL).expect("any length is a key");
    mac.update(text);
    mac
}

/// By what a request was let.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// By its peer's address.
    Peer,
    /// By the token in this field, which is for us alone.
    Token(HeaderName),
}

/// Why a request was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody may.
    Closed,
    /// It had no token, and its peer's address does not suffice.
    NoToken,
    /// It had another token.
    WrongToken,
}

/// Those who may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purgers {
    peers: Box<[IpNet]>,
    token: Option<Token>,
}

impl Purgers {
    /// These peers, and whoever has the token.
    #[must_use]
    pub fn new(peers: &[IpNet], token: Option<Token>) -> Self {
        Self { peers: peers.into(), token }
    }

    /// Whether nobody may.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.peers.is_empty() && self.token.is_none()
    }

    /// Whether a token would be of use.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a request with these fields may purge, that comes from these addresses: the socket's, and whatever was announced
    /// on it.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, peers: &[IpAddr], headers: &HeaderMap) -> Result<Admission, Refused> {
        if self.is_closed() {
            return Err(Refused::Closed);
        }
        let is_named = |address: IpAddr| {
            let address = address.to_canonical();
            self.peers.iter().any(|network| network.contains(&address))
        };
        if peers.iter().all(|peer| is_named(*peer)) && every_hop(headers, is_named) {
            return Ok(Admission::Peer);
        }
        let Some(token) = &self.token else { return Err(Refused::NoToken) };
        let (mut found, mut any) = (None, false);
        for (name, text) in presented(headers) {
            any = true;
            if token.is(text) {
                found = Some(name);
            }
        }
        match found {
            Some(name) => Ok(Admission::Token(name)),
            None if any => Err(Refused::WrongToken),
            None => Err(Refused::NoToken),
        }
    }
}

/// Every token that a request brings, with its field.
fn presented(headers: &HeaderMap) -> impl Iterator<Item = (HeaderName, &[u8])> {
    let bearers = headers.get_all(AUTHORIZATION).iter().filter_map(bearer);
    let own = headers.get_all(LARDER_TOKEN).iter().map(|value| value.as_bytes().trim_ascii());
    bearers.map(|text| (AUTHORIZATION, text)).chain(own.map(|text| (LARDER_TOKEN, text)))
}

/// RFC 6750 §2.1; RFC 9110 §11.1: the scheme's case does not matter.
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn an_address_or_a_token_suffices_and_nothing_that_a_request_says_of_its_sender() {
        let token = Token::new(b"0123456789abcdef").expect("a token");
        let purgers = Purgers::new(&["10.0.0.0/8".parse().expect("a network")], Some(token));
        let (inside, outside) = ("10.1.2.3", "192.0.2.1");
        type Fields = &'static [(&'static str, &'static str)];
        let cases: [(&str, Fields, Result<Admission, Refused>); 17] = [
            (inside, &[], Ok(Admission::Peer)),
            ("::ffff:10.1.2.3", &[], Ok(Admission::Peer)),
            (outside, &[], Err(Refused::NoToken)),
            (outside, &[("x-forwarded-for", "10.1.2.3")], Err(Refused::NoToken)),
            (outside, &[("forwarded", "for=10.1.2.3")], Err(Refused::NoToken)),
            (inside, &[("x-forwarded-for", "10.4.4.4, 10.1.2.4")], Ok(Admission::Peer)),
            (inside, &[("x-forwarded-for", "10.4.4.4, 192.0.2.1")], Err(Refused::NoToken)),
            (inside, &[("x-forwarded-for", "")], Err(Refused::NoToken)),
            (inside, &[("x-real-ip", "192.0.2.1")], Err(Refused::NoToken)),
            (inside, &[("forwarded", "for=10.4.4.4;proto=https")], Ok(Admission::Peer)),
            (inside, &[("forwarded", "for=192.0.2.1")], Err(Refused::NoToken)),
            (inside, &[("forwarded", "proto=https")], Err(Refused::NoToken)),
            (
                outside,
                &[("authorization", "bearer  0123456789abcdef")],
                Ok(Admission::Token(AUTHORIZATION)),
            ),
            (outside, &[("larder-token", "0123456789abcdef")], Ok(Admission::Token(LARDER_TOKEN))),
            (outside, &[("larder-token", "0123456789abcdeF")], Err(Refused::WrongToken)),
            (outside, &[("authorization", "Basic 0123456789abcdef")], Err(Refused::NoToken)),
            (outside, &[("authorization", "Bearer ")], Err(Refused::WrongToken)),
        ];
        for (peer, fields, expected) in cases {
            let peer = peer.parse().expect("an address");
            assert_eq!(purgers.admit(&[peer], &headers(fields)), expected, "{peer} {fields:?}");
        }
        let peer: IpAddr = inside.parse().expect("an address");
        let other: IpAddr = outside.parse().expect("an address");
        for peers in [[peer, other], [other, peer]] {
            let admitted = purgers.admit(&peers, &HeaderMap::new());
            assert_eq!(admitted, Err(Refused::NoToken), "{peers:?}");
        }
        assert_eq!(Purgers::default().admit(&[peer], &HeaderMap::new()), Err(Refused::Closed));
    }

    #[test]
    fn a_token_is_long_enough_and_can_be_sent() {
        assert!(Token::new(b"0123456789abcde").is_err());
        assert!(Token::new(b"0123456789abcdef").is_ok());
        assert!(Token::new(b"0123456789 abcdef").is_err());
        assert_eq!(format!("{:?}", Token::new(b"0123456789abcdef")), "Ok(Token(..))");
    }
}
