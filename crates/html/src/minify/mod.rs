//! A page with less of what nobody sees: blanks between tags, and comments.
//!
//! What is done is little, so that it can't be wrong: where there are only blanks between two tags, one stays, since it may
//! separate words, and since scripts may count on there being a text; comments that people wrote for people go, those that
//! may mean something to a program stay ([`comment`]). Text with a letter in it, tags and attributes stay as they are, to the
//! byte. So does the inside of elements whose blanks may be seen or whose content isn't plain HTML ([`verbatim`]).
//!
//! Of any doubt the whole page stays as it is: markup that ends in the middle of something, encodings where a byte need not be
//! the character that ASCII says, style sheets in the page that make blanks visible.

mod comment;
mod encoding;
mod verbatim;

pub use encoding::is_readable_charset;

use crate::page::{Piece, Pieces, Tag, Unclear};
use crate::tag::is_blank;
use verbatim::Verbatim;

/// `html`, a page of the media type `text/html` in a readable charset ([`is_readable_charset`]), with fewer bytes. `None`
/// where nothing is to be gained and where there is any doubt.
///
/// It takes time in proportion to the page. What it makes, it leaves as it is.
#[must_use]
pub fn minify(html: &[u8]) -> Option<Vec<u8>> {
    if !encoding::is_plain(html) {
        return None;
    }
    let smaller = write(html).ok()?;
    (smaller.len() < html.len()).then_some(smaller)
}

/// The page as it would be written.
fn write(html: &[u8]) -> Result<Vec<u8>, Unclear> {
    let mut writer = Writer {
        html,
        pieces: Pieces::new(html),
        written: Vec::with_capacity(html.len()),
        text: 0,
        blank: true,
    };
    while let Some(piece) = writer.pieces.next()? {
        match piece {
            Piece::Text(range) => {
                let text = html.get(range.clone()).unwrap_or_default();
                writer.blank &= is_blank_text(text);
                writer.copy(range.start, range.end);
            }
            Piece::Comment(range) => {
                if !writer.may_go(range.start, range.end) {
                    writer.markup(range.start, range.end);
                }
            }
            Piece::Raw(range) => writer.markup(range.start, range.end),
            Piece::End(tag) => writer.markup(tag.all.start, tag.all.end),
            Piece::Other(range) => writer.markup(range.start, range.end),
            Piece::Start(tag) => writer.start(&tag)?,
        }
    }
    writer.end_text();
    Ok(writer.written)
}

fn is_blank_text(text: &[u8]) -> bool {
    text.iter().all(|&b| is_blank(b))
}

struct Writer<'a> {
    html: &'a [u8],
    pieces: Pieces<'a>,
    written: Vec<u8>,
    /// Where in `written` the text begins that is being written: behind the last tag.
    text: usize,
    /// Whether that text is nothing but blanks so far.
    blank: bool,
}

impl Writer<'_> {
    fn copy(&mut self, start: usize, end: usize) {
        self.written.extend_from_slice(self.html.get(start..end).unwrap_or_default());
    }

    fn markup(&mut self, start: usize, end: usize) {
        self.end_text();
        self.copy(start, end);
        (self.text, self.blank) = (self.written.len(), true);
    }

    /// Of a text that is nothing but blanks one stays: a line's end where there was one.
    fn end_text(&mut self) {
        let Some(text) = self.written.get(self.text..) else { return };
        if text.len() > 1 && self.blank {
            let line = text.iter().any(|&b| matches!(b, b'\n' | b'\r'));
            self.written.truncate(self.text);
            self.written.push(if line { b'\n' } else { b' ' });
        }
    }

    /// Whether a comment may go: not where text on both sides would grow together. `<` and `b>` might become a tag, `&am` and
    /// `p;` a letter, and blanks in a table go elsewhere than text does.
    fn may_go(&self, start: usize, end: usize) -> bool {
        let content = self.html.get(start + 4..end.saturating_sub(3)).unwrap_or_default();
        let left_is_empty = self.written.len() == self.text;
        let right = match self.pieces.clone().next() {
            Ok(Some(Piece::Text(range))) => self.html.get(range).unwrap_or_default(),
            _ => &[],
        };
        let apart = left_is_empty || right.is_empty() || self.blank && is_blank_text(right);
        apart && comment::is_for_people(content)
    }

    fn start(&mut self, tag: &Tag) -> Result<(), Unclear> {
        self.markup(tag.all.start, tag.all.end);
        match verbatim::look(self.html, tag)? {
            Verbatim::No => {}
            Verbatim::Element => {
                let end = verbatim::end(self.html, tag, &mut self.pieces)?;
                self.markup(tag.all.end, end);
            }
            Verbatim::WithoutScripts => {
                let end = verbatim::end_of_noscript(self.html, tag)?;
                // Read as HTML by those who run no scripts, and as one piece by the others: it has to end for both.
                write(self.html.get(tag.all.end..end).unwrap_or_default())?;
                self.pieces.go_on(end);
                self.markup(tag.all.end, end);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
