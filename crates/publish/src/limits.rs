//! The numbers of this crate, each with its reason.

use std::time::Duration;

/// Pages that wait to be published; they are told again with a later hit, so those beyond are only late.
pub const QUEUE_MAX: usize = 16_384;

/// Pages that are published at the same time. Enough to share transactions of the table; each holds one body in memory twice.
pub const AT_ONCE: usize = 16;

/// How long an unsafe request waits for old pages to go before the visitor gets the answer. Then the outbox sees to it.
pub const UNSAFE_WAIT: Duration = Duration::from_millis(500);

/// How long the answer to a purge waits for published pages to go: a hundred thousand take some seconds.
pub const PURGE_WAIT: Duration = Duration::from_secs(30);

/// How long a purge on the site's own listener does: content management systems do not wait much longer than this.
pub const DIALECT_WAIT: Duration = Duration::from_secs(5);

/// When what waits in the outbox is tried again the first time; twice as long each time that follows.
pub const RETRY_FIRST: Duration = Duration::from_secs(1);

/// And at most. While it waits for a database, purges are accepted and not complete.
pub const RETRY_MAX: Duration = Duration::from_secs(15);

/// How often rows of pages that have ended are looked for.
pub const EXPIRED_EVERY: Duration = Duration::from_secs(60);

/// How long a row is kept beyond its page's end: clocks of two machines differ.
pub const EXPIRED_AFTER: i64 = 120;

/// How long the end of the process waits for what is being published or erased.
pub const CLOSING: Duration = Duration::from_secs(2);
