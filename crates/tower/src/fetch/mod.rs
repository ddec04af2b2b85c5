//! Asking the application: together with others, or alone.
//!
//! ```text
//!  answer ─┬─ shared: Fetch, Validate      one request for all; outlives the client that
//!          │    lead ──> pump              began it (errand); for a page that an audience shares,
//!          │    follow                     of that page only: nothing of the client's
//!          ├─ alone: what concerns one request; its answer may be kept all the same
//!          └─ pass: what the cache may not look into, or a rule sends on; its answer may invalidate
//! ```

mod alone;
mod ask;
mod brought;
mod errand;
mod follow;
mod lead;
mod pump;
mod shared;

pub(crate) use ask::{Fetch, Page};
pub(crate) use brought::Brought;
pub(crate) use errand::Enduring;
pub(crate) use shared::refresh;

use std::future::ready;
use std::pin::Pin;

use http::{Request, Response};
use larder_cache::respond::{self, Account, Ask};
use larder_cache::{Body, Facts, Plan};

use crate::error::FetchError;
use crate::inner::Inner;

/// A response, or why there is none.
pub(crate) type Answer<U> = Result<Response<Body<U>>, FetchError>;

/// Does what `plan` says. Each way has a box of its own, no larger than it needs.
pub(crate) fn answer<S, B>(
    fetch: Fetch<S>,
    request: Request<B>,
    facts: Facts,
    plan: Plan,
) -> Pin<Box<dyn Future<Output = Answer<S::Body>> + Send>>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    match plan {
        Plan::Fetch(why) => Box::pin(shared::answer(fetch, request, facts, None, why)),
        Plan::Validate(variant, why) => {
            Box::pin(shared::answer(fetch, request, facts, Some(variant), why))
        }
        Plan::Alone(_, why) if fetch.shared().is_some() => {
            Box::pin(alone::pass(fetch, request, why))
        }
        Plan::Alone(variant, why) => {
            Box::pin(async move { alone::ask(fetch, request, &facts, variant, why).await })
        }
        Plan::Pass(why) => Box::pin(alone::pass(fetch, request, why)),
        Plan::Unsatisfiable => Box::pin(ready(Err(FetchError::unsatisfiable()))),
        Plan::Serve { variant, note, .. } => {
            let dress = fetch.page_dress();
            let (method, headers) = (request.method(), request.headers());
            let ask = Ask { method, headers, range: &facts.range, dress };
            let now = fetch.cache.now();
            let account = Account::cached(note);
            Box::pin(ready(Ok(respond::from_store(&variant, &ask, &account, now))))
        }
    }
}
