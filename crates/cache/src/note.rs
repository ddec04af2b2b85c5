//! What the cache did with a request, in two words: for the log, the metrics and `Cache-Status`.

use larder_semantics::Reason;

/// How a response came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handling {
    /// From the cache, fresh.
    Hit,
    /// From the cache, past its freshness, because a stale rule allows it.
    Stale,
    /// From the cache, after the application said that it is still valid.
    Validated,
    /// From a fetch that another request had begun.
    Collapsed,
    /// From the application, by a fetch that may fill the cache.
    Miss,
    /// From the application, without a look into the cache.
    Pass,
    /// Made by Larder for the site: a health check, a redirect to https.
    Own,
    /// Made by Larder: a refusal, or the application failed.
    Refused,
}

impl Handling {
    /// Every value, in the order of [`Handling::index`].
    pub const ALL: [Self; 8] = [
        Self::Hit,
        Self::Stale,
        Self::Validated,
        Self::Collapsed,
        Self::Miss,
        Self::Pass,
        Self::Own,
        Self::Refused,
    ];

    /// The word for logs and metric labels.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Validated => "validated",
            Self::Collapsed => "collapsed",
            Self::Miss => "miss",
            Self::Pass => "pass",
            Self::Own => "own",
            Self::Refused => "refused",
        }
    }

    /// The position in [`Handling::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What was done and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// How the response came about.
    pub handling: Handling,
    /// Why: the row of the one table.
    pub reason: Reason,
}

impl Note {
    /// A note of `handling` because of `reason`.
    #[must_use]
    pub const fn new(handling: Handling, reason: Reason) -> Self {
        Self { handling, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_is_the_position_in_all() {
        for (position, handling) in Handling::ALL.into_iter().enumerate() {
            assert_eq!(handling.index(), position, "{}", handling.token());
        }
    }
}
