//! Every number here bounds something a peer could grow, and says why it is what it is.

use std::time::Duration;

/// Interim responses passed on per request; further ones are read and dropped. A page sends one
/// or two; an application in a loop must not fill the queue towards the client.
pub const INTERIM_MAX: usize = 16;

/// How many times the first ejection's length the longest one may be: at the default of 2 s, an
/// application that comes back is found again within a minute or so.
pub const EJECTION_GROWTH_MAX: u32 = 32;

/// Bytes read ahead of a slow client, per connection. Large enough that one read call fills a
/// socket's worth, small enough that a thousand slow readers stay within 128 MiB.
pub const READ_AHEAD_BYTES: usize = 128 * 1024;

/// Addresses tried per target: a name with more of them is rotated by its name server anyway.
pub const ADDRESSES_MAX: usize = 16;

/// Taken off the application's `Keep-Alive: timeout=N`, since its clock started earlier than ours.
pub const KEEP_ALIVE_MARGIN: Duration = Duration::from_millis(500);

/// The least precision of the connection's clock: a limit of zero would make its task spin.
pub const TICK_MIN: Duration = Duration::from_millis(1);

/// How late it is noticed, at most, that nobody wants a connection any longer: a task that keeps
/// its time lives on until then.
pub const WATCH_TICK_MAX: Duration = Duration::from_secs(10);
