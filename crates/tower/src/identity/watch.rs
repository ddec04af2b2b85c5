//! What of a visitor has a handler looked at, in a request that is for several?

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// It was looked at for whom the page is made.
const LOOKED: u8 = 1;
/// It was looked for something that is no part of the page.
const BEYOND: u8 = 2;

/// Remembers what was looked at, for all clones. By default nobody wants to know.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Option<Arc<AtomicU8>>);

impl Watch {
    /// Nobody wants to know.
    pub(super) const NONE: Self = Self(None);

    /// For a page that several share.
    pub(super) fn of_page() -> Self {
        Self(Some(Arc::default()))
    }

    pub(super) const fn is_of_page(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn looked(&self) {
        self.note(LOOKED);
    }

    pub(super) fn went_beyond(&self) {
        self.note(BEYOND);
    }

    fn note(&self, what: u8) {
        if let Some(seen) = &self.0 {
            seen.fetch_or(what, Ordering::AcqRel);
        }
    }

    /// Whether the page was made for whom it was asked for: by looking at that, and at nothing else of the visitor's.
    pub(super) fn confirms(&self) -> bool {
        self.0.as_ref().is_some_and(|seen| seen.load(Ordering::Acquire) == LOOKED)
    }
}
