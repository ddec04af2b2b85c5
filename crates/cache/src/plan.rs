//! What to do with a request, given what is stored: the decision, apart from the doing.
//!
//! [`plan`] is total and pure: the same function answers the proxy, the tests and the fuzzers.

use http::header::{self, HeaderMap};
use http::{Method, Request};
use larder_semantics::range::RangeRequest;
use larder_semantics::{Lookup, Reason, RequestDirectives, Reuse, Settings, Timestamp};

use crate::note::{Handling, Note};
use crate::page::{Page, Selection};
use crate::variant::Variant;

/// Put on a request that is no ordinary visit, by whoever knows that it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What is stored does not answer it, and what the application says takes its place.
    Renew,
    /// Nobody reads it: its page is fetched in advance. What is fresh will do; what is stale is made anew at once, and nobody
    /// is counted as having asked.
    Warm,
    /// Both.
    WarmAnew,
}

/// What the decision needs to know of a request.
#[derive(Debug)]
pub struct Facts {
    lookup: Lookup,
    is_head: bool,
    /// What it is for, where that is not a visitor's ordinary request.
    purpose: Option<Purpose>,
    directives: RequestDirectives,
    /// Whether the page's key holds all that tells visitors apart, so that one's answer is all's.
    is_shared: bool,
    /// The range asked for.
    pub range: RangeRequest,
}

/// What to do.
#[derive(Debug)]
pub enum Plan {
    /// Answer with this variant.
    Serve {
        /// The stored response.
        variant: Variant,
        /// How and why.
        note: Note,
        /// Bring it up to date in the background as well.
        refresh: bool,
    },
    /// Ask the application, together with whoever asks for the same meanwhile.
    Fetch(Reason),
    /// Ask the application whether this variant is still valid, together with others.
    Validate(Variant, Reason),
    /// Ask the application for this request only; the answer may be kept. The variant, if any,
    /// is what the answer may say something about.
    Alone(Option<Variant>, Reason),
    /// Hand the request to the application as it is.
    Pass(Reason),
    /// RFC 9111 §5.2.1.7: `only-if-cached`, and nothing usable is stored.
    Unsatisfiable,
}

impl Facts {
    /// The facts of `request`; `has_body` says that it brings content.
    #[must_use]
    pub fn of<B>(request: &Request<B>, has_body: bool, settings: &Settings) -> Self {
        let headers = request.headers();
        let mut lookup = larder_semantics::lookup(request.method(), headers);
        if matches!(lookup, Lookup::Yes) {
            if has_body {
                // A body on a GET has no meaning that a cache could know (RFC 9110 §9.3.1).
                lookup = Lookup::Pass(Reason::RequestBody);
            } else if is_upgrade(headers) {
                lookup = Lookup::Pass(Reason::Upgrade);
            }
        }
        let purpose = request.extensions().get::<Purpose>().copied();
        let mut directives = RequestDirectives::of(headers, settings);
        directives.no_cache |= renews(purpose);
        Self {
            lookup,
            is_head: request.method() == Method::HEAD,
            purpose,
            directives,
            is_shared: false,
            range: RangeRequest::of(request.method(), headers),
        }
    }

    /// The same, for a page that an audience shares by rule.
    #[must_use]
    pub fn shared(self) -> Self {
        Self { is_shared: true, ..self }
    }

    /// Why the cache is not even looked into.
    #[must_use]
    pub fn pass(&self) -> Option<Reason> {
        match self.lookup {
            Lookup::Yes => None,
            Lookup::Pass(reason) => Some(reason),
        }
    }

    /// Whether the page is to be made anew: fetches in progress may be from before whatever it is for.
    #[must_use]
    pub fn renews(&self) -> bool {
        renews(self.purpose)
    }

    /// Whether the page is fetched in advance, and nobody waits for it.
    #[must_use]
    pub fn warms(&self) -> bool {
        matches!(self.purpose, Some(Purpose::Warm | Purpose::WarmAnew))
    }

    /// What the client asks of caches, as far as the site honours it.
    #[must_use]
    pub fn directives(&self) -> RequestDirectives {
        self.directives
    }
}

fn renews(purpose: Option<Purpose>) -> bool {
    matches!(purpose, Some(Purpose::Renew | Purpose::WarmAnew))
}

/// Whether the client wants to speak another protocol. `h2c` is refused by ignoring it: RFC 9113
/// removed that way of starting HTTP/2.
#[must_use]
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"h2c"))
}

