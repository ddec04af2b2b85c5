//! How much a purge has to have counted.

use larder_cache::Cache;
use larder_cache::purge::{Count, Purged};
use larder_policy::KeyBuf;

use crate::about::What;
use crate::record::Record;

/// What is stored, as far as it can be seen: for each page the answers whose fields its variants have.
pub(crate) struct Census(Vec<Vec<usize>>);

impl Census {
    /// Looks at every page, which also judges it by all purges so far.
    pub(crate) fn of(cache: &Cache, keys: &[KeyBuf]) -> Self {
        let made = http::HeaderName::from_static("x-made");
        let of_key = |key: &KeyBuf| {
            let page = cache.look_up(key.as_bytes())?;
            let number = |variant: &larder_cache::variant::Variant| {
                variant.head.fields.first(&made)?.to_str().ok()?.parse().ok()
            };
            let heads: Vec<usize> = page.variants().iter().filter_map(number).collect();
            (!heads.is_empty()).then_some(heads)
        };
        Self(keys.iter().filter_map(of_key).collect())
    }

    /// Holds what a purge says against what was there before it.
    pub(crate) fn agrees(
        &self,
        what: &What,
        records: &[Record],
        purged: Purged,
    ) -> Result<(), String> {
        if purged.count != Count::Exact {
            return Ok(());
        }
        let (least, most) =
            (self.count(what, records, Self::least), self.count(what, records, Self::most));
        let fits = |found: u64, least: u64, most: u64| least <= found && found <= most;
        if fits(purged.pages, least.0, most.0) && fits(purged.variants, least.1, most.1) {
            return Ok(());
        }
        Err(format!(
            "{what:?} covered {purged:?}, and (pages, variants) were {least:?} to {most:?}"
        ))
    }

    fn count(
        &self,
        what: &What,
        records: &[Record],
        reached: impl Fn(&What, &[Record], usize) -> bool,
    ) -> (u64, u64) {
        let of_page = |heads: &Vec<usize>| {
            heads.iter().filter(|head| reached(what, records, **head)).count() as u64
        };
        let variants: Vec<u64> = self.0.iter().map(of_page).filter(|count| *count > 0).collect();
        (variants.len() as u64, variants.iter().sum())
    }

    fn least(what: &What, records: &[Record], head: usize) -> bool {
        what.is_about(&records[head])
    }

    /// By anything that the application ever said of this version of the page.
    fn most(what: &What, records: &[Record], head: usize) -> bool {
        let Record { place, version, .. } = &records[head];
        let same = |record: &&Record| record.place == *place && record.version == *version;
        records.iter().filter(same).any(|record| what.is_about(record))
    }
}
