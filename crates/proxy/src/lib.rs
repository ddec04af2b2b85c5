//! Listeners, upstream pools, admin listener, metrics and the access log.
