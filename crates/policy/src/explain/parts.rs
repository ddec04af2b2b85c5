//! What does a key hold beside its URL? Read back from its bytes, so that what is told is what was decided.
//!
//! The layout is drawn in [`crate::key`].

use super::KeyLine;
use super::secret::Secrets;
use crate::key;

/// The parts of a key, those that belong together in one line.
pub(super) fn lines(key: &[u8], secrets: &Secrets<'_>) -> Vec<KeyLine> {
    let mut lines: Vec<KeyLine> = Vec::new();
    let mut is_secret = false;
    for (name, value) in read(key) {
        // A value of the part before.
        if name == b"=" {
            if let (Some(value), Some(line)) = (value, lines.last_mut()) {
                line.values.push(secrets.show(value, is_secret));
            }
            continue;
        }
        let called = value.unwrap_or_default();
        let titled = |kind: &str| format!("{kind} {}", secrets.show(called, false));
        let (name, values) = match name {
            b"session" => {
                is_secret = true;
                (titled("session"), Vec::new())
            }
            b"cookie" => {
                is_secret = secrets.has_cookie(called);
                (titled("cookie"), Vec::new())
            }
            b"header" => {
                is_secret = secrets.has_field(called);
                (titled("header"), Vec::new())
            }
            _ => (
                secrets.show(name, false),
                value.map(|value| secrets.show(value, false)).into_iter().collect(),
            ),
        };
        lines.push(KeyLine { name, values });
    }
    lines
}

/// The parts as they were written. Stops at bytes that nobody wrote.
fn read(whole: &[u8]) -> Vec<(&[u8], Option<&[u8]>)> {
    let mut rest = whole.get(key::url_of(whole).len()..).unwrap_or_default();
    let mut parts = Vec::new();
    while let Some((name, value, after)) = part(rest) {
        parts.push((name, value));
        rest = after;
    }
    parts
}

type Part<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let (name, rest) = pull(bytes)?;
    match rest.split_first()? {
        (0, rest) => Some((name, None, rest)),
        (_, rest) => pull(rest).map(|(value, rest)| (name, Some(value), rest)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyBuf, Scheme};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            parts in prop::collection::vec(
                ("[a-z=]{0,9}", prop::option::of(prop::collection::vec(any::<u8>(), 0..300))), 0..5,
            ),
        ) {
            let mut key = KeyBuf::new();
            key.write(Scheme::Https, "example.com", "/a?b", &[]);
            for (name, value) in &parts {
                key.part(name, value.as_deref());
            }
            let written: Vec<_> =
                parts.iter().map(|(name, value)| (name.as_bytes(), value.as_deref())).collect();
            prop_assert_eq!(read(key.as_bytes()), written);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            drop(read(&bytes));
        }
    }
}
