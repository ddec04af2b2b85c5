//! The numbers of this crate, each with its reason.

use std::time::Duration;

/// Pages that wait to be written down. Beyond it the database is slower than the site publishes, and pages are not published
/// until it has caught up.
pub const WAITING_MAX: usize = 4096;

/// Pages written down in one transaction. One `fsync` for all of them; more would hold a purge up for longer.
pub const BATCH_MAX: usize = 500;

/// Pages that are found and erased in one go.
pub const FOUND_MAX: u32 = 1000;

/// How long one transaction may take before it counts as failed.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long nothing is written after a failure: who waits for a database that is gone is told at once.
pub const PAUSE: Duration = Duration::from_secs(1);

/// Bytes of pages that SQLite keeps in memory, in its own negative count of KiB: indexes of ten million pages have to find
/// their inner nodes there.
pub const SQLITE_CACHE: &str = "-65536";

/// Rows beyond their lifetime that leave in one go.
pub const EXPIRED_MAX: i64 = 1000;

/// Rows of erased pages that leave in one go. Each lies in half a dozen places of the file, and whoever publishes waits meanwhile.
pub const ERASED_MAX: i64 = 200;

/// Rows of one statement. SQLite takes 32,766 values, and a page has ten.
pub const ROWS_MAX: usize = 3000;

/// Orders that wait in the outbox. Beyond it they become one: to erase everything, which is more than was asked for but never less.
pub const OUTBOX_MAX: usize = 10_000;

/// Bytes of memory of a regular expression, as purges have it.
pub const EXPRESSION_MEMORY_MAX: usize = 1 << 20;
