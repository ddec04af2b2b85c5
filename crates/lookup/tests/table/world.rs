//! A table, and a place where pages lie that remembers what was erased.

use std::collections::BTreeSet;
use std::sync::Mutex;

use larder_lookup::{Entry, Eraser, Identifier, Left, Listed, Lookup, Selector};

pub(crate) struct World {
    pub(crate) table: Lookup,
}

/// Takes everything away, and knows what that was.
#[derive(Default)]
pub(crate) struct Taken(Mutex<Vec<Vec<u8>>>);

impl Eraser for Taken {
    async fn erase(&self, pages: &[Listed]) -> Result<(), Left> {
        self.0.lock().unwrap().extend(pages.iter().map(|page| page.key.clone()));
        Ok(())
    }
}

impl Taken {
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        let keys = self.0.lock().unwrap();
        keys.iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    }
}

impl World {
    pub(crate) fn on(table: Lookup) -> Self {
        Self { table }
    }

    pub(crate) async fn remember(&self, entry: Entry) {
        self.table.remember(entry).await.unwrap();
    }

    pub(crate) async fn found(&self, what: &Selector) -> BTreeSet<String> {
        let found = self.table.list(what, 0, 100_000).await.unwrap();
        found.iter().map(|page| String::from_utf8_lossy(&page.key).into_owned()).collect()
    }

    pub(crate) async fn purge(&self, what: &Selector) -> BTreeSet<String> {
        let taken = Taken::default();
        let erased = self.table.purge(what, &taken).await;
        assert!(erased.failure.is_none(), "{:?}", erased.failure);
        taken.keys()
    }
}

pub(crate) fn entry(target: &str) -> Entry {
    Entry {
        key: format!("key-of-{target}").into_bytes(),
        scheme: "https".into(),
        host: "example.com".into(),
        target: target.as_bytes().to_vec(),
        rule: "larder.toml:7".into(),
        version: String::new(),
        identifiers: Vec::new(),
        tags: Vec::new(),
        groups: Vec::new(),
        content_type: "text/html".into(),
        stored_at: 1000,
        expires_at: 2000,
    }
}

pub(crate) fn tagged(target: &str, tags: &[&str]) -> Entry {
    Entry { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..entry(target) }
}

pub(crate) fn of(target: &str, parent: &str, supplementary: Option<&str>) -> Entry {
    Entry { identifiers: vec![identifier(parent, supplementary)], ..entry(target) }
}

pub(crate) fn identifier(parent: &str, supplementary: Option<&str>) -> Identifier {
    Identifier { parent: parent.into(), supplementary: supplementary.map(Into::into) }
}

pub(crate) fn tag(tag: &str) -> Selector {
    Selector::Tag { tag: tag.into(), host: None }
}

pub(crate) fn keys(targets: &[&str]) -> BTreeSet<String> {
    targets.iter().map(|target| format!("key-of-{target}")).collect()
}
