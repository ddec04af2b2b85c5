//! Where a page of Django's has the tokens of the visitor it was made for.
//!
//! 1. The fields: `<input name=csrfmiddlewaretoken>` and `<meta name="csrf-token">`. What they hold has to be a token, all of
//!    one secret. Where there is no field, a token right behind one of Django's names will do: `hx-headers`, scripts.
//! 2. With the secret, every other token of it is known wherever it stands: in attributes, scripts, comments. A token is
//!    letters and digits, so another one fits wherever it stood.
//!
//! What holds then: outside of the holes no token of that visitor is left. Whatever else looks like a token, or is the secret
//! itself, is a [`Doubt`].

use std::error::Error;
use std::fmt;
use std::ops::Range;

use memchr::memmem;

use super::secret::{SECRET_LENGTH, TOKEN_LENGTH, secret_of_token, stands_for};
use crate::limits::GAP_BYTES_MAX;
use crate::page::{Piece, Pieces, Tag};
use crate::tokens::Scanner;
use crate::{entity, scan};

/// Bytes of a page that are replaced for every visitor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hole {
    /// The first byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
    /// By what.
    pub kind: HoleKind,
}

/// What belongs into a hole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HoleKind {
    /// A token of the visitor's secret, [`TOKEN_LENGTH`] letters and digits.
    CsrfToken,
}

/// Why a page with tokens can't be shared. `at` is a byte of the page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Doubt {
    /// A token's field holds what is no token of Django's.
    NotDjango {
        /// Where the tag begins.
        at: usize,
    },
    /// Something is left that looks like a token and is none of the page's secret, or is the secret itself.
    Elsewhere,
    /// The tokens are of two secrets: of two visitors, or of two systems.
    TwoSecrets {
        /// Where the tag with the second begins.
        at: usize,
    },
    /// The page has tokens and can't be read with certainty.
    Unclear {
        /// From here on.
        at: usize,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotDjango { at } => {
                write!(
                    f,
                    "the tag at byte {at} should have a token of Django's and has something else"
                )
            }
            Self::Elsewhere => f.write_str(
                "the page has a token, or a secret, that can't be replaced with certainty",
            ),
            Self::TwoSecrets { at } => {
                write!(f, "the tag at byte {at} has a token of another secret than those before it")
            }
            Self::Unclear { at } => {
                write!(
                    f,
                    "the page has tokens, and its markup can't be read with certainty from byte {at} on"
                )
            }
        }
    }
}

impl Error for Doubt {}

/// The holes of a page, in order, not overlapping. None: a page without tokens.
///
/// # Errors
/// When there is, or may be, a token that is not in a hole.
pub fn csrf_holes(html: &[u8]) -> Result<Vec<Hole>, Doubt> {
    // Most pages have none, and then it does not matter how well they are written.
    if scan(html).is_none() {
        return Ok(Vec::new());
    }
    let (mut ranges, secret) = fields(html)?;
    let Some(secret) = secret.or_else(|| named(html)) else { return Err(Doubt::Elsewhere) };
    let others: Vec<_> =
        between(html, &ranges).flat_map(|gap| tokens_of(html, gap, &secret)).collect();
    ranges.extend(others);
    ranges.sort_unstable_by_key(|range| range.start);
    let mut rest = Scanner::new();
    for gap in between(html, &ranges) {
        let bytes = html.get(gap).unwrap_or_default();
        rest.push(bytes);
        rest.hole();
        if memmem::find(bytes, &secret).is_some() {
            return Err(Doubt::Elsewhere);
        }
    }
    if rest.found().is_some() {
        return Err(Doubt::Elsewhere);
    }
    let hole = |range: Range<usize>| Hole {
        start: range.start,
        end: range.end,
        kind: HoleKind::CsrfToken,
    };
    Ok(ranges.into_iter().map(hole).collect())
}

type Secret = [u8; SECRET_LENGTH];

