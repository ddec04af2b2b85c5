//! A page as tags, texts and comments, as a browser's tokenizer reads it: HTML §13.2.5.
//!
//! Raw text (scripts, styles, text areas, titles) is one piece. What tokenizers could read in two ways, or where the page
//! ends in the middle of something, ends the reading with [`Unclear`]: whoever asked leaves the page alone. Foreign content
//! (SVG) is read as if it were HTML, so whoever minds has to mind.

use std::ops::Range;

use memchr::memmem;

use crate::tag::{Attributes, is_blank, name_end};

/// A piece of a page. All of them together are the page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Piece {
    /// Text between tags, or what raw text elements hold. Never empty.
    Text(Range<usize>),
    /// The content of a script, a style, a text area and the like. May be empty.
    Raw(Range<usize>),
    /// A start tag.
    Start(Tag),
    /// An end tag.
    End(Tag),
    /// `<!-- -->`.
    Comment(Range<usize>),
    /// `<!DOCTYPE>`, `<?…>`, `</…>` and what else is no element.
    Other(Range<usize>),
}

/// A tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Tag {
    pub(crate) all: Range<usize>,
    pub(crate) name: Range<usize>,
    pub(crate) self_closing: bool,
}

impl Tag {
    pub(crate) const fn attributes<'a>(&self, html: &'a [u8]) -> Attributes<'a> {
        Attributes::new(html, self.name.end)
    }
}

/// The page can't be read with certainty from this byte on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unclear(pub(crate) usize);

/// Elements whose content is raw text. `noscript` is one only in browsers that run scripts, so it's none here.
const RAW: [&str; 8] =
    ["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"];

/// The name of an element whose content is raw text.
pub(crate) fn raw_name(name: &[u8]) -> Option<&'static str> {
    RAW.into_iter().find(|raw| name.eq_ignore_ascii_case(raw.as_bytes()))
}

/// Whether an element's content is raw text.
pub(crate) fn is_raw(name: &[u8]) -> bool {
    raw_name(name).is_some()
}

/// Goes through a page.
#[derive(Clone, Debug)]
pub(crate) struct Pieces<'a> {
    html: &'a [u8],
    at: usize,
    raw: Option<&'static str>,
}

impl<'a> Pieces<'a> {
    pub(crate) const fn new(html: &'a [u8]) -> Self {
        Self { html, at: 0, raw: None }
    }

    /// The next piece, `None` at the end of the page.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, Unclear> {
        if let Some(name) = self.raw.take() {
            return self.raw_text(name).map(Some);
        }
        let Some(&first) = self.html.get(self.at) else { return Ok(None) };
        let markup = if first == b'<' { self.markup()? } else { None };
        Ok(Some(markup.unwrap_or_else(|| self.text())))
    }

    /// Goes on reading at this byte, which is in no raw text.
    pub(crate) fn go_on(&mut self, at: usize) {
        (self.at, self.raw) = (at, None);
    }

    fn rest(&self, from: usize) -> &'a [u8] {
        self.html.get(from..).unwrap_or_default()
    }

    /// Text goes to the next `<` that begins something.
    fn text(&mut self) -> Piece {
        let start = self.at;
        let mut end = start + 1;
        loop {
            let Some(length) = memchr::memchr(b'<', self.rest(end)) else {
                end = self.html.len();
                break;
            };
            end += length;
            // HTML §13.2.5.6 and 7: any other byte behind it leaves `<` a letter of the text.
            match self.html.get(end + 1) {
                Some(b'!' | b'?') => break,
                Some(b'/') if self.html.get(end + 2).is_some() => break,
                Some(byte) if byte.is_ascii_alphabetic() => break,
                _ => end += 1,
            }
        }
        self.at = end;
        Piece::Text(start..end)
    }

    fn markup(&mut self) -> Result<Option<Piece>, Unclear> {
        let start = self.at;
        match self.rest(start + 1) {
            [b'!', b'-', b'-', ..] => self.comment().map(Some),
            [b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => Err(Unclear(start)),
            [b'!' | b'?', ..] => self.bogus().map(Some),
            [b'/', byte, ..] if byte.is_ascii_alphabetic() => {
                self.tag(start + 2).map(|tag| Some(Piece::End(tag)))
            }
            [b'/', _, ..] => self.bogus().map(Some),
            [byte, ..] if byte.is_ascii_alphabetic() => {
                let tag = self.tag(start + 1)?;
                let name = self.html.get(tag.name.clone()).unwrap_or_default();
                if name.eq_ignore_ascii_case(b"plaintext") {
                    return Err(Unclear(start));
                }
                self.raw = raw_name(name);
                Ok(Some(Piece::Start(tag)))
            }
            _ => Ok(None),
        }
    }

    fn tag(&mut self, name_start: usize) -> Result<Tag, Unclear> {
        let start = self.at;
        let name = name_start..name_end(self.html, name_start);
        let end = Attributes::new(self.html, name.end).finish().ok_or(Unclear(start))?;
        self.at = end.at;
        Ok(Tag { all: start..end.at, name, self_closing: end.self_closing })
    }

    /// HTML §13.2.5.43 to 52. `--!>` and ends that come at once (`<!-->`) are errors that all parsers read alike, but hardly
    /// what was meant.
    fn comment(&mut self) -> Result<Piece, Unclear> {
        let start = self.at;
        let inside = self.rest(start + 4);
        if inside.starts_with(b">") || inside.starts_with(b"->") {
            return Err(Unclear(start));
        }
        let length = memmem::find(inside, b"-->").ok_or(Unclear(start))?;
        if memmem::find(inside.get(..length).unwrap_or_default(), b"--!>").is_some() {
            return Err(Unclear(start));
        }
        self.at = start + 4 + length + 3;
        Ok(Piece::Comment(start..self.at))
    }

    /// HTML §13.2.5.41 and 53: to the next `>`, whatever is quoted.
    fn bogus(&mut self) -> Result<Piece, Unclear> {
        let start = self.at;
        let length = memchr::memchr(b'>', self.rest(start)).ok_or(Unclear(start))?;
        self.at = start + length + 1;
        Ok(Piece::Other(start..self.at))
    }

    /// HTML §13.2.5.9 to 14: to the end tag of the same name.
    fn raw_text(&mut self, name: &str) -> Result<Piece, Unclear> {
        let start = self.at;
        let mut end = start;
        loop {
            end += memchr::memchr(b'<', self.rest(end)).ok_or(Unclear(start))?;
            let after = self.rest(end + 1);
            let named = after.strip_prefix(b"/").and_then(|tag| tag.get(..name.len()));
            let ends =
                after.get(name.len() + 1).is_some_and(|&b| is_blank(b) || matches!(b, b'/' | b'>'));
            if ends && named.is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes())) {
                break;
            }
            end += 1;
        }
        let content = self.html.get(start..end).unwrap_or_default();
        // HTML §13.2.5.20 to 31: behind `<!--` and `<script`, an end tag of a script ends less than the script.
        if name == "script" && may_be_escaped(content) {
            return Err(Unclear(start));
        }
        self.at = end;
        Ok(Piece::Raw(start..end))
    }
}

