//! Waiting for somebody else's fetch.

use std::sync::Arc;

use larder_cache::flight::Outcome;
use larder_cache::respond::{self, Account, Ask};
use larder_cache::variant::Head;
use larder_cache::{Facts, Flight, Handling, Note};
use larder_semantics::range::if_range_holds;
use larder_semantics::{Reason, Reuse};

use super::{Answer, Fetch};
use crate::error::FetchError;

/// What became of waiting.
pub(super) enum Followed<U> {
    /// It was for this request, too.
    Answer(Answer<U>),
    /// It was not for anybody else, or there was no place: ask alone.
    Alone,
    /// It was for others, but more is known now.
    LookAgain,
}

/// Waits for what `flight` brings and takes it if it is for this request.
pub(super) async fn follow<S, U>(
    fetch: &Fetch<S>,
    flight: &Arc<Flight>,
    ask: &Ask<'_>,
    facts: &Facts,
    why: Reason,
) -> Followed<U> {
    let Some(wait) = flight.wait() else { return Followed::Alone };
    let outcome = wait.await;
    let now = fetch.cache.now();
    // A response that has to be validated for each use answers only who asked for it.
    let usable = |head: &Head| {
        head.matches(ask.headers)
            // RFC 9110 §13.1.5: a part is of use to those only who have the rest of it.
            && (head.exact_range.is_none() || if_range_holds(ask.headers, &head.validators))
            && matches!(
                larder_semantics::decide(&head.freshness, facts.directives(), now),
                Reuse::Serve(_) | Reuse::ServeAndRefresh(_)
            )
    };
    let account = Account {
        note: Note::new(Handling::Collapsed, Reason::Collapsed),
        ..Account::forwarded(Handling::Collapsed, why)
    };
    match outcome {
        Outcome::Shared(head) if !head.matches(ask.headers) => Followed::LookAgain,
        Outcome::Shared(head) if usable(&head) => {
            match respond::from_flight(&head, flight, ask, &account, now) {
                Some(response) => Followed::Answer(Ok(response)),
                None => Followed::Alone,
            }
        }
        Outcome::Stored(variant) if !variant.head.matches(ask.headers) => Followed::LookAgain,
        Outcome::Stored(variant) if usable(&variant.head) => {
            Followed::Answer(Ok(respond::from_store(&variant, ask, &account, now)))
        }
        Outcome::Stale(variant, reason) if variant.head.matches(ask.headers) => {
            let account = Account::cached(Note::new(Handling::Stale, reason));
            Followed::Answer(Ok(respond::from_store(&variant, ask, &account, now)))
        }
        Outcome::Failed(reason) => Followed::Answer(Err(FetchError::application(why, reason))),
        Outcome::Shared(_) | Outcome::Stored(_) | Outcome::Stale(..) | Outcome::Unshared(_) => {
            Followed::Alone
        }
    }
}
