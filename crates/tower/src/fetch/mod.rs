//! Asking the application: together with others, or alone.
//!
//! ```text
//!  answer ─┬─ shared: Fetch, Validate      one request for all; runs in a task of its own, so
//!          │    lead ──> pump              that a client that leaves does not end it
//!          │    follow
//!          ├─ alone: what concerns one request; its answer may be kept all the same
//!          └─ pass: what the cache may not look into; its answer may invalidate
//! ```

mod alone;
mod ask;
mod follow;
mod lead;
mod pump;
mod shared;

pub(crate) use ask::{Fetch, Page};
pub(crate) use shared::refresh;

use bytes::Bytes;
use http::{Request, Response};
use larder_cache::respond::{self, Account, Ask};
use larder_cache::{Body, Facts, Plan};
use larder_semantics::Reason;
use tower_service::Service;

use crate::{FetchError, RequestBody};

/// A response, or why there is none.
pub(crate) type Answer<U> = Result<Response<Body<U>>, FetchError>;

/// Does what `plan` says.
pub(crate) async fn answer<S, B, U>(
    fetch: Fetch<S>,
    request: Request<B>,
    facts: Facts,
    plan: Plan,
) -> Answer<U>
where
    S: Service<Request<RequestBody<B>>, Response = Response<U>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Reason>,
    B: http_body::Body + Send + 'static,
    U: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    U::Error: Into<Reason>,
{
    match plan {
        Plan::Fetch(reason) => shared::answer(fetch, request, facts, None, reason).await,
        Plan::Validate(variant, reason) => {
            shared::answer(fetch, request, facts, Some(variant), reason).await
        }
        Plan::Alone(variant, reason) => alone::ask(fetch, request, &facts, variant, reason).await,
        Plan::Pass(reason) => alone::pass(fetch, request, &facts, reason).await,
        Plan::Unsatisfiable => Err(FetchError::unsatisfiable()),
        Plan::Serve { variant, note, .. } => {
            let ask =
                Ask { method: request.method(), headers: request.headers(), range: &facts.range };
            let now = fetch.cache.now();
            Ok(respond::from_store(&variant, &ask, &Account::cached(note), now))
        }
    }
}
