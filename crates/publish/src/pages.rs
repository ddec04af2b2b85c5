//! All of it, with a thread of its own: nothing of a visitor's ever waits for what goes on there, but for unsafe requests,
//! which wait for a moment.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use larder_cache::publish::{OutOfDate, Publisher, Settled};
use larder_cache::{Cache, Clock, SystemClock};
use larder_lookup::{Entry, Outbox, Selector};
use larder_memcached::ServerState;
use larder_policy::published::Publishing;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};

use crate::counts::{Counts, Outcome};
use crate::erase::{Eraser, Erasure, Failed};
use crate::gate::Gate;
use crate::limits::{AT_ONCE, CLOSING, EXPIRED_AFTER, EXPIRED_EVERY, UNSAFE_WAIT};
use crate::page::{Copy, Ground, body_of, copy_of, lay_down};
use crate::queue::Queue;
use crate::retry::Retry;
use crate::selectors;
use crate::settings::{Settings, StartError};
use crate::shelf::Shelf;
use crate::table::Table;

/// Published pages. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    inner: Arc<Inner>,
}

struct Inner {
    cache: std::sync::Weak<Cache>,
    publishing: Publishing,
    eraser: Eraser,
    outbox: Arc<Outbox>,
    kept: Arc<Notify>,
    queue: Queue,
    counts: Arc<Counts>,
    /// What goes on and has to be waited for at the end.
    busy: AtomicUsize,
    handle: Handle,
    end: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

/// How things are, for metrics and people.
#[derive(Clone, Debug)]
pub struct State {
    /// Pages that wait to be published.
    pub queued: usize,
    /// Orders to purge that wait.
    pub waiting: usize,
    /// Whether the table was ever reached.
    pub has_table: bool,
    /// Pages the table remembered, and those that it could not, since the start.
    pub remembered: (u64, u64),
    /// The servers.
    pub servers: Vec<ServerState>,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("outbox", &self.inner.outbox).finish_non_exhaustive()
    }
}

