//! Where pages lie: the store trait and its memory engine.
//!
//! A store maps byte keys to values and keeps a byte budget. It knows nothing of HTTP, freshness, variants or tags:
//! what a value means is its owner's business. It does not expire anything by itself, and it does not coordinate
//! fetches. Losing a value is always allowed; giving back another key's value never is, so the full key is compared.
//!
//! Three types to know: [`Store`] (the operations), [`Change`] (what an update decided), [`MemoryStore`] (the engine).
//!
//! ```
//! use larder_store::{Change, MemoryStore, Sizes, Store, Updated, Weigh};
//! use std::sync::Arc;
//!
//! #[derive(Clone)]
//! struct Page(Arc<str>);
//!
//! impl Weigh for Page {
//!     fn weight_bytes(&self) -> usize {
//!         size_of::<Self>() + larder_store::allocated(16 + self.0.len())
//!     }
//! }
//!
//! let store = MemoryStore::new(Sizes::of(64 << 20));
//! let updated = store.update(b"key", |_| Change::Put(Page("hello".into())));
//! assert_eq!(updated, Updated::Put);
//! assert_eq!(store.look_up(b"key").map(|page| page.0), Some("hello".into()));
//! ```
#![forbid(unsafe_code)]

pub mod limits;
mod memory;
mod store;
pub mod sync;

pub use memory::{MemoryStore, Sizes};
pub use store::{Change, Store, Updated, Usage, Weigh, allocated};
