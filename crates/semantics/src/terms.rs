//! What a site's rule says of a response's lifetime, in place of the response itself.
//!
//! RFC 9111 §4.2.1 names what a response can say; a gateway acts for the origin server (RFC 9110 §3.7), so its operator may
//! say it instead. What the response forbids stays forbidden unless the rule overrides that by name.

use std::time::Duration;

use http::{HeaderMap, header::EXPIRES};

use crate::field::cache_control::{Flags, ResponseDirectives};

/// A rule's word on one response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The freshness lifetime.
    pub lifetime: Option<Duration>,
    /// The `stale-while-revalidate`.
    pub grace: Option<Duration>,
    /// The `stale-if-error`.
    pub stale_if_error: Option<Duration>,
    /// Whether what the response states wins over the three above.
    pub respects_response: bool,
    /// Whether the response's `no-store`, `private` and `no-cache` are ignored.
    pub overrides_prohibition: bool,
}

impl Terms {
    /// What of a response forbids sharing it without asking again.
    pub(crate) const PROHIBITION: Flags = Flags::NO_STORE.and(Flags::PRIVATE).and(Flags::NO_CACHE);

    /// Puts the rule's word in the place of the response's. True if the lifetime is the rule's.
    pub(crate) fn apply(
        &self,
        directives: &mut ResponseDirectives,
        is_targeted: bool,
        response: &HeaderMap,
    ) -> bool {
        if self.overrides_prohibition {
            directives.flags = directives.flags.without(Self::PROHIBITION);
        }
        let states = directives.s_maxage.is_some()
            || directives.max_age.is_some()
            || (!is_targeted && response.contains_key(EXPIRES));
        let wins = |stated: bool| !(self.respects_response && stated);
        if let Some(grace) =
            self.grace.filter(|_| wins(directives.stale_while_revalidate.is_some()))
        {
            directives.stale_while_revalidate = Some(grace);
        }
        if let Some(window) =
            self.stale_if_error.filter(|_| wins(directives.stale_if_error.is_some()))
        {
            directives.stale_if_error = Some(window);
        }
        let Some(lifetime) = self.lifetime.filter(|_| wins(states)) else { return false };
        // With it goes what s-maxage means for stale answers (RFC 9111 §5.2.2.10).
        directives.s_maxage = None;
        directives.max_age = Some(lifetime);
        true
    }
}
