//! What is known of a visitor: verified, not believed.
//!
//! Without a session cookie a visitor is anonymous. With one, nothing is known until either a marker that the application
//! signed ([`marker`]) or the application's answer to a look-up ([`field`]) says what.

pub mod field;
pub mod marker;
mod members;
pub mod proof;
mod rules;
mod session;

pub use marker::{Key, Keys, MarkerFault};
pub use proof::ProofFault;
pub use rules::{DEFAULT_SESSION_COOKIES, IdentityRules, LookUp, Marker};
pub use session::Session;

/// Longest `user` and `segment`, in bytes: an address or a hash fits, and a marker with both fits a cookie.
pub const VALUE_BYTES_MAX: usize = 256;

/// Whether a visitor is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Not logged in.
    Anonymous,
    /// Logged in.
    Authenticated,
}

impl Class {
    /// The word in fields and keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Authenticated => "authenticated",
        }
    }
}

/// What is known of a visitor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Logged in or not.
    pub class: Class,
    /// The user's name or number.
    pub user: Option<String>,
    /// The application's own page version.
    pub segment: Option<String>,
}

impl Identity {
    /// A visitor of whom nothing is known but that they are not logged in.
    pub const ANONYMOUS: Self = Self { class: Class::Anonymous, user: None, segment: None };
}
