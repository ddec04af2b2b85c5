//! The compiled part of the Python package `django-larder`: the module `django_larder._core`.
//!
//! It converts, and decides nothing: what a rule says, which key a page has, what a marker proves, where a token stands in a
//! page are the same functions that the proxy calls. It starts no thread and keeps nothing that a forked process could not
//! go on with.

#![expect(clippy::doc_markdown, reason = "docstrings: in Python names stand as they are")]
#![expect(clippy::needless_pass_by_value, reason = "what Python hands over comes by value")]

mod clock;
mod decision;
mod door;
mod errors;
mod identity;
mod pages;
mod request;
mod rules;
mod sources;
mod writer;

use pyo3::prelude::*;

/// The decisions of Larder, for Django: what the proxy decides about a request is decided by the same code.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::decision::Decision;
    #[pymodule_export]
    use crate::door::{is_script, never_headers, secure};
    #[pymodule_export]
    use crate::errors::RulesError;
    #[pymodule_export]
    use crate::identity::PyIdentity;
    #[pymodule_export]
    use crate::pages::{csrf_holes, embeds_token, mask, minify, nginx_memcache_key, page_key};
    #[pymodule_export]
    use crate::rules::Rules;
    #[pymodule_export]
    use crate::writer::Writer;

    /// The version of the package.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's own spelling")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
