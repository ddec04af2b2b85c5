//! What the fuzzers call: one function for every parser of the pure crates and for the decisions, each with the
//! properties that must hold whatever the bytes are.
//!
//! Plain functions, so that the committed corpora are replayed by an ordinary test (`tests/replay.rs`) and a crash
//! can be debugged without a fuzzer. `cargo fuzz run --sanitizer none cache_control` runs one of them for real.

#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a target says that a property does not hold"
)]

pub mod decisions;
mod input;
pub mod memcached;
pub mod pages;
pub mod parsers;
pub mod visitors;

/// A target.
pub type Target = fn(&[u8]);

/// Every target by the name of its corpus and its binary.
pub const ALL: [(&str, Target); 28] = [
    ("accept_language", parsers::accept_language),
    ("age", parsers::age),
    ("cache_control", parsers::cache_control),
    ("content_range", parsers::content_range),
    ("cookies", visitors::cookies),
    ("date", parsers::date),
    ("etag", parsers::etag),
    ("forwarded", visitors::forwarded),
    ("host", parsers::host),
    ("html_csrf", pages::holes),
    ("html_esi", pages::template),
    ("html_minify", pages::minified),
    ("html_tokens", pages::tokens),
    ("hygiene", parsers::hygiene),
    ("identity", visitors::identity),
    ("invalidation", parsers::invalidation),
    ("key", parsers::page_key),
    ("lists", parsers::lists),
    ("memcached_answer", memcached::answer),
    ("proxy_protocol", visitors::proxy_protocol),
    ("query", visitors::query),
    ("range", parsers::range),
    ("request_directives", parsers::request_directives),
    ("reuse", decisions::reuse),
    ("surrogate", parsers::surrogate),
    ("targeted", parsers::targeted),
    ("validate", decisions::validate),
    ("vary", parsers::vary),
];

/// Runs the target called `name`. The fuzzers' binaries are one line each because of it.
///
/// # Panics
/// When there is no such target, or a property does not hold.
pub fn run(name: &str, data: &[u8]) {
    let found = ALL.iter().find(|(known, _)| *known == name);
    let (_, target) = found.expect("a target of that name");
    target(data);
}