/// The tokens in fields, and their secret.
fn fields(html: &[u8]) -> Result<(Vec<Range<usize>>, Option<Secret>), Doubt> {
    let (mut ranges, mut secret) = (Vec::new(), None);
    let mut pieces = Pieces::new(html);
    while let Some(piece) = pieces.next().map_err(|unclear| Doubt::Unclear { at: unclear.0 })? {
        let Piece::Start(tag) = piece else { continue };
        let Some(range) = token(html, &tag).filter(|range| !range.is_empty()) else { continue };
        let at = tag.all.start;
        let text = html.get(range.clone()).unwrap_or_default();
        let found = secret_of_token(text).ok_or(Doubt::NotDjango { at })?;
        if secret.replace(found).is_some_and(|before| before != found) {
            return Err(Doubt::TwoSecrets { at });
        }
        ranges.push(range);
    }
    Ok((ranges, secret))
}

/// The secret of the first token that stands right behind one of Django's names.
fn named(html: &[u8]) -> Option<Secret> {
    const NAMES: [&[u8]; 2] = [b"x-csrftoken", b"csrfmiddlewaretoken"];
    let behind = |at: usize| {
        let name = NAMES.iter().find(|name| {
            html.get(at..at + name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name))
        })?;
        let near = html.get(at + name.len()..)?;
        let near = near.get(..near.len().min(GAP_BYTES_MAX + TOKEN_LENGTH + 1))?;
        let mut runs = near.split(|b| !b.is_ascii_alphanumeric());
        runs.find(|run| run.len() == TOKEN_LENGTH).and_then(secret_of_token)
    };
    let (xs, cs) = (memchr::memchr2_iter(b'x', b'X', html), memchr::memchr2_iter(b'c', b'C', html));
    xs.chain(cs).find_map(behind)
}

/// The tokens of `secret` in a part of the page.
fn tokens_of(html: &[u8], part: Range<usize>, secret: &Secret) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = part.start;
    while at + TOKEN_LENGTH <= part.end {
        let window = at..at + TOKEN_LENGTH;
        if html.get(window.clone()).is_some_and(|bytes| stands_for(bytes, secret)) {
            at = window.end;
            found.push(window);
        } else {
            at += 1;
        }
    }
    found
}

/// Where a tag has a token, if it is one that has.
fn token(html: &[u8], tag: &Tag) -> Option<Range<usize>> {
    let element = html.get(tag.name.clone())?;
    let (wanted, input): (&[u8], _) = match () {
        () if element.eq_ignore_ascii_case(b"input") => (b"value", true),
        () if element.eq_ignore_ascii_case(b"meta") => (b"content", false),
        () => return None,
    };
    let (mut named, mut value) = (None, None);
    for attribute in tag.attributes(html) {
        let name = html.get(attribute.name)?;
        // HTML §13.2.5.33: of two attributes of one name the first counts.
        if name.eq_ignore_ascii_case(b"name") && named.is_none() {
            let name = entity::decode(html.get(attribute.value)?);
            named = Some(match input {
                true => name.as_ref() == b"csrfmiddlewaretoken",
                false => name.eq_ignore_ascii_case(b"csrf-token"),
            });
        } else if name.eq_ignore_ascii_case(wanted) && value.is_none() {
            value = Some(attribute.value);
        }
    }
    value.filter(|_| named == Some(true))
}

