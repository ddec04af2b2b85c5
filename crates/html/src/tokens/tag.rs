//! Tags with a token: a known `name`, and a `value` or `content` that is not empty, in any order.
//!
//! The states are those of HTML §13.2.5.8 and §13.2.5.32 to 39. Which element it is does not matter: `<input>`, `<meta>`,
//! `<button>` and what a script makes of its own all send or show what they have.

use std::mem;

use super::{Found, Framework, shape};
use crate::entity;
use crate::limits::{NAME_BYTES_MAX, TOKEN_BYTES_MAX};
use crate::page::raw_name;
use crate::tag::is_blank;

/// Where a tag may begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Restart {
    /// At every `<` with a letter behind it.
    AtEveryTag,
    /// Only behind the end of the one before.
    BehindTheTag,
    /// The same, and not in comments and raw text.
    AsInBrowsers,
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
    /// Behind `<!`, `<!-` and `</`.
    Bang,
    BangDash,
    Slash,
    /// Behind `<!--` and `<!---`.
    CommentStart,
    CommentStartDash,
    /// In a comment, behind so many dashes, two at most; and behind `--!`.
    Comment(u8),
    CommentBang,
    /// To the next `>`.
    Bogus,
    /// In raw text, behind so many bytes of the end tag that it needs.
    Raw(usize),
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
    /// The tag's name, or the beginning of it; with `/` in front for an end tag.
    name: Vec<u8>,
    /// The element whose raw text is being read.
    raw: &'static str,
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
            name: Vec::new(),
            raw: "",
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
            self.step(byte);
            if let Some(framework) = self.decided() {
                return Some((self.before + at, framework));
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
            (State::Raw(0), _, _) => memchr::memchr(b'<', rest),
            (State::Comment(0), _, _) => memchr::memchr(b'-', rest),
            (State::Bogus, _, _) => memchr::memchr(b'>', rest),
            (
                State::Quoted(quote),
                Attribute::Other,
                Restart::BehindTheTag | Restart::AsInBrowsers,
            ) => memchr::memchr(quote, rest),
            (State::Quoted(quote), Attribute::Other, Restart::AtEveryTag) => {
                memchr::memchr2(quote, b'<', rest)
            }
            _ => return None,
        };
        Some(at + next.unwrap_or(rest.len()))
    }

    fn step(&mut self, byte: u8) {
        let opened = mem::replace(&mut self.opened, byte == b'<');
        let outside = self.state == State::Outside;
        if opened && (outside || self.restart == Restart::AtEveryTag) && byte.is_ascii_alphabetic()
        {
            self.begin(b"", byte);
            return;
        }
        if opened && outside && self.restart == Restart::AsInBrowsers {
            self.state = match byte {
                b'!' => State::Bang,
                b'?' => State::Bogus,
                b'/' => State::Slash,
                _ => State::Outside,
            };
            return;
        }
        self.state = match self.state {
            State::Outside => State::Outside,
            State::TagName
            | State::BeforeName
            | State::Name
            | State::AfterName
            | State::BeforeValue
            | State::Quoted(_)
            | State::Unquoted => self.in_tag(byte),
            State::Slash if byte.is_ascii_alphabetic() => {
                self.begin(b"/", byte);
                State::TagName
            }
            State::Bang if byte == b'-' => State::BangDash,
            State::BangDash if byte == b'-' => State::CommentStart,
            State::Bang | State::BangDash | State::Slash | State::Bogus if byte == b'>' => {
                State::Outside
            }
            State::Bang | State::BangDash | State::Slash | State::Bogus => State::Bogus,
            State::CommentStart
            | State::CommentStartDash
            | State::Comment(_)
            | State::CommentBang => self.in_comment(byte),
            State::Raw(matched) => self.in_raw(matched, byte),
        };
    }

    fn begin(&mut self, prefix: &[u8], byte: u8) {
        (self.named, self.token) = (None, None);
        self.name.clear();
        self.name.extend_from_slice(prefix);
        self.name.push(byte);
        self.state = State::TagName;
    }

    fn in_tag(&mut self, byte: u8) -> State {
        let next = match self.state {
            State::TagName if is_blank(byte) || byte == b'/' => State::BeforeName,
            State::TagName if byte == b'>' => State::Outside,
            State::TagName => {
                // One more than the longest that counts.
                if self.name.len() < 10 {
                    self.name.push(byte);
                }
                State::TagName
            }
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
            State::Outside
            | State::Bang
            | State::BangDash
            | State::Slash
            | State::CommentStart
            | State::CommentStartDash
            | State::Comment(_)
            | State::CommentBang
            | State::Bogus
            | State::Raw(_) => self.state,
        };
        if next == State::Outside
            && self.restart == Restart::AsInBrowsers
            && let Some(raw) = raw_name(&self.name)
        {
            self.raw = raw;
            return State::Raw(0);
        }
        next
    }

    /// HTML §13.2.5.43 to 52.
    fn in_comment(&self, byte: u8) -> State {
        match (self.state, byte) {
            (State::CommentStart | State::CommentStartDash | State::CommentBang, b'>') => {
                State::Outside
            }
            (State::CommentStart, b'-') => State::CommentStartDash,
            (State::CommentStartDash, b'-') => State::Comment(2),
            (State::CommentBang, b'-') => State::Comment(1),
            (State::Comment(dashes), b'-') => State::Comment((dashes + 1).min(2)),
            (State::Comment(2), b'>') => State::Outside,
            (State::Comment(2), b'!') => State::CommentBang,
            _ => State::Comment(0),
        }
    }

    /// HTML §13.2.5.9 to 17.
    fn in_raw(&mut self, matched: usize, byte: u8) -> State {
        let expected = match matched {
            0 => Some(b'<'),
            1 => Some(b'/'),
            _ => self.raw.as_bytes().get(matched - 2).copied(),
        };
        match expected {
            Some(expected) if byte.eq_ignore_ascii_case(&expected) => State::Raw(matched + 1),
            None if byte == b'>' => State::Outside,
            None if is_blank(byte) || byte == b'/' => {
                self.begin(b"/", b'x');
                State::BeforeName
            }
            _ if byte == b'<' => State::Raw(1),
            _ => State::Raw(0),
        }
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
        let is = |name: &[u8]| self.attribute.eq_ignore_ascii_case(name);
        self.kind = if self.named.is_none() && is(b"name") {
            Attribute::Name
        } else if self.token.is_none() && (is(b"value") || is(b"content")) {
            Attribute::Value
        } else {
            Attribute::Other
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
