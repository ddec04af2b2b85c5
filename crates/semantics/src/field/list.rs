//! How a comma-separated field is cut into members and directives: RFC 9110 §5.6.1, RFC 9111 §5.2.
//!
//! A comma inside a quoted-string does not separate. A quoted-string begins only after `=`, so that a
//! stray quote can't swallow the directives behind it; one that never ends swallows nothing either, but
//! makes the rest of its line suspect ([`Argument::Malformed`]).

/// What stands behind the `=` of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument<'a> {
    /// No `=`.
    None,
    /// Text that is not quoted; not checked further.
    Token(&'a [u8]),
    /// The inside of a quoted-string, escapes as sent.
    Quoted(&'a [u8]),
    /// Spaces around `=`, a quoted-string with something behind it, or one without an end.
    Malformed,
}

/// One member of `Cache-Control` or a field like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    /// Its name as sent; compare without case.
    pub name: &'a [u8],
    /// Its argument.
    pub argument: Argument<'a>,
}

impl Directive<'_> {
    /// Whether it has this lower-case name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The directives of one field line; empty members are skipped.
pub fn directives(line: &[u8]) -> impl Iterator<Item = Directive<'_>> {
    Members { rest: Some(line), suspect: false }.filter_map(|(member, suspect)| {
        let member = member.trim_ascii();
        (!member.is_empty()).then(|| directive(member, suspect))
    })
}

fn directive(member: &[u8], suspect: bool) -> Directive<'_> {
    let Some(equals) = memchr::memchr(b'=', member) else {
        let argument = if suspect { Argument::Malformed } else { Argument::None };
        return Directive { name: member, argument };
    };
    let (name, argument) = member.split_at(equals);
    let argument = argument.split_first().map_or(&[][..], |(_, behind)| behind);
    let spaced = name.trim_ascii_end() != name || argument.trim_ascii_start() != argument;
    let argument = if suspect || spaced { Argument::Malformed } else { unquote(argument) };
    Directive { name: name.trim_ascii_end(), argument }
}

/// Reads `argument` as a token or as one whole quoted-string.
#[must_use]
pub fn unquote(argument: &[u8]) -> Argument<'_> {
    let Some((b'"', inside)) = argument.split_first() else {
        return Argument::Token(argument);
    };
    match end_of_quoted(inside) {
        Some(end) if end.saturating_add(1) == inside.len() => {
            Argument::Quoted(inside.get(..end).unwrap_or_default())
        }
        Some(_) | None => Argument::Malformed,
    }
}

/// Where the closing quote of `inside` is (the text behind the opening one), minding `\`.
#[must_use]
pub fn end_of_quoted(inside: &[u8]) -> Option<usize> {
    let mut escaped = false;
    inside.iter().position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// Members between commas, each with whether an unfinished quoted-string came before its end.
struct Members<'a> {
    rest: Option<&'a [u8]>,
    suspect: bool,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], bool);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let end = if self.suspect {
            memchr::memchr(b',', rest)
        } else {
            end_of_member(rest).unwrap_or_else(|Unfinished| {
                self.suspect = true;
                memchr::memchr(b',', rest)
            })
        };
        let member = end.map_or(rest, |end| rest.get(..end).unwrap_or_default());
        self.rest = end.and_then(|end| rest.get(end.saturating_add(1)..));
        Some((member, self.suspect))
    }
}

/// A quoted-string has no end.
struct Unfinished;

/// The place of the comma that ends the first member; none when it is the last.
fn end_of_member(rest: &[u8]) -> Result<Option<usize>, Unfinished> {
    let mut at = 0;
    let mut previous = 0;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b',' => return Ok(Some(at)),
            b'"' if previous == b'=' => {
                let inside = rest.get(at.saturating_add(1)..).unwrap_or_default();
                at = at.saturating_add(1).saturating_add(end_of_quoted(inside).ok_or(Unfinished)?);
            }
            _ => {}
        }
        previous = byte;
        at = at.saturating_add(1);
    }
    Ok(None)
}

/// The members of a list without arguments (`Vary`, `Connection`, a qualified `no-cache`), trimmed,
/// empty ones skipped.
pub fn tokens(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_separate_only_outside_quoted_strings() {
        use Argument::{Malformed, None, Quoted, Token};
        type Expected<'a> = &'a [(&'a str, Argument<'a>)];
        let cases: [(&str, Expected<'_>); 12] = [
            ("", &[]),
            (" , ,,", &[]),
            ("no-store", &[("no-store", None)]),
            ("a, b=1 ,c", &[("a", None), ("b", Token(b"1")), ("c", None)]),
            (
                r#"e="max-age=3600, x", m=1"#,
                &[("e", Quoted(b"max-age=3600, x")), ("m", Token(b"1"))],
            ),
            (r#"e="a\"b, c", m"#, &[("e", Quoted(br#"a\"b, c"#)), ("m", None)]),
            (r#"e="a"b, m"#, &[("e", Malformed), ("m", None)]),
            ("m =1", &[("m", Malformed)]),
            ("m= 1", &[("m", Malformed)]),
            ("m=", &[("m", Token(b""))]),
            // A stray quote swallows nothing.
            (r#"m=1", no-store"#, &[("m", Token(br#"1""#)), ("no-store", None)]),
            (
                r#"e="a, m=1, no-store"#,
                &[("e", Malformed), ("m", Malformed), ("no-store", Malformed)],
            ),
        ];
        for (line, expected) in cases {
            let actual: Vec<_> = directives(line.as_bytes())
                .map(|d| (std::str::from_utf8(d.name).unwrap(), d.argument))
                .collect();
            assert_eq!(actual, expected, "{line}");
        }
    }
}
