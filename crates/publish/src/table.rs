//! The lookup table, which may not be there yet: a database that was away when we started is tried again.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use larder_lookup::{Entry, Lookup, LookupError, Place};

use crate::limits::{RETRY_FIRST, RETRY_MAX};
use crate::settings::StartError;

/// The table, once it could be opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(Arc<OnceLock<Lookup>>);

impl Table {
    /// Opens it, or begins to try again and again. On the runtime that it is to be used on.
    pub(crate) async fn open(place: &Place) -> Result<Self, StartError> {
        let table = Self::default();
        match Lookup::open(place).await {
            Ok(lookup) => drop(table.0.set(lookup)),
            Err(error) if is_away(place, &error) => {
                tracing::warn!(%place, %error, "published pages can't be remembered or found until the database is there");
                tokio::spawn(table.clone().keep_trying(place.clone()));
            }
            Err(error) => return Err(StartError(format!("{place}: {error}"))),
        }
        Ok(table)
    }

    async fn keep_trying(self, place: Place) {
        let mut pause = RETRY_FIRST;
        loop {
            tokio::time::sleep(pause).await;
            match Lookup::open(&place).await {
                Ok(lookup) => {
                    tracing::info!(%place, "the database is there");
                    drop(self.0.set(lookup));
                    return;
                }
                Err(error) => tracing::debug!(%place, %error, "still away"),
            }
            pause = Duration::min(pause * 2, RETRY_MAX);
        }
    }

    /// The table, if it is there.
    pub(crate) fn lookup(&self) -> Option<&Lookup> {
        self.0.get()
    }

    pub(crate) async fn remember(&self, entry: Entry) -> Result<(), LookupError> {
        match self.lookup() {
            Some(lookup) => lookup.remember(entry).await,
            None => Err(LookupError::Paused),
        }
    }
}

/// Whether waiting helps. What is wrong with a file is for its owner to mend.
fn is_away(place: &Place, error: &LookupError) -> bool {
    match error {
        LookupError::Schema(_) => false,
        LookupError::Database(_) | LookupError::Slow | LookupError::Full | LookupError::Paused => {
            matches!(place, Place::Postgres(_))
        }
    }
}
