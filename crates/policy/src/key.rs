//! Under which bytes a page lies: everything that selects it, written so that no two inputs give the same bytes.
//!
//! ```text
//! +--------+----------+------+------------+--------+-- for each part, in the caller's order ------------+
//! | scheme | host len | host | target len | target | name len | name | 0 absent, or 1 | value len | value |
//! +--------+----------+------+------------+--------+-----------------------------------------------------+
//!   1 byte   varint            varint                varint            1 byte           varint
//! ```
//!
//! A varint is a length in groups of seven bits, lowest first, the high bit set on all but the last. Every field says its
//! length before it begins, so no byte of a host or target can be taken for a border (`/a` of `b` is not `b/a`). Absent is
//! not empty. The target is the path and query as received: what an application could read differently is a page apart.

use crate::{limits::KEY_BUFFER_BYTES_KEPT, scheme::Scheme};
use std::{borrow::Borrow, fmt};

/// What most keys need besides host and target.
const PARTS_BYTES: usize = 64;

/// Something besides scheme, host and target that selects a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPart<'a> {
    /// What it is, unique within a key.
    pub name: &'a str,
    /// Its value; `None` is "not there", which is not the empty value.
    pub value: Option<&'a [u8]>,
}

/// A buffer that keys are written into, one after the other, without allocating.
#[derive(Clone, Debug, Default)]
pub struct KeyBuf(Vec<u8>);

impl KeyBuf {
    /// An empty buffer.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Writes a key in place of the last one.
    ///
    /// `host` is canonical ([`CanonicalHost`](crate::CanonicalHost)), `target` is [`target`](crate::hygiene::target)'s.
    pub fn write(&mut self, scheme: Scheme, host: &str, target: &str, parts: &[KeyPart<'_>]) {
        self.0.clear();
        self.0.shrink_to(KEY_BUFFER_BYTES_KEPT);
        // At once, with room for a part or two.
        self.0.reserve(host.len() + target.len() + PARTS_BYTES);
        self.0.push(tag(scheme));
        self.push(host.as_bytes());
        self.push(target.as_bytes());
        for part in parts {
            self.part(part.name, part.value);
        }
    }

    /// Appends a part to the key written last.
    pub fn part(&mut self, name: &str, value: Option<&[u8]>) {
        self.push(name.as_bytes());
        match value {
            None => self.0.push(0),
            Some(value) => {
                self.0.push(1);
                self.push(value);
            }
        }
    }

    /// The key written last.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A copy of the key written last, to be kept.
    #[must_use]
    pub fn to_key(&self) -> PageKey {
        PageKey(self.0.as_slice().into())
    }

    fn push(&mut self, bytes: &[u8]) {
        let mut len = bytes.len();
        while len > 0x7f {
            self.0.push(0x80 | low_seven(len));
            len >>= 7;
        }
        self.0.push(low_seven(len));
        self.0.extend_from_slice(bytes);
    }
}

/// A key that outlives its request. Prints as `https example.com /path?query`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PageKey(Box<[u8]>);

impl PageKey {
    /// The bytes, as a store wants them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

// Equal and hashed as its bytes, which is what `Borrow` promises.
impl Borrow<[u8]> for PageKey {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match read(&self.0) {
            Some((scheme, host, target)) => {
                let host = String::from_utf8_lossy(host);
                let target = String::from_utf8_lossy(target);
                write!(f, "{} {host} {target}", scheme.as_str())
            }
            None => f.write_str("(not a key)"),
        }
    }
}

/// Scheme, host and target of a key; `None` for bytes that no [`KeyBuf`] wrote.
#[must_use]
pub fn read(key: &[u8]) -> Option<(Scheme, &[u8], &[u8])> {
    let (first, rest) = key.split_first()?;
    let scheme = [Scheme::Http, Scheme::Https].into_iter().find(|scheme| tag(*scheme) == *first)?;
    let (host, rest) = pull(rest)?;
    let (target, _) = pull(rest)?;
    Some((scheme, host, target))
}

/// The part of a key that all pages of one URL share: scheme, host and target. All of it for bytes that no [`KeyBuf`] wrote.
#[must_use]
pub fn url_of(key: &[u8]) -> &[u8] {
    let behind = || {
        let (_, rest) = pull(key.get(1..)?)?;
        let (_, rest) = pull(rest)?;
        Some(rest.len())
    };
    let parts = behind().unwrap_or_default();
    key.get(..key.len() - parts).unwrap_or(key)
}

/// The parts of a key beside its URL, in order. Ends at bytes that no [`KeyBuf`] wrote.
pub fn parts(key: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut rest = key.get(url_of(key).len()..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (name, after) = pull(rest)?;
        let (value, after) = match after.split_first()? {
            (0, after) => (None, after),
            (_, after) => pull(after).map(|(value, after)| (Some(value), after))?,
        };
        rest = after;
        Some((name, value))
    })
}

