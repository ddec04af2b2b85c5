//! What a value lies under: 1 to 250 bytes without spaces and control characters.

use std::fmt;

use bytes::Bytes;

use crate::limits::KEY_MAX;

/// A key as it goes over the wire, and what its reader hashes to find the server.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key {
    wire: Bytes,
    /// Only where it is something else.
    hashed: Option<Bytes>,
}

/// Why bytes can't be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKey {
    /// There are none.
    Empty,
    /// More than 250 bytes.
    Long {
        /// How many.
        bytes: usize,
    },
    /// A space or a control character: Memcached would see two words, or two lines.
    Byte {
        /// The first such byte.
        byte: u8,
        /// Where it stands, from 0.
        at: usize,
    },
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a key of Memcached can't be empty"),
            Self::Long { bytes } => {
                write!(f, "a key of Memcached has at most {KEY_MAX} bytes, this one has {bytes}")
            }
            Self::Byte { byte, at } => {
                write!(f, "byte 0x{byte:02x} at {at} can't stand in a key of Memcached: escape it")
            }
        }
    }
}

impl std::error::Error for BadKey {}

impl Key {
    /// A key of these bytes.
    ///
    /// # Errors
    /// When there are none, more than 250, or a space or control character is among them.
    pub fn new(bytes: &[u8]) -> Result<Self, BadKey> {
        if bytes.is_empty() {
            return Err(BadKey::Empty);
        }
        if bytes.len() > KEY_MAX {
            return Err(BadKey::Long { bytes: bytes.len() });
        }
        let wrong = |(_, byte): &(usize, u8)| *byte <= b' ' || *byte == 0x7f;
        if let Some((at, byte)) = bytes.iter().copied().enumerate().find(wrong) {
            return Err(BadKey::Byte { byte, at });
        }
        Ok(Self { wire: Bytes::copy_from_slice(bytes), hashed: None })
    }

    /// The same key where its reader chooses the server by something else: nginx hashes the value of a variable, and escapes
    /// spaces, `%` and control characters only on the wire.
    #[must_use]
    pub fn hashed_as(self, bytes: &[u8]) -> Self {
        let hashed = (bytes != self.wire.as_ref()).then(|| Bytes::copy_from_slice(bytes));
        Self { hashed, ..self }
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.wire
    }

    /// The bytes by which its server is found.
    #[must_use]
    pub fn hashed(&self) -> &[u8] {
        self.hashed.as_ref().unwrap_or(&self.wire)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.wire.escape_ascii())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self}")?;
        if let Some(hashed) = &self.hashed {
            write!(f, ", hashed as {}", hashed.escape_ascii())?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_every_limit() {
        assert_eq!(Key::new(b""), Err(BadKey::Empty));
        assert!(Key::new(b"!").is_ok(), "one byte");
        assert!(Key::new(&[b'k'; 250]).is_ok());
        assert_eq!(Key::new(&[b'k'; 251]), Err(BadKey::Long { bytes: 251 }));
        for byte in 0..=u8::MAX {
            let refused = byte <= 0x20 || byte == 0x7f;
            let key = Key::new(&[b'k', byte]);
            assert_eq!(key.is_err(), refused, "0x{byte:02x}: {key:?}");
            if refused {
                assert_eq!(key, Err(BadKey::Byte { byte, at: 1 }));
            }
        }
    }

    #[test]
    fn what_is_hashed_may_differ_from_what_is_sent() {
        let key = Key::new(b"a%20b").expect("a key").hashed_as(b"a b");
        assert_eq!((key.as_bytes(), key.hashed()), (&b"a%20b"[..], &b"a b"[..]));
        let same = Key::new(b"ab").expect("a key").hashed_as(b"ab");
        assert_eq!(same, Key::new(b"ab").expect("a key"));
    }
}
