//! Pages that are written down together: each once, with all its labels.

use std::collections::HashMap;

use crate::entry::{Entry, Label};

/// What one transaction writes.
#[derive(Debug)]
pub(crate) struct Batch<'e> {
    /// Every label once, in an order that is the same for all who write: or two writers of PostgreSQL wait for each other.
    pub(crate) labels: Vec<Label<'e>>,
    /// Every page once, as it was told last, with the labels of each time that it was told.
    pub(crate) pages: Vec<(&'e Entry, Vec<Label<'e>>)>,
}

impl<'e> Batch<'e> {
    pub(crate) fn of(entries: &[&'e Entry]) -> Self {
        let mut by_key: HashMap<&[u8], (&'e Entry, Vec<Label<'e>>)> = HashMap::new();
        for entry in entries.iter().copied() {
            let (newest, labels) = by_key.entry(&entry.key).or_insert_with(|| (entry, Vec::new()));
            *newest = entry;
            labels.extend(entry.labels());
        }
        let mut pages: Vec<_> = by_key.into_values().collect();
        pages.sort_by(|(one, _), (other, _)| one.key.cmp(&other.key));
        let mut labels: Vec<_> = pages.iter().flat_map(|(_, labels)| labels).cloned().collect();
        labels.sort_unstable_by(|one, other| {
            let order = |label: &Label<'e>| (label.kind as i64, label.parent.clone(), label.name);
            order(one).cmp(&order(other))
        });
        labels.dedup();
        Self { labels, pages }
    }

    /// Which label is which page's, by their numbers; each pair once.
    pub(crate) fn pairs(
        &self,
        labels: &HashMap<(i64, String, String), i64>,
        pages: &HashMap<Vec<u8>, i64>,
    ) -> Vec<(i64, i64)> {
        let mut pairs = Vec::new();
        for (entry, of_page) in &self.pages {
            let Some(page) = pages.get(&entry.key) else { continue };
            for Label { kind, name, parent } in of_page {
                let label =
                    labels.get(&(*kind as i64, parent.clone().into_owned(), (*name).to_owned()));
                pairs.extend(label.map(|label| (*label, *page)));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}
