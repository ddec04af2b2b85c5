//! What is known of a visitor.

use http::{HeaderName, HeaderValue};
use larder_policy::Class;
use larder_policy::identity::field::{self, LARDER_IDENTITY, Parts};

/// What is known of a visitor: logged in or not, the user's name or number, the application's own name for the version of pages
/// that they get.
///
/// User and segment have 1 to 256 characters of printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// `None`: in a page that both share.
    class: Option<Class>,
    user: Option<String>,
    segment: Option<String>,
}

pub(super) static ANONYMOUS: Identity = Identity::anonymous();

impl Identity {
    /// Somebody who is not logged in.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { class: Some(Class::Anonymous), user: None, segment: None }
    }

    /// Somebody who is logged in.
    #[must_use]
    pub const fn authenticated() -> Self {
        Self { class: Some(Class::Authenticated), user: None, segment: None }
    }

    /// The same with a user's name or number.
    #[must_use]
    pub fn with_user(self, user: impl Into<String>) -> Self {
        Self { user: Some(user.into()), ..self }
    }

    /// The same with the name of a version of pages.
    #[must_use]
    pub fn with_segment(self, segment: impl Into<String>) -> Self {
        Self { segment: Some(segment.into()), ..self }
    }

    /// Whether they are logged in. For a page that is shared by user, yes; for one that is shared by segment alone, which who is
    /// logged in and who is not both get, no.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        match self.class {
            Some(class) => class == Class::Authenticated,
            None => self.user.is_some(),
        }
    }

    /// The user's name or number.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The application's name for the version of pages that they get.
    #[must_use]
    pub fn segment(&self) -> Option<&str> {
        self.segment.as_deref()
    }

    /// The field by which the application answers a look-up (`identity.lookup`). `None` if a part can't be written.
    #[must_use]
    pub fn field(&self) -> Option<(HeaderName, HeaderValue)> {
        let class = Some(self.class.unwrap_or(Class::Anonymous));
        let line = field::write(class, self.user.as_deref(), self.segment.as_deref())?;
        Some((LARDER_IDENTITY, line))
    }

    /// As the policy has it. `None` where nobody said whether they are logged in.
    pub(super) fn whole(&self) -> Option<larder_policy::Identity> {
        let Self { class, user, segment } = self.clone();
        Some(larder_policy::Identity { class: class?, user, segment })
    }
}

impl From<&larder_policy::Identity> for Identity {
    fn from(known: &larder_policy::Identity) -> Self {
        let larder_policy::Identity { class, user, segment } = known.clone();
        Self { class: Some(class), user, segment }
    }
}

impl From<Parts> for Identity {
    fn from(Parts { class, user, segment }: Parts) -> Self {
        Self { class, user, segment }
    }
}
