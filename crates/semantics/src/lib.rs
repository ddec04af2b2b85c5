//! HTTP caching as values and pure decisions: RFC 9110, 9111, 5861, 8246, 9211, 9213.
