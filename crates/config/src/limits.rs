//! The numbers of this crate, each with its reason.

/// Most rules of a site. Beyond, the file was made by a program that should write fewer, wider ones: each
/// costs memory for its automaton.
pub(crate) const RULES_MAX: usize = 10_000;

/// Most tags of one rule: each page carries them all.
pub(crate) const TAGS_MAX: usize = 32;

/// Longest tag, bytes: they travel in headers, many at once.
pub(crate) const TAG_BYTES_MAX: usize = 128;

/// Longest secret, bytes. A file larger than this is none, whatever it is: `/dev/zero` is not read to its end.
pub(crate) const SECRET_BYTES_MAX: usize = 4096;

/// Longest lifetime that a rule may give, in seconds: a year, as RFC 9111's predecessors had it for `Expires`.
pub(crate) const LIFETIME_SECONDS_MAX: u64 = 365 * 86_400;
