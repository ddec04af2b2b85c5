//! Where a page of Django's has the token of the visitor it was made for.
//!
//! A hole is found only where it is certain: the value of `<input name=csrfmiddlewaretoken>` and the content of
//! `<meta name="csrf-token">`. What holds then: behind the holes no token of that visitor is left. Either nothing else in the
//! page looks like a token, and nothing else in it stands for the same secret, or the page is in [`Doubt`].

use std::error::Error;
use std::fmt;
use std::ops::Range;

use memchr::memmem;

use super::secret::{SECRET_LENGTH, TOKEN_LENGTH, secret_of_token, stands_for};
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
    /// There is a token elsewhere than in a field or `<meta>`: in a script, an attribute, a comment.
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
                "a token stands in a script, an attribute or a comment, where it can't be replaced",
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
    let mut holes = Vec::new();
    let mut secret = None;
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
        holes.push(Hole { start: range.start, end: range.end, kind: HoleKind::CsrfToken });
    }
    let mut rest = Scanner::new();
    for part in between(html, &holes) {
        rest.push(part);
        if secret.is_some_and(|secret| reveals(part, &secret)) {
            return Err(Doubt::Elsewhere);
        }
    }
    if rest.found().is_some() { Err(Doubt::Elsewhere) } else { Ok(holes) }
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

/// What is before, between and behind the holes.
fn between<'a>(html: &'a [u8], holes: &[Hole]) -> impl Iterator<Item = &'a [u8]> {
    let starts = std::iter::once(0).chain(holes.iter().map(|hole| hole.end));
    let ends = holes.iter().map(|hole| hole.start).chain([html.len()]);
    starts.zip(ends).map(|(start, end)| html.get(start..end).unwrap_or_default())
}

/// Whether some bytes are this secret, or a token of it.
fn reveals(bytes: &[u8], secret: &[u8; SECRET_LENGTH]) -> bool {
    memmem::find(bytes, secret).is_some()
        || bytes.windows(TOKEN_LENGTH).any(|window| stands_for(window, secret))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Doubt, csrf_holes};
    use crate::{mask, new_secret};

    fn token(number: u8) -> String {
        String::from_utf8(mask(&new_secret(&[7; 32]), &[number; 32]).to_vec()).expect("letters")
    }

    /// The page with its holes as `_`. `@1` is a token, `@2` another of the same secret, `@s` the secret, `@o` a token of
    /// another secret.
    fn holed(page: &str) -> Result<String, Doubt> {
        let secret = String::from_utf8(new_secret(&[7; 32]).to_vec()).expect("letters");
        let other =
            String::from_utf8(mask(&new_secret(&[8; 32]), &[1; 32]).to_vec()).expect("letters");
        let page = page
            .replace("@1", &token(1))
            .replace("@2", &token(2))
            .replace("@s", &secret)
            .replace("@o", &other);
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
            ("<button name=csrfmiddlewaretoken value=@1>", Doubt::Elsewhere),
            ("<input name=CSRFMIDDLEWARETOKEN value=@1>", Doubt::Elsewhere),
            ("<input name=csrfmiddlewaretoken value=@1 value=@2>", Doubt::Elsewhere),
            ("<input name=authenticity_token value=@1>", Doubt::Elsewhere),
            ("<script>x = {csrfmiddlewaretoken: '@1'}</script>", Doubt::Elsewhere),
            ("<script>'<input name=csrfmiddlewaretoken value=@1>'</script>", Doubt::Elsewhere),
            ("<textarea><input name=csrfmiddlewaretoken value=@1></textarea>", Doubt::Elsewhere),
            ("<!-- <input name=csrfmiddlewaretoken value=@1> -->", Doubt::Elsewhere),
            ("<body hx-headers='{\"X-CSRFToken\": \"@1\"}'>", Doubt::Elsewhere),
            ("{}<script>x = '@2'</script>", Doubt::Elsewhere),
            ("<i id=@s></i>{}", Doubt::Elsewhere),
            ("{}<a href='/?x=%22@2%22'>", Doubt::Elsewhere),
            ("<!-- {} -->{}", Doubt::Elsewhere),
            ("<input name=csrfmiddlewaretoken value=@1><script>", Doubt::Unclear { at: 111 }),
        ];
        for (page, doubt) in cases {
            assert_eq!(holed(&page.replace("{}", field)), Err(doubt), "{page}");
        }
        let two = format!("{field}<input name=csrfmiddlewaretoken value=@o>");
        assert_eq!(holed(&two), Err(Doubt::TwoSecrets { at: 103 }));
    }

    proptest! {
        #[test]
        fn behind_the_holes_no_token_of_the_secret_is_left(pieces in prop::collection::vec(prop::sample::select(vec![
            "<input name=csrfmiddlewaretoken value=", "<meta name=csrf-token content=\"", "@1", "@2", "@s", "\"", ">", "'",
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