impl Pages {
    /// Opens table and outbox and begins to publish pages of `cache`, which has to be told of it
    /// ([`Cache::set_publisher`]). Not to be called on a runtime's thread.
    ///
    /// # Errors
    /// Something that waiting would not mend.
    pub fn start(settings: &Settings, cache: &Arc<Cache>) -> Result<Self, StartError> {
        let shelf = Shelf::new(settings)?;
        let outbox = Outbox::open(&settings.outbox)
            .map_err(|error| StartError(format!("{}: {error}", settings.outbox.display())))?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StartError(error.to_string()))?;
        let table = runtime.block_on(Table::open(&settings.lookup))?;
        let (end, ended) = oneshot::channel::<()>();
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new()
            .name("larder-publish".to_owned())
            .spawn(move || {
                // An error is the sender's end, which says the same.
                drop(runtime.block_on(ended));
                runtime.shutdown_timeout(Duration::from_millis(100));
            })
            .map_err(|error| StartError(error.to_string()))?;
        let pages = Self {
            inner: Arc::new(Inner {
                cache: Arc::downgrade(cache),
                publishing: settings.publishing.clone(),
                eraser: Eraser { table, shelf, gate: Gate::default(), is_away: Arc::default() },
                outbox: Arc::new(outbox),
                kept: Arc::default(),
                queue: Queue::default(),
                counts: Arc::default(),
                busy: AtomicUsize::new(0),
                handle,
                end: Mutex::new(Some((end, thread))),
            }),
        };
        pages.spawn_tasks();
        Ok(pages)
    }

    fn spawn_tasks(&self) {
        let Inner { handle, eraser, outbox, counts, kept, .. } = &*self.inner;
        for _ in 0..AT_ONCE {
            handle.spawn(publish_all(Arc::clone(&self.inner)));
        }
        let retry = Retry {
            eraser: eraser.clone(),
            outbox: Arc::clone(outbox),
            counts: Arc::clone(counts),
            kept: Arc::clone(kept),
        };
        handle.spawn(retry.run());
        handle.spawn(forget_expired(eraser.table.clone()));
    }

    /// Takes published pages away; those in memory are gone already. What is not done after `patience`, or can't be, is kept
    /// durably and done later. Begun when it returns; the future may be dropped.
    pub fn erase(
        &self,
        what: Vec<Selector>,
        patience: Duration,
    ) -> impl Future<Output = Erasure> + Send + use<> {
        let (told, done) = oneshot::channel();
        let busy = Busy::begin(&self.inner);
        self.inner.handle.spawn(async move {
            let erasure = erase(&busy.0, &what, patience).await;
            drop(busy);
            // Who has left does not want to know.
            drop(told.send(erasure));
        });
        async move {
            done.await.unwrap_or_else(|_| Erasure {
                lost: Some("Larder is ending".to_owned()),
                ..Erasure::default()
            })
        }
    }

    /// Publishes a page now, and says what became of it: for those who fetch pages in advance.
    pub fn publish_now(&self, key: &[u8]) -> impl Future<Output = Outcome> + Send + use<> {
        let (told, done) = oneshot::channel();
        let (inner, key): (_, Arc<[u8]>) = (Arc::clone(&self.inner), key.into());
        self.inner.handle.spawn(async move {
            if let Some(cache) = inner.cache.upgrade() {
                // Who has left does not want to know.
                let _unheard = told.send(publish_one(&inner, &cache, &key).await);
            }
        });
        async move { done.await.unwrap_or(Outcome::Gone) }
    }

    /// The counters.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.inner.counts
    }

    /// How things are.
    #[must_use]
    pub fn state(&self) -> State {
        let Inner { queue, outbox, eraser, .. } = &*self.inner;
        let lookup = eraser.table.lookup();
        let remembered = lookup.map(|lookup| {
            let counts = lookup.counts();
            (counts.remembered.load(Ordering::Relaxed), counts.refused.load(Ordering::Relaxed))
        });
        State {
            queued: queue.len(),
            waiting: outbox.len(),
            has_table: lookup.is_some(),
            remembered: remembered.unwrap_or_default(),
            servers: eraser.shelf.servers(),
        }
    }

    /// Orders that wait, oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<(u64, Selector)> {
        self.inner.outbox.waiting()
    }

    /// Waits a moment for what goes on, then ends the thread. What waits in the outbox is there at the next start.
    pub fn close(&self) {
        let begun = Instant::now();
        while self.inner.busy.load(Ordering::Acquire) > 0 && begun.elapsed() < CLOSING {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if let Some((end, thread)) = self.inner.end.lock().take() {
            drop(end);
            drop(thread.join());
        }
    }
}

impl Publisher for Pages {
    fn publish(&self, key: &[u8]) {
        if !self.inner.queue.push(key) {
            self.inner.counts.dropped();
        }
    }

    fn out_of_date(&self, what: Vec<OutOfDate>) -> Settled {
        let what = what.into_iter().map(selectors::out_of_date).collect();
        let erasure = self.erase(what, UNSAFE_WAIT);
        Box::pin(async move { drop(erasure.await) })
    }
}

/// Something that the end waits for.
struct Busy(Arc<Inner>);

