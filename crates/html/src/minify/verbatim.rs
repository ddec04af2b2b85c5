//! Elements whose inside stays as it is, and where they end.
//!
//! Blanks are seen in `pre` and `listing`, nearly always in `code`, `kbd` and `samp`, and where the page itself says so by
//! `style`, `class` or `contenteditable`. In an element with a hyphen in its name (a custom one) nobody knows. `template`,
//! `svg`, `math` and `noscript` are read by other rules than the rest. Style sheets elsewhere can't be seen from here.
//!
//! Ends are found by reading on. That is right as long as inside every element is closed before what it is in; where they are
//! not the page is unclear.

use crate::page::{Piece, Pieces, Tag, Unclear, is_raw};
use crate::tag::is_blank;

/// What becomes of an element's inside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verbatim {
    /// It is made smaller like the rest.
    No,
    /// It stays, to the end tag.
    Element,
    /// It stays, to the end tag as browsers see it that run scripts: `noscript`.
    WithoutScripts,
}

const ELEMENTS: [&[u8]; 8] =
    [b"pre", b"listing", b"code", b"kbd", b"samp", b"template", b"svg", b"math"];

/// HTML §13.1.2: elements without an inside.
const VOID: [&[u8]; 18] = [
    b"area",
    b"base",
    b"basefont",
    b"bgsound",
    b"br",
    b"col",
    b"embed",
    b"frame",
    b"hr",
    b"img",
    b"input",
    b"keygen",
    b"link",
    b"meta",
    b"param",
    b"source",
    b"track",
    b"wbr",
];

/// HTML §13.1.2.4: elements whose end tag may be missing.
const OPTIONAL: [&[u8]; 14] = [
    b"dd",
    b"dt",
    b"li",
    b"optgroup",
    b"option",
    b"p",
    b"rp",
    b"rt",
    b"tbody",
    b"td",
    b"tfoot",
    b"th",
    b"thead",
    b"tr",
];

/// Elements in each other, inside of one that stays as it is. Deeper than this nobody nests what is to be read.
const DEPTH_MAX: usize = 256;

/// HTML §13.2.6.5: elements that end foreign content, whatever is still open.
const NOT_FOREIGN: [&[u8]; 44] = [
    b"b",
    b"big",
    b"blockquote",
    b"body",
    b"br",
    b"center",
    b"code",
    b"dd",
    b"div",
    b"dl",
    b"dt",
    b"em",
    b"embed",
    b"font",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"head",
    b"hr",
    b"i",
    b"img",
    b"li",
    b"listing",
    b"menu",
    b"meta",
    b"nobr",
    b"ol",
    b"p",
    b"pre",
    b"ruby",
    b"s",
    b"small",
    b"span",
    b"strong",
    b"strike",
    b"sub",
    b"sup",
    b"table",
    b"tt",
    b"u",
    b"ul",
];

