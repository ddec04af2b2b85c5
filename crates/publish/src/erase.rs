//! What becomes of a purge among published pages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use larder_lookup::{Failure, Outbox, Selector};

use crate::gate::Gate;
use crate::shelf::{OnServer, Shelf};
use crate::table::Table;

/// What a purge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// Pages that are taken away, whether they were still there or had ended.
    pub pages: u64,
    /// The same for each server.
    pub servers: BTreeMap<String, OnServer>,
    /// What is not done yet, but will be: it is kept on the disk.
    pub waits: Vec<Waits>,
    /// What could not even be kept.
    pub lost: Option<String>,
}

/// An order that is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Its number in the outbox.
    pub number: u64,
    /// What keeps it, for people.
    pub why: String,
}

impl Erasure {
    /// Whether nothing of it is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.waits.is_empty() && self.lost.is_none()
    }

    pub(crate) fn add(&mut self, pages: u64, servers: BTreeMap<String, OnServer>) {
        self.pages += pages;
        for (server, OnServer { deleted, absent, left }) in servers {
            let sum = self.servers.entry(server).or_default();
            sum.deleted += deleted;
            sum.absent += absent;
            sum.left += left;
        }
    }

    /// Keeps orders that could not be carried out.
    pub(crate) fn keep(&mut self, outbox: &Outbox, what: &[Selector], why: &str) {
        match outbox.keep_all(what) {
            Ok(numbers) => {
                let known = |number: &u64| self.waits.iter().any(|waits| waits.number == *number);
                let new: Vec<u64> = numbers.into_iter().filter(|number| !known(number)).collect();
                self.waits
                    .extend(new.into_iter().map(|number| Waits { number, why: why.to_owned() }));
            }
            Err(error) => {
                tracing::error!(%error, ?what, "a purge of published pages is lost: it could not be kept");
                self.lost =
                    Some(format!("{why}; and it could not be kept to be done later: {error}"));
            }
        }
    }
}

/// Why an order is not complete, for people.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The table does not answer: there is no use in asking it for the next.
    Table(String),
    /// Some server does not; what lies on others is gone.
    Servers(String),
}

const AWAY: &str = "the lookup database is away";

/// What is needed for it.
#[derive(Clone, Debug)]
pub(crate) struct Eraser {
    pub(crate) table: Table,
    pub(crate) shelf: Shelf,
    pub(crate) gate: Gate,
    /// The table did not answer the last time: nobody waits for it before it did.
    pub(crate) is_away: Arc<AtomicBool>,
}

impl Eraser {
    /// Carries one order out, as far as that goes now. The pages are gone from memory, and who published them before that has
    /// left the gate.
    pub(crate) async fn carry_out(&self, what: &Selector) -> (Erasure, Option<Failed>) {
        let mut erasure = Erasure::default();
        let Some(lookup) = self.table.lookup() else {
            return (erasure, Some(Failed::Table(AWAY.to_owned())));
        };
        let erasing = self.shelf.erasing();
        let erased = lookup.purge(what, &erasing).await;
        erasure.add(erased.pages, erasing.done());
        let failed = erased.failure.map(|failure| match failure {
            Failure::Lookup(error) => Failed::Table(error.to_string()),
            Failure::Eraser(why) => Failed::Servers(why),
        });
        self.is_away.store(matches!(failed, Some(Failed::Table(_))), Ordering::Relaxed);
        (erasure, failed)
    }

    /// Why an order is not even begun, where that is known.
    pub(crate) fn away(&self) -> Option<&'static str> {
        let is_away = self.is_away.load(Ordering::Relaxed) || self.table.lookup().is_none();
        is_away.then_some(AWAY)
    }
}
