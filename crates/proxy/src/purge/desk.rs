//! Where purges are ordered: carried out at once, counted, and left to the sweeper.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_cache::Cache;
use larder_cache::purge::{Basket, Look, Mode, Purge, Purged, Scope};
use larder_publish::{Erasure, Pages, selectors};

use super::sweeper::{Sweeper, Swept};
use crate::limits::WARM_AFTER_PURGE_MAX;
use crate::start_error::StartError;
use crate::warm::{Queued, Warmer};

/// What purges can be about, as the metrics call it; in the order of [`kind`].
const SCOPES: [&str; 8] = ["url", "path", "prefix", "host", "all", "tags", "groups", "pattern"];

const fn kind(scope: &Scope) -> usize {
    match scope {
        Scope::Url { .. } => 0,
        Scope::Path { .. } => 1,
        Scope::Prefix { .. } => 2,
        Scope::Host(_) => 3,
        Scope::All => 4,
        Scope::Tags { .. } => 5,
        Scope::Groups { .. } => 6,
        Scope::Matching(_) => 7,
    }
}

/// What is done about pages after they were purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Whoever asks for one has it made.
    Nothing,
    /// They are fetched again, most asked first.
    Warm,
}

impl Then {
    fn basket(self) -> Option<Arc<Basket>> {
        (self == Self::Warm).then(|| Arc::new(Basket::new(WARM_AFTER_PURGE_MAX)))
    }
}

/// Takes orders to purge.
#[derive(Debug)]
pub(crate) struct Desk {
    cache: Arc<Cache>,
    warmer: Arc<Warmer>,
    sweeper: Sweeper,
    /// Copies of pages elsewhere, if there are any.
    published: Option<Pages>,
    /// Hard ones, then soft ones.
    purges: [[AtomicU64; SCOPES.len()]; 2],
    pages: AtomicU64,
    variants: AtomicU64,
}

impl Desk {
    /// Opens it. What was purged is remembered for `remembered_for` after the pages were gone through.
    pub(crate) fn open(
        cache: &Arc<Cache>,
        warmer: &Arc<Warmer>,
        pages: Option<Pages>,
        remembered_for: Duration,
    ) -> Result<Self, StartError> {
        Ok(Self {
            published: pages,
            sweeper: Sweeper::start(Arc::clone(cache), remembered_for)?,
            cache: Arc::clone(cache),
            warmer: Arc::clone(warmer),
            purges: Default::default(),
            pages: AtomicU64::new(0),
            variants: AtomicU64::new(0),
        })
    }

    /// Carries purges out: they are in force when it returns.
    pub(crate) fn carry_out(&self, purges: &[Purge], then: Then) -> Purged {
        let basket = then.basket();
        let purged = self.cache.purge_together(purges, Look::AtSome, basket.as_ref());
        match basket {
            None => self.sweeper.wake(),
            Some(basket) => {
                // Which pages are asked for most is known when all of them were looked at.
                let warmer = Arc::clone(&self.warmer);
                self.sweeper.sweep_and(move || _ = warmer.want_again(&basket));
            }
        }
        self.count(purges, purged);
        purged
    }

    /// Takes away what is published of the pages, after they were purged from memory. `None`: nothing is published from here.
    /// Begun when it returns. Soft or hard makes no difference: whoever reads published pages can't tell stale ones.
    pub(crate) fn erase(
        &self,
        purges: &[Purge],
        patience: Duration,
    ) -> Option<impl Future<Output = Erasure> + Send + use<>> {
        let pages = self.published.as_ref()?;
        let options = self.cache.options();
        let what = purges.iter().flat_map(|it| selectors(&it.scope, &options.policy)).collect();
        Some(pages.erase(what, patience))
    }

    /// Published pages, if there are any.
    pub(crate) fn published(&self) -> Option<&Pages> {
        self.published.as_ref()
    }

