//! What a peer can make grow, and where it ends.

/// Bytes per block of a kept body. Large enough that the bookkeeping of a block does not matter;
/// larger ones cost more of the allocator's memory than can be weighed. A body's last block is cut
/// to its length.
pub const BLOCK_BYTES: usize = larder_store::limits::BLOCK_BYTES;

/// How far a fetch that is not kept may run ahead of its slowest reader. Two of the largest read
/// buffers: the application is never waited for, and a slow client holds no more than this.
pub const RELAY_WINDOW_BYTES: u64 = 512 * 1024;

/// Readers of one fetch in progress. Beyond it a request asks the application itself.
pub const READERS_MAX: usize = 20_000;

/// Fetches in progress for one page: one per variant and range that is being asked for at once.
pub const FLIGHTS_PER_PAGE_MAX: usize = 64;

/// Pieces of one partially known body. Each costs an allocation and a comparison per range request.
pub const PIECES_MAX: usize = 64;

/// How often a request that waited for a fetch which turned out not to be for it looks again
/// before it asks the application itself. Once more than that for the one who finds out by which fields
/// the page varies.
pub const LOOKS_MAX: usize = 3;

/// Shards of the table of fetches in progress: more than any number of cores in use at once.
pub const FLIGHT_SHARDS: usize = 64;

/// Pages per thread whose fields are kept rendered for the present second. At a few kilobytes each
/// this is a megabyte a thread; more would help only sites whose hits are spread so thin that they
/// are not busy.
pub const RENDERED_SLOTS: usize = 256;

/// Counters of invalidations. Pages that share one keep each other's answers from being stored, for
/// the time of a request; with this many, a thousand changes a second do that to one answer in forty
/// that took 100 ms. Eight bytes each.
pub const EPOCHS: usize = 4096;

/// Pages remembered as uncacheable: half a megabyte. More pages than that asked for within the time
/// that they are remembered push one another out, which costs one more wait each.
pub const UNCACHEABLE_SLOTS: usize = 64 * 1024;

/// Shards of the table of counters by URL: more than any number of cores in use at once.
pub const GENERATION_SHARDS: usize = 64;

/// Bytes for what look-ups of identities brought: some 40,000 sessions. Beyond them the application
/// is asked more often.
pub const LOOKUP_BYTES: u64 = 8 << 20;

/// `Cookie` lines per thread of which it is remembered who sends them; more would help only sites whose
/// visitors come so evenly that reading cookies is not what costs.
pub const VERIFIED_SLOTS: usize = 1024;

/// The longest such line: with all places taken, two megabytes a thread. Longer ones are read each time.
pub const VERIFIED_LINE_BYTES_MAX: usize = 2048;

/// How long a look-up that failed is not tried again: long enough that a struggling application is
/// not asked for each request, short enough that nobody notices after it recovers.
pub const LOOKUP_FAILED_FOR: std::time::Duration = std::time::Duration::from_secs(2);

/// So many pages are all looked at before a purge is answered, and counted exactly.
pub const COUNTED_MAX: u64 = 1000;

/// Where there are more, so many of them are looked at. Measured with a million pages (`bench`, program `purge`): one takes a
/// microsecond, two where it is taken away, and a purge is to be answered within a millisecond.
pub const SAMPLED_MAX: u64 = 400;

/// Notes of purges that are kept at most. Beyond it a purge goes through all pages before it is answered.
pub const NOTES_MAX: usize = 200_000;

/// Expressions that are purged by at most, for each costs every page that is looked at up to a microsecond, and up to
/// [`PATTERN_MEMORY_MAX`]. Beyond it a purge goes through all pages before it is answered.
pub const PATTERNS_MAX: usize = 64;

/// Pages that a sweep looks at in one go, before others have their turn.
pub const SWEPT_AT_ONCE: u64 = 2000;

/// Variants of a purged page that are fetched again: the usual codings and a few languages. Each is one more request for the
/// same page.
pub const TAKEN_REQUESTS_MAX: usize = 4;

/// Bytes of request fields that are remembered to fetch a purged page again, all its variants together: three honest
/// `User-Agent`s.
pub const TAKEN_FIELD_BYTES_MAX: usize = 1024;

/// Bytes of the key of a page that is remembered for that. What is longer was made up by somebody, and by nobody else.
pub const TAKEN_KEY_BYTES_MAX: usize = 2048;

/// Bytes of a regular expression that is purged by.
pub const PATTERN_BYTES_MAX: usize = 8192;

/// Bytes of memory that such an expression may need, compiled.
pub const PATTERN_MEMORY_MAX: usize = 1 << 20;

/// HTML pages up to this are looked through before they are anybody else's, counted as sent and as decoded. What is larger is
/// no page that people read, and passes by; all of them together are bounded by the budget of fetches.
pub const HTML_BYTES_MAX: u64 = 4 << 20;

/// How long after its head an HTML page may take to come whole. Others wait for it meanwhile; an application whose pages take
/// longer sends them in pieces on purpose.
pub const HTML_WAITED_FOR: std::time::Duration = std::time::Duration::from_secs(10);

/// Pages that include pages that include pages: deeper is a circle, or might as well be one.
pub const INCLUDES_DEEP_MAX: u8 = 3;

/// Parts that one request may make Larder ask for, those of parts included: pages that each include many would multiply.
pub const INCLUDES_ALL_MAX: u32 = 100;

/// Bytes of one part that a page includes. All of them are fetched at once and held until their place comes.
pub const INCLUDE_BYTES_MAX: usize = 1 << 20;

/// How long an include is waited for, its `alt` included: the rest of the page waits behind it.
pub const INCLUDE_WAITED_FOR: std::time::Duration = std::time::Duration::from_secs(10);

/// How long the answer to the one who asks for an HTML page is held back, so that it can say whether the page is stored.
/// Nearly all pages are there whole by then; one that comes in pieces is shown as it comes.
pub const HTML_TOLD_AFTER: std::time::Duration = std::time::Duration::from_millis(50);

/// How often a publisher is told of a page that is asked for although it lies elsewhere, too. Whoever reads there may have lost
/// it; writing it again costs as much as the first time.
pub const TOLD_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_secs(60);
