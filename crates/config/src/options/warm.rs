//! How fast pages are fetched before anybody asks for them.

use super::count;
use crate::kind::{Kind, OptionSpec, Reload, Words};

/// In the order of the documentation.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "warm.rate",
        kind: Kind::Text { place: |c| &mut c.warm.rate, default: "20/s", of: Words::Rate },
        flag: None,
        summary: "How many pages are fetched in advance, at most",
        text: "How many pages are fetched in advance, at most: so many a second (`\"20/s\"`), minute (`\"100/m\"`) or hour, \
               evenly, without bursts. The default is what most applications do not notice; what is fresh already costs \
               the application nothing and does not count. It holds for `larder warm`, `POST /warm` and purges that \
               warm, all together.",
        example: "\"5/s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "warm.concurrency",
        kind: count(|c| &mut c.warm.concurrency, 4, 64),
        flag: None,
        summary: "How many pages are fetched in advance at the same time",
        text: "How many pages are fetched in advance at the same time, at most. Keep it below the number of the \
               application's workers, so that visitors always find one free.",
        example: "2",
        reload: Reload::Live,
    },
];
