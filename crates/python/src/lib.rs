//! The compiled part of the Python package `django-larder`: the module `django_larder._core`.
//!
//! It converts, and decides nothing: what a rule says, which key a page has, what a marker proves, where a token stands in a
//! page are the same functions that the proxy calls. It starts no thread and keeps nothing that a forked process could not
//! go on with.

use pyo3::prelude::*;

/// The decisions of Larder, for Django: what the proxy decides about a request is decided by the same code.
#[pymodule(gil_used = true)]
mod _core {}
