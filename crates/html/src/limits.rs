//! How much of a page is looked at, kept and asked for at most, and why so much.

/// Bytes of a `name` attribute that are remembered while a page is scanned. The longest known name has 26 letters, and a
/// character reference for one letter (`&#x0063;`) takes eight bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// Bytes of a token that are remembered to tell whose it is. ASP.NET's are the longest, some 190.
pub const TOKEN_BYTES_MAX: usize = 512;

/// Bytes between a token's name and its value in a script or in JSON: quotation marks, escaped ones, blanks, a colon.
pub const GAP_BYTES_MAX: usize = 32;

/// Includes of one page. Pages made of more parts than this are rather loops than layouts.
pub const INCLUDES_MAX: usize = 32;

/// Bytes of an include's address. What is longer no application's server takes as a request line either.
pub const ADDRESS_BYTES_MAX: usize = 4096;
