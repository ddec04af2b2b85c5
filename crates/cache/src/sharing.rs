//! A page that an audience shares by rule: what is sent for it, and what its answer means.
//!
//! The request that fills it is the policy's ([`larder_policy::fill`]), not the client's. What was sent is what selects the
//! variant: a field of the client's that the application did not see can't have shaped the page.

use std::sync::Arc;

use http::HeaderName;
use http::header::{HeaderMap, SET_COOKIE};
use larder_policy::identity::Session;
use larder_policy::identity::field::LARDER_IDENTITY;
use larder_policy::{Policy, Ruling, Share, Way, set_cookie};
use larder_semantics::vary::Vary;
use larder_semantics::{Reason, Settings};

use crate::purge::Naming;
use crate::variant::Variant;

/// How a request's page is shared.
#[derive(Clone, Debug)]
pub struct Sharing {
    policy: Arc<Policy>,
    ruling: Ruling,
}

impl Sharing {
    /// By `ruling`, which `policy` made.
    #[must_use]
    pub const fn new(policy: Arc<Policy>, ruling: Ruling) -> Self {
        Self { policy, ruling }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The ruling.
    #[must_use]
    pub const fn ruling(&self) -> &Ruling {
        &self.ruling
    }

    /// Whether the page is one that an audience shares.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.ruling.way == Way::Share
    }

    /// How, if it is.
    #[must_use]
    pub fn share(&self) -> Option<&Share> {
        self.policy.share_of(&self.ruling).filter(|_| self.is_shared())
    }

    /// In which form the page's tags are needed.
    #[must_use]
    pub fn naming(&self) -> Naming {
        let publishes = self.share().is_some_and(|share| share.publish.is_some());
        if publishes { Naming::InWords } else { Naming::ByNumber }
    }

    /// The rule, for what is learned of its pages.
    #[must_use]
    pub fn rule(&self) -> (u64, u32) {
        (self.policy.number(), self.ruling.rule.map_or(u32::MAX, |id| id.0))
    }

    /// The fields of a fetch for the page, on behalf of `client`, which varies by `varies` as far as is known.
    #[must_use]
    pub fn fill(&self, client: &HeaderMap, varies: &[HeaderName]) -> HeaderMap {
        self.share()
            .map(|share| self.policy.fill(&self.ruling, share, client, varies))
            .unwrap_or_default()
    }

    /// `settings`, with the rule's word on a response of this status and these fields.
    pub(crate) fn settings(
        &self,
        settings: &Settings,
        status: http::StatusCode,
        response: &HeaderMap,
    ) -> Settings {
        let terms = self.share().map(|share| share.terms(status, response));
        Settings { terms, ..settings.clone() }
    }

    /// Whether an answer made for this page may be shared, apart from what HTTP says.
    pub(crate) fn allows(&self, response: &HeaderMap) -> Result<(), Reason> {
        self.allows_cookies(response).and_then(|()| self.is_confirmed(response))
    }

    /// Whether all cookies that an answer sets may be taken off.
    pub(crate) fn allows_cookies(&self, response: &HeaderMap) -> Result<(), Reason> {
        let kept =
            |share: &Share| set_cookie::kept_name(response, &share.drop_set_cookie).is_some();
        if self.share().is_some_and(kept) { Err(Reason::SetCookie) } else { Ok(()) }
    }

    /// Whether the application says that the page is for whom it was asked for.
    pub(crate) fn is_confirmed(&self, response: &HeaderMap) -> Result<(), Reason> {
        let confirmed = || match Vary::of(response) {
            Vary::Fields(names) => names.contains(&LARDER_IDENTITY),
            Vary::None | Vary::Any => false,
        };
        if self.is_shared() && self.ruling.identity.needs_confirmation() && !confirmed() {
            return Err(Reason::Unconfirmed);
        }
        Ok(())
    }

    /// Takes off what the rule lets be taken off.
    pub(crate) fn strip(response: &mut HeaderMap) {
        response.remove(SET_COOKIE);
    }

    /// By which of the client's fields a stored response says that it varies.
    #[must_use]
    pub fn named(&self, variant: &Variant) -> Vary {
        let fields = variant.head.fields.to_map(0);
        self.recipe(&Vary::of(&fields), &HeaderMap::new(), &[])
    }

    /// The fields that select the page among its variants: those that the answer names and the key does not hold, and those
    /// that were sent whether it names them or not.
    pub(crate) fn recipe(&self, named: &Vary, sent: &HeaderMap, varies: &[HeaderName]) -> Vary {
        let Some(share) = self.share() else { return named.clone() };
        let keyed = self.policy.keyed_fields(share);
        let named: &[HeaderName] = match named {
            Vary::None => &[],
            Vary::Any => return Vary::Any,
            Vary::Fields(names) => names,
        };
        let sent = varies.iter().filter(|name| sent.contains_key(*name));
        let mut names: Vec<HeaderName> =
            named.iter().chain(sent).filter(|name| !keyed.contains(name)).cloned().collect();
        names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        names.dedup();
        if names.is_empty() { Vary::None } else { Vary::Fields(names.into()) }
    }
}

/// Whether the answer to a request with a session cookie may be stored for others where no rule says so: it has to say that
/// it may, in words that are not said by accident.
pub(crate) fn may_share_session(
    policy: &Policy,
    request: &HeaderMap,
    response: &HeaderMap,
    settings: &Settings,
) -> bool {
    policy.share_session_responses
        || Session::of(request, &policy.identity) == Session::None
        || larder_semantics::storing::says_shared(response, settings)
        || matches!(Vary::of(response), Vary::Fields(names) if names.contains(&http::header::COOKIE))
}
