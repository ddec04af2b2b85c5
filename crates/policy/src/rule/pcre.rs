//! The same pattern as an expression that backtracking engines take (PCRE), nginx's among them: to be held against `path?query`
//! from its first byte, without case folding, of bytes.
//!
//! What is written stays inside the syntax that both have, so that it can be read back. Two things can't be carried over:
//! a backtracking engine takes time without bound for some expressions, and it has limits of its own. Such a pattern is made
//! wider: it then matches all that it did, and perhaps more.

use super::{Pattern, PatternError, expression};
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};
use std::fmt::Write as _;

/// A pattern for nginx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcre {
    /// The expression, without an anchor at its beginning.
    pub text: String,
    /// Whether it matches exactly what the pattern does. If not, it matches more.
    pub exact: bool,
}

/// nginx takes words of up to 4 KiB.
const TEXT_BYTES_MAX: usize = 2048;

/// Elements when all counted repetitions are written out. PCRE compiles to at most 64 KiB.
const ELEMENTS_MAX: usize = 4000;

/// Repetitions whose end is not settled by what follows them. Time grows with the URL's length to this power.
const LOOSE_MAX: usize = 2;

impl Pattern {
    /// The same for a backtracking engine.
    ///
    /// # Errors
    /// As [`Pattern::regex`], for a pattern that was not made by it.
    pub fn pcre(&self) -> Result<Pcre, PatternError> {
        let hir = expression::expression(self)?;
        let mut loose = 0;
        if elements(&hir) <= ELEMENTS_MAX
            && let Ok(text) = print(&hir, &Bytes::NONE, &mut loose)
            && text.len() <= TEXT_BYTES_MAX
        {
            return Ok(Pcre { text, exact: true });
        }
        let mut text = wider(&hir);
        if text.len() > TEXT_BYTES_MAX {
            text.clear();
        }
        Ok(Pcre { text, exact: false })
    }
}

/// It would take a backtracking engine too long.
struct Wild;

/// What is settled before the first part that is wild, and nothing of what follows.
fn wider(hir: &Hir) -> String {
    if elements(hir) <= ELEMENTS_MAX
        && let Ok(text) = print(hir, &Bytes::NONE, &mut 0)
    {
        return text;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {
            String::new()
        }
        HirKind::Capture(group) => wider(&group.sub),
        HirKind::Repetition(repeated) if repeated.min == 0 => String::new(),
        HirKind::Repetition(repeated) => wider(&repeated.sub),
        HirKind::Alternation(branches) => {
            let branches: Vec<_> = branches.iter().map(wider).collect();
            format!("(?:{})", branches.join("|"))
        }
        HirKind::Concat(parts) => {
            let mut text = String::new();
            let mut loose = 0;
            for part in parts {
                let printed = print(part, &Bytes::ANY, &mut loose);
                match printed.ok().filter(|_| elements(part) <= ELEMENTS_MAX) {
                    Some(printed) => text.push_str(&printed),
                    None => return text + &wider(part),
                }
            }
            text
        }
    }
}

/// Writes it. `follow` is with what bytes that which comes after it may begin; `loose` counts.
fn print(hir: &Hir, follow: &Bytes, loose: &mut usize) -> Result<String, Wild> {
    Ok(match hir.kind() {
        HirKind::Empty => String::new(),
        HirKind::Literal(literal) => literal.0.iter().map(|byte| outside(*byte)).collect(),
        HirKind::Class(class) => class_text(&Bytes::of_class(class)),
        HirKind::Look(look) => look_text(*look).to_owned(),
        HirKind::Capture(group) => print(&group.sub, follow, loose)?,
        HirKind::Alternation(branches) => {
            let branches: Result<Vec<_>, _> =
                branches.iter().map(|branch| print(branch, follow, loose)).collect();
            format!("(?:{})", branches?.join("|"))
        }
        HirKind::Concat(parts) => {
            let mut text = String::new();
            for (place, part) in parts.iter().enumerate() {
                let rest = parts.get(place + 1..).unwrap_or_default();
                let follow = first_of_all(rest, follow);
                let printed = print(part, &follow, loose)?;
                // An alternation has its own brackets.
                text.push_str(&printed);
            }
            text
        }
        HirKind::Repetition(repeated) => repetition(repeated, follow, loose)?,
    })
}

