//! Numbers for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use larder_semantics::Reason;

/// What became of a page that was to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It lies where nginx finds it.
    Published,
    /// It was gone or stale before that.
    Gone,
    /// It was while it was being laid down, and was taken away.
    Overtaken,
    /// It may not be published.
    Refused(Reason),
    /// The table could not remember it.
    Unlisted,
    /// Memcached did not take it.
    Unset,
}

impl Outcome {
    /// Why it is not there: as the metrics call it. `None`: it is.
    #[must_use]
    pub const fn why_not(self) -> Option<&'static str> {
        match self {
            Self::Published => None,
            Self::Gone => Some("gone"),
            Self::Overtaken => Some("overtaken"),
            Self::Refused(reason) => Some(reason.token()),
            Self::Unlisted => Some("unlisted"),
            Self::Unset => Some("memcached"),
        }
    }
}

/// How often each came about.
#[derive(Debug)]
pub struct Counts {
    published: AtomicU64,
    gone: AtomicU64,
    overtaken: AtomicU64,
    unlisted: AtomicU64,
    unset: AtomicU64,
    /// For want of room in the queue.
    dropped: AtomicU64,
    erased: AtomicU64,
    refused: Box<[AtomicU64]>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            published: AtomicU64::default(),
            gone: AtomicU64::default(),
            overtaken: AtomicU64::default(),
            unlisted: AtomicU64::default(),
            unset: AtomicU64::default(),
            dropped: AtomicU64::default(),
            erased: AtomicU64::default(),
            refused: Reason::ALL.iter().map(|_| AtomicU64::default()).collect(),
        }
    }
}

impl Counts {
    pub(crate) fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Published => Some(&self.published),
            Outcome::Gone => Some(&self.gone),
            Outcome::Overtaken => Some(&self.overtaken),
            Outcome::Unlisted => Some(&self.unlisted),
            Outcome::Unset => Some(&self.unset),
            Outcome::Refused(reason) => self.refused.get(reason.index()),
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn erased(&self, pages: u64) {
        self.erased.fetch_add(pages, Ordering::Relaxed);
    }

    /// Pages published.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Pages taken away by purges.
    #[must_use]
    pub fn pages_erased(&self) -> u64 {
        self.erased.load(Ordering::Relaxed)
    }

    /// Pages that were not published, by why; reasons that did not occur are left out.
    #[must_use]
    pub fn unpublished(&self) -> Vec<(&'static str, u64)> {
        let own = [
            ("gone", &self.gone),
            ("overtaken", &self.overtaken),
            ("unlisted", &self.unlisted),
            ("memcached", &self.unset),
            ("queue-full", &self.dropped),
        ];
        let refused = Reason::ALL.iter().map(|reason| reason.token()).zip(&self.refused);
        let all = own.into_iter().chain(refused);
        let counted = all.map(|(why, counter)| (why, counter.load(Ordering::Relaxed)));
        counted.filter(|(_, count)| *count > 0).collect()
    }
}
