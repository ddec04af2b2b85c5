//! What was taken off requests before the application got them: counted, and said once for each name.
//!
//! Names are clients' inventions, so no more than a few are remembered, for the whole process.

use http::HeaderName;
use larder_policy::{Cleaned, Front};
use parking_lot::Mutex;

use crate::context::ConnContext;
use crate::limits::{NAME_SAID_BYTES_MAX, NAMES_SAID_MAX};
use crate::metrics::{Dropped, Metrics};

/// Names of fields that the log has spoken of.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<Vec<Box<str>>>);

/// Whether the log has spoken of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoken {
    /// Not yet; now it has.
    First,
    /// Not yet, and it is the last one that it speaks of.
    Last,
    /// It has, or it has spoken of too many.
    Enough,
}

impl Said {
    fn of(&self, name: &HeaderName) -> Spoken {
        let name = shortened(name.as_str());
        let mut names = self.0.lock();
        if names.len() >= NAMES_SAID_MAX || names.iter().any(|said| **said == *name) {
            return Spoken::Enough;
        }
        names.push(name.into());
        if names.len() == NAMES_SAID_MAX { Spoken::Last } else { Spoken::First }
    }
}

/// The name of a field is ASCII, so any place is a boundary.
fn shortened(name: &str) -> &str {
    name.get(..NAME_SAID_BYTES_MAX).unwrap_or(name)
}

/// Counts what was taken off a request that is on its way to the application.
pub(crate) fn count(metrics: &Metrics, front: &Front, context: &ConnContext, cleaned: &Cleaned) {
    let worker = metrics.worker(context.worker);
    let kinds = [
        (
            Dropped::Underscored,
            cleaned.underscored,
            &cleaned.underscored_names,
            "a field with an underscore in its name is not passed on (`underscores`)",
        ),
        (
            Dropped::Override,
            cleaned.overriding,
            &cleaned.overriding_names,
            "a field that asks for another method or URL is not passed on (`danger.override_fields`)",
        ),
    ];
    for (kind, lines, names, what) in kinds {
        if lines > 0 {
            worker.drop_fields(kind, lines);
            say(metrics, context, names, what);
        }
    }
    // What a trusted peer says was taken, and is written anew.
    let forged = cleaned.told_of_client;
    if forged > 0
        && !front.trust.trusts(context.peer.ip())
        && worker.drop_fields(Dropped::Forwarded, forged)
    {
        tracing::info!(
            peer = %context.peer.ip(),
            "fields about the visitor (X-Forwarded-*) were not believed; if this peer is a proxy of yours, name it in `trusted_proxies`"
        );
    }
}

fn say(metrics: &Metrics, context: &ConnContext, names: &[HeaderName], what: &str) {
    let peer = context.peer.ip();
    for name in names {
        let spoken = metrics.said.of(name);
        let name = shortened(name.as_str());
        match spoken {
            Spoken::First => tracing::info!(name, %peer, "{what}"),
            Spoken::Last => tracing::info!(
                name, %peer, "{what}; that is the last name told of, further ones are counted only"
            ),
            Spoken::Enough => tracing::debug!(name, %peer, "{what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HeaderName {
        HeaderName::from_bytes(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_name_is_spoken_of_once_and_not_every_name_is() {
        let said = Said::default();
        assert_eq!(said.of(&name("x_a")), Spoken::First);
        assert_eq!(said.of(&name("X_A")), Spoken::Enough);
        let long = "x_".repeat(500);
        assert_eq!(said.of(&name(&long)), Spoken::First);
        assert_eq!(said.of(&name(&format!("{long}y"))), Spoken::Enough, "told apart no further");
        for number in 3..NAMES_SAID_MAX {
            assert_eq!(said.of(&name(&format!("x_{number}"))), Spoken::First);
        }
        assert_eq!(said.of(&name("x_last")), Spoken::Last);
        for number in 0..100 {
            assert_eq!(said.of(&name(&format!("y_{number}"))), Spoken::Enough);
        }
        let names = said.0.lock();
        assert_eq!(names.len(), NAMES_SAID_MAX);
        assert!(names.iter().all(|name| name.len() <= NAME_SAID_BYTES_MAX));
    }
}