fn repetition(repeated: &Repetition, follow: &Bytes, loose: &mut usize) -> Result<String, Wild> {
    let sub = &repeated.sub;
    let count = match (repeated.min, repeated.max) {
        (0, Some(1)) => "?".to_owned(),
        (0, None) => "*".to_owned(),
        (1, None) => "+".to_owned(),
        (min, None) => format!("{{{min},}}"),
        (min, Some(max)) if min == max => format!("{{{min}}}"),
        (min, Some(max)) => format!("{{{min},{max}}}"),
    };
    let is_many = repeated.max.is_none_or(|max| max > 1);
    if is_many && repeated.max != Some(repeated.min) {
        let (first, _) = first(sub);
        if first.meets(follow) {
            *loose += 1;
        }
        if *loose > LOOSE_MAX {
            return Err(Wild);
        }
    }
    if is_many && !is_settled(sub) {
        return Err(Wild);
    }
    let (first, _) = first(sub);
    let text = print(sub, &first.or(follow), loose)?;
    let is_one = match sub.kind() {
        HirKind::Class(_) => true,
        HirKind::Literal(literal) => literal.0.len() == 1,
        HirKind::Empty
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Capture(_)
        | HirKind::Concat(_)
        | HirKind::Alternation(_) => false,
    };
    Ok(if is_one { format!("{text}{count}") } else { format!("(?:{text}){count}") })
}

/// Whether a text can be this repeated in one way only: a backtracking engine then tries one.
fn is_settled(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => true,
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => false,
        HirKind::Capture(group) => is_settled(&group.sub),
        HirKind::Alternation(branches) => {
            let mut seen = Bytes::NONE;
            branches.iter().all(|branch| {
                let (first, may_be_empty) = first(branch);
                let is_other = !may_be_empty && !first.meets(&seen);
                seen = seen.or(&first);
                is_other && is_settled(branch)
            })
        }
        HirKind::Concat(parts) => parts.iter().enumerate().all(|(place, part)| match part.kind() {
            // A run that what follows it ends.
            HirKind::Repetition(run) => {
                let rest = parts.get(place + 1..).unwrap_or_default();
                let (next, may_be_empty) = first_of(rest);
                let (own, is_empty) = first(&run.sub);
                let is_byte = matches!(run.sub.kind(), HirKind::Class(_) | HirKind::Literal(_))
                    && run.sub.properties().maximum_len() == Some(1);
                is_byte && !is_empty && !may_be_empty && !own.meets(&next)
            }
            HirKind::Empty
            | HirKind::Look(_)
            | HirKind::Literal(_)
            | HirKind::Class(_)
            | HirKind::Capture(_)
            | HirKind::Concat(_)
            | HirKind::Alternation(_) => is_settled(part),
        }),
    }
}

/// With which bytes it may begin, and whether it may be empty.
fn first(hir: &Hir) -> (Bytes, bool) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => (Bytes::NONE, true),
        HirKind::Literal(literal) => {
            (literal.0.first().map_or(Bytes::NONE, |byte| Bytes::NONE.with(*byte, *byte)), false)
        }
        HirKind::Class(class) => (Bytes::of_class(class), false),
        HirKind::Repetition(repeated) => {
            let (bytes, may_be_empty) = first(&repeated.sub);
            (bytes, may_be_empty || repeated.min == 0)
        }
        HirKind::Capture(group) => first(&group.sub),
        HirKind::Concat(parts) => first_of(parts),
        HirKind::Alternation(branches) => {
            branches.iter().map(first).fold((Bytes::NONE, false), |(all, any), (bytes, empty)| {
                (all.or(&bytes), any || empty)
            })
        }
    }
}

fn first_of(parts: &[Hir]) -> (Bytes, bool) {
    let mut all = Bytes::NONE;
    for part in parts {
        let (bytes, may_be_empty) = first(part);
        all = all.or(&bytes);
        if !may_be_empty {
            return (all, false);
        }
    }
    (all, true)
}

fn first_of_all(parts: &[Hir], after: &Bytes) -> Bytes {
    let (bytes, may_be_empty) = first_of(parts);
    if may_be_empty { bytes.or(after) } else { bytes }
}

