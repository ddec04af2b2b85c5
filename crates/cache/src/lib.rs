//! Joins semantics, policy and store: look up, select, collapse, stream, validate, refresh.
