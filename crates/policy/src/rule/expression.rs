//! What a pattern matches, as one regular expression over the bytes of `path?query`.
//!
//! Expressions are held against a target from its first byte and need not reach its end. So what may be left out at an expression's end
//! can't matter: `/blog/.*` is `/blog/`, and is made so.

use super::{
    Pattern, PatternError,
    limits::{PATTERN_BYTES_MAX, PATTERN_COMPILED_BYTES_MAX},
};
use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use regex_syntax::ast;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Groups and repetitions in one another. Everything that walks an expression does so by recursion.
const NESTING_MAX: u32 = 100;

const SYNTAX: &str = "the syntax is that of Rust's `regex`; before a character that is meant as it is goes a backslash";
const LINEAR: &str = "it is not matched in linear time; for exceptions write an earlier rule";

/// The expression of a pattern.
///
/// # Errors
/// As [`Pattern::regex`], for a pattern that was not made by it.
pub(super) fn expression(pattern: &Pattern) -> Result<Hir, PatternError> {
    Ok(match pattern {
        Pattern::Regex(source) => without_tail(&parse(source)?),
        Pattern::Prefix(path) => Hir::literal(path.as_bytes()),
        Pattern::Exact(path) => Hir::concat(vec![
            Hir::literal(path.as_bytes()),
            Hir::alternation(vec![Hir::literal(*b"?"), Hir::look(Look::End)]),
        ]),
    })
}

/// Reads an expression as it was written, and sees to it that it can be compiled.
pub(super) fn parse(source: &str) -> Result<Hir, PatternError> {
    let parsed = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(NESTING_MAX)
        .build()
        .parse(source);
    let hir = parsed.map_err(|error| for_people(&error))?;
    if needs_unicode(&hir) {
        return Err(unicode());
    }
    compile(std::slice::from_ref(&hir), PATTERN_COMPILED_BYTES_MAX).map_err(|TooLarge| {
        PatternError::new(
            "too large when its repetitions are written out",
            "write a simpler one, with `*` or `+` for large counts",
        )
    })?;
    Ok(hir)
}

/// Why expressions that could be read can't be compiled.
#[derive(Debug)]
pub(super) struct TooLarge;

/// All the expressions as one machine.
pub(super) fn compile(expressions: &[Hir], bytes_max: usize) -> Result<NFA, TooLarge> {
    let config = NFA::config()
        .utf8(false)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(bytes_max));
    NFA::compiler().configure(config).build_many_from_hir(expressions).map_err(|_| TooLarge)
}

/// The same without what looks ahead: whatever it matches in the beginning of a target, it matches in the whole target too. It may match
/// less than the original, never more.
pub(super) fn without_lookahead(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Look(Look::Start | Look::StartLF) => hir.clone(),
        HirKind::Look(_) => Hir::fail(),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => hir.clone(),
        HirKind::Repetition(repeated) => {
            Hir::repetition(repeated.with(without_lookahead(&repeated.sub)))
        }
        HirKind::Capture(group) => without_lookahead(&group.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(without_lookahead).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.iter().map(without_lookahead).collect())
        }
    }
}

/// The same with its last part repeated no more often than it has to be.
fn without_tail(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
        HirKind::Repetition(repeated) => match repeated.min {
            0 => Hir::empty(),
            1 => without_tail(&repeated.sub),
            min => {
                let mut least = repeated.clone();
                least.max = Some(min);
                Hir::repetition(least)
            }
        },
        HirKind::Capture(group) => without_tail(&group.sub),
        HirKind::Concat(parts) => {
            let mut parts = parts.clone();
            while let Some(last) = parts.pop() {
                let shorter = without_tail(&last);
                let is_gone = matches!(shorter.kind(), HirKind::Empty);
                if !is_gone {
                    parts.push(shorter);
                    break;
                }
            }
            Hir::concat(parts)
        }
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(without_tail).collect()),
    }
}