fn may_be_escaped(script: &[u8]) -> bool {
    let Some(at) = memmem::find(script, b"<!--") else { return false };
    let rest = script.get(at..).unwrap_or_default();
    memchr::memchr_iter(b'<', rest)
        .any(|at| rest.get(at + 1..at + 7).is_some_and(|name| name.eq_ignore_ascii_case(b"script")))
}

#[cfg(test)]
mod tests {
    use super::{Piece, Pieces, Unclear};

    /// The page with every piece in its brackets.
    fn shown(html: &str) -> Result<String, Unclear> {
        let mut pieces = Pieces::new(html.as_bytes());
        let mut shown = String::new();
        let mut last = 0;
        while let Some(piece) = pieces.next()? {
            let (range, open, close) = match piece {
                Piece::Text(range) => (range, "", ""),
                Piece::Raw(range) => (range, "{", "}"),
                Piece::Start(tag) => (tag.all, "(", ")"),
                Piece::End(tag) => (tag.all, "[", "]"),
                Piece::Comment(range) => (range, "#", "#"),
                Piece::Other(range) => (range, "?", "?"),
            };
            assert_eq!(range.start, last, "{html}");
            last = range.end;
            shown += &format!("{open}{}{close}", html.get(range).expect("of the page"));
        }
        assert_eq!(last, html.len(), "{html}");
        Ok(shown)
    }

    #[test]
    fn pages_fall_into_pieces() {
        let cases = [
            ("", ""),
            ("a < b <3 <", "a < b <3 <"),
            ("a</", "a</"),
            ("<p>a</p >", "(<p>)a[</p >]"),
            ("<!DOCTYPE html><?xml x?></3><!x>", "?<!DOCTYPE html>??<?xml x?>??</3>??<!x>?"),
            ("<<b>", "<(<b>)"),
            ("<a title='>'>x", "(<a title='>'>)x"),
            ("a<!-- <b> -->b", "a#<!-- <b> -->#b"),
            ("<!--a--b---->", "#<!--a--b---->#"),
            ("<script>a<b</b></script >", "(<script>){a<b</b>}[</script >]"),
            ("<SCRIPT>'</scripts>'</Script>", "(<SCRIPT>){'</scripts>'}[</Script>]"),
            ("<script></script>", "(<script>){}[</script>]"),
            ("<script><!-- x //--></script>", "(<script>){<!-- x //-->}[</script>]"),
            ("<textarea><b></textarea>", "(<textarea>){<b>}[</textarea>]"),
            ("<title>a<!--</title>", "(<title>){a<!--}[</title>]"),
        ];
        for (html, expected) in cases {
            assert_eq!(shown(html).as_deref(), Ok(expected), "{html}");
        }
    }

    #[test]
    fn what_is_unclear_says_where() {
        let cases = [
            ("a<b", 1),
            ("<a b='>", 0),
            (".<!-- x", 1),
            (".<!-->", 1),
            (".<!--->", 1),
            ("<!-- a --!> -->", 0),
            ("<!x", 0),
            ("<script>x", 8),
            ("<textarea></textareas>", 10),
            ("<script><!--<script></script>", 8),
            ("<![CDATA[x]]>", 0),
            ("<plaintext>", 0),
        ];
        for (html, at) in cases {
            assert_eq!(shown(html), Err(Unclear(at)), "{html}");
        }
    }
}
