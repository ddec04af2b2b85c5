//! Which paths a rule is for, as written in the file.

use super::{expression, limits::PATTERN_BYTES_MAX};
use std::fmt;
use std::ops::Range;

/// What a rule matches path and query with. Always from their first byte.
///
/// Made by [`Pattern::regex`] and [`Pattern::path`], which refuse what can't work.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// `match`: a regular expression, matched from the start of `path?query` as it was sent.
    Regex(String),
    /// `path`: this path, with any query.
    Exact(String),
    /// `path` with a trailing `*`: every path that begins so, with any query.
    Prefix(String),
}

/// Why a pattern can't be one, in one line, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Bytes of the pattern's source that are at fault, where that is known.
    pub span: Option<Range<usize>>,
}

impl PatternError {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), span: None }
    }

    pub(crate) fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.message, self.hint)
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// `match`: a regular expression in the syntax of Rust's `regex`, of bytes: `\w`, `\d`, `\s`, `\b` and `(?i)` are about ASCII.
    ///
    /// It is held against `path?query` from its first byte, with or without `^`, and need not reach its end: `/blog/` takes
    /// `/blog/1?page=2`. With `$` it has to. All expressions take time in proportion to the URL, whatever it says.
    ///
    /// # Errors
    /// A syntax error, look-around or a back-reference, characters that are not ASCII (nobody sends them unencoded), the flag `u`, too large.
    pub fn regex(source: &str) -> Result<Self, PatternError> {
        if source.is_empty() {
            return Err(PatternError::new(
                "an empty expression matches everything",
                "write \"^/\" if every URL is meant",
            ));
        }
        short_ascii(source)?;
        expression::parse(source)?;
        Ok(Self::Regex(source.to_owned()))
    }

    /// `path`: a path as it is sent, or the beginning of one with a trailing `*`.
    ///
    /// # Errors
    /// It does not begin with `/`; a `*` before its end; a `?` or `#`; spaces and characters that are sent percent-encoded; too long.
    pub fn path(text: &str) -> Result<Self, PatternError> {
        if !text.starts_with('/') {
            let message = "a path begins with `/`";
            return Err(PatternError::new(message, absolute(text)).at(0..text.len()));
        }
        short_ascii(text)?;
        let (path, is_prefix) =
            text.strip_suffix('*').map_or((text, false), |beginning| (beginning, true));
        if let Some((at, byte)) = path.bytes().enumerate().find(|(_, byte)| is_misplaced(*byte)) {
            return Err(misplaced(text, byte).at(at..at + 1));
        }
        Ok(if is_prefix { Self::Prefix(path.to_owned()) } else { Self::Exact(path.to_owned()) })
    }

    /// The option of the file that it is the value of.
    #[must_use]
    pub const fn option(&self) -> &'static str {
        match self {
            Self::Regex(_) => "match",
            Self::Exact(_) | Self::Prefix(_) => "path",
        }
    }
}

impl fmt::Display for Pattern {
    /// As written in the file.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Regex(text) | Self::Exact(text) => out.write_str(text),
            Self::Prefix(text) => write!(out, "{text}*"),
        }
    }
}

fn absolute(text: &str) -> String {
    if text.starts_with('^') {
        return format!("a regular expression is written `match = '{text}'`");
    }
    if text.contains("://") {
        return "the host is written apart, as `host`; here is only what follows it".to_owned();
    }
    if text.starts_with('*') && text.len() > 1 {
        return by_expression(text);
    }
    format!("write \"/{text}\"")
}

const fn is_misplaced(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'#' | b'\\') || byte.is_ascii_control() || byte == b' '
}

fn misplaced(text: &str, byte: u8) -> PatternError {
    match byte {
        b'*' => PatternError::new("`*` stands only at the end of a path", by_expression(text)),
        b'?' => PatternError::new(
            "a path has no query: a rule by path takes every query",
            format!("leave it out, or write {}", by_expression(text)),
        ),
        b'#' => PatternError::new(
            "what follows `#` is never sent",
            "leave it out; `%23` is a `#` in a path",
        ),
        b'\\' => PatternError::new(
            "a path has no escapes",
            "for a regular expression write `match`; a backslash in a path is sent as `%5C`",
        ),
        _ => PatternError::new(
            "this character is never sent as it is",
            format!("write it percent-encoded: \"%{byte:02X}\""),
        ),
    }
}

/// The expression that somebody who wrote a wildcard may have had in mind.
fn by_expression(text: &str) -> String {
    let escaped = regex_syntax::escape(text).replace("\\*", "[^/?]*");
    format!("`match = '^{}{escaped}'`", if text.starts_with('*') { "/" } else { "" })
}

