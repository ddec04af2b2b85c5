//! The numbers of this crate, each with its reason.

/// RFC 1035 §2.3.4: a name has at most 253 characters in text; a final dot and `:65535` may follow.
pub const HOST_BYTES_MAX: usize = 253 + 1 + 6;

/// Digits of the largest `u64`. Longer lengths cannot be counted and are nobody's honest request.
pub const CONTENT_LENGTH_DIGITS_MAX: usize = 20;

/// Names of dropped fields, of each kind, that are remembered of a request for the log; the rest of a flood is only counted.
pub const DROPPED_NAMES_MAX: usize = 8;

/// Hops that are read of `Forwarded` and `X-Forwarded-For`, from the nearest; a longer list is nobody's honest one.
pub const FORWARDED_HOPS_MAX: usize = 64;

/// A key buffer that grew beyond this for one long target gives the memory back at the next key.
pub const KEY_BUFFER_BYTES_KEPT: usize = 4096;

/// Tags of one response. Each costs eight bytes and a look-up after a purge; shops have some hundreds on a page.
pub const TAGS_MAX: usize = 1000;

/// Bytes of a tag or group; what the services that made tags known allow.
pub const TAG_BYTES_MAX: usize = 1024;

/// Groups of one response. RFC 9875 §2.1: at least 32 are to be supported.
pub const GROUPS_MAX: usize = 256;