/// What is before, between and behind some parts of the page, which are in order.
fn between(html: &[u8], parts: &[Range<usize>]) -> impl Iterator<Item = Range<usize>> {
    let starts = std::iter::once(0).chain(parts.iter().map(|part| part.end));
    let ends = parts.iter().map(|part| part.start).chain([html.len()]);
    starts.zip(ends).map(|(start, end)| start..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Doubt, csrf_holes};
    use crate::browser::tokens;
    use crate::{mask, new_secret};

    fn token(number: u8) -> String {
        String::from_utf8(mask(&new_secret(&[7; 32]), &[number; 32]).to_vec()).expect("letters")
    }

    /// The page with its tokens in it.
    fn written(page: &str) -> String {
        let secret = String::from_utf8(new_secret(&[7; 32]).to_vec()).expect("letters");
        let other = String::from_utf8(mask(&new_secret(&[8; 32]), &[1; 32]).to_vec());
        page.replace("@1", &token(1))
            .replace("@2", &token(2))
            .replace("@s", &secret)
            .replace("@o", &other.expect("letters"))
    }

    /// The page with its holes as `_`. `@1` is a token, `@2` another of the same secret, `@s` the secret, `@o` a token of
    /// another secret.
    fn holed(page: &str) -> Result<String, Doubt> {
        let page = written(page);
        let (mut shown, mut last) = (String::new(), 0);
        for hole in csrf_holes(page.as_bytes())? {
            shown = shown + page.get(last..hole.start).expect("in order") + "_";
            last = hole.end;
        }
        Ok(shown + page.get(last..).expect("in the page"))
    }

    #[test]
    fn tokens_become_holes() {
        let cases = [
            ("", ""),
            ("<p>no form", "<p>no form"),
            (
                "<form><input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"@1\"></form>",
                "<form><input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"_\"></form>",
            ),
            (
                "<INPUT VALUE=@1 NAME=csrfmiddlewaretoken><p>",
                "<INPUT VALUE=_ NAME=csrfmiddlewaretoken><p>",
            ),
            (
                "<input name=csrfmiddlewaretoken value='@s'>",
                "<input name=csrfmiddlewaretoken value='_'>",
            ),
            (
                "<meta name=CSRF-Token content=\"@1\"><input name='csrfmiddlewaretoken' value='@2'/>",
                "<meta name=CSRF-Token content=\"_\"><input name='csrfmiddlewaretoken' value='_'/>",
            ),
            (
                "<input name=csrfmiddlewaretoken value=@1><input name=csrfmiddlewaretoken value=@1>",
                "<input name=csrfmiddlewaretoken value=_><input name=csrfmiddlewaretoken value=_>",
            ),
            (
                "<input name=csrfmiddlewaretoken value=''><script>'never closed",
                "<input name=csrfmiddlewaretoken value=''><script>'never closed",
            ),
            (
                "<button name=csrfmiddlewaretoken value=@1>",
                "<button name=csrfmiddlewaretoken value=_>",
            ),
            (
                "<input name=csrfmiddlewaretoken value=@1 value=@2>",
                "<input name=csrfmiddlewaretoken value=_ value=_>",
            ),
            (
                "<body hx-headers='{\"X-CSRFToken\": \"@1\"}'>",
                "<body hx-headers='{\"X-CSRFToken\": \"_\"}'>",
            ),
            (
                "<body hx-headers=\"{&quot;X-CSRFToken&quot;: &quot;@1&quot;}\">",
                "<body hx-headers=\"{&quot;X-CSRFToken&quot;: &quot;_&quot;}\">",
            ),
            (
                "<script>x = {csrfmiddlewaretoken: '@1'}; y = '@2'</script>",
                "<script>x = {csrfmiddlewaretoken: '_'}; y = '_'</script>",
            ),
            (
                "<p id=@2><input name=csrfmiddlewaretoken value=@1><!-- 22@2@1 -->",
                "<p id=_><input name=csrfmiddlewaretoken value=_><!-- 22__ -->",
            ),
            (
                "<input name=csrfmiddlewaretoken value=@1 id=x>",
                "<input name=csrfmiddlewaretoken value=_ id=x>",
            ),
            (
                "<template><input name=csrfmiddlewaretoken value=@1></template>",
                "<template><input name=csrfmiddlewaretoken value=_></template>",
            ),
            (
                "<script>t = getCookie('csrftoken')</script><input name=csrfmiddlewaretoken value=@1>",
                "<script>t = getCookie('csrftoken')</script><input name=csrfmiddlewaretoken value=_>",
            ),
        ];
        for (page, expected) in cases {
            assert_eq!(holed(page).as_deref(), Ok(expected), "{page}");
        }
    }

    #[test]
    fn a_token_that_stays_is_a_doubt() {
        let field = "<input name=csrfmiddlewaretoken value=@1>";
        let not_django = Doubt::NotDjango { at: 0 };
        let cases = [
            ("<input name=csrfmiddlewaretoken value=short>", not_django),
            ("<input name=csrfmiddlewaretoken value='@1 '>", not_django),
            ("<input name=csrfmiddlewaretoken value=@1x>", not_django),
            ("<meta name=csrf-token content=\"a/b+c==\">", not_django),
            ("<input name=authenticity_token value=@1>", Doubt::Elsewhere),
            ("<script>x = {csrfToken: '@1'}</script>", Doubt::Elsewhere),
            ("<script>x = {csrfmiddlewaretoken: '@s'}</script>", Doubt::Elsewhere),
            ("<a href='/?x-csrftoken=%22@1%22'>", Doubt::Elsewhere),
            ("{}<script>x = {'X-CSRFToken': '@o'}</script>", Doubt::Elsewhere),
            ("{}<input name=_token value=x>", Doubt::Elsewhere),
            ("<i id=@s></i>{}", Doubt::Elsewhere),
            ("<input name=csrfmiddlewaretoken value=@1><script>", Doubt::Unclear { at: 111 }),
        ];
        for (page, doubt) in cases {
            assert_eq!(holed(&page.replace("{}", field)), Err(doubt), "{page}");
        }
        let two = format!("{field}<input name=csrfmiddlewaretoken value=@o>");
        assert_eq!(holed(&two), Err(Doubt::TwoSecrets { at: 103 }));
    }

    /// Pages with fields, well written and not.
    fn page() -> impl Strategy<Value = String> {
        let pieces = [
            "<input name=csrfmiddlewaretoken value=",
            "<input value='@1' name=\"csrfmiddlewaretoken\">",
            "<meta name=csrf-token content=\"",
            "@1",
            "@2",
            "@s",
            "@o",
            "\"",
            ">",
            "'",
            " ",
            "<p title=\"",
            "<script>",
            "</script>",
            "<!--",
            "-->",
            "<template>",
            "</template>",
            "x",
            "<textarea>",
            "</textarea>",
            "<svg><title>",
            "</title></svg>",
            "<noscript>",
            "</noscript>",
            "&#64;",
            "<table><tr>",
            "<select>",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..16).prop_map(|p| p.concat())
    }

    proptest! {
        #[test]
        fn a_browser_sees_a_new_token_in_every_field(page in page()) {
            let page = written(&page);
            if let Ok(holes) = csrf_holes(page.as_bytes()) {
                let new = "n".repeat(64);
                let mut filled = page.clone();
                for hole in holes.iter().rev() {
                    filled.replace_range(hole.start..hole.end, &new);
                }
                for scripts in [true, false] {
                    let before = tokens(page.as_bytes(), scripts);
                    let after = tokens(filled.as_bytes(), scripts);
                    prop_assert_eq!(after.len(), before.len(), "{}", page);
                    prop_assert!(after.iter().all(|token| *token == new), "{} {:?}", page, after);
                }
            }
        }

        #[test]
        fn behind_the_holes_no_token_of_the_secret_is_left(pieces in prop::collection::vec(prop::sample::select(vec![
            "<input name=csrfmiddlewaretoken value=", "<meta name=csrf-token content=\"", "@1", "@2", "@s ", "\"", ">", "'",
            "<script>", "</script>", "<!--", "-->", "x", " ", "<p title=", "/", "%2B",
        ]), 0..24)) {
            let page = pieces.concat();
            if let Ok(shown) = holed(&page) {
                let with_secret = |text: &str| shown.contains(text);
                let secret = String::from_utf8(new_secret(&[7; 32]).to_vec()).expect("letters");
                // A page without a field has no secret that could be known.
                if shown != page.replace("@1", &token(1)).replace("@2", &token(2)).replace("@s", &secret) {
                    prop_assert!(!with_secret(&token(1)) && !with_secret(&token(2)) && !with_secret(&secret));
                }
            }
        }
    }
}
