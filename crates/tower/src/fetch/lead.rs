//! The one who fetches, for itself and for all who ask meanwhile.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, response};
use larder_cache::collapse::Lead;
use larder_cache::flight::{Outcome, Reader};
use larder_cache::receive::{Answer, Draft, Freshened, content_length};
use larder_cache::variant::{Head, Variant};
use larder_semantics::{Failure, Reason, RequestDirectives};
use tokio::sync::oneshot;
use tower_service::Service;

use super::{Fetch, pump};
use crate::RequestBody;

/// What the one who asked gets from a fetch made in its name.
pub(super) enum Led<U> {
    /// A response that is shared: its head as it came, and as it is stored.
    Shared(Box<response::Parts>, Arc<Head>, Reader),
    /// The stored response, found valid.
    Validated(Variant),
    /// The stored response, stale: the application failed.
    Stale(Variant, Reason),
    /// A response for the one who asked only.
    Unshared(Response<U>, Reason),
    /// No response.
    Failed(Reason),
}

/// What is fetched: the request to send, and the stored variant that it validates.
pub(super) struct Errand<B> {
    pub(super) request: Request<RequestBody<B>>,
    /// The client's fields, which select the variant that is stored.
    pub(super) client: http::HeaderMap,
    pub(super) variant: Option<Variant>,
}

/// Fetches, tells everybody, and stores. Runs in a task of its own.
pub(super) async fn lead<S, B, U>(
    mut fetch: Fetch<S>,
    lead: Lead,
    errand: Errand<B>,
    asker: Option<oneshot::Sender<Led<U>>>,
) where
    S: Service<Request<RequestBody<B>>, Response = Response<U>> + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Reason>,
    U: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    U::Error: Into<Reason>,
{
    let Errand { request, client, variant } = errand;
    let method = request.method().clone();
    let tell = |led: Led<U>| {
        // Nobody may be left to hear it: the client has gone, or it is a background refresh.
        if let Some(asker) = asker {
            drop(asker.send(led));
        }
    };
    let (response, timing) = match fetch.send(request).await {
        Ok(answer) => answer,
        Err(reason) => {
            let stale = usable_stale(&fetch, variant, Failure::Disconnected);
            return tell(conclude_failure(&fetch, &lead, stale, Failure::Disconnected, reason));
        }
    };
    if response.status().is_server_error() {
        let failure = Failure::Status(response.status());
        if let Some(stale) = usable_stale(&fetch, variant.clone(), failure) {
            return tell(conclude_failure(&fetch, &lead, Some(stale), failure, Reason::Stale));
        }
    }
    let (parts, body) = response.into_parts();
    let answer = Answer {
        method: &method,
        target: &fetch.page.target,
        request: &client,
        status: parts.status,
        response: &parts.headers,
        timing,
    };
    let verdict = weigh(&fetch, &answer, variant.as_ref());
    match verdict {
        Verdict::Valid(Freshened { variant, keep: Ok(()) }) => {
            fetch.cache.freshen(lead.key(), &variant, Some(lead.flight()));
            lead.flight().publish(Outcome::Stored(variant.clone()), None);
            tell(Led::Validated(variant));
        }
        Verdict::Valid(Freshened { variant, keep: Err(reason) }) => {
            fetch.cache.forget(lead.key(), &variant);
            lead.flight().publish(Outcome::Unshared(reason), None);
            tell(Led::Validated(variant));
        }
        Verdict::Keep(draft) => {
            let head = Arc::clone(&draft.head);
            // The asker's place is taken before anybody can be told, so that it misses nothing.
            let reader = lead.flight().reader(0, None);
            let expected = content_length(&parts.headers);
            lead.flight().publish(Outcome::Shared(Arc::clone(&head)), expected);
            if let Some(reader) = reader {
                tell(Led::Shared(Box::new(parts), head, reader));
            }
            pump::pump(&fetch.cache, &lead, &draft, body).await;
        }
        Verdict::Refuse(reason) => {
            if !parts.status.is_server_error() {
                fetch.cache.mark_uncacheable(lead.key(), reason);
            }
            lead.flight().publish(Outcome::Unshared(reason), None);
            tell(Led::Unshared(Response::from_parts(parts, body), reason));
        }
    }
}

/// What an answer means for the store.
pub(super) enum Verdict {
    Valid(Freshened),
    Keep(Draft),
    Refuse(Reason),
}

/// Decides what an answer means, for the stored `variant` if one was validated.
pub(super) fn weigh<S>(
    fetch: &Fetch<S>,
    answer: &Answer<'_>,
    variant: Option<&Variant>,
) -> Verdict {
    let options = fetch.cache.options();
    if answer.status == http::StatusCode::NOT_MODIFIED {
        let freshened = variant.and_then(|v| answer.freshened(v, &options));
        // A 304 to a condition that was not ours, or about another response than the one we
        // have, is for the one who asked.
        return freshened.map_or(Verdict::Refuse(Reason::StatusNotCacheable), Verdict::Valid);
    }
    let too_large = content_length(answer.response)
        .is_some_and(|length| length > fetch.cache.kept_max(&fetch.page.key));
    match answer.draft(&options) {
        Ok(_) if too_large => Verdict::Refuse(Reason::TooLarge),
        Ok(draft) => Verdict::Keep(draft),
        Err(reason) => Verdict::Refuse(reason),
    }
}

/// The variant, if it may be served stale after `failure`.
pub(super) fn usable_stale<S>(
    fetch: &Fetch<S>,
    variant: Option<Variant>,
    failure: Failure,
) -> Option<(Variant, Reason)> {
    let variant = variant?;
    let options = fetch.cache.options();
    let reason = larder_semantics::stale_on(
        &variant.head.freshness,
        failure,
        RequestDirectives::default(),
        &options.semantics,
        fetch.cache.now(),
    )?;
    Some((variant, reason))
}

/// Tells everybody of a failure.
fn conclude_failure<S, U>(
    fetch: &Fetch<S>,
    lead: &Lead,
    stale: Option<(Variant, Reason)>,
    failure: Failure,
    reason: Reason,
) -> Led<U> {
    fetch.cache.mark_failed(lead.key(), failure);
    match stale {
        Some((variant, reason)) => {
            lead.flight().publish(Outcome::Stale(variant.clone(), reason), None);
            Led::Stale(variant, reason)
        }
        None => {
            lead.flight().publish(Outcome::Failed(reason), None);
            Led::Failed(reason)
        }
    }
}