/// What goes for both kinds.
fn short_ascii(text: &str) -> Result<(), PatternError> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(PatternError::new(
            format!("longer than {PATTERN_BYTES_MAX} bytes"),
            "make several rules of it",
        ));
    }
    let Some((at, character)) = text.char_indices().find(|(_, character)| !character.is_ascii())
    else {
        return Ok(());
    };
    let encoded: String =
        character.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect();
    let message = format!("`{character}` is sent percent-encoded");
    Err(PatternError::new(message, format!("write \"{encoded}\""))
        .at(at..at + character.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_exact_or_a_beginning() {
        let exact = |text: &str| Pattern::Exact(text.to_owned());
        let prefix = |text: &str| Pattern::Prefix(text.to_owned());
        let cases = [
            ("/", exact("/")),
            ("/*", prefix("/")),
            ("/blog", exact("/blog")),
            ("/blog*", prefix("/blog")),
            ("/blog/*", prefix("/blog/")),
            ("/a.b(c)+$", exact("/a.b(c)+$")),
            ("/caf%C3%A9", exact("/caf%C3%A9")),
        ];
        for (text, expected) in cases {
            let pattern = Pattern::path(text).unwrap();
            assert_eq!(pattern, expected, "{text}");
            assert_eq!(pattern.to_string(), text, "as written");
        }
    }

    #[test]
    fn a_wrong_path_comes_with_the_remedy() {
        let cases = [
            ("", "begins with `/`", "\"/\"", 0..0),
            ("blog", "begins with `/`", "\"/blog\"", 0..4),
            ("*", "begins with `/`", "\"/*\"", 0..1),
            ("*.css", "begins with `/`", r"match = '^/[^/?]*\.css'", 0..5),
            ("^/blog", "begins with `/`", "match = '^/blog'", 0..6),
            ("https://example.com/a", "begins with `/`", "`host`", 0..21),
            ("/a/*/b", "only at the end", "match = '^/a/[^/?]*/b'", 3..4),
            ("/a/**", "only at the end", "match", 3..4),
            ("/a?b=1", "no query", r"match = '^/a\?b=1'", 2..3),
            ("/a?*", "no query", "match", 2..3),
            ("/a#top", "never sent", "%23", 2..3),
            (r"/a\.html", "no escapes", "match", 2..3),
            ("/a b", "never sent as it is", "%20", 2..3),
            ("/a\n", "never sent as it is", "%0A", 2..3),
            ("/café", "percent-encoded", "%C3%A9", 4..6),
        ];
        for (text, message, hint, span) in cases {
            let error = Pattern::path(text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {error:?}");
            assert!(error.hint.contains(hint), "{text}: {error:?}");
            assert_eq!(error.span, Some(span), "{text}: {error:?}");
        }
    }

    #[test]
    fn a_wrong_expression_comes_with_the_remedy() {
        let cases = [
            ("", "empty", "\"^/\"", None),
            ("^/a(?=b)", "look-around", "linear", Some(3..6)),
            ("^/a(?!b)", "look-around", "earlier rule", Some(3..6)),
            ("^/(?<=a)b", "look-around", "earlier rule", None),
            (r"^/(a)\1", "back", "linear", Some(5..7)),
            ("*.css", "repetition", "`.*`", Some(0..0)),
            ("^/(a", "unclosed group", "`\\(`", Some(2..3)),
            ("^/a)", "unopened group", "`\\)`", Some(3..4)),
            ("^/[a", "unclosed character class", "`\\[`", Some(2..3)),
            (r"^/\y", "unrecognized escape", "regex", Some(2..4)),
            (r"^/\pL", "Unicode", "ASCII", None),
            ("^/(?u).", "Unicode", "ASCII", None),
            (r"^/(?u:\b)a", "Unicode", "ASCII", None),
            ("^/(?u)[^a]", "Unicode", "ASCII", None),
            (r"^/(?u)\w", "Unicode", "ASCII", None),
            ("^/é", "percent-encoded", "%C3%A9", Some(2..4)),
            ("^/(([a-z]{100}){100}){100}", "too large", "simpler", None),
        ];
        for (source, message, hint, span) in cases {
            let error = Pattern::regex(source).unwrap_err();
            assert!(error.message.contains(message), "{source}: {error:?}");
            assert!(error.hint.contains(hint), "{source}: {error:?}");
            if span.is_some() {
                assert_eq!(error.span, span, "{source}: {error:?}");
            }
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Pattern::regex(&nested(50)).is_ok());
        assert!(Pattern::regex(&nested(1000)).unwrap_err().message.contains("nest"));
    }

    #[test]
    fn length_has_a_limit() {
        let longest = format!("/{}", "a".repeat(PATTERN_BYTES_MAX - 1));
        assert!(Pattern::path(&longest).is_ok());
        assert!(Pattern::regex(&longest).is_ok());
        let longer = format!("{longest}a");
        assert!(Pattern::path(&longer).is_err());
        assert!(Pattern::regex(&longer).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), likely in r"[/a*?^$()\[\]{}|\\+.,0-9:=!<>u-]{0,20}") {
            for text in [&text, &likely] {
                drop(Pattern::path(text));
                drop(Pattern::regex(text));
            }
        }

        #[test]
        fn what_is_written_is_what_is_shown(text in "/[a-z/*]{0,8}") {
            if let Ok(pattern) = Pattern::path(&text) {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }
    }
}