fn pull(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut len = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(size_of::<usize>()) {
        len |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.split_at_checked(len);
        }
    }
    None
}

const fn tag(scheme: Scheme) -> u8 {
    match scheme {
        Scheme::Http => 1,
        Scheme::Https => 2,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits are left")]
const fn low_seven(len: usize) -> u8 {
    (len & 0x7f) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Input = (bool, String, String, Vec<(String, Option<Vec<u8>>)>);

    fn key(input: &Input) -> Vec<u8> {
        let (https, host, target, parts) = input;
        let scheme = if *https { Scheme::Https } else { Scheme::Http };
        let parts: Vec<_> =
            parts.iter().map(|(name, value)| KeyPart { name, value: value.as_deref() }).collect();
        let mut buffer = KeyBuf::new();
        buffer.write(scheme, host, target, &parts);
        buffer.as_bytes().to_vec()
    }

    /// Reads a key back whole. That this exists is the proof that keys are unambiguous.
    fn unwrite(key: &[u8]) -> Option<Input> {
        let (scheme, host, target) = read(key)?;
        let parts =
            parts(key).map(|(name, value)| (text(name), value.map(<[u8]>::to_vec))).collect();
        Some((scheme == Scheme::Https, text(host), text(target), parts))
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn input(https: bool, host: &str, target: &str, parts: &[(&str, Option<&str>)]) -> Input {
        let part = |(name, value): &(&str, Option<&str>)| {
            ((*name).to_owned(), value.map(|value| value.as_bytes().to_vec()))
        };
        (https, host.to_owned(), target.to_owned(), parts.iter().map(part).collect())
    }

    #[test]
    fn the_layout_is_as_drawn() {
        let key = key(&input(true, "a.b", "/x", &[("lang", Some("de")), ("v", None)]));
        assert_eq!(key, b"\x02\x03a.b\x02/x\x04lang\x01\x02de\x01v\x00");
    }

    #[test]
    fn what_could_be_confused_is_not() {
        let cases = [
            ("scheme", input(false, "h", "/", &[]), input(true, "h", "/", &[])),
            (
                "border of host and target",
                input(false, "h", "/a", &[]),
                input(false, "h/", "a", &[]),
            ),
            ("no host", input(false, "", "h/", &[]), input(false, "h", "/", &[])),
            ("case of the path", input(false, "h", "/a", &[]), input(false, "h", "/A", &[])),
            ("encoding", input(false, "h", "/a", &[]), input(false, "h", "/%61", &[])),
            ("empty query", input(false, "h", "/a", &[]), input(false, "h", "/a?", &[])),
            (
                "absent and empty",
                input(false, "h", "/", &[("p", None)]),
                input(false, "h", "/", &[("p", Some(""))]),
            ),
            (
                "absent and left out",
                input(false, "h", "/", &[("p", None)]),
                input(false, "h", "/", &[]),
            ),
            (
                "two parts and one",
                input(false, "h", "/", &[("p", Some("a")), ("q", Some("b"))]),
                input(false, "h", "/", &[("p", Some("a\x01q\x01\x01b"))]),
            ),
            (
                "part and target",
                input(false, "h", "/\x01p\x00", &[]),
                input(false, "h", "/", &[("p", None)]),
            ),
        ];
        for (name, one, other) in cases {
            assert_ne!(key(&one), key(&other), "{name}");
        }
    }

    #[test]
    fn a_long_target_is_read_back_and_the_buffer_shrinks_after_it() {
        let target = "/".repeat(70_000);
        let mut buffer = KeyBuf::new();
        buffer.write(Scheme::Http, "h", &target, &[]);
        assert_eq!(read(buffer.as_bytes()), Some((Scheme::Http, &b"h"[..], target.as_bytes())));
        buffer.write(Scheme::Http, "h", "/", &[]);
        assert!(buffer.0.capacity() <= KEY_BUFFER_BYTES_KEPT);
    }

    #[test]
    fn a_key_prints_for_people() {
        let mut buffer = KeyBuf::new();
        buffer.write(Scheme::Https, "example.com", "/a?b=c", &[]);
        assert_eq!(format!("{:?}", buffer.to_key()), "https example.com /a?b=c");
    }

    // Few and telling characters, so that inputs often differ only by where a border lies.
    fn any_input() -> impl Strategy<Value = Input> {
        let value = prop::option::of(prop::collection::vec(0_u8..4, 0..4));
        let parts = prop::collection::vec(("[\\x00-\\x03a]{0,3}", value), 0..3);
        (any::<bool>(), "[\\x00-\\x03a/]{0,3}", "[\\x00-\\x03a/é]{0,200}", parts)
    }

    proptest! {
        #[test]
        fn keys_are_injective(one in any_input(), other in any_input()) {
            prop_assert_eq!(unwrite(&key(&one)), Some(one.clone()));
            prop_assert_eq!(one == other, key(&one) == key(&other));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&bytes);
            prop_assert!(parts(&bytes).count() <= bytes.len());
        }
    }
}