fn is_one_of(name: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether an element begins SVG or `MathML`.
fn is_foreign(name: &[u8]) -> bool {
    is_one_of(name, &[b"svg", b"math"])
}

/// What becomes of the inside of the element that `tag` begins.
pub(super) fn look(html: &[u8], tag: &Tag) -> Result<Verbatim, Unclear> {
    let name = html.get(tag.name.clone()).unwrap_or_default();
    if name.eq_ignore_ascii_case(b"frameset") {
        return Err(Unclear(tag.all.start));
    }
    if name.eq_ignore_ascii_case(b"style") {
        return style_sheet(html, tag);
    }
    if name.eq_ignore_ascii_case(b"noscript") {
        return Ok(Verbatim::WithoutScripts);
    }
    if is_foreign(name) && tag.self_closing || is_one_of(name, &VOID) || is_raw(name) {
        return Ok(Verbatim::No);
    }
    let custom = memchr::memchr(b'-', name).is_some();
    let shows = custom || is_one_of(name, &ELEMENTS) || shows_blanks(html, tag);
    Ok(if shows { Verbatim::Element } else { Verbatim::No })
}

/// A style sheet in the page that makes blanks visible makes everything a doubt.
fn style_sheet(html: &[u8], tag: &Tag) -> Result<Verbatim, Unclear> {
    let rest = html.get(tag.all.end..).unwrap_or_default();
    // The next piece is the sheet, to the first `</`: no style sheet has one inside.
    let end = memchr::memmem::find(rest, b"</").unwrap_or(rest.len());
    let sheet = rest.get(..end).unwrap_or_default();
    if makes_blanks_visible(sheet) { Err(Unclear(tag.all.start)) } else { Ok(Verbatim::No) }
}

/// Whether CSS says `white-space` or `white-space-collapse` with a value that keeps blanks, or one that nobody knows.
fn makes_blanks_visible(css: &[u8]) -> bool {
    const PROPERTY: &[u8] = b"white-space";
    memchr::memchr2_iter(b'w', b'W', css).any(|at| {
        let rest = css.get(at..).unwrap_or_default();
        if !rest.get(..PROPERTY.len()).is_some_and(|p| p.eq_ignore_ascii_case(PROPERTY)) {
            return false;
        }
        // Values are short; where there is no end the sheet is read on for a little only.
        let rest = rest.get(PROPERTY.len()..rest.len().min(96)).unwrap_or_default();
        let value = rest.split(|b| matches!(b, b';' | b'}')).next().unwrap_or_default();
        [&b"pre"[..], b"break-spaces", b"var("].iter().any(|word| contains(value, word))
    })
}

/// Whether `text` has `word`, which is in lower case, in any case.
fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Whether the tag's attributes say that blanks inside are seen or edited.
fn shows_blanks(html: &[u8], tag: &Tag) -> bool {
    tag.attributes(html).any(|attribute| {
        let name = html.get(attribute.name).unwrap_or_default();
        let value = html.get(attribute.value).unwrap_or_default();
        let has = |word: &[u8]| contains(value, word);
        match name.to_ascii_lowercase().as_slice() {
            b"style" => has(b"white-space"),
            b"class" => {
                has(b"whitespace")
                    || has(b"pre-")
                    || has(b"prewrap")
                    || has(b"preformatted")
                    || has(b"prettyprint")
                    || value.split(|&b| is_blank(b)).any(|class| class.eq_ignore_ascii_case(b"pre"))
            }
            b"contenteditable" | b"xml:space" => true,
            _ => false,
        }
    })
}

/// Where the element that `tag` begins ends. `pieces` has just read `tag`, and goes on behind its end tag.
pub(super) fn end(html: &[u8], tag: &Tag, pieces: &mut Pieces<'_>) -> Result<usize, Unclear> {
    let unclear = Unclear(tag.all.start);
    let mut open = Open::new(html, tag);
    while let Some(piece) = pieces.next()? {
        match piece {
            Piece::Start(inner) => open.start(&inner).ok_or(unclear)?,
            Piece::End(inner) => {
                if open.end(&inner).ok_or(unclear)? {
                    return Ok(inner.all.end);
                }
            }
            // Raw text to HTML, ordinary content to SVG: the same as long as there is no markup in it.
            Piece::Raw(range) if open.foreign.is_some() => {
                if memchr::memchr(b'<', html.get(range).unwrap_or_default()).is_some() {
                    return Err(unclear);
                }
            }
            Piece::Raw(_) | Piece::Text(_) | Piece::Comment(_) | Piece::Other(_) => {}
        }
    }
    Err(unclear)
}

/// The elements that are open, the outermost first. HTML §13.2.6.4.7 has an end tag do nothing, or more than was meant, where
/// others are open inside; so they have to be closed in their order.
struct Open<'a> {
    html: &'a [u8],
    names: Vec<&'a [u8]>,
    /// How many are open outside of the SVG or `MathML` that is being read. There `/>` ends an element.
    foreign: Option<usize>,
}

impl<'a> Open<'a> {
    fn new(html: &'a [u8], tag: &Tag) -> Self {
        let name = html.get(tag.name.clone()).unwrap_or_default();
        Self { html, names: vec![name], foreign: is_foreign(name).then_some(0) }
    }

    /// `None` where it is unclear what is inside of what from here on.
    fn start(&mut self, tag: &Tag) -> Option<()> {
        let name = self.html.get(tag.name.clone())?;
        let foreign = self.foreign.is_some();
        let empty = tag.self_closing && (foreign || is_foreign(name));
        // What is empty as SVG is, as HTML, the beginning of raw text.
        let misread = foreign && is_one_of(name, &NOT_FOREIGN) || empty && is_raw(name);
        if misread || name.eq_ignore_ascii_case(b"noscript") || self.names.len() > DEPTH_MAX {
            return None;
        }
        if !empty && (foreign || !is_one_of(name, &VOID)) {
            if is_foreign(name) {
                self.foreign.get_or_insert(self.names.len());
            }
            self.names.push(name);
        }
        Some(())
    }

    /// Whether the outermost is closed.
    fn end(&mut self, tag: &Tag) -> Option<bool> {
        let name = self.html.get(tag.name.clone())?;
        let mut skipped = false;
        while let Some(last) = self.names.pop() {
            if last.eq_ignore_ascii_case(name) {
                let closed = self.names.is_empty();
                self.foreign = self.foreign.filter(|&outside| outside < self.names.len());
                // Only a template ends whatever is open in it.
                let clear = !closed || !skipped || name.eq_ignore_ascii_case(b"template");
                return clear.then_some(closed);
            }
            if !is_one_of(last, &OPTIONAL) {
                return None;
            }
            skipped = true;
        }
        None
    }
}

/// Where the inside of a `noscript` ends for those who run scripts: at its first end tag, whatever is before.
pub(super) fn end_of_noscript(html: &[u8], tag: &Tag) -> Result<usize, Unclear> {
    const NAME: &[u8] = b"</noscript";
    let rest = html.get(tag.all.end..).unwrap_or_default();
    let ends = |&at: &usize| {
        let after = rest.get(at..).unwrap_or_default();
        let named = after.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
        named && after.get(NAME.len()).is_some_and(|&b| is_blank(b) || matches!(b, b'/' | b'>'))
    };
    let end = memchr::memchr_iter(b'<', rest).find(ends).ok_or(Unclear(tag.all.start))?;
    Ok(tag.all.end + end)
}
