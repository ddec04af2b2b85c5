//! Which options are there? The one table of them.
//!
//! Checking, defaults, `--help` and `docs/configuration.md` are all made from it, so an option
//! can't be described in one place and behave otherwise in another. Its parts are what the proxy
//! is told ([`proxy`]), what is decided at its door ([`front`]), who may purge ([`purge`]), what is published ([`publish`]), how fast pages are fetched in advance ([`warm`]), what holds for the whole site ([`site`]) and how
//! applications by https are spoken to ([`upstream_tls`]); rules and audiences, of which there may be many, have tables of their own ([`crate::rules`]). Unsafe choices are named `danger.*`.

mod csrf;
mod front;
mod proxy;
mod publish;
mod purge;
mod site;
mod upstream_tls;
mod warm;

use std::time::Duration;

use crate::config::Config;
use crate::kind::{Automatic, Flag, Kind, OptionSpec};

const DAY: u64 = 86_400;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn flag(name: &'static str, value: &'static str) -> Option<Flag> {
    Some(Flag { name, value })
}

/// A wait: from 10 ms (below, a busy moment looks like a failure) to a day.
const fn wait(place: fn(&mut Config) -> &mut Duration, default: Duration) -> Kind {
    Kind::Duration { place, default, min: Duration::from_millis(10), max: secs(DAY) }
}

/// A count from one up.
const fn count(place: fn(&mut Config) -> &mut usize, default: usize, max: usize) -> Kind {
    Kind::Count { place, default: Automatic::Fixed(default), min: 1, max }
}

/// The sections of the file in the order of the documentation, each with its one line.
pub(crate) const SECTIONS: &[(&str, &str)] = &[
    ("", "Which application Larder stands in front of, and what counts of a query."),
    ("listen", "Where clients connect."),
    ("tls", "TLS towards clients. [https.md](https.md) has the whole story."),
    ("admin", "Where health, metrics and purging are served, apart from the site."),
    (
        "forwarded",
        "How the application is told of the visitor. [behind-a-proxy.md](behind-a-proxy.md) has the whole story.",
    ),
    ("https", "What https means for the site."),
    ("cache", "What is kept, how much of it, and when a stored response may answer."),
    ("tags", "Names that the application gives to pages. [purging.md](purging.md#tags) says more."),
    (
        "purge",
        "Who may purge on the site's own listener. [purging.md](purging.md) has the whole story.",
    ),
    (
        "publish.memcached",
        "Pages that nginx answers with by itself. [publishing.md](publishing.md) has the whole story.",
    ),
    (
        "warm",
        "How fast pages are fetched before anybody asks. [warming.md](warming.md) has the whole story.",
    ),
    (
        "identity",
        "How it is known who a visitor is. [rules.md](rules.md#identity) has the whole story.",
    ),
    ("xhr", "Requests that scripts make."),
    (
        "csrf",
        "The cookie with a visitor's secret for forms. [rules.md](rules.md#pages-with-forms) has the whole story.",
    ),
    ("timeouts", "How long anybody is waited for."),
    ("limits", "How much a client may send or open."),
    ("upstream_pool", "Connections to the applications, and when one is left alone."),
    (
        "upstream_tls",
        "Applications by https. [https.md](https.md#tls-to-the-application) has the whole story.",
    ),
    ("log", "What is written down."),
    ("debug", "Who is told more."),
    ("danger", "Unsafe readings, for sites that know why they are safe for them."),
];

/// The parts of the table. Those of one section need not be of one part.
const PARTS: [&[OptionSpec]; 9] = [
    proxy::OPTIONS,
    front::OPTIONS,
    purge::OPTIONS,
    publish::OPTIONS,
    warm::OPTIONS,
    site::OPTIONS,
    csrf::OPTIONS,
    upstream_tls::OPTIONS,
    &[upstream_tls::DANGER],
];

const COUNT: usize = {
    let (mut count, mut part) = (0, 0);
    while part < PARTS.len() {
        count += PARTS[part].len();
        part += 1;
    }
    count
};

const ALL: [OptionSpec; COUNT] = {
    let mut all = [proxy::OPTIONS[0]; COUNT];
    let (mut filled, mut part, mut index) = (0, 0, 0);
    while filled < COUNT {
        if index < PARTS[part].len() {
            all[filled] = PARTS[part][index];
            (filled, index) = (filled + 1, index + 1);
        } else {
            (part, index) = (part + 1, 0);
        }
    }
    all
};

/// Every option. Those of one section are in the order of the documentation.
pub const OPTIONS: &[OptionSpec] = &ALL;

/// The option of this key.
pub(crate) fn find(key: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.key == key)
}

/// Whether a table of this path has options in it, or in tables below it.
pub(crate) fn is_section(path: &str) -> bool {
    let is_above = |name: &str| {
        name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    !path.is_empty() && SECTIONS.iter().any(|(name, _)| is_above(name))
}
