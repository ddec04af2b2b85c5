//! What would a running Larder do with a request, and why? The policy's explanation, with what this cache has learned: what
//! proves who a visitor is, and by which fields pages vary.

use std::sync::Arc;

use larder_cache::Cache;
use larder_policy::explain::{Knowing, Peer};
use larder_policy::{Explanation, Front, Ruling, Visit};
use larder_tower::internals;

/// Explains, under the rules in force, what comes of a request that `peer` hands in at `front`. Changes nothing and asks nobody.
#[must_use]
pub fn explain(cache: &Cache, front: &Front, peer: Peer, visit: &Visit<'_>) -> Explanation {
    let policy = Arc::clone(&cache.options().policy);
    let proofs = cache.identities().of_site(visit.host, policy.number());
    let varies = |ruling: &Ruling, key: &[u8]| internals::varies(cache, ruling, key);
    let known = Knowing { sources: &proofs, varies: &varies, peer, now: cache.now() };
    front.explain(&policy, visit, &known)
}
