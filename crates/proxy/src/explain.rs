//! What would a running Larder do with a request, and why? The policy's explanation, with what this cache has learned: what
//! proves who a visitor is, and by which fields pages vary.

use std::sync::Arc;

use http::HeaderName;
use larder_cache::Cache;
use larder_cache::sharing::Sharing;
use larder_policy::explain::{Knowing, Peer};
use larder_policy::{Explanation, Front, Ruling, Visit};
use larder_semantics::vary::Vary;

/// Explains, under the rules in force, what comes of a request that `peer` hands in at `front`. Changes nothing and asks nobody.
#[must_use]
pub fn explain(cache: &Cache, front: &Front, peer: Peer, visit: &Visit<'_>) -> Explanation {
    let policy = Arc::clone(&cache.options().policy);
    let proofs = cache.identities().of_site(visit.host, policy.number());
    let varies = |ruling: &Ruling, key: &[u8]| -> Vec<HeaderName> {
        let sharing = Sharing::new(Arc::clone(&policy), ruling.clone());
        let page = cache.look_up(key);
        // As a fetch does: the page's own newest answer, or what others of its rule said last.
        match page.as_deref().and_then(|page| page.variants().first()) {
            Some(newest) => match sharing.named(newest) {
                Vary::Fields(names) => names.into(),
                Vary::None | Vary::Any => Vec::new(),
            },
            None => cache.varies(sharing.rule()).map(|names| names.to_vec()).unwrap_or_default(),
        }
    };
    let known = Knowing { sources: &proofs, varies: &varies, peer, now: cache.now() };
    front.explain(&policy, visit, &known)
}
