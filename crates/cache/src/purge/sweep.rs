//! Going through all pages after purges: gives memory back, counts, and lets the journal forget.

use super::journal::Tally;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Every page was judged by the notes up to this one.
    pub number: u64,
    /// Pages looked at.
    pub seen: u64,
    /// Whether it came to the end.
    pub complete: bool,
}

impl Swept {
    /// How many pages a purge covered, from those that it took away of the pages seen, of `all` in the store before.
    pub(crate) fn estimate(self, tally: &Tally, all: u64) -> (u64, u64) {
        use std::sync::atomic::Ordering::Relaxed;
        let (pages, variants) = (tally.pages.load(Relaxed), tally.variants.load(Relaxed));
        if self.complete || self.seen == 0 {
            return (pages, variants);
        }
        let scale = |count: u64| {
            let scaled = u128::from(count) * u128::from(all) / u128::from(self.seen);
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        (scale(pages), scale(variants))
    }
}
