//! What can be purged, how, and what came of it.

use larder_policy::Scheme;

use super::pattern::Pattern;

/// What a purge is about. Hosts are canonical ([`larder_policy::host::canonical`]); a purge is about both schemes unless it
/// says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// One URL with this very path and query: all its variants and audiences.
    Url {
        /// Its host.
        host: Box<str>,
        /// Path and query.
        target: Box<str>,
    },
    /// One path, whatever the query.
    Path {
        /// Its host.
        host: Box<str>,
        /// The path, without a query.
        path: Box<str>,
    },
    /// Every URL whose path and query begin so.
    Prefix {
        /// Of this host; of any, if `None`.
        host: Option<Box<str>>,
        /// How they begin: `/` first.
        prefix: Box<str>,
    },
    /// Every page of a host.
    Host(Box<str>),
    /// Every page.
    All,
    /// Every page with one of these tags.
    Tags {
        /// The tags.
        tags: Vec<Box<str>>,
        /// Of this host; of any, if `None`.
        host: Option<Box<str>>,
    },
    /// Every page of an origin that is in one of these groups (RFC 9875). A group belongs to its origin, scheme included.
    Groups {
        /// The origin's scheme.
        scheme: Scheme,
        /// The origin's host.
        host: Box<str>,
        /// The groups.
        groups: Vec<Box<str>>,
    },
    /// Every page that fits.
    Matching(Box<Pattern>),
}

/// What becomes of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are gone.
    #[default]
    Hard,
    /// They are stale: they answer as far as stale pages may, until they are fetched anew.
    Soft,
}

/// An order to purge.
#[derive(Clone, Debug, PartialEq)]
pub struct Purge {
    /// What.
    pub scope: Scope,
    /// How.
    pub mode: Mode,
}

impl Purge {
    /// Pages that are gone.
    #[must_use]
    pub const fn hard(scope: Scope) -> Self {
        Self { scope, mode: Mode::Hard }
    }

    /// Pages that are stale.
    #[must_use]
    pub const fn soft(scope: Scope) -> Self {
        Self { scope, mode: Mode::Soft }
    }
}

/// At how many pages a purge looks before it is answered.
pub enum Look<'p> {
    /// At a few thousand.
    AtSome,
    /// At every page; this is called between portions.
    AtAll(&'p mut dyn FnMut()),
}

impl std::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AtSome => "AtSome",
            Self::AtAll(_) => "AtAll",
        })
    }
}

/// What a purge covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Pages.
    pub pages: u64,
    /// Stored responses on them.
    pub variants: u64,
    /// Whether they were counted.
    pub count: Count,
}

/// How the pages of a purge are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// Counted, all of them.
    #[default]
    Exact,
    /// There are too many pages to look at them all before answering: so many of a part, and as many of the rest.
    Estimate,
}

impl Purged {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let exact = self.count == Count::Exact && other.count == Count::Exact;
        Self {
            pages: self.pages.saturating_add(other.pages),
            variants: self.variants.saturating_add(other.variants),
            count: if exact { Count::Exact } else { Count::Estimate },
        }
    }
}
