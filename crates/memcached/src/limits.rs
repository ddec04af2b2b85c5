//! The numbers of this crate, each with its reason.

use std::time::Duration;

/// Bytes of a key. Memcached's own limit.
pub const KEY_MAX: usize = 250;

/// Bytes of a line of an answer. The longest that is expected is an error in a server's words.
pub const LINE_MAX: usize = 1024;

/// Characters of a server's words that an error repeats.
pub const SAID_MAX: usize = 160;

/// Requests that are sent before their answers are read. Their answers (up to 20 bytes each) fit into the smallest buffers of a
/// socket, so that neither side waits for the other to read.
pub const PIPELINED_MAX: usize = 128;

/// Values up to this are copied behind their command and go out in one piece.
pub const COPIED_MAX: usize = 16 * 1024;

/// Servers of one client. Rendezvous hashing looks at each of them for every key.
pub const SERVERS_MAX: usize = 256;

/// Up to this many seconds Memcached takes an expiry for a span; beyond it for a time since 1970.
pub const RELATIVE_MAX: u64 = 30 * 24 * 60 * 60;

/// The last second that Memcached's meta commands can name: they read 32 bits with a sign.
pub const ABSOLUTE_MAX: u64 = i32::MAX.unsigned_abs() as u64;

/// A connection that was idle for longer is not used again: firewalls on the way forget such connections without a word.
pub const IDLE_MAX: Duration = Duration::from_secs(55);

/// How long a connection stays open after its operation was given up with a value under way: until a server that was stuck has read
/// what was sent, of which the last is a deletion.
pub const LINGER: Duration = Duration::from_secs(60);

/// Such connections to one server. A server that is stuck is left alone after the first, so there are few.
pub const LINGERING_MAX: usize = 32;
