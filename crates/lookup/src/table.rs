//! The lookup table as its users see it: pages are remembered in batches, found and erased in portions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::engine::{After, Engine};
use crate::entry::{Entry, Identifier, Listed, Selector};
use crate::error::LookupError;
use crate::limits::{BATCH_MAX, FOUND_MAX, PATIENCE, PAUSE, WAITING_MAX};
use crate::place::Place;

/// A lookup table. Cheap to clone; the last clone's end lets what waits be written down and then ends the writer.
#[derive(Clone, Debug)]
pub struct Lookup {
    engine: Engine,
    waiting: mpsc::Sender<Waiting>,
    counts: Arc<Counts>,
}

/// Numbers for the metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Pages written down.
    pub remembered: AtomicU64,
    /// Pages that could not be.
    pub refused: AtomicU64,
    /// Transactions.
    pub batches: AtomicU64,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    done: oneshot::Sender<Result<(), LookupError>>,
}

/// Takes pages away from where they lie.
pub trait Eraser: Send + Sync {
    /// Erases pages; when it returns `Ok` they are gone, those that were not there too.
    ///
    /// # Errors
    /// Which of them may still be there, and why.
    fn erase(&self, pages: &[Listed]) -> impl Future<Output = Result<(), Left>> + Send;
}

/// What could not be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The numbers of the pages that may still be there.
    pub pages: Vec<i64>,
    /// Why, for people.
    pub why: String,
}

/// What became of a purge.
#[derive(Debug)]
pub struct Erased {
    /// Pages that are gone.
    pub pages: u64,
    /// Why it is not complete, if it is not.
    pub failure: Option<Failure>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lookup(error) => error.fmt(f),
            Self::Eraser(why) => f.write_str(why),
        }
    }
}

/// Who kept a purge from being complete.
#[derive(Debug)]
pub enum Failure {
    /// The database.
    Lookup(LookupError),
    /// Where the pages lie.
    Eraser(String),
}

/// A page with its names, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The page.
    pub page: Listed,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its groups.
    pub groups: Vec<String>,
    /// Its identifiers.
    pub identifiers: Vec<Identifier>,
}

impl Lookup {
    /// Connects, brings the tables up to date, and starts the writer. On a runtime.
    ///
    /// # Errors
    /// The database can't be reached or is not one of ours.
    pub async fn open(place: &Place) -> Result<Self, LookupError> {
        let engine =
            timeout(2 * PATIENCE, Engine::open(place)).await.map_err(|_| LookupError::Slow)??;
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let counts = Arc::new(Counts::default());
        tokio::spawn(write(engine.clone(), queue, Arc::clone(&counts)));
        Ok(Self { engine, waiting, counts })
    }

    /// Remembers a page; when it returns `Ok` it can be found. Waits for one transaction at most, shared with others.
    ///
    /// # Errors
    /// The page is not remembered, and must not be published where that matters.
    pub async fn remember(&self, entry: Entry) -> Result<(), LookupError> {
        let (done, outcome) = oneshot::channel();
        if self.waiting.try_send(Waiting { entry, done }).is_err() {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            return Err(LookupError::Full);
        }
        outcome.await.unwrap_or(Err(LookupError::Paused))
    }

    /// Finds all pages that are meant, has them erased, and forgets them, in portions. What can't be erased keeps nobody from
    /// erasing the rest.
    ///
    /// A page that is published while this goes on may or may not be among them: whoever publishes looks afterwards whether
    /// something was purged meanwhile.
    pub async fn purge(&self, what: &Selector, eraser: &impl Eraser) -> Erased {
        let mut erased = Erased { pages: 0, failure: None };
        if let Err(failure) = self.purge_all(what, eraser, &mut erased).await {
            erased.failure = Some(Failure::Lookup(failure));
        }
        erased
    }

    async fn purge_all(
        &self,
        what: &Selector,
        eraser: &impl Eraser,
        erased: &mut Erased,
    ) -> Result<(), LookupError> {
        let fits = what.expressions();
        let upto = in_time(self.engine.newest()).await?;
        // In order, each page once: what stays, or is published anew meanwhile, does not keep it from coming to an end.
        let mut after = After::Page(None);
        loop {
            let mut found = in_time(self.engine.find(what, &after, upto, FOUND_MAX)).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = After::Page(Some((last.target.clone(), last.id)));
            if let Some(fits) = &fits {
                found.retain(|page| fits.page(page));
            }
            if !found.is_empty()
                && let Err(Left { pages, why }) = eraser.erase(&found).await
            {
                found.retain(|page| !pages.contains(&page.id));
                erased.failure.get_or_insert(Failure::Eraser(why));
            }
            erased.pages += found.len() as u64;
            in_time(self.engine.forget(&found)).await?;
        }
    }

