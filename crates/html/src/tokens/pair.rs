//! Tokens in scripts, JSON and attributes: a name that says so, and right behind it something that looks drawn by lot.
//!
//! `csrfmiddlewaretoken: "…"`, `"X-CSRFToken", "…"`, `hx-headers="{&quot;X-CSRFToken&quot;: &quot;…&quot;}"`, `data-csrf=…`.
//! The page is read as runs of characters that names and tokens are made of, and what is between them.

use std::mem;

use super::{Found, Framework, shape};
use crate::limits::{GAP_BYTES_MAX, TOKEN_BYTES_MAX};

#[derive(Clone, Debug)]
pub(super) struct Pairs {
    before: usize,
    /// The run that is being read, or its beginning.
    run: Vec<u8>,
    /// Whether it may be a name.
    marked: bool,
    /// The name that precedes.
    name: Option<Name>,
    gap: Gap,
    escape: Escape,
}

/// How much of `%2B` was read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Escape {
    #[default]
    None,
    Percent,
    Digit(u8),
}

/// What a name says of the token that may follow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Name {
    Of(Framework),
    /// Only the token's form tells.
    Several,
}

/// What is between a name and the run that is being read.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    bytes: usize,
    quoted: bool,
    joint: Joint,
    /// Something that does not stand between a name and its value.
    foreign: bool,
}

/// What joins a name and its value.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Joint {
    #[default]
    None,
    /// `:` or `,`.
    Pair,
    /// `=`.
    Equals,
}

/// What a byte is to runs. A table, since every byte of a page is asked.
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = match byte {
            // Every name has one of these, and most words have none.
            b'f' | b'F' | b'k' | b'K' => OF_RUN | MARK,
            b'_' | b'-' | b'+' | b'/' | b'.' | b'~' | b'|' => OF_RUN,
            _ if byte.is_ascii_alphanumeric() => OF_RUN,
            _ => 0,
        };
        byte += 1;
    }
    table
};
const OF_RUN: u8 = 1;
const MARK: u8 = 2;

const fn class(byte: u8) -> u8 {
    CLASSES[byte as usize]
}

/// What is a quotation mark, written as a reference or an escape, in the eyes of somebody who reads runs.
fn is_quote(run: &[u8]) -> bool {
    matches!(
        run,
        b"quot"
            | b"apos"
            | b"amp"
            | b"34"
            | b"39"
            | b"x22"
            | b"x27"
            | b"X22"
            | b"X27"
            | b"u0022"
            | b"u0027"
    )
}

/// What is said of a token between its name and itself: `{name: "csrfmiddlewaretoken", value: "…"}`.
fn is_between(run: &[u8]) -> bool {
    matches!(run, b"value" | b"content")
}

fn named(run: &[u8]) -> Option<Name> {
    let is = |word: &[u8]| shape::contains(run, word);
    if run.eq_ignore_ascii_case(b"_token") {
        Some(Name::Of(Framework::Laravel))
    } else if is(b"csrfmiddlewaretoken") || is(b"x-csrftoken") {
        Some(Name::Of(Framework::Django))
    } else if is(b"authenticity_token") {
        Some(Name::Of(Framework::Rails))
    } else if is(b"requestverificationtoken") {
        Some(Name::Of(Framework::AspNet))
    } else {
        (is(b"csrf") || is(b"xsrf")).then_some(Name::Several)
    }
}