    /// Carries purges out as [`Desk::carry_out`] does, and waits until every page was looked at. Also says how many are fetched again. `None`: the process ends.
    pub(crate) async fn carry_out_whole(
        &self,
        purges: Vec<Purge>,
        then: Then,
    ) -> Option<(Purged, Option<Queued>)> {
        let (purges, basket): (Arc<[Purge]>, _) = (purges.into(), then.basket());
        let purged = self.sweeper.whole(Arc::clone(&purges), basket.clone()).await?;
        self.count(&purges, purged);
        Some((purged, basket.map(|basket| self.warmer.want_again(&basket))))
    }

    fn count(&self, purges: &[Purge], purged: Purged) {
        for purge in purges {
            let [hard, soft] = &self.purges;
            let counters = match purge.mode {
                Mode::Hard => hard,
                Mode::Soft => soft,
            };
            if let Some(counter) = counters.get(kind(&purge.scope)) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.pages.fetch_add(purged.pages, Ordering::Relaxed);
        self.variants.fetch_add(purged.variants, Ordering::Relaxed);
    }

    /// How many purges there were, by mode and scope.
    pub(crate) fn purges(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let modes = ["hard", "soft"].into_iter().zip(&self.purges);
        modes.flat_map(|(mode, counters)| {
            let scopes = SCOPES.into_iter().zip(counters);
            scopes.map(move |(scope, counter)| (mode, scope, counter.load(Ordering::Relaxed)))
        })
    }

    /// How many pages they were about, and how many responses on them; estimates where that is what was answered.
    pub(crate) fn purged(&self) -> (u64, u64) {
        (self.pages.load(Ordering::Relaxed), self.variants.load(Ordering::Relaxed))
    }

    /// What the sweeper did.
    pub(crate) fn swept(&self) -> Swept {
        self.sweeper.swept()
    }

    /// Ends the threads behind it, after what they are doing.
    pub(crate) fn close(&self) {
        if let Some(pages) = &self.published {
            pages.close();
        }
        self.sweeper.finish();
    }
}

#[cfg(test)]
mod tests {
    use larder_cache::{Options, SystemClock};

    use super::*;

    fn desk(remembered_for: Duration) -> Desk {
        let cache = Arc::new(Cache::new(8 << 20, Options::default(), Arc::new(SystemClock)));
        let warmer = Warmer::new(&cache, None, &larder_config::Config::default().warm);
        Desk::open(&cache, &warmer, None, remembered_for).expect("a thread")
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(future)
    }

    #[test]
    fn purges_are_counted_by_scope_and_mode() {
        let desk = desk(Duration::ZERO);
        let host = || Scope::Host("a.test".into());
        desk.carry_out(&[Purge::hard(Scope::All), Purge::soft(host())], Then::Nothing);
        block_on(desk.carry_out_whole(vec![Purge::soft(host())], Then::Nothing)).expect("done");
        let counted: Vec<_> = desk.purges().filter(|(.., count)| *count > 0).collect();
        assert_eq!(counted, [("hard", "all", 1), ("soft", "host", 2)]);
    }

    #[test]
    fn what_was_swept_is_forgotten_when_its_time_is_over_and_not_before() {
        for (remembered_for, left) in [(Duration::ZERO, 0), (Duration::from_secs(3600), 1)] {
            let desk = desk(remembered_for);
            let all = vec![Purge::hard(Scope::All)];
            let purged = block_on(desk.carry_out_whole(all, Then::Nothing));
            assert_eq!(purged, Some((Purged::default(), None)));
            desk.close();
            assert_eq!(desk.cache.purges_remembered(), left, "{remembered_for:?}");
            assert_eq!(desk.swept().sweeps, 1);
        }
    }

    #[test]
    fn after_the_end_nothing_is_promised() {
        let desk = desk(Duration::ZERO);
        desk.close();
        let all = vec![Purge::hard(Scope::All)];
        assert_eq!(block_on(desk.carry_out_whole(all, Then::Nothing)), None);
    }
}
