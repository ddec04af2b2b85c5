//! Tags with a token: a known `name`, and a `value` or `content` that is not empty, in any order.
//!
//! The states are those of HTML §13.2.5.8 and §13.2.5.32 to 39. Which element it is does not matter: `<input>`, `<meta>`,
//! `<button>` and what a script makes of its own all send or show what they have.

use std::mem;

use super::{Found, Framework, shape};
use crate::entity;
use crate::limits::{NAME_BYTES_MAX, TOKEN_BYTES_MAX};
use crate::tag::is_blank;

/// Where a tag may begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Restart {
    /// At every `<` with a letter behind it.
    AtEveryTag,
    /// Only behind the end of the one before.
    BehindTheTag,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Outside,
    TagName,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
}

/// What an attribute is to us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Attribute {
    Name,
    Value,
    Other,
}

#[derive(Clone, Debug)]
pub(super) struct Tags {
    restart: Restart,
    state: State,
    /// The byte before was `<`.
    opened: bool,
    /// The bytes that were read before.
    before: usize,
    /// The name of the attribute that is being read, or the beginning of it.
    attribute: Vec<u8>,
    kind: Attribute,
    /// The value that is being read.
    value: Vec<u8>,
    /// What the tag's name says.
    named: Option<Named>,
    /// The tag's value or content, where it is not blank.
    token: Option<Vec<u8>>,
}

/// Names that say what the tag is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Named {
    Of(Framework),
    /// `csrf-token`, which several have.
    Several,
}

fn named(name: &[u8]) -> Option<Named> {
    const NAMES: [(&[u8], Named); 8] = [
        (b"csrfmiddlewaretoken", Named::Of(Framework::Django)),
        (b"authenticity_token", Named::Of(Framework::Rails)),
        (b"_token", Named::Of(Framework::Laravel)),
        (b"_csrf", Named::Of(Framework::Spring)),
        (b"__requestverificationtoken", Named::Of(Framework::AspNet)),
        (b"_csrf_token", Named::Of(Framework::Phoenix)),
        (b"csrf-token", Named::Several),
        (b"csrf_token", Named::Several),
    ];
    let name = entity::decode(name);
    let name = name.trim_ascii();
    NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|&(_, named)| named)
}

impl Tags {
    pub(super) fn new(restart: Restart) -> Self {
        Self {
            restart,
            state: State::Outside,
            opened: false,
            before: 0,
            attribute: Vec::new(),
            kind: Attribute::Other,
            value: Vec::new(),
            named: None,
            token: None,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Found {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Some(skipped) = self.skip(bytes, at).filter(|&skipped| skipped > at) {
                at = skipped;
                continue;
            }
            // Pages in UTF-16 are those in ASCII with a NUL beside every letter.
            if byte != 0 {
                self.step(byte);
                if let Some(framework) = self.decided() {
                    return Some((self.before + at, framework));
                }
            }
            at += 1;
        }
        self.before += bytes.len();
        None
    }

    /// The next byte that means something, where that is known without looking at each.
    fn skip(&self, bytes: &[u8], at: usize) -> Option<usize> {
        if self.opened {
            return None;
        }
        let rest = bytes.get(at..)?;
        let next = match (self.state, self.kind, self.restart) {
            (State::Outside, _, _) => memchr::memchr(b'<', rest),
            (State::Quoted(quote), Attribute::Other, Restart::BehindTheTag) => {
                memchr::memchr(quote, rest)
            }
            (State::Quoted(quote), Attribute::Other, Restart::AtEveryTag) => {
                memchr::memchr2(quote, b'<', rest)
            }
            _ => return None,
        };
        Some(at + next.unwrap_or(rest.len()))
    }

    fn step(&mut self, byte: u8) {
        let opened = mem::replace(&mut self.opened, byte == b'<');
        let may_open = self.state == State::Outside || self.restart == Restart::AtEveryTag;
        if opened && may_open && byte.is_ascii_alphabetic() {
            (self.named, self.token) = (None, None);
            self.state = State::TagName;
            return;
        }
        self.state = match self.state {
            State::Outside => State::Outside,
            State::TagName if is_blank(byte) || byte == b'/' => State::BeforeName,
            State::TagName if byte == b'>' => State::Outside,
            State::TagName => State::TagName,
            State::BeforeName => self.before_name(byte),
            State::Name => self.name(byte),
            State::AfterName if byte == b'=' => State::BeforeValue,
            State::AfterName => self.before_name(byte),
            State::BeforeValue => self.before_value(byte),
            State::Quoted(quote) if byte == quote => self.end_value(State::BeforeName),
            State::Quoted(quote) => self.keep(byte, State::Quoted(quote)),
            State::Unquoted if is_blank(byte) => self.end_value(State::BeforeName),
            State::Unquoted if byte == b'>' => self.end_value(State::Outside),
            State::Unquoted => self.keep(byte, State::Unquoted),
        };
    }

    fn before_name(&mut self, byte: u8) -> State {
        match byte {
            b'>' => State::Outside,
            b'/' => State::BeforeName,
            // Behind a name, blanks may precede its `=`.
            _ if is_blank(byte) => self.state,
            _ => {
                self.attribute.clear();
                self.attribute.push(byte);
                State::Name
            }
        }
    }

    fn name(&mut self, byte: u8) -> State {
        match byte {
            b'>' => State::Outside,
            b'/' => State::BeforeName,
            b'=' => State::BeforeValue,
            _ if is_blank(byte) => State::AfterName,
            _ => {
                // Longer than any that counts is as good as long.
                if self.attribute.len() < 16 {
                    self.attribute.push(byte);
                }
                State::Name
            }
        }
    }

    /// Here is something that is no token, so that what follows is not taken for the value.
    pub(super) fn hole(&mut self) {
        if self.state == State::BeforeValue {
            self.state = self.before_value(b'x');
            self.value.clear();
        }
    }

    fn before_value(&mut self, byte: u8) -> State {
        if is_blank(byte) {
            return State::BeforeValue;
        }
        self.value.clear();
        self.kind = match self.attribute.to_ascii_lowercase().as_slice() {
            b"name" if self.named.is_none() => Attribute::Name,
            b"value" | b"content" if self.token.is_none() => Attribute::Value,
            _ => Attribute::Other,
        };
        match byte {
            b'"' | b'\'' => State::Quoted(byte),
            b'>' => State::Outside,
            _ => self.keep(byte, State::Unquoted),
        }
    }

    fn keep(&mut self, byte: u8, state: State) -> State {
        let max = match self.kind {
            Attribute::Name => NAME_BYTES_MAX,
            Attribute::Value => TOKEN_BYTES_MAX,
            Attribute::Other => 0,
        };
        // Blanks in front could fill the memory before the token comes.
        if self.value.len() < max && !(self.value.is_empty() && is_blank(byte)) {
            self.value.push(byte);
        }
        state
    }

    fn end_value(&mut self, state: State) -> State {
        match self.kind {
            Attribute::Name => self.named = named(&self.value),
            Attribute::Value if !self.value.is_empty() => {
                self.token = Some(mem::take(&mut self.value));
            }
            Attribute::Value | Attribute::Other => {}
        }
        state
    }

    fn decided(&self) -> Option<Framework> {
        let (named, token) = self.named.zip(self.token.as_ref())?;
        Some(match named {
            Named::Of(framework) => framework,
            Named::Several => shape::framework(&entity::decode(token)),
        })
    }
}
