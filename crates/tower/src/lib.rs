//! Tower layers over the cache and the policy.
