//! How much is read, and how long is it waited? Each number with its reason.

use std::time::Duration;

/// URLs of one run. Beyond, it would take more than half a day at the rate that is the default.
pub(super) const URLS_MAX: usize = 1_000_000;

/// Bytes of one sitemap, unpacked: what sitemaps.org allows. A small file can't unpack to more.
pub(super) const SITEMAP_BYTES_MAX: usize = 50 * 1024 * 1024;

/// Sitemaps of one run, those in an index among them.
pub(super) const SITEMAPS_MAX: usize = 2_000;

/// How deep indexes may lie in indexes: sitemaps.org allows none, some sites have one.
pub(super) const SITEMAP_DEPTH_MAX: usize = 3;

/// Redirects that are followed to a sitemap.
pub(super) const REDIRECTS_MAX: usize = 5;

/// Until a connection stands, TLS included, for each address of a name.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(10);

/// For a sitemap, from the request to its last byte.
pub(super) const SITEMAP_MAX: Duration = Duration::from_secs(120);

/// Addresses that one name may stand for.
pub(super) const ADDRESSES_MAX: usize = 4;

/// Bytes of one line of a log or list. Longer ones are nothing that could be asked for.
pub(super) const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Different pages of logs that are counted. What comes first after that is asked for rarely.
pub(super) const COUNTED_MAX: usize = 2_000_000;

/// How often a page is tried whose application is in trouble.
pub(super) const TRIES_MAX: u32 = 3;

/// How often the admin listener is tried, and how long it is waited between: a restart is lived through.
pub(super) const LISTENER_TRIES_MAX: u32 = 5;
pub(super) const LISTENER_PAUSE: Duration = Duration::from_secs(2);

/// How often it is said how far it is, where no terminal shows it.
pub(super) const SAY_EVERY: Duration = Duration::from_secs(10);

/// How often a terminal is written to.
pub(super) const DRAW_EVERY: Duration = Duration::from_millis(100);

/// URLs that are named for each reason.
pub(super) const NAMED_MAX: usize = 3;
