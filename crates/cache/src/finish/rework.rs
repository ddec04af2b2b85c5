//! What becomes of a page whose rule wants it made otherwise before it is stored?
//!
//! 1. What nobody sees is left out (`minify`).
//! 2. The tokens of Django's forms are cut out, and where they were is remembered: each visitor gets tokens of their own there
//!    (`csrf`). A token that can't be cut out with certainty keeps the page from being stored.
//!
//! Before that, a template of ESI is taken apart (`esi`): where its includes stood is remembered, and what they bring is not
//! part of the page.
//!
//! What comes out has no token of anybody's in it, whatever the rule says.

use larder_html::{EsiLimits, Include, Part, TOKEN_LENGTH, csrf_holes, esi, scan};
use larder_semantics::Reason;

use super::Orders;
use super::inspect::reason_of;
use crate::stored_body::{Filling, Hole};

/// A page, reworked.
#[derive(Debug, Eq, PartialEq)]
pub struct Reworked {
    /// What is stored of it.
    pub bytes: Vec<u8>,
    /// Where visitors get something of their own, in order, as positions in `bytes`.
    pub holes: Vec<Hole>,
    /// What is put into those that are for includes, in order.
    pub includes: Vec<Include>,
    /// Whether it is another page than the application's.
    pub is_changed: bool,
}

impl Reworked {
    /// Reworks a whole page.
    ///
    /// # Errors
    /// Why the page can't be stored.
    pub fn of(page: Vec<u8>, how: Orders) -> Result<Self, Reason> {
        let Template { bytes, places, includes, is_changed } = template(page, how)?;
        // What is left out of a page could be what an include was meant to stand beside.
        let how = Orders { minify: how.minify && includes.is_empty(), ..how };
        let (bytes, is_minified) = minified(bytes, how);
        let whole =
            Self { bytes, holes: Vec::new(), includes, is_changed: is_changed || is_minified };
        let whole =
            if how.csrf { whole.without_tokens(&places)? } else { whole.cut(&[], &places)? };
        match (how.csrf, scan(&whole.bytes)) {
            (false, Some(framework)) => Err(reason_of(framework)),
            (_, _) => Ok(whole),
        }
    }

    fn without_tokens(self, places: &[usize]) -> Result<Self, Reason> {
        let Ok(found) = csrf_holes(&self.bytes) else {
            // Where the page is one of another framework, that is what there is to say.
            let framework = scan(&self.bytes).map(reason_of);
            let other = framework.filter(|reason| *reason != Reason::TokenDjango);
            return Err(other.unwrap_or(Reason::TokenUnclear));
        };
        let tokens: Vec<_> = found.into_iter().map(|hole| hole.start..hole.end).collect();
        self.cut(&tokens, places)
    }

    /// The page without `tokens`, with holes in their places and in those of the includes. Both are in order.
    fn cut(self, tokens: &[std::ops::Range<usize>], places: &[usize]) -> Result<Self, Reason> {
        if tokens.is_empty() && places.is_empty() {
            return Ok(self);
        }
        if places.iter().any(|at| tokens.iter().any(|token| token.start < *at && *at < token.end)) {
            return Err(Reason::TokenUnclear);
        }
        let page = self.bytes;
        let mut bytes = Vec::with_capacity(page.len());
        let mut holes = Vec::with_capacity(tokens.len() + places.len());
        let (mut from, mut places) = (0, places.iter().copied().peekable());
        let ends = tokens.iter().map(|token| token.start..token.end);
        // The end of the page is where the last includes may stand.
        for token in ends.chain(std::iter::once(page.len()..page.len())) {
            while let Some(at) = places.next_if(|at| *at <= token.start) {
                bytes.extend_from_slice(page.get(from..at).unwrap_or_default());
                from = at;
                holes.push(Hole { at: bytes.len() as u64, filling: Filling::Include });
            }
            bytes.extend_from_slice(page.get(from..token.start).unwrap_or_default());
            from = token.end;
            if !token.is_empty() {
                holes.push(Hole { at: bytes.len() as u64, filling: Filling::Token });
            }
        }
        bytes.shrink_to_fit();
        Ok(Self { bytes, holes, includes: self.includes, is_changed: true })
    }
}

