//! Where a tag ends and what its attributes are: HTML §13.2.5.8 and §13.2.5.32 to 40.
//!
//! Ranges of the page, no copies. Total: a tag in whose middle the page ends has no end.

use std::ops::Range;

/// HTML's blanks: tab, line feed, form feed, carriage return, space.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// An attribute as it is written. The value is without its quotation marks and empty where there is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Attribute {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// How a tag ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct End {
    /// The byte after `>`.
    pub(crate) at: usize,
    /// `/>`.
    pub(crate) self_closing: bool,
}

/// The end of a tag's name that begins at `start`.
pub(crate) fn name_end(html: &[u8], start: usize) -> usize {
    let rest = html.get(start..).unwrap_or_default();
    rest.iter()
        .position(|&b| is_blank(b) || b == b'/' || b == b'>')
        .map_or(html.len(), |length| start + length)
}

/// Goes through a tag's attributes, from behind its name.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    html: &'a [u8],
    at: usize,
    end: Option<End>,
}

impl<'a> Attributes<'a> {
    pub(crate) const fn new(html: &'a [u8], name_end: usize) -> Self {
        Self { html, at: name_end, end: None }
    }

    fn byte(&self) -> Option<u8> {
        self.html.get(self.at).copied()
    }

    /// Goes on to the first byte that fits, or the end of the page.
    fn skip_to(&mut self, fits: impl Fn(u8) -> bool) {
        let rest = self.html.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|&b| fits(b)).unwrap_or(rest.len());
    }

    /// Goes through what is left. `None` where the page ends inside the tag.
    pub(crate) fn finish(mut self) -> Option<End> {
        while self.next().is_some() {}
        self.end
    }

    /// The tag's end, once there are no more attributes.
    pub(crate) const fn end(&self) -> Option<End> {
        self.end
    }

    /// HTML §13.2.5.32 and 40: what precedes a name. False where the tag or the page has ended.
    fn find_name(&mut self) -> bool {
        let mut slash = false;
        while let Some(byte) = self.byte() {
            match byte {
                b'>' => {
                    self.at += 1;
                    self.end = Some(End { at: self.at, self_closing: slash });
                    return false;
                }
                b'/' => slash = true,
                byte if is_blank(byte) => slash = false,
                _ => return true,
            }
            self.at += 1;
        }
        false
    }

    /// HTML §13.2.5.33: a name ends at a blank, `/`, `>` or `=`; an `=` that it begins with belongs to it.
    fn read_name(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += 1;
        self.skip_to(|b| is_blank(b) || matches!(b, b'/' | b'>' | b'='));
        start..self.at
    }

    /// HTML §13.2.5.34 to 38. `None` where the page ends inside the value.
    fn read_value(&mut self) -> Option<Range<usize>> {
        let name_end = self.at;
        self.skip_to(|b| !is_blank(b));
        if self.byte() != Some(b'=') {
            return Some(name_end..name_end);
        }
        self.at += 1;
        self.skip_to(|b| !is_blank(b));
        match self.byte()? {
            quote @ (b'"' | b'\'') => {
                let start = self.at + 1;
                let length = memchr::memchr(quote, self.html.get(start..)?)?;
                self.at = start + length + 1;
                Some(start..start + length)
            }
            b'>' => Some(self.at..self.at),
            _ => {
                let start = self.at;
                self.skip_to(|b| is_blank(b) || b == b'>');
                Some(start..self.at)
            }
        }
    }
}

impl Iterator for Attributes<'_> {
    type Item = Attribute;

    fn next(&mut self) -> Option<Attribute> {
        if self.end.is_some() || !self.find_name() {
            return None;
        }
        let name = self.read_name();
        if let Some(value) = self.read_value() {
            return Some(Attribute { name, value });
        }
        self.at = self.html.len();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Attributes, name_end};

    type Named<'a> = (&'a str, &'a str);
    type End = Option<(usize, bool)>;

    fn read(tag: &str) -> (Vec<Named<'_>>, End) {
        let text = |range| tag.get(range).expect("of the tag");
        let mut attributes = Attributes::new(tag.as_bytes(), name_end(tag.as_bytes(), 1));
        let read = attributes.by_ref().map(|a| (text(a.name), text(a.value))).collect();
        (read, attributes.end().map(|end| (end.at, end.self_closing)))
    }

    #[test]
    fn attributes_are_read_in_every_spelling() {
        let cases: [(&str, &[Named<'_>], End); 16] = [
            ("<a>", &[], Some((3, false))),
            ("<a/>", &[], Some((4, true))),
            ("<a / >", &[], Some((6, false))),
            ("<a b>", &[("b", "")], Some((5, false))),
            ("<a b=c>", &[("b", "c")], Some((7, false))),
            ("<a b=c/>", &[("b", "c/")], Some((8, false))),
            ("<a b = \"c>d\"e='f'/>", &[("b", "c>d"), ("e", "f")], Some((19, true))),
            ("<a\n\tB='\"'\r>", &[("B", "\"")], Some((11, false))),
            ("<a b=>", &[("b", "")], Some((6, false))),
            ("<a =b>", &[("=b", "")], Some((6, false))),
            ("<a =b=c>", &[("=b", "c")], Some((8, false))),
            ("<a/b/c=d>", &[("b", ""), ("c", "d")], Some((9, false))),
            ("<a b c>", &[("b", ""), ("c", "")], Some((7, false))),
            ("<a b=\"c", &[], None),
            ("<a b=", &[], None),
            ("<a b=c", &[("b", "c")], None),
        ];
        for (tag, attributes, end) in cases {
            assert_eq!(read(tag), (attributes.to_vec(), end), "{tag}");
        }
    }
}