/// Decides what to do with a request whose page is `page`.
#[must_use]
pub fn plan(
    page: Option<&Page>,
    request: &HeaderMap,
    facts: &Facts,
    settings: &Settings,
    now: Timestamp,
) -> Plan {
    if let Some(reason) = facts.pass() {
        return Plan::Pass(reason);
    }
    let Some(page) = page else { return facts.absent(request, Reason::UriMiss) };
    match page.select(request, &facts.range) {
        Selection::Variant(variant) => facts.found(page, variant, request, settings, now),
        Selection::Part(_) => facts.absent(request, Reason::RangeMiss),
        Selection::None if page.variants().is_empty() => facts.absent(request, Reason::UriMiss),
        Selection::None => facts.absent(request, Reason::VaryMiss),
    }
}

impl Plan {
    /// The plan for a page that is not there: nobody waits for one that is `known` not to be
    /// storable.
    #[must_use]
    pub fn unless_uncacheable(self, known: impl Fn() -> Option<Reason>) -> Self {
        match self {
            Self::Fetch(Reason::UriMiss | Reason::VaryMiss) if known().is_some() => {
                Self::Alone(None, Reason::KnownUncacheable)
            }
            Self::Serve { .. }
            | Self::Fetch(_)
            | Self::Validate(..)
            | Self::Alone(..)
            | Self::Pass(_)
            | Self::Unsatisfiable => self,
        }
    }
}

impl Facts {
    /// Answers to such a request may be shared only by explicit permission (RFC 9111 §3.5), so nobody
    /// waits for them.
    fn is_for_one(&self, request: &HeaderMap) -> bool {
        !self.is_shared && request.contains_key(header::AUTHORIZATION)
    }

    /// Nothing is stored that could be looked at.
    fn absent(&self, request: &HeaderMap, reason: Reason) -> Plan {
        if self.directives.only_if_cached {
            return Plan::Unsatisfiable;
        }
        let alone = self.is_head || self.directives.no_store || self.is_for_one(request);
        if alone { Plan::Alone(None, reason) } else { Plan::Fetch(reason) }
    }

    fn found(
        &self,
        page: &Page,
        variant: &Variant,
        request: &HeaderMap,
        settings: &Settings,
        now: Timestamp,
    ) -> Plan {
        let freshness = &variant.head.freshness;
        let variant = variant.clone();
        match larder_semantics::decide(freshness, self.directives, now) {
            Reuse::Serve(reason) => {
                let fresh = freshness.is_fresh(now);
                let handling = if fresh { Handling::Hit } else { Handling::Stale };
                Plan::Serve { variant, note: Note::new(handling, reason), refresh: false }
            }
            // Nobody is helped by what is stale, and whoever asked wants to hear what came of it.
            Reuse::ServeAndRefresh(_) if self.warms() && page.failure(now).is_none() => {
                Plan::Validate(variant, Reason::Stale)
            }
            Reuse::ServeAndRefresh(reason) => {
                let note = Note::new(Handling::Stale, reason);
                // A page whose last refresh failed is left in peace for a moment.
                let refresh = page.failure(now).is_none();
                Plan::Serve { variant, note, refresh }
            }
            Reuse::Unsatisfiable => Plan::Unsatisfiable,
            Reuse::Validate(reason) => {
                // The application failed a moment ago: asking it again for every request would
                // make everybody wait for the same failure.
                let stale = page.failure(now).and_then(|failure| {
                    larder_semantics::stale_on(freshness, failure, self.directives, settings, now)
                });
                if let Some(reason) = stale {
                    let note = Note::new(Handling::Stale, reason);
                    return Plan::Serve { variant, note, refresh: false };
                }
                // What has to be validated for each request is validated for each alone, and a
                // HEAD goes on as a HEAD (RFC 9111 §4.3.5).
                let is_per_request = is_per_request(reason) && !self.renews();
                let alone = self.is_head || is_per_request || self.is_for_one(request);
                if alone {
                    Plan::Alone(Some(variant), reason)
                } else {
                    Plan::Validate(variant, reason)
                }
            }
        }
    }
}

/// Reasons that hold for one request, not for the page.
const fn is_per_request(reason: Reason) -> bool {
    matches!(reason, Reason::AlwaysValidate | Reason::RequestDirectives)
}