/// Whether it is about characters that are not ASCII. The flag `u` is off, but can be put on inside an expression.
fn needs_unicode(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(class) => matches!(class, Class::Unicode(class) if !class.is_ascii()),
        HirKind::Empty | HirKind::Literal(_) => false,
        HirKind::Look(_) => hir.properties().look_set().contains_word_unicode(),
        HirKind::Repetition(repeated) => needs_unicode(&repeated.sub),
        HirKind::Capture(group) => needs_unicode(&group.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(needs_unicode),
    }
}

fn unicode() -> PatternError {
    PatternError::new(
        "Unicode classes have nothing to match",
        "a URL is sent in ASCII: leave the flag `u` out, and write other characters percent-encoded, as `%C3%A9`",
    )
}

fn for_people(error: &regex_syntax::Error) -> PatternError {
    let (message, hint, span) = match error {
        regex_syntax::Error::Parse(error) => {
            let (message, hint) = syntax_error(error.kind());
            (message, hint, error.span())
        }
        regex_syntax::Error::Translate(error) => {
            let unicode = unicode();
            return unicode.at(error.span().start.offset..error.span().end.offset);
        }
        _ => return PatternError::new("not a regular expression", SYNTAX),
    };
    debug_assert!(span.end.offset <= PATTERN_BYTES_MAX);
    PatternError::new(message, hint).at(span.start.offset..span.end.offset)
}

fn syntax_error(kind: &ast::ErrorKind) -> (String, &'static str) {
    use ast::ErrorKind as Kind;
    if matches!(kind, Kind::UnsupportedLookAround) {
        return ("look-around is not supported".to_owned(), LINEAR);
    }
    if matches!(kind, Kind::UnsupportedBackreference) {
        return ("back-references are not supported".to_owned(), LINEAR);
    }
    let hint = if matches!(kind, Kind::RepetitionMissing) {
        "`*` repeats what stands before it: any text is `.*`; or write `path = \"/…*\"`"
    } else if matches!(kind, Kind::GroupUnclosed) {
        "close it with `)`; a parenthesis that is meant as it is is written `\\(`"
    } else if matches!(kind, Kind::GroupUnopened) {
        "a parenthesis that is meant as it is is written `\\)`"
    } else if matches!(kind, Kind::ClassUnclosed) {
        "close it with `]`; a bracket that is meant as it is is written `\\[`"
    } else {
        SYNTAX
    };
    (kind.to_string(), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression_of(source: &str) -> Hir {
        expression(&Pattern::Regex(source.to_owned())).unwrap()
    }

    #[test]
    fn what_may_be_left_out_at_the_end_is() {
        let cases = [
            ("/a.*", "/a"),
            ("/a.*?", "/a"),
            ("/a(b|c)*d?", "/a"),
            ("/a.+", "/a."),
            ("/a(b.*)", "/ab"),
            ("/a(b*)+", "/a"),
            ("/a[bc]{2,5}", "/a[bc]{2}"),
            ("/(a.*|b)", "/(?:a|b)"),
            ("/a.*b", "/a.*b"),
            ("/a.*$", "/a.*$"),
            (".*", ""),
        ];
        for (source, expected) in cases {
            assert_eq!(expression_of(source), parse(expected).unwrap(), "{source}");
        }
    }

    #[test]
    fn only_what_looks_ahead_is_taken_out() {
        let cases = [
            ("^/a", "^/a"),
            (r"/a(?:b|$|\b)", r"/a(?:b|[^\s\S]|[^\s\S])"),
            (r"/a(?:\bc)*d", r"/a(?:[^\s\S]c)*d"),
            ("(?m)^/a", "(?m)^/a"),
        ];
        for (source, expected) in cases {
            let actual = without_lookahead(&parse(source).unwrap());
            assert_eq!(actual, parse(expected).unwrap(), "{source}");
        }
        assert_eq!(without_lookahead(&parse("/a$").unwrap()).properties().minimum_len(), None);
    }
}