impl Pairs {
    pub(super) fn new() -> Self {
        Self {
            before: 0,
            run: Vec::new(),
            marked: false,
            name: None,
            gap: Gap::default(),
            escape: Escape::None,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Found {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let found = match byte {
                _ if self.escape != Escape::None => self.unescape(byte),
                _ if class(byte) & OF_RUN != 0 => {
                    at += self.extend_run(bytes.get(at..).unwrap_or_default());
                    continue;
                }
                // A backslash escapes, in the middle of a token too: `\/`.
                b'\\' => None,
                b'%' => self.unescape(byte),
                _ => self.separator(byte),
            };
            if let Some(framework) = found {
                return Some((self.before + at, framework));
            }
            at += 1;
        }
        self.before += bytes.len();
        None
    }

    /// Takes what belongs to the run, and says how much that is.
    fn extend_run(&mut self, bytes: &[u8]) -> usize {
        let (mut length, mut seen) = (0, 0);
        for &byte in bytes {
            let class = class(byte);
            if class == 0 {
                break;
            }
            seen |= class;
            length += 1;
        }
        self.marked |= seen & MARK != 0;
        // A word that is no name, with none before it, is forgotten at once.
        let ended = bytes.get(length).is_some_and(|byte| !matches!(byte, b'\\' | b'%'));
        if !(ended && self.run.is_empty() && self.name.is_none() && !self.marked) {
            let room = TOKEN_BYTES_MAX.saturating_sub(self.run.len());
            self.run.extend_from_slice(bytes.get(..length.min(room)).unwrap_or_default());
        }
        length
    }

    /// `%22` is a quotation mark, `%2B` part of a token.
    fn unescape(&mut self, byte: u8) -> Option<Framework> {
        let pending = mem::take(&mut self.escape);
        match (pending, char::from(byte).to_digit(16)) {
            (Escape::None, _) if byte == b'%' => self.escape = Escape::Percent,
            (Escape::None, _) => return self.read(byte),
            (Escape::Percent, Some(_)) => self.escape = Escape::Digit(byte),
            (Escape::Digit(first), Some(second)) => {
                let first = char::from(first).to_digit(16).unwrap_or_default();
                let decoded = u8::try_from(first * 16 + second).unwrap_or_default();
                return self.read(decoded);
            }
            (Escape::Percent, None) => return self.read(b'%').or_else(|| self.unescape(byte)),
            (Escape::Digit(first), None) => {
                let read = self.read(b'%').or_else(|| self.read(first));
                return read.or_else(|| self.unescape(byte));
            }
        }
        None
    }

    fn read(&mut self, byte: u8) -> Option<Framework> {
        if class(byte) & OF_RUN == 0 {
            return self.separator(byte);
        }
        self.extend_run(&[byte]);
        None
    }

    fn separator(&mut self, byte: u8) -> Option<Framework> {
        let found = self.end_run();
        if self.name.is_some() {
            self.gap.add(byte);
        }
        found
    }

    /// Here is something that is no token.
    pub(super) fn hole(&mut self) {
        self.run.clear();
        (self.name, self.escape, self.marked) = (None, Escape::None, false);
    }

    fn end_run(&mut self) -> Option<Framework> {
        if self.run.is_empty() {
            return None;
        }
        let mut run = mem::take(&mut self.run);
        let found = if self.marked || self.name.is_some() { self.judge(&run) } else { None };
        self.marked = false;
        run.clear();
        self.run = run;
        found
    }

    fn judge(&mut self, run: &[u8]) -> Option<Framework> {
        // Escaped quotation marks run into what they quote, on both sides.
        let marks = [&b"u0022"[..], b"u0027"];
        let escaped =
            marks.iter().find_map(|mark| run.strip_prefix(*mark)).filter(|t| !t.is_empty());
        let text = escaped.unwrap_or(run);
        let text = marks.iter().find_map(|mark| text.strip_suffix(*mark)).unwrap_or(text);
        if let Some(name) = self.name {
            if is_quote(run) {
                self.gap.quoted = true;
                self.gap.bytes += run.len();
                return None;
            }
            if is_between(text) && !self.gap.foreign {
                return None;
            }
            if self.gap.admits(escaped.is_some()) && shape::is_token(text) {
                return Some(match name {
                    Name::Of(framework) => framework,
                    Name::Several => shape::framework(text),
                });
            }
        }
        self.name = named(text);
        self.gap = Gap::default();
        None
    }
}

impl Gap {
    fn add(&mut self, byte: u8) {
        self.bytes += 1;
        match byte {
            b'"' | b'\'' | b'`' => self.quoted = true,
            b':' | b',' if self.joint == Joint::None => self.joint = Joint::Pair,
            b':' | b',' => {}
            b'=' => self.joint = Joint::Equals,
            b' ' | b'\t' | b'\n' | b'\r' | b'(' | b'[' | b']' | b'&' | b';' | b'#' => {}
            _ => self.foreign = true,
        }
    }

    /// Whether a run behind this may be the value. Without quotation marks only as an attribute's, or a query's.
    const fn admits(&self, quoted: bool) -> bool {
        let joined = match self.joint {
            Joint::None => false,
            Joint::Pair => self.quoted || quoted,
            Joint::Equals => true,
        };
        joined && self.bytes <= GAP_BYTES_MAX && !self.foreign
    }
}
