//! Every bound of this crate, and why it is what it is.

/// Fields one `Vary` may name; more is treated as `*`. Real sites name one to five; each costs a look-up
/// on every hit.
pub const VARY_FIELDS_MAX: usize = 16;

/// Codings of one `Accept-Encoding` that are sorted; a longer list is compared as it was sent. Browsers
/// send four or five.
pub const ACCEPT_ENCODING_CODINGS_MAX: usize = 16;

/// Entity tags put into one `If-None-Match` of ours: keeps the request's header section small.
pub const VALIDATED_VARIANTS_MAX: usize = 16;

/// Further URIs one response may invalidate: one `Location` and one `Content-Location` are usual, and
/// each costs a removal.
pub const ALSO_INVALIDATED_MAX: usize = 4;

/// RFC 9111 §1.2.2: a delta-seconds too large to represent is taken as 2^31.
pub const DELTA_SECONDS_MAX: u64 = 1 << 31;

/// Seconds between `Last-Modified` and `Date` from which on `Last-Modified` is a strong validator.
/// RFC 9110 §8.8.2.2 asks for one second and either one clock or a difference that makes clock skew
/// unlikely; 60 is the figure of its predecessor, RFC 7232 §2.2.2.
pub const STRONG_LAST_MODIFIED_SECS: u64 = 60;
