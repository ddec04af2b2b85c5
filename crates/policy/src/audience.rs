//! Who may share one stored page, and by which parts of the key they are told apart.

use http::HeaderName;

/// Who may share one stored page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody sees the same page. It is made for nobody in particular.
    AllUsers,
    /// Visitors who are not logged in share it; the others go to the application.
    AnonymousOnly,
    /// Two pages: one for visitors who are not logged in, one for those who are.
    AnonymousAndAuthenticated,
    /// A page for each user who is logged in, one for all who are not.
    PerUser(UserKey),
    /// The site's own: an `[audience.NAME]`.
    Custom {
        /// Its name.
        name: String,
        /// What tells its pages apart, in the order of the file.
        parts: Vec<Part>,
    },
}

/// What stands for a user in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKey {
    /// The session cookies as they are: needs nothing to be verified, the application is sent them.
    Session,
    /// The user's verified name.
    User,
}

/// What tells the pages of one URL apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `cookie:NAME`: a cookie's value.
    Cookie(String),
    /// `header:NAME`: a request field's lines.
    Header(HeaderName),
    /// `query:NAME`: a parameter of the query, whatever else is ignored of it.
    Query(String),
    /// `class`: anonymous or authenticated.
    Class,
    /// `user`: the verified user.
    User,
    /// `segment`: the application's own page version.
    Segment,
}

impl Part {
    /// Whether it takes a verified identity to know it.
    #[must_use]
    pub const fn needs_identity(&self) -> bool {
        match self {
            Self::Class | Self::User | Self::Segment => true,
            Self::Cookie(_) | Self::Header(_) | Self::Query(_) => false,
        }
    }
}

impl Audience {
    /// The name in the rule file.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::AllUsers => "all-users",
            Self::AnonymousOnly => "anonymous-only",
            Self::AnonymousAndAuthenticated => "anonymous-and-authenticated",
            Self::PerUser(_) => "per-user",
            Self::Custom { name, .. } => name,
        }
    }

    /// Whether a visitor with a session has to be verified before a page is chosen for them.
    #[must_use]
    pub fn needs_identity(&self) -> bool {
        match self {
            Self::AllUsers | Self::AnonymousOnly | Self::PerUser(UserKey::Session) => false,
            Self::AnonymousAndAuthenticated | Self::PerUser(UserKey::User) => true,
            Self::Custom { parts, .. } => parts.iter().any(Part::needs_identity),
        }
    }

    /// Whether everybody on the way to the visitor may keep the page: it is the same for all.
    #[must_use]
    pub const fn is_everybody(&self) -> bool {
        matches!(self, Self::AllUsers)
    }
}
