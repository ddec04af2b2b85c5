//! A page as a template: what of it is bytes and what is to be fetched, by the note "ESI Language Specification 1.0".
//!
//! Of ESI this is `<esi:include src alt onerror="continue"/>`, `<esi:remove>…</esi:remove>` and `<!--esi …-->`; all else
//! is left in the page as it is written. What is malformed is a problem of the whole page and never guessed at: where
//! a remove is not closed, nobody knows what was not to be seen.
//!
//! Markup of ESI counts wherever it stands, in scripts and comments too: it is no part of HTML.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use memchr::memmem;

use crate::entity;
use crate::limits::{ADDRESS_BYTES_MAX, INCLUDES_MAX};
use crate::tag::{Attributes, is_blank, name_end};

/// A piece of a page, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// These bytes of the page. Never empty.
    Bytes(Range<usize>),
    /// What is to be fetched and put here.
    Include(Include),
}

/// `<esi:include>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Include {
    /// The address as it is written, character references decoded: UTF-8 without blanks and controls, not empty.
    pub src: String,
    /// The address to be tried when `src` fails, of the same form.
    pub alt: Option<String>,
    /// `onerror="continue"`: nothing stands in its place when all fails.
    pub onerror_continue: bool,
}

/// How much of ESI a page may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EsiLimits {
    /// Includes of a page.
    pub includes_max: usize,
    /// Bytes of an address.
    pub address_bytes_max: usize,
}

impl Default for EsiLimits {
    fn default() -> Self {
        Self { includes_max: INCLUDES_MAX, address_bytes_max: ADDRESS_BYTES_MAX }
    }
}

/// Why a page is no template. `at` is the byte of the page where the thing begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EsiProblem {
    /// An include, a remove or a `<!--esi` that does not end, or not before what it is in ends.
    Unclosed {
        /// Which of the three, as it is written.
        what: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// An include without a `src`.
    NoAddress {
        /// Where the include begins.
        at: usize,
    },
    /// An address that is longer than permitted, is not UTF-8, or has blanks or controls.
    BadAddress {
        /// Where the include begins.
        at: usize,
    },
    /// More includes than permitted.
    TooMany {
        /// How many are.
        max: usize,
    },
}

impl fmt::Display for EsiProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unclosed { what, at } => write!(f, "{what} at byte {at} has no end"),
            Self::NoAddress { at } => write!(f, "<esi:include at byte {at} has no src"),
            Self::BadAddress { at } => {
                write!(f, "<esi:include at byte {at} has an address that can't be one")
            }
            Self::TooMany { max } => write!(f, "the page has more than {max} includes"),
        }
    }
}

impl Error for EsiProblem {}

const INCLUDE: &[u8] = b"<esi:include";
const INCLUDE_END: &[u8] = b"</esi:include>";
const REMOVE: &[u8] = b"<esi:remove>";
const REMOVE_END: &[u8] = b"</esi:remove>";
const COMMENT: &[u8] = b"<!--esi";
const COMMENT_END: &[u8] = b"-->";

/// The parts of a page. One of `Bytes` alone is a page without ESI; none at all is an empty page.
///
/// # Errors
/// When what ESI there is can't be carried out as it is written, or is more than `limits` permit.
pub fn esi(html: &[u8], limits: EsiLimits) -> Result<Vec<Part>, EsiProblem> {
    let mut reader = Reader { html, limits, parts: Vec::new(), kept: 0, includes: 0, end: None };
    let mut at = 0;
    while let Some(found) = find(html, at, b"<") {
        reader.leave_comment(found);
        at = reader.read(found)?;
    }
    reader.leave_comment(html.len());
    reader.keep(html.len());
    Ok(reader.parts)
}

/// Where `what` is, at `from` or later.
fn find(html: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = html.get(from..)?;
    let found = match what {
        [byte] => memchr::memchr(*byte, rest),
        _ => memmem::find(rest, what),
    };
    found.map(|at| from + at)
}

struct Reader<'a> {
    html: &'a [u8],
    limits: EsiLimits,
    parts: Vec<Part>,
    /// What is before this was put into the parts, or left out.
    kept: usize,
    includes: usize,
    /// Where the `<!--esi` that is being read has its `-->`.
    end: Option<usize>,
}