/// A page without its markup of ESI.
struct Template {
    bytes: Vec<u8>,
    /// Where the includes stood.
    places: Vec<usize>,
    includes: Vec<Include>,
    is_changed: bool,
}

fn template(page: Vec<u8>, how: Orders) -> Result<Template, Reason> {
    let parts = if how.esi {
        esi(&page, EsiLimits::default()).map_err(|_| Reason::EsiUnclear)?
    } else {
        Vec::new()
    };
    let kept = |part: &Part| match part {
        Part::Bytes(range) => Some(range.len()),
        Part::Include(_) => None,
    };
    // Nothing is included, and nothing taken off.
    let is_none = parts.iter().map(kept).sum::<Option<usize>>() == Some(page.len());
    if is_none || !how.esi {
        let (places, includes) = (Vec::new(), Vec::new());
        return Ok(Template { bytes: page, places, includes, is_changed: false });
    }
    let mut template = Template {
        bytes: Vec::with_capacity(page.len()),
        places: Vec::new(),
        includes: Vec::new(),
        is_changed: true,
    };
    for part in parts {
        match part {
            Part::Bytes(range) => {
                template.bytes.extend_from_slice(page.get(range).unwrap_or_default());
            }
            Part::Include(include) => {
                template.places.push(template.bytes.len());
                template.includes.push(include);
            }
        }
    }
    Ok(template)
}

fn minified(page: Vec<u8>, how: Orders) -> (Vec<u8>, bool) {
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

    const CSRF: Orders = Orders { minify: false, csrf: true, esi: false };

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
            (&*django, Orders::default(), Reason::TokenDjango),
        ] {
            assert_eq!(Reworked::of(page.as_bytes().to_vec(), how), Err(reason), "{page}");
        }
    }

    #[test]
    fn a_page_without_tokens_stays_as_it_is() {
        let page = "<p>csrfmiddlewaretoken</p>".as_bytes().to_vec();
        let reworked = Reworked::of(page.clone(), CSRF).unwrap();
        assert_eq!(
            reworked,
            Reworked { bytes: page, holes: Vec::new(), includes: Vec::new(), is_changed: false }
        );
    }

    #[test]
    fn includes_and_tokens_have_their_places() {
        let page = format!(
            "<!--esi <p> --><esi:include src=\"/a\"/>x<input name=csrfmiddlewaretoken value={TOKEN}><esi:remove>r</esi:remove><esi:include src='/b' onerror='continue'/>"
        );
        let how = Orders { csrf: true, esi: true, minify: true };
        let reworked = Reworked::of(page.into_bytes(), how).unwrap();
        let text = String::from_utf8(reworked.bytes).unwrap();
        assert_eq!(text, " <p> x<input name=csrfmiddlewaretoken value=>");
        let holes: Vec<_> = reworked.holes.iter().map(|hole| (hole.at, hole.filling)).collect();
        let expected = [(5, Filling::Include), (44, Filling::Token), (45, Filling::Include)];
        assert_eq!(holes, expected);
        let addresses: Vec<_> = reworked.includes.iter().map(|include| &*include.src).collect();
        assert_eq!(addresses, ["/a", "/b"]);
        let how = Orders { esi: true, ..Orders::default() };
        assert_eq!(Reworked::of(b"<esi:remove>".to_vec(), how), Err(Reason::EsiUnclear));
        let removed = Reworked::of(b"<esi:remove>a</esi:remove>".to_vec(), how).unwrap();
        assert_eq!((removed.bytes, removed.is_changed), (Vec::new(), true));
    }
}
