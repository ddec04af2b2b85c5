//! `/slow`: a page that is expensive to make.

use std::time::Duration;

use crate::demo::respond::{self, Answer};
use crate::demo::state::State;
use crate::demo::visit::Visit;

/// What a few database queries and a template take.
const WORK: Duration = Duration::from_millis(300);

/// RFC 5861 §3: for a minute after its 30 seconds, a cache may answer first and refresh then.
pub(in crate::demo) async fn show(visit: &Visit, state: &State) -> Answer {
    tokio::time::sleep(WORK).await;
    let content = "<p>This page took 300 ms to make. Reload it: a cache has it at once, and the time below \
                   stays the same for 30 seconds.</p>";
    respond::page(visit, state, "Slow", "max-age=30, stale-while-revalidate=60", content)
}