impl Reader<'_> {
    fn keep(&mut self, to: usize) {
        if self.kept < to {
            self.parts.push(Part::Bytes(self.kept..to));
        }
    }

    fn leave_comment(&mut self, next: usize) {
        if let Some(end) = self.end.filter(|&end| end < next) {
            self.keep(end);
            self.kept = end + COMMENT_END.len();
            self.end = None;
        }
    }

    /// Reads what begins with the `<` at `at`, and says where to go on.
    fn read(&mut self, at: usize) -> Result<usize, EsiProblem> {
        let rest = self.html.get(at..).unwrap_or_default();
        let ends_name = |b: Option<&u8>| b.is_some_and(|&b| is_blank(b) || b == b'/' || b == b'>');
        if rest.starts_with(INCLUDE) && ends_name(rest.get(INCLUDE.len())) {
            let (include, after) = self.include(at)?;
            self.includes += 1;
            if self.includes > self.limits.includes_max {
                return Err(EsiProblem::TooMany { max: self.limits.includes_max });
            }
            self.keep(at);
            self.parts.push(Part::Include(include));
            self.kept = after;
            return Ok(after);
        }
        if rest.starts_with(REMOVE) {
            let unclosed = EsiProblem::Unclosed { what: "<esi:remove>", at };
            let end = find(self.html, at, REMOVE_END).ok_or(unclosed)?;
            self.keep(at);
            self.kept = self.within(end + REMOVE_END.len(), unclosed)?;
            return Ok(self.kept);
        }
        let opens = self.end.is_none() && rest.starts_with(COMMENT);
        if opens && rest.get(COMMENT.len()).is_some_and(|&b| is_blank(b) || b == b'<') {
            let inside = at + COMMENT.len();
            let unclosed = EsiProblem::Unclosed { what: "<!--esi", at };
            self.end = Some(find(self.html, inside, COMMENT_END).ok_or(unclosed)?);
            self.keep(at);
            self.kept = inside;
            return Ok(inside);
        }
        Ok(at + 1)
    }

    /// `to`, if it is not behind the end of the `<!--esi` that is being read.
    fn within(&self, to: usize, problem: EsiProblem) -> Result<usize, EsiProblem> {
        if self.end.is_some_and(|end| end < to) { Err(problem) } else { Ok(to) }
    }

    fn include(&self, at: usize) -> Result<(Include, usize), EsiProblem> {
        let unclosed = EsiProblem::Unclosed { what: "<esi:include", at };
        let (mut src, mut alt, mut onerror_continue) = (None, None, false);
        let mut attributes = Attributes::new(self.html, name_end(self.html, at + 1));
        for attribute in attributes.by_ref() {
            let value = self.html.get(attribute.value).unwrap_or_default();
            match self.html.get(attribute.name).unwrap_or_default() {
                b"src" if src.is_none() => src = Some(self.address(value, at)?),
                b"alt" if alt.is_none() => alt = Some(self.address(value, at)?),
                b"onerror" => onerror_continue = value == b"continue",
                _ => {}
            }
        }
        let end = attributes.end().ok_or(unclosed)?;
        let after = if end.self_closing {
            end.at
        } else {
            let rest = self.html.get(end.at..).unwrap_or_default();
            let blanks = rest.iter().take_while(|&&b| is_blank(b)).count();
            let closed = rest.get(blanks..).is_some_and(|rest| rest.starts_with(INCLUDE_END));
            end.at + closed.then_some(blanks + INCLUDE_END.len()).ok_or(unclosed)?
        };
        let src = src.ok_or(EsiProblem::NoAddress { at })?;
        Ok((Include { src, alt, onerror_continue }, self.within(after, unclosed)?))
    }

    fn address(&self, written: &[u8], at: usize) -> Result<String, EsiProblem> {
        let decoded = entity::decode(written).into_owned();
        String::from_utf8(decoded)
            .ok()
            .filter(|address| (1..=self.limits.address_bytes_max).contains(&address.len()))
            .filter(|address| !address.chars().any(|c| c.is_whitespace() || c.is_control()))
            .ok_or(EsiProblem::BadAddress { at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{EsiLimits, EsiProblem, Include, Part, esi};

    /// The page with `{src|alt|continue}` where an include is.
    fn shown(html: &str) -> Result<String, EsiProblem> {
        let parts = esi(html.as_bytes(), EsiLimits::default())?;
        let show = |part| match part {
            Part::Bytes(range) => html.get(range).expect("of the page").to_owned(),
            Part::Include(Include { src, alt, onerror_continue }) => {
                let alt = alt.map(|alt| format!("|{alt}")).unwrap_or_default();
                format!("{{{src}{alt}{}}}", if onerror_continue { "|continue" } else { "" })
            }
        };
        Ok(parts.into_iter().map(show).collect())
    }

    #[test]
    fn a_template_is_read() {
        let cases = [
            ("", ""),
            ("<p>plain</p>", "<p>plain</p>"),
            ("a<esi:include src=\"/box/\"/>b", "a{/box/}b"),
            ("<esi:include src='/a?x=1&amp;y=2' />", "{/a?x=1&y=2}"),
            (
                "<esi:include\n alt=\"/b\"\n onerror='continue' src=/a></esi:include>",
                "{/a|/b|continue}",
            ),
            ("<esi:include src=\"/a\">\n</esi:include>.", "{/a}."),
            ("<esi:include src=\"/a\" onerror=\"stop\"/>", "{/a}"),
            ("<esi:include src=\"/a\" src=\"/b\"/>", "{/a}"),
            ("a<esi:remove>no <esi:include src=\"/no\"/></esi:remove>b", "ab"),
            ("a<!--esi <b>x</b><esi:include src=\"/a\"/> -->b", "a <b>x</b>{/a} b"),
            ("a<!--esi <esi:remove>x</esi:remove>-->b<!-- c -->", "a b<!-- c -->"),
            ("<!--esi\n<!--esi -->-->", "\n<!--esi -->"),
            (
                "<esi:vars>$(HTTP_HOST)</esi:vars><esi:includes src=1>",
                "<esi:vars>$(HTTP_HOST)</esi:vars><esi:includes src=1>",
            ),
            (
                "<!--esix --><!-- esi --><ESI:include src=\"/a\"/>",
                "<!--esix --><!-- esi --><ESI:include src=\"/a\"/>",
            ),
            ("<script>'<esi:include src=\"/a\"/>'</script>", "<script>'{/a}'</script>"),
        ];
        for (html, expected) in cases {
            assert_eq!(shown(html).as_deref(), Ok(expected), "{html}");
        }
    }

    #[test]
    fn what_is_malformed_is_no_template() {
        let cases = [
            ("<esi:include src=\"/a", "<esi:include at byte 0 has no end"),
            (".<esi:include src=\"/a\">", "<esi:include at byte 1 has no end"),
            ("<esi:include/>", "<esi:include at byte 0 has no src"),
            ("<esi:include src=\"\"/>", "<esi:include at byte 0 has an address that can't be one"),
            (
                "<esi:include src=\"/a b\"/>",
                "<esi:include at byte 0 has an address that can't be one",
            ),
            (
                "<esi:include src=\"/a\" alt=\"&#10;\"/>",
                "<esi:include at byte 0 has an address that can't be one",
            ),
            ("<esi:remove>", "<esi:remove> at byte 0 has no end"),
            ("<!--esi x", "<!--esi at byte 0 has no end"),
            ("<!--esi <esi:remove>-->x</esi:remove>", "<esi:remove> at byte 8 has no end"),
            (
                "<!--esi <esi:include src=\"/a\">--></esi:include>",
                "<esi:include at byte 8 has no end",
            ),
        ];
        for (html, expected) in cases {
            assert_eq!(
                shown(html).map_err(|problem| problem.to_string()),
                Err(expected.to_owned()),
                "{html}"
            );
        }
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let limits = EsiLimits { includes_max: 2, address_bytes_max: 3 };
        let pages = |n: usize| "<esi:include src=\"/ab\"/>".repeat(n);
        assert_eq!(esi(pages(2).as_bytes(), limits).map(|parts| parts.len()), Ok(2));
        assert_eq!(esi(pages(3).as_bytes(), limits), Err(EsiProblem::TooMany { max: 2 }));
        let long = b"<esi:include src=\"/abc\"/>";
        assert_eq!(esi(long, limits), Err(EsiProblem::BadAddress { at: 0 }));
    }

    proptest! {
        #[test]
        fn parts_are_in_order_and_of_the_page(pieces in prop::collection::vec(prop::sample::select(vec![
            "<esi:include src=\"/a\"/>", "<esi:remove>", "</esi:remove>", "<!--esi ", "-->", "<", ">", "\"", "x", "</esi:include>",
        ]), 0..30)) {
            let html = pieces.concat();
            let mut last = 0;
            for part in esi(html.as_bytes(), EsiLimits::default()).unwrap_or_default() {
                if let Part::Bytes(range) = part {
                    prop_assert!(last <= range.start && range.start < range.end && range.end <= html.len());
                    last = range.end;
                }
            }
        }
    }
}
