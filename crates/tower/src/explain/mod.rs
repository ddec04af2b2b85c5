//! What would this cache do with a request, and why? The rules' explanation, with what the cache has learned: what proves who a
//! visitor is, and by which fields pages vary. Nobody is asked, and nothing is changed.

#[doc(hidden)]
pub mod query;
mod service;

pub use service::{ExplainBody, ExplainService};

use std::sync::Arc;

use http::HeaderName;
use http::request::Parts;
use larder_cache::Cache;
use larder_cache::sharing::Sharing;
use larder_policy::hygiene;
use larder_policy::{Arrival, Question, Ruling, Scheme, Visit};
use larder_semantics::vary::Vary;

/// What the cache would do with a request, and why. Shown, it is what `larder explain` prints: the rule, whose page it is, its key,
/// what the application would be sent.
///
/// What proves who somebody is (session cookies, markers) is shown as the beginning of its hash.
#[derive(Clone, Debug)]
pub struct Explanation(larder_policy::Explanation);

impl Explanation {
    /// The same as JSON, as `larder explain --json` prints it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Writing plain data as JSON does not fail.
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// By which request fields the pages that a ruling shares are known to vary: as a fetch finds it, the page's own newest answer, or
/// what others of its rule said last.
#[must_use]
pub fn varies(cache: &Cache, ruling: &Ruling, key: &[u8]) -> Vec<HeaderName> {
    let policy = Arc::clone(&cache.options().policy);
    let sharing = Sharing::new(policy, ruling.clone());
    let page = cache.look_up(key);
    match page.as_deref().and_then(|page| page.variants().first()) {
        Some(newest) => match sharing.named(newest) {
            Vary::Fields(names) => names.into(),
            Vary::None | Vary::Any => Vec::new(),
        },
        None => cache.varies(sharing.rule()).map(|names| names.to_vec()).unwrap_or_default(),
    }
}

fn visited(cache: &Cache, visit: &Visit<'_>) -> Explanation {
    let policy = Arc::clone(&cache.options().policy);
    let proofs = cache.identities().of_site(visit.host, policy.number());
    let varies = |ruling: &Ruling, key: &[u8]| varies(cache, ruling, key);
    Explanation(policy.explain_knowing(visit, &proofs, &varies, cache.now()))
}

/// For a request as it would come to the cache by `scheme`, if it does not say another. Where the cache would refuse it, what
/// would be done if it were for no site in particular.
pub(crate) fn request(cache: &Cache, scheme: Scheme, parts: &Parts) -> Explanation {
    let arrival = parts.extensions.get::<Arrival>();
    let scheme = arrival.map_or(scheme, |arrival| arrival.scheme);
    let host = host_of(parts, scheme);
    let visit = Visit {
        scheme,
        host: &host,
        method: &parts.method,
        target: &hygiene::target(&parts.uri),
        headers: &parts.headers,
    };
    visited(cache, &visit)
}

/// For a request that was not made.
fn question(cache: &Cache, question: &Question) -> Explanation {
    visited(cache, &question.visit())
}

fn host_of(parts: &Parts, scheme: Scheme) -> String {
    let Parts { method, uri, version, headers, .. } = parts;
    let host = hygiene::check(method, uri, *version, headers, scheme);
    host.map_or_else(|_| String::new(), |host| host.as_str().to_owned())
}
