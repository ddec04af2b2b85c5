//! How much is asked, how fast, and how long is it waited? Each number with its reason.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Requests of one run, all addresses together: enough for every check of a dozen pages, and less than one visitor with a
/// browser makes on a page full of pictures.
pub(crate) const REQUESTS_MAX: usize = 60;

/// Requests a second, unless the command line says otherwise: an application with one slow worker bears it.
pub(crate) const RATE: u32 = 5;

/// What the command line may say: above it this would be a load test.
pub(crate) const RATES: RangeInclusive<i64> = 1..=20;

/// The whole run. Sixty answers that take their time are not waited for.
pub(super) const RUN_MAX: Duration = Duration::from_secs(120);

/// Until a connection stands, TLS included, for each address that a name has.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(5);

/// From the request to the end of the answer's head.
pub(super) const HEAD_MAX: Duration = Duration::from_secs(15);

/// For a body, after which what has come of it is looked at.
pub(super) const BODY_MAX: Duration = Duration::from_secs(10);

/// Of a body, bytes: what is looked for in a page stands in its beginning or not at all.
pub(super) const BODY_BYTES_MAX: usize = 512 * 1024;

/// Addresses that one name may stand for.
pub(super) const ADDRESSES_MAX: usize = 4;

/// Pages that are looked at, the first one among them.
pub(super) const PAGES_MAX: usize = 8;

/// Of those, from rules' paths; the rest is for links.
pub(super) const RULE_PAGES_MAX: usize = 5;

/// Links of the first page that are followed as pages.
pub(super) const LINKS_MAX: usize = 3;

/// Links of one page that are considered.
pub(super) const LINKS_CONSIDERED_MAX: usize = 1000;

/// Static files that are looked at.
pub(super) const FILES_MAX: usize = 4;

/// Pages that are asked for as scripts ask.
pub(super) const SCRIPTS_MAX: usize = 4;

/// Redirects that are followed to the first page, on the same address only.
pub(super) const REDIRECTS_MAX: usize = 2;

/// Pages on the command line.
pub(super) const PATHS_MAX: usize = 8;

/// Characters of an excerpt, each side.
pub(super) const EXCERPT_CHARS: usize = 60;

/// Differences of two fetches that are shown.
pub(super) const DIFFERENCES_MAX: usize = 3;

/// Things found that are listed under one check.
pub(super) const FOUND_MAX: usize = 8;

/// A clock that is off by less is right: `Date` has whole seconds, and the answer took its time.
pub(super) const SKEW_TOLERATED: Duration = Duration::from_secs(5);

/// From here on, pages are kept noticeably too long or not at all.
pub(super) const SKEW_BAD: Duration = Duration::from_secs(60);

/// A certificate that ends sooner was not renewed in time: those who renew by themselves do it 20 to 30 days before.
pub(super) const CERTIFICATE_SOON: Duration = Duration::from_secs(14 * 86_400);
