//! Which bytes a request wants and which a response holds: RFC 9110 §14, RFC 9111 §3.3, §3.4.

use http::{
    HeaderMap, HeaderValue, Method,
    header::{CONTENT_RANGE, IF_RANGE, RANGE},
};

use crate::Validators;
use crate::field::{date, list};

/// One range as it was asked for: RFC 9110 §14.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// `first-last`, with first <= last.
    FromTo(u64, u64),
    /// `first-`
    From(u64),
    /// `-length`
    Suffix(u64),
}

impl RangeSpec {
    /// The positions of its first and last byte in a representation of `complete` bytes; none when it
    /// holds none of them (416).
    #[must_use]
    pub fn resolve(self, complete: u64) -> Option<(u64, u64)> {
        let end = complete.checked_sub(1)?;
        match self {
            Self::FromTo(first, last) => (first <= end).then_some((first, last.min(end))),
            Self::From(first) => (first <= end).then_some((first, end)),
            Self::Suffix(0) => None,
            // RFC 9110 §14.1.2: a suffix longer than everything is everything.
            Self::Suffix(length) => Some((complete.saturating_sub(length), end)),
        }
    }
}

/// What a request's `Range` comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeRequest {
    /// All of it: there is none, or it is malformed or of another unit, which RFC 9110 §14.2 lets us ignore.
    None,
    /// One range.
    Single(RangeSpec),
    /// Several ranges.
    Several,
}

impl RangeRequest {
    /// Reads it. Defined for GET only: RFC 9110 §14.2.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(RANGE).iter();
        match (lines.next(), lines.next()) {
            (Some(line), None) if *method == Method::GET => Self::read(line.as_bytes()),
            _ => Self::None,
        }
    }

    fn read(line: &[u8]) -> Self {
        let Some((unit, set)) = line.trim_ascii().split_at_checked(6) else {
            return Self::None;
        };
        if !unit.eq_ignore_ascii_case(b"bytes=") {
            return Self::None;
        }
        let mut found = Self::None;
        for member in list::tokens(set) {
            let Some(spec) = range_spec(member) else { return Self::None };
            found = match found {
                Self::None => Self::Single(spec),
                Self::Single(_) | Self::Several => Self::Several,
            };
        }
        found
    }
}

fn range_spec(member: &[u8]) -> Option<RangeSpec> {
    let dash = memchr::memchr(b'-', member)?;
    let (first, last) = (member.get(..dash)?, member.get(dash.checked_add(1)?..)?);
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => number(last).map(RangeSpec::Suffix),
        (false, true) => number(first).map(RangeSpec::From),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(RangeSpec::FromTo(first, last))
        }
    }
}

/// Digits only; too large is as large as can be, which is past every end.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let next = value.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0')));
        digit.is_ascii_digit().then_some(next)
    })
}

/// Whether a range may be taken from what is stored: RFC 9110 §13.1.5. True without `If-Range`; otherwise
/// it must name the same bytes, by a strong tag or a strong date, or the whole is wanted.
#[must_use]
pub fn if_range_holds(request: &HeaderMap, stored: &Validators) -> bool {
    let mut lines = request.get_all(IF_RANGE).iter();
    let Some(condition) = lines.next() else { return true };
    if lines.next().is_some() {
        return false;
    }
    let condition = condition.as_bytes();
    match date::parse(condition) {
        // RFC 9110 §13.1.5: an exact match, of a date that is a strong validator.
        Some(at) => stored.strong_last_modified() == Some(at),
        None => stored.etag.as_ref().is_some_and(|tag| tag.matches_strongly(condition)),
    }
}

/// What a 206 holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// Position of its first byte.
    pub first: u64,
    /// Position of its last byte.
    pub last: u64,
    /// Length of the whole, if it is known.
    pub complete: Option<u64>,
}

impl ContentRange {
    /// How many bytes it holds.
    #[must_use]
    pub const fn byte_count(self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// Reads the `Content-Range` of a 206: RFC 9110 §14.4. Invalid when it ends before it begins or past the
/// whole; such a response must not be put together with others.
#[must_use]
pub fn content_range(headers: &HeaderMap) -> Option<ContentRange> {
    let mut lines = headers.get_all(CONTENT_RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (unit, rest) = line.as_bytes().trim_ascii().split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes ") {
        return None;
    }
    let slash = memchr::memchr(b'/', rest)?;
    let (positions, complete) = (rest.get(..slash)?, rest.get(slash.checked_add(1)?..)?);
    let dash = memchr::memchr(b'-', positions)?;
    let first = exact(positions.get(..dash)?)?;
    let last = exact(positions.get(dash.checked_add(1)?..)?)?;
    let complete = if complete == b"*" { None } else { Some(exact(complete)?) };
    let valid = first <= last && complete.is_none_or(|complete| last < complete);
    valid.then_some(ContentRange { first, last, complete })
}

/// Like [`number`], but what does not fit is invalid: it would be a position nobody meant.
fn exact(digits: &[u8]) -> Option<u64> {
    number(digits).filter(|value| *value < u64::MAX)
}

/// `bytes 0-4/10`, of a 206.
#[must_use]
pub fn write_content_range(first: u64, last: u64, complete: u64) -> HeaderValue {
    value(&format!("bytes {first}-{last}/{complete}"))
}

/// `bytes */10`, of a 416: RFC 9110 §15.5.17.
#[must_use]
pub fn write_unsatisfied(complete: u64) -> HeaderValue {
    value(&format!("bytes */{complete}"))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("bytes */*"))
}
