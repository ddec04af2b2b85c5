//! What identifies one state of a resource: `ETag` and the lists of entity tags, RFC 9110 §8.8.3.

use http::{HeaderMap, HeaderValue, header::ETAG};

/// An entity tag, kept as it was sent.
///
/// One that breaks the grammar (no quotes, `w/` in lower case) is kept too, because what a client sends
/// back is the same bytes; it never counts as strong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityTag(HeaderValue);

impl EntityTag {
    /// The `ETag` of a response; none when there are several different ones.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(ETAG).iter();
        let first = lines.next()?;
        (!first.as_bytes().trim_ascii().is_empty() && lines.all(|line| line == first))
            .then(|| Self(first.clone()))
    }

    /// As it was sent.
    #[must_use]
    pub const fn value(&self) -> &HeaderValue {
        &self.0
    }

    /// Whether it may identify bytes: RFC 9110 §8.8.1.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        self.parsed().form == Form::Strong
    }

    /// RFC 9110 §8.8.3.2, weak comparison: good for "does the client have this page".
    #[must_use]
    pub fn matches_weakly(&self, other: &[u8]) -> bool {
        self.parsed().opaque == Parsed::of(other).opaque
    }

    /// RFC 9110 §8.8.3.2, strong comparison: good for putting bytes together.
    #[must_use]
    pub fn matches_strongly(&self, other: &[u8]) -> bool {
        let (own, other) = (self.parsed(), Parsed::of(other));
        own.form == Form::Strong && other.form == Form::Strong && own.opaque == other.opaque
    }

    fn parsed(&self) -> Parsed<'_> {
        Parsed::of(self.0.as_bytes())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Strong,
    Weak,
    Malformed,
}

#[derive(Clone, Copy)]
struct Parsed<'a> {
    form: Form,
    /// Between the quotes; all of it when malformed.
    opaque: &'a [u8],
}

impl<'a> Parsed<'a> {
    fn of(tag: &'a [u8]) -> Self {
        let tag = tag.trim_ascii();
        // RFC 9110 §8.8.3: `W/` is case-sensitive.
        let (form, quoted) = match tag {
            [b'W', b'/', rest @ ..] => (Form::Weak, rest),
            _ => (Form::Strong, tag),
        };
        match quoted {
            [b'"', opaque @ .., b'"'] if !opaque.contains(&b'"') => Self { form, opaque },
            _ => Self { form: Form::Malformed, opaque: tag },
        }
    }
}

/// The members of one line of `If-None-Match`: commas inside quotes do not separate, and there are no
/// escapes (RFC 9110 §8.8.3).
pub fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    line.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
    .map(<[u8]>::trim_ascii)
    .filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(value: &[u8]) -> EntityTag {
        EntityTag(HeaderValue::from_bytes(value).unwrap())
    }

    #[test]
    fn comparison_is_the_table_of_the_rfc() {
        // RFC 9110 §8.8.3.2
        let cases = [
            (r#"W/"1""#, r#"W/"1""#, false, true),
            (r#"W/"1""#, r#"W/"2""#, false, false),
            (r#"W/"1""#, r#""1""#, false, true),
            (r#""1""#, r#""1""#, true, true),
        ];
        for (one, other, strong, weak) in cases {
            assert_eq!(
                tag(one.as_bytes()).matches_strongly(other.as_bytes()),
                strong,
                "{one} {other}"
            );
            assert_eq!(tag(one.as_bytes()).matches_weakly(other.as_bytes()), weak, "{one} {other}");
        }
    }

    #[test]
    fn malformed_tags_are_compared_but_never_strong() {
        let cases = [
            ("abcdef", r#""abcdef""#, true),
            (r#""abcdef""#, "abcdef", true),
            ("abcdef", "abcdef", true),
            (r#"w/"abcdef""#, r#"w/"abcdef""#, true),
            (r#"W\"abcdef""#, r#"W\"abcdef""#, true),
            (r#"W"abcdef""#, r#"W"abcdef""#, true),
            (r#"w/"abcdef""#, r#""abcdef""#, false),
            ("abcdef", "abcdeg", false),
        ];
        for (one, other, weak) in cases {
            assert!(!tag(one.as_bytes()).matches_strongly(other.as_bytes()), "{one} {other}");
            assert_eq!(tag(one.as_bytes()).matches_weakly(other.as_bytes()), weak, "{one} {other}");
        }
        assert!(!tag(b"abcdef").is_strong());
    }

    #[test]
    fn commas_in_tags_do_not_separate() {
        let line = "\"a,b\" , W/\"c\",, d,\"\u{fc}\"".as_bytes();
        let found: Vec<_> = members(line).collect();
        assert_eq!(found, [&b"\"a,b\""[..], b"W/\"c\"", b"d", "\"\u{fc}\"".as_bytes()]);
    }
}
