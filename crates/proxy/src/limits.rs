//! How large may anything grow that a peer can make grow? Each number with its reason.

use std::time::Duration;

/// Connections the kernel keeps ready for one worker: a burst of a few thousand clients after a
/// restart fits; more is capped by `net.core.somaxconn` anyway.
pub(crate) const BACKLOG: i32 = 4096;

/// How often connections are looked over for time limits, at most. Limits are kept to this much.
pub(crate) const SWEEP_MAX: Duration = Duration::from_millis(500);

/// How often connections are looked over at least; shorter limits than four times this are not kept exactly.
pub(crate) const SWEEP_MIN: Duration = Duration::from_millis(5);

/// How often it is looked whether what is being fetched in advance has ended, at the end of the process.
pub(crate) const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// Longest pause after the system refused a new connection (out of descriptors): long enough for
/// others to end, short enough not to be felt.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Rendered 1xx heads waiting for one connection, bytes. A client that does not read gets no more
/// of them: they are hints.
pub(crate) const INTERIM_BYTES_MAX: usize = 64 * 1024;

/// Interim responses waiting for one HTTP/2 stream.
pub(crate) const INTERIM_MESSAGES_MAX: usize = 16;

/// What is read and thrown away after an error answer, so that the answer is not lost to a reset.
pub(crate) const LINGER_BYTES_MAX: usize = 256 * 1024;

/// How long that may take.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// How long a request is worked on for a client that has closed its side: long enough for one that
/// only says so that it has nothing more to send, short enough not to work for one that is gone.
pub(crate) const ENDED: Duration = Duration::from_secs(2);

/// Longest request target, bytes: what browsers, servers and crawlers use stays below 8 KiB.
pub(crate) const TARGET_BYTES_MAX: usize = 16 * 1024;

/// Smallest read buffer hyper takes, bytes; a smaller head limit is enforced by its own check.
pub(crate) const READ_BUFFER_BYTES_MIN: usize = 8 * 1024;

/// Streams of one HTTP/2 connection at one time: what browsers expect, and what RFC 9113 §6.5.2
/// recommends as the least.
pub(crate) const H2_STREAMS_MAX: u32 = 128;

/// Bytes of one request body that may be on the way before the application takes them.
pub(crate) const H2_STREAM_WINDOW: u32 = 256 * 1024;

/// The same for all of a connection's request bodies together.
pub(crate) const H2_CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Response bytes that may wait in memory for one HTTP/2 stream.
pub(crate) const H2_SEND_BUFFER_BYTES_MAX: usize = 128 * 1024;

/// Streams a client may open and reset before we look at them (rapid reset, CVE-2023-44487).
pub(crate) const H2_PENDING_RESETS_MAX: usize = 20;

/// Streams a client may make us reset by its mistakes ("made you reset", CVE-2025-8671).
pub(crate) const H2_LOCAL_RESETS_MAX: usize = 256;

/// Requests of one worker that wait to be written to the access log. About 2 MiB.
pub(crate) const LOG_ENTRIES_MAX: usize = 8192;

/// How long a logged request waits to be written when there are few.
pub(crate) const LOG_PAUSE: Duration = Duration::from_millis(100);

/// Head of an admin request, bytes. No admin request needs more.
pub(crate) const ADMIN_HEAD_BYTES_MAX: usize = 16 * 1024;

/// How often the names of applications are looked up again: a deployment that moves them is followed
/// within half a minute, and a name server is asked twice a minute.
pub(crate) const RESOLVE_EVERY: Duration = Duration::from_secs(30);

/// How often the files of certificates are looked at: a renewal is in force before anybody who was told of it looks, and
/// two calls of the system for each file cost nothing at that pace.
pub(crate) const CERTIFICATES_EVERY: Duration = Duration::from_secs(10);

/// Body of an admin request, bytes: a purge of the most URLs at once, each as long as most are.
pub(crate) const ADMIN_BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long an admin client may take for a body.
pub(crate) const ADMIN_BODY: Duration = Duration::from_secs(10);

/// URLs, tags or groups of one purge. More are sent in several, so that none holds the others up.
pub(crate) const PURGED_AT_ONCE_MAX: usize = 10_000;

/// How long a purge is remembered after all pages were judged by it. Fetches that began before it and last longer are not
/// stored, whatever they are about.
pub(crate) const PURGE_REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Purges that are remembered for that long; with more, all that are swept are forgotten at once. Each costs some hundred
/// bytes.
pub(crate) const PURGES_REMEMBERED: usize = 50_000;

/// How often the sweeper looks by itself for what was purged: answers of the application purge groups, and nobody is told.
pub(crate) const PURGES_LOOKED_FOR: Duration = Duration::from_secs(30);

/// The sweeper's rest between two portions of pages, so that it takes no core for itself.
pub(crate) const SWEEP_REST: Duration = Duration::from_millis(1);

/// Pages that wait to be fetched in advance: an hour and a half of work at the rate that is the default. Beyond them the least
/// asked give way.
pub(crate) const WARM_QUEUE_MAX: usize = 100_000;

/// Bytes that they may take: 320 each, which most need less of.
pub(crate) const WARM_QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Pages of one purge that are fetched again: those that most visitors would wait for. A site of more is not made hot by
/// fetching it whole.
pub(crate) const WARM_AFTER_PURGE_MAX: usize = 10_000;

/// URLs of one order to fetch them. More are sent in several.
pub(crate) const WARMED_AT_ONCE_MAX: usize = 10_000;

/// URLs of one order that are waited for: a few seconds at the rate that is the default.
pub(crate) const WARM_WAITED_FOR_MAX: usize = 50;

/// How long an order waits for its pages. Those that come later are told to be in the queue.
pub(crate) const WARM_WAIT: Duration = Duration::from_secs(100);

/// How long a site is left alone whose application is in trouble and does not say for how long. Also the least: who says
/// zero is not asked in a circle.
pub(crate) const WARM_PAUSE: Duration = Duration::from_secs(5);

/// The longest that an application may ask for.
pub(crate) const WARM_PAUSE_MAX: Duration = Duration::from_secs(3600);

/// How often a page is tried whose application is in trouble.
pub(crate) const WARM_TRIES_MAX: u32 = 3;

/// Admin connections at one time: a scraper, a health checker, a person; not a crowd.
pub(crate) const ADMIN_CONNECTIONS_MAX: usize = 64;

/// How long an admin client may take for a head.
pub(crate) const ADMIN_HEAD: Duration = Duration::from_secs(5);

/// A write of several slices up to this length is copied and sent in one piece. Above it the copy
/// costs more than it saves.
pub(crate) const JOINED_WRITE_BYTES_MAX: usize = 8 * 1024;

/// Bytes of a response in one DATA frame: with the frame's head they fill one TLS record (RFC 8446 §5.1, RFC 9113 §4.1). A frame
/// of 2^14 bytes would take a second record for its last nine.
pub(crate) const H2_DATA_BYTES_MAX: usize = 16 * 1024 - 9;

/// What is gathered of several HTTP/2 responses before it is written: what a TLS record holds
/// (RFC 8446 §5.1). More at once saves no more system calls worth the memory.
pub(crate) const GATHERED_BYTES_MAX: usize = 16 * 1024;

/// Names of dropped fields that the log speaks of, in the life of a process: a site has a handful, an attacker any number.
pub(crate) const NAMES_SAID_MAX: usize = 64;

/// Bytes of such a name that are shown and remembered: nobody's honest field is longer.
pub(crate) const NAME_SAID_BYTES_MAX: usize = 64;