impl Busy {
    fn begin(inner: &Arc<Inner>) -> Self {
        inner.busy.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(inner))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn erase(inner: &Inner, what: &[Selector], patience: Duration) -> Erasure {
    const SLOW: &str = "it takes longer than this answer may";
    let deadline = tokio::time::Instant::now() + patience;
    let mut erasure = Erasure::default();
    let mut rest = what.iter();
    let mut halted = match inner.eraser.away() {
        Some(away) => Some(away.to_owned()),
        None => {
            let passed = tokio::time::timeout_at(deadline, inner.eraser.gate.pass()).await;
            passed.err().map(|_| SLOW.to_owned())
        }
    };
    while halted.is_none()
        && let Some(what) = rest.next()
    {
        let carried = tokio::time::timeout_at(deadline, inner.eraser.carry_out(what)).await;
        let failed = match carried {
            Ok((done, failed)) => {
                inner.counts.erased(done.pages);
                erasure.add(done.pages, done.servers);
                failed
            }
            Err(_) => Some(Failed::Table(SLOW.to_owned())),
        };
        let Some(Failed::Table(why) | Failed::Servers(why)) = &failed else { continue };
        erasure.keep(&inner.outbox, std::slice::from_ref(what), why);
        if matches!(failed, Some(Failed::Table(_))) {
            halted = Some(why.clone());
        }
    }
    if let Some(why) = halted {
        // The next would wait for the same.
        erasure.keep(&inner.outbox, rest.as_slice(), &why);
    }
    if !erasure.waits.is_empty() {
        inner.kept.notify_one();
    }
    erasure
}

async fn publish_all(inner: Arc<Inner>) {
    loop {
        let key = inner.queue.next().await;
        let Some(cache) = inner.cache.upgrade() else { return };
        publish_one(&inner, &cache, &key).await;
    }
}

async fn publish_one(inner: &Arc<Inner>, cache: &Cache, key: &[u8]) -> Outcome {
    let busy = Busy::begin(inner);
    let outcome = match copy_of(cache, &inner.publishing, key) {
        Ok(copy) => {
            let body = body_of(&copy.variant);
            let at = At { inner, cache, key, copy: &copy, body };
            lay_down(&at, &inner.eraser.gate, copy.unlisted).await
        }
        Err(outcome) => outcome,
    };
    if let Outcome::Refused(reason) = outcome {
        tracing::debug!(reason = reason.token(), "a page is not published");
    }
    inner.counts.count(outcome);
    drop(busy);
    outcome
}

/// A page between memory, table and Memcached.
struct At<'p> {
    inner: &'p Inner,
    cache: &'p Cache,
    key: &'p [u8],
    copy: &'p Copy,
    body: bytes::Bytes,
}

impl Ground for At<'_> {
    fn fresh_for(&self) -> Option<Duration> {
        self.cache.fresh_for(self.key, &self.copy.variant)
    }

    async fn remember(&self, lifetime: Duration) -> Result<(), ()> {
        let now = i64::try_from(SystemClock.now().as_secs()).unwrap_or(i64::MAX);
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let (stored_at, expires_at) = (now, now.saturating_add(lifetime));
        let entry = Entry { stored_at, expires_at, ..self.copy.entry.clone() };
        // The table says itself, once in a while, why it can't.
        self.inner.eraser.table.remember(entry).await.map_err(drop)
    }

    async fn set(&self, lifetime: Duration) -> Result<(), ()> {
        let now = SystemClock.now().as_secs();
        let key = &self.copy.publication.key;
        let set = self.inner.eraser.shelf.set(key, self.body.clone(), lifetime, now).await;
        set.map_err(|why| tracing::debug!(%why, "a page was not published"))
    }

    async fn delete(&self) -> Result<(), ()> {
        let deleted = self.inner.eraser.shelf.delete(&self.copy.publication.key).await;
        deleted.map_err(|why| tracing::debug!(%why, "a page was not taken away"))
    }

    fn see_to(&self) {
        let Entry { host, target, .. } = &self.copy.entry;
        let target = String::from_utf8_lossy(target).into_owned();
        let what = Selector::Url { host: host.clone(), target };
        let why = "it could not be taken away when it was out of date";
        Erasure::default().keep(&self.inner.outbox, &[what], why);
        self.inner.kept.notify_one();
    }
}

/// Rows leave with their pages.
async fn forget_expired(table: Table) {
    loop {
        tokio::time::sleep(EXPIRED_EVERY).await;
        let Some(lookup) = table.lookup() else { continue };
        let now = i64::try_from(SystemClock.now().as_secs()).unwrap_or(i64::MAX);
        while let Ok(forgotten) = lookup.forget_expired(now - EXPIRED_AFTER).await
            && forgotten > 0
        {
            tokio::task::yield_now().await;
        }
    }
}
