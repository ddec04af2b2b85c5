//! Values in this process's memory, within a byte budget that is kept.
//!
//! The engine is `quick_cache`: sharded, scan-resistant (a value is hot only after it was used again), one read lock and
//! at most one atomic add per hit. Around it: weights that count everything ([`Sizes`]), atomic updates per key
//! (`stripes`), and answers instead of silence when something was not admitted.

mod engine;
mod sizes;
mod stripes;

pub use engine::MemoryStore;
pub use sizes::Sizes;
