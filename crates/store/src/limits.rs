//! The numbers of the memory engine, each with its reason.

/// An item may be a quarter of its shard at most: the engine keeps a quarter for newcomers ([`HOT_SHARE`]), so what is
/// admissible also finds room without pushing out what is hot.
pub const SHARD_ITEMS_MIN: u64 = 4;

/// The part of a shard that values used again may hold. The rest is where newcomers prove themselves; it must hold the
/// largest admissible item, hence one minus one over [`SHARD_ITEMS_MIN`].
pub const HOT_SHARE: f64 = 0.75;

/// Shards per core. Two writers on different cores then seldom meet, and readers share a lock anyway.
pub const SHARDS_PER_CORE: usize = 2;

/// Shards are not made so many that an item of this size becomes inadmissible: a large page or a picture.
pub const ITEM_BYTES_WANTED: u64 = 4 << 20;

/// What an item is guessed to weigh on average when the table and the memory of evicted keys are sized. Pages are
/// larger; a guess on the small side costs about two percent of the budget and keeps a longer memory.
pub const ITEM_BYTES_GUESSED: u64 = 2 << 10;

/// The engine never makes shards of fewer items than this; more shards than that are merged behind our back.
pub const SHARD_ITEMS_GUESSED_MIN: u64 = 32;

/// Evicted keys remembered, as a part of the guessed number of items. They let a value that comes back soon be hot.
pub const GHOST_SHARE: f64 = 0.5;

/// What the engine holds per entry beside key pointer and value: list links (8), state, reference count and tag (8).
pub const SLOT_BYTES: usize = 16;

/// An entry's part of the hash index: a 4-byte token and a control byte at a load of 31 %. Measured with
/// `examples/fill.rs`: tables double, and the freshly doubled one is the one that counts.
pub const INDEX_BYTES: usize = 16;

/// Locks that make updates atomic per key. Two updates meet by chance with 1/256; a lock is one byte.
pub const STRIPES: usize = 256;

/// The smallest budget a store is made for. Below it the fixed share would eat the budget.
pub const CAPACITY_BYTES_MIN: u64 = 64 << 10;

/// Values with more bytes than this should hold them in blocks of at most this size. Measured with `examples/fill.rs`
/// (mimalloc, bodies of 128 bytes to 4 MiB): in one block each, memory exceeds the weighed bytes by 27 to 39 percent,
/// because free blocks of one size are of no use to another; in blocks of 32 KiB by 17 at most.
pub const BLOCK_BYTES: usize = 32 << 10;
