//! What becomes of a page that was stored before a purge.

use std::sync::Arc;

use larder_store::{Change, Store as _, Updated};

use super::basket::Basket;
use super::journal::{Reading, Tally, Verdict};
use crate::cache::{Cache, SharedPage};
use crate::page::Page;
use crate::variant::Variant;

/// A page after it was judged.
#[derive(Debug)]
pub(crate) struct Judged {
    /// What is left of it.
    pub(crate) page: Page,
    /// Whether anything of it was purged.
    pub(crate) changed: bool,
    /// For each response that was purged: whose doing it was.
    tallies: Vec<Arc<Tally>>,
}

impl Page {
    /// The page without what was purged, and with what was purged softly stale.
    pub(crate) fn judge(&self, key: &[u8], reading: &Reading<'_>) -> Judged {
        let checked = self.checked();
        let mut variants: Vec<Variant> = Vec::with_capacity(self.variants().len());
        let (mut tallies, mut changed) = (Vec::new(), false);
        let mut stored = self.variants().iter();
        let heads = self.variants().iter().map(|it| (&*it.head, it.head.born.max(checked)));
        reading.judge(key, heads, |verdict| {
            let Some(variant) = stored.next() else { return };
            match verdict {
                Verdict::Clear => variants.push(variant.clone()),
                Verdict::Soft(tally) => {
                    let head = variant.head.expired(tally.at);
                    tallies.push(tally);
                    changed = true;
                    variants.push(Variant { head, body: Arc::clone(&variant.body) });
                }
                Verdict::Hard(tally) => {
                    tallies.extend(tally);
                    changed = true;
                }
            }
        });
        Judged { page: self.judged(variants, reading.number), changed, tallies }
    }
}

impl Judged {
    /// Counts what was purged of the page `key` that was `page`: each page once for each purge.
    fn count(&self, key: &[u8], page: &Page) {
        for (index, tally) in self.tallies.iter().enumerate() {
            let before = self.tallies.get(..index).unwrap_or_default();
            if let Some(basket) = &tally.basket
                && !before.iter().any(|other| is_same(other.basket.as_ref(), basket))
            {
                basket.put(key, page);
            }
            if before.iter().any(|other| Arc::ptr_eq(other, tally)) {
                tally.add_variant();
            } else {
                tally.add_page();
            }
        }
    }
}

fn is_same(one: Option<&Arc<Basket>>, other: &Arc<Basket>) -> bool {
    one.is_some_and(|one| Arc::ptr_eq(one, other))
}

impl Cache {
    /// What is left of a page that something was purged since.
    #[cold]
    pub(crate) fn reconsider(&self, key: &[u8], page: SharedPage) -> Option<SharedPage> {
        let judged = {
            let reading = self.journal.read();
            page.judge(key, &reading)
        };
        if !judged.changed {
            page.check(judged.page.checked());
            return Some(page);
        }
        let is_gone = judged.page.variants().is_empty();
        let left = (!is_gone).then(|| SharedPage(Arc::new(judged.page.clone())));
        let updated = self.store.update(key, |present| match (present, &left) {
            (Some(present), _) if !Arc::ptr_eq(&present.0, &page.0) => Change::Keep,
            (Some(_), Some(left)) => Change::Put(left.clone()),
            (Some(_), None) => Change::Remove,
            (None, _) => Change::Keep,
        });
        // Several may come to the same conclusion at once; one of them carries it out.
        if updated != Updated::Kept {
            judged.count(key, &page);
        }
        left
    }
}
