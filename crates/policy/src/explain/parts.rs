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
    for (name, value) in key::parts(key) {
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