fn elements(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Capture(group) => elements(&group.sub),
        HirKind::Repetition(repeated) => {
            let times = repeated.max.unwrap_or(repeated.min).max(1);
            elements(&repeated.sub).saturating_mul(usize::try_from(times).unwrap_or(usize::MAX))
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(elements).fold(1, usize::saturating_add)
        }
    }
}

/// A target has no line breaks, so both kinds of anchors are the same.
const fn look_text(look: Look) -> &'static str {
    match look {
        Look::Start | Look::StartLF | Look::StartCRLF => r"\A",
        Look::End | Look::EndLF | Look::EndCRLF => r"\z",
        Look::WordAscii | Look::WordUnicode => r"\b",
        Look::WordAsciiNegate | Look::WordUnicodeNegate => r"\B",
        Look::WordStartAscii | Look::WordStartUnicode => r"\b(?=\w)",
        Look::WordEndAscii | Look::WordEndUnicode => r"\b(?<=\w)",
        Look::WordStartHalfAscii | Look::WordStartHalfUnicode => r"(?<!\w)",
        Look::WordEndHalfAscii | Look::WordEndHalfUnicode => r"(?!\w)",
    }
}

/// A byte that is meant as it is. Nothing that a configuration would have to quote is left bare.
fn outside(byte: u8) -> String {
    match byte {
        b'.' | b'?' | b'*' | b'+' | b'(' | b')' | b'[' | b']' | b'|' | b'^' => {
            format!("\\{}", char::from(byte))
        }
        _ if is_bare(byte) => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

fn inside(byte: u8) -> String {
    if is_bare(byte) && !matches!(byte, b'-' | b'^' | b'[' | b']' | b'&' | b'~') {
        char::from(byte).to_string()
    } else {
        format!("\\x{byte:02x}")
    }
}

const fn is_bare(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'"' | b'\'' | b'\\' | b';' | b'{' | b'}' | b'$' | b'#')
}

fn class_text(bytes: &Bytes) -> String {
    let (own, others) = (bytes.ranges(), bytes.without().ranges());
    match (own.as_slice(), others.as_slice()) {
        // Nothing at all, in both languages.
        ([], _) => r"[^\s\S]".to_owned(),
        (_, []) => r"[\s\S]".to_owned(),
        ([(byte, last)], _) if byte == last => outside(*byte),
        _ if others.len() < own.len() || own.last().is_some_and(|(_, last)| *last == u8::MAX) => {
            format!("[^{}]", ranges_text(&others))
        }
        _ => format!("[{}]", ranges_text(&own)),
    }
}

fn ranges_text(ranges: &[(u8, u8)]) -> String {
    let mut text = String::new();
    for (low, high) in ranges {
        text.push_str(&inside(*low));
        if high > low {
            // Writing to a string does not fail.
            let dash = if high - low > 1 { "-" } else { "" };
            let _written = write!(text, "{dash}{}", inside(*high));
        }
    }
    text
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bytes([bool; 256]);

impl Bytes {
    const NONE: Self = Self([false; 256]);
    const ANY: Self = Self([true; 256]);

    fn of_class(class: &Class) -> Self {
        match class {
            Class::Bytes(class) => class
                .ranges()
                .iter()
                .fold(Self::NONE, |all, range| all.with(range.start(), range.end())),
            // Only of ASCII: others are refused when a pattern is read.
            Class::Unicode(class) => class.ranges().iter().fold(Self::NONE, |all, range| {
                let byte = |c: char| u8::try_from(c).unwrap_or(u8::MAX);
                all.with(byte(range.start()), byte(range.end()))
            }),
        }
    }

    fn with(mut self, low: u8, high: u8) -> Self {
        for (byte, is_in) in (0..=u8::MAX).zip(&mut self.0) {
            *is_in |= (low..=high).contains(&byte);
        }
        self
    }

    fn or(mut self, other: &Self) -> Self {
        for (is_in, also) in self.0.iter_mut().zip(&other.0) {
            *is_in |= also;
        }
        self
    }

    fn without(mut self) -> Self {
        for is_in in &mut self.0 {
            *is_in = !*is_in;
        }
        self
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(one, other)| *one && *other)
    }

    fn ranges(&self) -> Vec<(u8, u8)> {
        let mut ranges: Vec<(u8, u8)> = Vec::new();
        for (byte, _) in (0..=u8::MAX).zip(&self.0).filter(|(_, is_in)| **is_in) {
            match ranges.last_mut() {
                Some((_, high)) if high.checked_add(1) == Some(byte) => *high = byte,
                Some(_) | None => ranges.push((byte, byte)),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex_automata::{Anchored, Input, meta::Regex, util::syntax};

    fn pcre(source: &str) -> Pcre {
        Pattern::regex(source).unwrap().pcre().unwrap()
    }

    fn matches(source: &str, target: &str) -> bool {
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let regex = Regex::builder().syntax(syntax).build(source).unwrap();
        regex.is_match(Input::new(target).anchored(Anchored::Yes))
    }

    #[test]
    fn patterns_are_written_so_that_they_can_be_read() {
        let cases = [
            (Pattern::path("/blog/*").unwrap(), "/blog/"),
            (Pattern::path("/a.b").unwrap(), r"/a\.b(?:\?|\z)"),
            (Pattern::path("/a(1)$;{x}").unwrap(), r"/a\(1\)\x24\x3b\x7bx\x7d(?:\?|\z)"),
            (Pattern::regex("^/blog/.*").unwrap(), r"\A/blog/"),
            (Pattern::regex("^/[0-9]{4}/$").unwrap(), r"\A/[0-9]{4}/\z"),
            (Pattern::regex("/[^/]+/x").unwrap(), "/[^/]+/x"),
            (Pattern::regex("^/(?i)ab").unwrap(), r"\A/[Aa][Bb]"),
            (Pattern::regex(r"^/.*\.css$").unwrap(), r"\A/[^\x0a]*\.css\z"),
            (Pattern::regex(r"^/(?:[a-z-]+/)*$").unwrap(), r"\A/(?:[\x2da-z]+/)*\z"),
            (Pattern::regex(r#"/["' ]"#).unwrap(), r"/[\x20\x22\x27]"),
        ];
        for (pattern, expected) in cases {
            let expected = Pcre { text: expected.to_owned(), exact: true };
            assert_eq!(pattern.pcre(), Ok(expected), "{pattern}");
        }
    }

    #[test]
    fn what_could_take_a_backtracking_engine_for_ever_is_made_wider() {
        let cases = [
            (r"^/a(b*)*c$", r"\A/a"),
            (r"^/(a|ab|b)*c", r"\A/"),
            (r"^/(a+)+$", r"\A/a"),
            (r"^/x/([a-z]+)+(b|c)$", r"\A/x/"),
            (r"^/.*a.*b.*c.*d$", r"\A/[^\x0a]*a[^\x0a]*b"),
        ];
        for (source, beginning) in cases {
            let pcre = pcre(source);
            assert!(!pcre.exact, "{source}: {pcre:?}");
            assert!(
                pcre.text.starts_with(beginning) || beginning.starts_with(&pcre.text),
                "{source}: {pcre:?}"
            );
        }
        for source in
            [r"^/(?:[^/]+/)+\d+$", r"^/a.*b.*c", "^/(?:a|b|cd)*x", r"^/(\d{4}/)?(\d\d/)?$"]
        {
            assert!(pcre(source).exact, "{source}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_written_matches_what_the_pattern_does(
            source in r"/[ab/.?*+()|\[\]^$]{1,12}", targets in prop::collection::vec("/[ab/.?]{0,6}", 8),
        ) {
            if let Ok(pattern) = Pattern::regex(&source) {
                let pcre = pattern.pcre().unwrap();
                for target in &targets {
                    let (own, theirs) = (matches(&source, target), matches(&pcre.text, target));
                    prop_assert!(own == theirs || (!pcre.exact && theirs), "{} {:?} {}", source, pcre, target);
                }
            }
        }

        #[test]
        fn nothing_in_it_has_to_be_quoted(source in any::<String>(), likely in r#"/[a"'\\;{}$# \t]{0,8}"#) {
            for source in [source, likely] {
                for pattern in [Pattern::regex(&source), Pattern::path(&source)].into_iter().flatten() {
                    let text = pattern.pcre().unwrap().text;
                    // Braces of a count are inside the quotes that every expression has.
                    prop_assert!(!text.contains(['"', '\'', ';', '$', '#', ' ', '\t', '\n']), "{}", text);
                }
            }
        }
    }
}
