//! Whether a page embeds a token against forged requests (CSRF), and whose.
//!
//! Such a page is one visitor's: whoever gets the copy of another has a form that does not work, and a token that works
//! for the other. Two things are looked for, everywhere in the page, so in scripts, comments and templates too:
//!
//! - a tag with a known `name` and with a `value` or `content` ([`tag`]): what frameworks' forms and `<meta>` have;
//! - a known name with something behind it that looks like a token ([`pair`]): scripts, JSON, `data-` and `hx-` attributes.
//!
//! The word alone is no token: documentation, and scripts that read the cookie, have it too.
//!
//! It reads byte by byte, in constant memory, and finds the same wherever a page is cut.

mod pair;
mod quick;
mod shape;
mod tag;

use pair::Pairs;
use tag::{Restart, Tags};

/// Whose token it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Framework {
    /// `csrfmiddlewaretoken`.
    Django,
    /// `authenticity_token`, or `<meta name="csrf-token">` that looks like no other's.
    Rails,
    /// `_token`.
    Laravel,
    /// `_csrf`.
    Spring,
    /// `__RequestVerificationToken`: ASP.NET.
    AspNet,
    /// `_csrf_token`.
    Phoenix,
}

impl Framework {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Django, Self::Rails, Self::Laravel, Self::Spring, Self::AspNet, Self::Phoenix];

    /// The name as its makers write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Django => "Django",
            Self::Rails => "Rails",
            Self::Laravel => "Laravel",
            Self::Spring => "Spring",
            Self::AspNet => "ASP.NET",
            Self::Phoenix => "Phoenix",
        }
    }
}

/// What a machine found, and the byte of its input that decided it.
type Found = Option<(usize, Framework)>;

/// Looks for tokens in a page that comes in pieces.
#[derive(Clone, Debug)]
pub struct Scanner {
    found: Option<Framework>,
    /// Reads a tag from every `<` and letter, also inside of another tag: in scripts nobody knows where a tag ends.
    newest: Tags,
    /// Reads a tag to its end, so that a `<` in an attribute of it does no harm.
    outermost: Tags,
    /// Reads what browsers read, so that nothing in a comment or a script makes it miss a tag.
    browsers: Tags,
    pairs: Pairs,
    /// Bytes that came before.
    read: usize,
    /// The page begins as one in UTF-16.
    wide: bool,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// For one page.
    #[must_use]
    pub fn new() -> Self {
        Self {
            found: None,
            newest: Tags::new(Restart::AtEveryTag),
            outermost: Tags::new(Restart::BehindTheTag),
            browsers: Tags::new(Restart::AsInBrowsers),
            pairs: Pairs::new(),
            read: 0,
            wide: false,
        }
    }

    /// Reads on. Answers what [`found`](Self::found) does.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Framework> {
        // Pages in UTF-16 are those in ASCII with a NUL beside every letter; elsewhere a NUL is a letter like others.
        let unread = 4_usize.saturating_sub(self.read);
        self.wide |= bytes.iter().take(unread).any(|&byte| byte == 0);
        self.read = self.read.saturating_add(bytes.len());
        let narrow: Vec<u8>;
        let bytes = if self.wide {
            narrow = bytes.iter().copied().filter(|&byte| byte != 0).collect();
            &narrow
        } else {
            bytes
        };
        if self.found.is_none() {
            // The first to decide, whichever machine it was: so that it is the same however the page is cut.
            let tags = [&mut self.newest, &mut self.outermost, &mut self.browsers];
            let all = tags.map(|tags| tags.push(bytes)).into_iter().chain([self.pairs.push(bytes)]);
            self.found = all.flatten().min_by_key(|&(at, _)| at).map(|(_, f)| f);
        }
        self.found
    }

    /// Passes over a token that each visitor gets another of.
    pub(crate) fn hole(&mut self) {
        self.newest.hole();
        self.outermost.hole();
        self.browsers.hole();
        self.pairs.hole();
    }

    /// The first token found so far.
    #[must_use]
    pub const fn found(&self) -> Option<Framework> {
        self.found
    }
}

/// The first token of a whole page.
#[must_use]
pub fn scan(html: &[u8]) -> Option<Framework> {
    if quick::may_embed(html) { Scanner::new().push(html) } else { None }
}

#[cfg(test)]
mod tests;
