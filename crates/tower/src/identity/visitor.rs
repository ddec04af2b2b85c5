//! Who asks, as handlers find it.

use larder_policy::Doubt;
use larder_policy::identity::field::Parts;

use super::Identity;
use super::watch::Watch;
use super::who::ANONYMOUS;

/// Who asks: an extension of the requests that come out of an [`IdentityLayer`](super::IdentityLayer).
///
/// In a fetch of the cache's own it is for whom the page is made. Looking at it says that the page was made for them, by
/// `Vary: Larder-Identity` in the response; so look before you answer. Looking for what the page is not shared by keeps it from
/// being shared.
#[derive(Clone, Debug)]
pub struct Visitor {
    who: Who,
    watch: Watch,
}

#[derive(Clone, Debug)]
enum Who {
    Anonymous,
    Verified(Identity),
    Unverified(Doubt),
}

impl Visitor {
    /// Who is known of: nobody in particular and visitors without a session are anonymous. `None`: somebody has a session and is not
    /// verified, so that the application has to look it up.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.watch.looked();
        match &self.who {
            Who::Anonymous => Some(&ANONYMOUS),
            Who::Verified(identity) => Some(identity),
            Who::Unverified(_) => None,
        }
    }

    /// Whether there is no session.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.watch.looked();
        matches!(self.who, Who::Anonymous)
    }

    /// Whether it is known that they are logged in.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.identity().is_some_and(Identity::is_authenticated)
    }

    /// Why somebody with a session is not verified.
    #[must_use]
    pub fn doubt(&self) -> Option<Doubt> {
        self.watch.looked();
        match self.who {
            Who::Anonymous | Who::Verified(_) => None,
            Who::Unverified(doubt) => Some(doubt),
        }
    }

    /// For whom a page is to be made that others get as well.
    pub(super) fn of_page(parts: Parts) -> Self {
        let watch = Watch::of_page();
        Self { who: Who::Verified(Identity::of_page(parts, watch.clone())), watch }
    }

    /// Who sent a request.
    pub(super) fn of(visitor: &larder_policy::Visitor) -> Self {
        let who = match visitor {
            larder_policy::Visitor::Anonymous => Who::Anonymous,
            larder_policy::Visitor::Verified(identity) => {
                Who::Verified(Identity::from(&**identity))
            }
            larder_policy::Visitor::Unverified(doubt) => Who::Unverified(*doubt),
            // The application is who would be asked.
            larder_policy::Visitor::LookUp => Who::Unverified(Doubt::NoProof),
        };
        Self { who, watch: Watch::NONE }
    }

    pub(super) fn watch(&self) -> Watch {
        self.watch.clone()
    }
}