    /// Pages that are meant, in order of their numbers, from behind `after` on.
    ///
    /// # Errors
    /// The database fails.
    pub async fn list(
        &self,
        what: &Selector,
        after: i64,
        most: u32,
    ) -> Result<Vec<Listed>, LookupError> {
        let fits = what.expressions();
        let (mut after, mut fitting) = (after, Vec::new());
        loop {
            let mut found =
                in_time(self.engine.find(what, &After::Id(after), i64::MAX, most)).await?;
            let Some(last) = found.last().map(|page| page.id) else { return Ok(fitting) };
            let Some(fits) = &fits else { return Ok(found) };
            found.retain(|page| fits.page(page));
            fitting.extend(found);
            if fitting.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
                fitting.truncate(usize::try_from(most).unwrap_or(usize::MAX));
                return Ok(fitting);
            }
            after = last;
        }
    }

    /// A page with its names.
    ///
    /// # Errors
    /// The database fails.
    pub async fn show(&self, page: Listed) -> Result<Shown, LookupError> {
        let (mut tags, mut groups, mut identifiers) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, name, parent) in in_time(self.engine.labels(page.id)).await? {
            match kind {
                1 => tags.push(name),
                2 => identifiers.push(Identifier { parent: name, supplementary: None }),
                3 => identifiers.push(Identifier { parent, supplementary: Some(name) }),
                _ => groups.push(name),
            }
        }
        Ok(Shown { page, tags, groups, identifiers })
    }

    /// Forgets pages without erasing them: they ended by themselves, or somebody else erased them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget(&self, pages: &[Listed]) -> Result<u64, LookupError> {
        in_time(self.engine.forget(pages)).await
    }

    /// Forgets some of the pages whose lifetime was over before `now` (seconds since 1970), and takes away what is left of some
    /// that were erased. Says how many of both; zero: none is left.
    ///
    /// # Errors
    /// The database fails.
    pub async fn forget_expired(&self, now: i64) -> Result<u64, LookupError> {
        let cleared = in_time(self.engine.clear_erased()).await?;
        Ok(cleared + in_time(self.engine.forget_expired(now)).await?)
    }

    /// How many pages are remembered.
    ///
    /// # Errors
    /// The database fails.
    pub async fn count(&self) -> Result<i64, LookupError> {
        in_time(self.engine.count()).await
    }

    /// Numbers for the metrics.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Lets go of the database: what is asked for afterwards fails.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, LookupError>>) -> Result<T, LookupError> {
    timeout(PATIENCE, work).await.unwrap_or(Err(LookupError::Slow))
}

/// Writes down what waits: as much as there is, in one transaction after the other.
async fn write(engine: Engine, mut queue: mpsc::Receiver<Waiting>, counts: Arc<Counts>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut paused: Option<Instant> = None;
    while queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let entries: Vec<&Entry> = batch.iter().map(|waiting| &waiting.entry).collect();
        let written = if paused.is_some_and(|until| Instant::now() < until) {
            Err(LookupError::Paused)
        } else {
            in_time(engine.remember(&entries)).await
        };
        let count = batch.len() as u64;
        match written {
            Ok(()) => {
                paused = None;
                counts.batches.fetch_add(1, Ordering::Relaxed);
                counts.remembered.fetch_add(count, Ordering::Relaxed);
                for waiting in batch.drain(..) {
                    // Whoever does not wait any more does not publish either.
                    drop(waiting.done.send(Ok(())));
                }
            }
            Err(error) => {
                counts.refused.fetch_add(count, Ordering::Relaxed);
                if !matches!(error, LookupError::Paused) {
                    tracing::warn!(%error, pages = count, "pages could not be remembered");
                    paused = Some(Instant::now() + PAUSE);
                }
                let mut first = Some(error);
                for waiting in batch.drain(..) {
                    let error = first.take().unwrap_or(LookupError::Paused);
                    drop(waiting.done.send(Err(error)));
                }
            }
        }
    }
}
