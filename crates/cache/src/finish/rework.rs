//! What becomes of a page whose rule wants it made otherwise before it is stored?
//!
//! 1. What nobody sees is left out (`minify`).
//! 2. The tokens of Django's forms are cut out, and where they were is remembered: each visitor gets tokens of their own there
//!    (`csrf`). A token that can't be cut out with certainty keeps the page from being stored.
//!
//! What comes out has no token of anybody's in it, whatever the rule says.

use larder_html::{TOKEN_LENGTH, csrf_holes, scan};
use larder_policy::Rework;
use larder_semantics::Reason;

use super::inspect::reason_of;
use crate::stored_body::Hole;

/// A page, reworked.
#[derive(Debug, Eq, PartialEq)]
pub struct Reworked {
    /// What is stored of it.
    pub bytes: Vec<u8>,
    /// Where visitors get something of their own, in order, as positions in `bytes`.
    pub holes: Vec<Hole>,
    /// Whether it is another page than the application's.
    pub is_changed: bool,
}

impl Reworked {
    /// Reworks a whole page.
    ///
    /// # Errors
    /// Why the page can't be stored.
    pub fn of(page: Vec<u8>, how: Rework) -> Result<Self, Reason> {
        let (page, is_minified) = minified(page, how);
        if !how.csrf {
            return match scan(&page) {
                Some(framework) => Err(reason_of(framework)),
                None => Ok(Self { bytes: page, holes: Vec::new(), is_changed: is_minified }),
            };
        }
        let Ok(found) = csrf_holes(&page) else {
            // Where the page is one of another framework, that is what there is to say.
            let framework = scan(&page).map(reason_of);
            let other = framework.filter(|reason| *reason != Reason::TokenDjango);
            return Err(other.unwrap_or(Reason::TokenUnclear));
        };
        if found.is_empty() {
            return Ok(Self { bytes: page, holes: Vec::new(), is_changed: is_minified });
        }
        let mut bytes = Vec::with_capacity(page.len());
        let mut holes = Vec::with_capacity(found.len());
        let mut from = 0;
        for hole in found {
            bytes.extend_from_slice(page.get(from..hole.start).unwrap_or_default());
            holes.push(Hole { at: bytes.len() as u64 });
            from = hole.end;
        }
        bytes.extend_from_slice(page.get(from..).unwrap_or_default());
        bytes.shrink_to_fit();
        Ok(Self { bytes, holes, is_changed: true })
    }
}

fn minified(page: Vec<u8>, how: Rework) -> (Vec<u8>, bool) {
    match how.minify.then(|| larder_html::minify(&page)).flatten() {
        Some(smaller) => (smaller, true),
        None => (page, false),
    }
}

/// Bytes that stand in a hole when a visitor gets the page.
pub(crate) const FILLING_BYTES: u64 = TOKEN_LENGTH as u64;

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghijklmnopABCDEFGHIJKLMN01abcdefghijklmnopABCDEFGHIJKLMN01";

    const CSRF: Rework = Rework { minify: false, csrf: true };

    #[test]
    fn tokens_are_cut_out_and_their_places_kept() {
        let field = |token: &str| {
            format!("<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{token}\">")
        };
        let page = |token: &str| {
            format!("<p>a<form>{}</form><form>{}</form>z", field(token), field(token))
        };
        let reworked = Reworked::of(page(TOKEN).into_bytes(), CSRF).unwrap();
        assert_eq!(String::from_utf8(reworked.bytes.clone()).unwrap(), page(""));
        let mut whole = reworked.bytes;
        for hole in reworked.holes.iter().rev() {
            let at = usize::try_from(hole.at).unwrap();
            whole.splice(at..at, TOKEN.bytes());
        }
        assert_eq!(String::from_utf8(whole).unwrap(), page(TOKEN));
    }

    #[test]
    fn a_page_whose_tokens_can_not_be_cut_out_is_not_stored() {
        let django = format!("<input name=csrfmiddlewaretoken value={TOKEN}>");
        let other = format!("{}abcdefghijklmnopABCDEFGHIJKLMN01", "a".repeat(32));
        let script =
            format!("{django}<script>let t = {{\"csrfmiddlewaretoken\": \"{other}\"}}</script>");
        let rails = "<meta name=\"csrf-token\" content=\"abcdefABCDEF0123-_56789abc==\">";
        for (page, how, reason) in [
            (&*script, CSRF, Reason::TokenUnclear),
            (rails, CSRF, Reason::TokenRails),
            (&*django, Rework::default(), Reason::TokenDjango),
        ] {
            assert_eq!(Reworked::of(page.as_bytes().to_vec(), how), Err(reason), "{page}");
        }
    }

    #[test]
    fn a_page_without_tokens_stays_as_it_is() {
        let page = "<p>csrfmiddlewaretoken</p>".as_bytes().to_vec();
        let reworked = Reworked::of(page.clone(), CSRF).unwrap();
        assert_eq!(reworked, Reworked { bytes: page, holes: Vec::new(), is_changed: false });
    }
}
