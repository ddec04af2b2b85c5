//! What is known of a visitor.

use std::hash::{Hash, Hasher};

use http::{HeaderName, HeaderValue};
use larder_policy::Class;
use larder_policy::identity::field::{self, LARDER_IDENTITY, Parts};

use super::watch::Watch;

/// What is known of a visitor: logged in or not, the user's name or number, the application's own name for the version of pages
/// that they get.
///
/// User and segment have 1 to 256 characters of printable ASCII.
///
/// In a fetch of the cache's own only that is known by which the page is shared. To look for more is no error, but then the page is
/// not confirmed, and not shared: it would be one visitor's.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `None`: nobody said.
    class: Option<Class>,
    user: Option<String>,
    segment: Option<String>,
    watch: Watch,
}

pub(super) static ANONYMOUS: Identity = Identity::anonymous();

impl Identity {
    /// Somebody who is not logged in.
    #[must_use]
    pub const fn anonymous() -> Self {
        Self { class: Some(Class::Anonymous), user: None, segment: None, watch: Watch::NONE }
    }

    /// Somebody who is logged in.
    #[must_use]
    pub const fn authenticated() -> Self {
        Self { class: Some(Class::Authenticated), user: None, segment: None, watch: Watch::NONE }
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

    /// Whether they are logged in. A page that is shared by user is for somebody who is; one that is shared by segment alone is for
    /// both, so asking goes beyond what is known.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        match self.class {
            Some(class) => class == Class::Authenticated,
            None if self.user.is_some() => true,
            None => {
                self.watch.went_beyond();
                false
            }
        }
    }

    /// The user's name or number.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.told(self.user.as_deref())
    }

    /// The application's name for the version of pages that they get.
    #[must_use]
    pub fn segment(&self) -> Option<&str> {
        self.told(self.segment.as_deref())
    }

    /// Of who is not logged in there is nothing more to know.
    fn told<'a>(&self, part: Option<&'a str>) -> Option<&'a str> {
        if part.is_none() && self.class != Some(Class::Anonymous) {
            self.watch.went_beyond();
        }
        part
    }

    /// The field by which the application answers a look-up (`identity.lookup`). `None` if a part can't be written.
    #[must_use]
    pub fn field(&self) -> Option<(HeaderName, HeaderValue)> {
        let known = self.whole()?;
        let (user, segment) = (known.user.as_deref(), known.segment.as_deref());
        Some((LARDER_IDENTITY, field::write(Some(known.class), user, segment)?))
    }

    /// As the policy has it. `None` for what is a page's part, which says less than is so.
    pub(super) fn whole(&self) -> Option<larder_policy::Identity> {
        let Self { class, user, segment, watch } = self.clone();
        let class = class.filter(|_| !watch.is_of_page())?;
        Some(larder_policy::Identity { class, user, segment })
    }

    /// For whom a page is to be made.
    pub(super) fn of_page(Parts { class, user, segment }: Parts, watch: Watch) -> Self {
        Self { class, user, segment, watch }
    }
}

impl From<&larder_policy::Identity> for Identity {
    fn from(known: &larder_policy::Identity) -> Self {
        let larder_policy::Identity { class, user, segment } = known.clone();
        Self { class: Some(class), user, segment, watch: Watch::NONE }
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        (self.class, &self.user, &self.segment) == (other.class, &other.user, &other.segment)
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.class, &self.user, &self.segment).hash(state);
    }
}
