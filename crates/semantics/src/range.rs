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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Fields, headers};

    #[test]
    fn one_valid_range_of_bytes_is_understood() {
        use RangeRequest::{None, Several, Single};
        use RangeSpec::{From, FromTo, Suffix};
        let cases = [
            ("bytes=0-1", Single(FromTo(0, 1))),
            ("bytes=5-5", Single(FromTo(5, 5))),
            ("BYTES=1-", Single(From(1))),
            ("bytes=-5", Single(Suffix(5))),
            ("bytes= 0-1 ,", Single(FromTo(0, 1))),
            ("bytes=0-99999999999999999999999", Single(FromTo(0, u64::MAX))),
            ("bytes=0-1,3-4", Several),
            ("bytes=0-1, -1, 5-", Several),
            ("bytes=5-4", None),
            ("bytes=0-1,5-4", None),
            ("bytes=-", None),
            ("bytes=", None),
            ("bytes=,", None),
            ("bytes=a-b", None),
            ("bytes=0-1-2", None),
            ("bytes=+0-1", None),
            ("bytes=--5", None),
            ("bytes =0-1", None),
            ("bytes", None),
            ("lines=0-1", None),
            ("", None),
        ];
        for (line, expected) in cases {
            let headers = headers(&[("range", line)]);
            assert_eq!(RangeRequest::of(&Method::GET, &headers), expected, "{line}");
            assert_eq!(RangeRequest::of(&Method::HEAD, &headers), None, "{line}");
        }
        let twice = headers(&[("range", "bytes=0-1"), ("range", "bytes=0-1")]);
        assert_eq!(RangeRequest::of(&Method::GET, &twice), None);
        assert_eq!(RangeRequest::of(&Method::GET, &HeaderMap::new()), None);
    }

    #[test]
    fn a_range_is_cut_at_the_end_and_unsatisfiable_past_it() {
        use RangeSpec::{From, FromTo, Suffix};
        let cases = [
            (FromTo(0, 1), 10, Some((0, 1))),
            (FromTo(9, 20), 10, Some((9, 9))),
            (FromTo(10, 20), 10, None),
            (From(9), 10, Some((9, 9))),
            (From(10), 10, None),
            (Suffix(1), 10, Some((9, 9))),
            (Suffix(10), 10, Some((0, 9))),
            (Suffix(11), 10, Some((0, 9))),
            (Suffix(0), 10, None),
            (FromTo(0, 0), 0, None),
            (From(0), 0, None),
            (Suffix(1), 0, None),
            (FromTo(0, u64::MAX), u64::MAX, Some((0, u64::MAX - 1))),
        ];
        for (spec, complete, expected) in cases {
            assert_eq!(spec.resolve(complete), expected, "{spec:?} of {complete}");
        }
    }

    #[test]
    fn if_range_takes_a_range_only_of_the_same_bytes() {
        const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";
        const MINUTE_LATER: &str = "Sun, 06 Nov 1994 12:01:00 GMT";
        let strong = [("etag", r#""a""#)];
        let weak = [("etag", r#"W/"a""#)];
        let dated = [("last-modified", NOON), ("date", MINUTE_LATER)];
        let recent = [("last-modified", NOON), ("date", "Sun, 06 Nov 1994 12:00:59 GMT")];
        let cases: [(Fields<'_>, &str, bool); 10] = [
            (&strong, r#""a""#, true),
            (&strong, r#""b""#, false),
            (&strong, r#"W/"a""#, false),
            (&weak, r#"W/"a""#, false),
            (&[("etag", "a")], "a", false),
            (&dated, NOON, true),
            (&dated, MINUTE_LATER, false),
            (&recent, NOON, false),
            (&strong, NOON, false),
            (&strong, "", false),
        ];
        for (stored, condition, expected) in cases {
            let stored = Validators::of(&headers(stored));
            let request = headers(&[("if-range", condition)]);
            assert_eq!(if_range_holds(&request, &stored), expected, "{stored:?} {condition}");
            assert!(if_range_holds(&HeaderMap::new(), &stored));
        }
    }

    #[test]
    fn a_content_range_lies_inside_the_whole() {
        let some = |first, last, complete| Some(ContentRange { first, last, complete });
        let cases = [
            ("bytes 0-4/10", some(0, 4, Some(10))),
            ("Bytes 4-9/10", some(4, 9, Some(10))),
            ("bytes 0-0/1", some(0, 0, Some(1))),
            ("bytes 0-4/*", some(0, 4, None)),
            ("bytes 4-10/10", None),
            ("bytes 5-4/10", None),
            ("bytes */10", None),
            ("bytes 0-4", None),
            ("bytes 0-/10", None),
            ("bytes=0-4/10", None),
            ("lines 0-4/10", None),
            ("bytes 0-4/99999999999999999999999", None),
            ("bytes 0-4/10, bytes 5-9/10", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(content_range(&headers(&[("content-range", line)])), expected, "{line}");
        }
        let twice = [("content-range", "bytes 0-4/10"), ("content-range", "bytes 0-4/10")];
        assert_eq!(content_range(&headers(&twice)), None);
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(write_content_range(0, 4, 10), "bytes 0-4/10");
        assert_eq!(write_unsatisfied(10), "bytes */10");
        let longest = write_content_range(u64::MAX, u64::MAX, u64::MAX);
        assert_eq!(longest.len(), 6 + 3 * 20 + 2);
    }

    proptest! {
        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..64), complete in any::<u64>()) {
            if let Ok(value) = HeaderValue::from_bytes(&[b"bytes=", &bytes[..]].concat()) {
                let request = HeaderMap::from_iter([(RANGE, value.clone()), (IF_RANGE, value.clone()), (CONTENT_RANGE, value)]);
                if let RangeRequest::Single(spec) = RangeRequest::of(&Method::GET, &request)
                    && let Some((first, last)) = spec.resolve(complete) {
                    prop_assert!(first <= last && last < complete);
                }
                let _range = content_range(&request);
                prop_assert!(!if_range_holds(&request, &Validators::default()));
            }
        }

        #[test]
        fn a_resolved_range_lies_inside(first in any::<u64>(), last in any::<u64>(), complete in any::<u64>()) {
            for spec in [RangeSpec::FromTo(first.min(last), first.max(last)), RangeSpec::From(first), RangeSpec::Suffix(first)] {
                if let Some((first, last)) = spec.resolve(complete) {
                    prop_assert!(first <= last && last < complete);
                }
            }
        }
    }
}
