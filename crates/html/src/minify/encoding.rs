//! Whether a byte below 128 is the ASCII character it looks like.

use std::ops::Range;

use memchr::memchr2;

use crate::entity;
use crate::page::{Piece, Pieces};

/// How the labels begin of encodings in which `<` may be part of another character, or another character of `<`: those of
/// 16 and 32 bits, and those that change their meaning by escapes. In all others on the web, those for Chinese, Japanese and
/// Korean among them, blanks and the characters of markup are themselves.
const UNREADABLE: [&[u8]; 10] = [
    b"utf-16",
    b"utf16",
    b"utf-32",
    b"utf32",
    b"utf-7",
    b"ucs-",
    b"unicode",
    b"iso-2022",
    b"csiso2022",
    b"hz-",
];

/// Whether a page in the charset that `Content-Type` names can be read at all. `label` as it is in the field, any case.
#[must_use]
pub fn is_readable_charset(label: &[u8]) -> bool {
    let label = label.trim_ascii().to_ascii_lowercase();
    !UNREADABLE.iter().any(|unreadable| label.starts_with(unreadable))
}

/// Whether nothing in the page speaks against it.
pub(super) fn is_plain(html: &[u8]) -> bool {
    // XHTML has other rules; a NUL is in every letter of UTF-16, and escapes begin with ESC.
    let marked =
        [&b"\xfe\xff"[..], b"\xff\xfe", b"<?xml"].iter().any(|mark| html.starts_with(mark));
    !marked && memchr2(b'\0', 0x1b, html).is_none() && declared_charsets_are_readable(html)
}

/// HTML §4.2.5.4: `<meta charset>`, and `charset=` in the content of a `<meta>`.
fn declared_charsets_are_readable(html: &[u8]) -> bool {
    let mut pieces = Pieces::new(html);
    while let Ok(Some(piece)) = pieces.next() {
        let Piece::Start(tag) = piece else { continue };
        let name = html.get(tag.name.clone()).unwrap_or_default();
        if !name.eq_ignore_ascii_case(b"meta") {
            continue;
        }
        let text = |range: Range<usize>| html.get(range).unwrap_or_default();
        for attribute in tag.attributes(html) {
            let value = entity::decode(text(attribute.value)).to_ascii_lowercase();
            let label = match text(attribute.name).to_ascii_lowercase().as_slice() {
                b"charset" => Some(value.as_slice()),
                b"content" => {
                    memchr::memmem::find(&value, b"charset=").and_then(|at| value.get(at + 8..))
                }
                _ => None,
            };
            let quote = |b: &u8| matches!(b, b'"' | b'\'' | b' ');
            let label = label.map(|label| {
                label.get(label.iter().take_while(|b| quote(b)).count()..).unwrap_or_default()
            });
            if label.is_some_and(|label| !is_readable_charset(label)) {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{is_plain, is_readable_charset};

    #[test]
    fn encodings_that_are_not_above_ascii_are_told() {
        for label in [
            "",
            "utf-8",
            " UTF8",
            "iso-8859-1",
            "windows-1252",
            "Shift_JIS",
            "gb18030",
            "EUC-KR",
            "big5",
        ] {
            assert!(is_readable_charset(label.as_bytes()), "{label}");
            assert!(is_plain(format!("<meta charset='{label}'>").as_bytes()), "{label}");
        }
        for label in
            ["utf-16", "UTF-16LE", "utf-32be", "UTF-7", "ISO-2022-JP", "hz-gb-2312", " utf-16"]
        {
            assert!(!is_readable_charset(label.as_bytes()), "{label}");
            assert!(!is_plain(format!("<p><META charset=\"{label}\">").as_bytes()), "{label}");
            let content =
                format!("<meta http-equiv=Content-Type content='text/html; charset={label}'>");
            assert!(!is_plain(content.as_bytes()), "{label}");
        }
        for page in [&b"<p>\0"[..], b"\xff\xfe<", b"\xfe\xff", b"\x1b$B", b"<?xml version='1.0'?>"]
        {
            assert!(!is_plain(page), "{page:?}");
        }
        assert!(is_plain("\u{feff}<p>ä".as_bytes()));
    }
}
