//! The one who fetches, for itself and for all who ask meanwhile.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, Response, response};
use larder_cache::Cache;
use larder_cache::collapse::Lead;
use larder_cache::finish::Finish;
use larder_cache::flight::{Outcome, Reader, Wait};
use larder_cache::limits::HTML_TOLD_AFTER;
use larder_cache::receive::{Answer, Draft, Freshened, content_length};
use larder_cache::variant::{Head, Variant};
use larder_semantics::{Failure, Reason, RequestDirectives};

use super::Fetch;
use super::ask::Sent;
use super::pump::Pump;
use crate::inner::Inner;

/// What the one who asked gets from a fetch made in its name.
pub(super) enum Led<U> {
    /// A response that is shared: its head as it came, and as it is stored.
    Shared(response::Parts, Arc<Head>, Reader),
    /// The stored response, found valid.
    Validated(Variant),
    /// A response that was made otherwise, and is stored.
    Reworked(Variant),
    /// The stored response, stale: the application failed.
    Stale(Variant, Reason),
    /// A response for the one who asked only.
    Unshared(Response<U>, Reason),
    /// The same, found out when its body was on its way.
    Refused(response::Parts, Reader, Reason),
    /// No response.
    Failed(Reason),
}

/// What is fetched.
pub(super) struct Errand<B> {
    /// The request to send.
    pub(super) request: Request<B>,
    /// The fields that select the variant that is stored: the client's, or those that are sent for a page that is shared.
    pub(super) client: Arc<HeaderMap>,
    /// For a page that is shared: by which fields it is known to vary.
    pub(super) varies: Arc<[HeaderName]>,
    /// The stored variant that it validates.
    pub(super) variant: Option<Variant>,
}

/// Fetches, tells everybody, and has the body stored in a task of its own.
pub(super) async fn lead<S, B>(mut fetch: Fetch<S>, lead: Lead, errand: Errand<B>) -> Led<S::Body>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let Errand { request, client, varies, variant } = errand;
    let Sent { response, timing, birth } = match fetch.send(request).await {
        Ok(answer) => answer,
        Err(reason) => {
            let stale = usable_stale(&fetch, variant, Failure::Disconnected);
            return conclude_failure(&fetch, &lead, stale, Failure::Disconnected, reason);
        }
    };
    if response.status().is_server_error() {
        let failure = Failure::Status(response.status());
        if let Some(stale) = usable_stale(&fetch, variant.clone(), failure) {
            return conclude_failure(&fetch, &lead, Some(stale), failure, Reason::Stale);
        }
    }
    let (parts, body) = response.into_parts();
    let answer = Answer {
        method: &Method::GET,
        request: &client,
        status: parts.status,
        response: &parts.headers,
        timing,
        sharing: fetch.shared().map(|sharing| (sharing, &*varies)),
        birth: &birth,
    };
    match weigh(&fetch, &answer, variant.as_ref()) {
        Verdict::Valid(Freshened { variant, keep: Ok(()) }) => {
            fetch.cache.freshen(lead.key(), &variant, Some(lead.flight()));
            lead.flight().publish(Outcome::Stored(variant.clone()), None);
            Led::Validated(variant)
        }
        Verdict::Valid(Freshened { variant, keep: Err(reason) }) => {
            fetch.cache.forget(lead.key(), &variant);
            lead.flight().publish(Outcome::Unshared(reason), None);
            if fetch.shared().is_some() {
                // As where a full answer says so: the visitor's own request decides.
                fetch.cache.mark_uncacheable(lead.key(), reason);
                return Led::Unshared(Response::from_parts(parts, body), reason);
            }
            Led::Validated(variant)
        }
        Verdict::Keep(draft) => {
            if let Some(sharing) = fetch.shared() {
                let named = answer.named(&fetch.cache.options());
                fetch.cache.learn(sharing.rule(), &named);
            }
            share(&fetch, lead, draft, (parts, body), variant).await
        }
        Verdict::Refuse(reason) => {
            if !parts.status.is_server_error() {
                fetch.cache.mark_uncacheable(lead.key(), reason);
                // What is stored was made by a rule that its page no longer fits.
                if let (Some(_), Some(variant)) = (fetch.shared(), &variant) {
                    fetch.cache.forget(lead.key(), variant);
                }
            }
            lead.flight().publish(Outcome::Unshared(reason), None);
            Led::Unshared(Response::from_parts(parts, body), reason)
        }
    }
}

/// Tells everybody of a response that they may share, and has its body stored. Where that has to be looked at first, they are
/// told when it was.
async fn share<S, U>(
    fetch: &Fetch<S>,
    lead: Lead,
    draft: Draft,
    (parts, body): (response::Parts, U),
    replaced: Option<Variant>,
) -> Led<U>
where
    U: http_body::Body<Data = Bytes> + Send + 'static,
    U::Error: Into<Reason>,
{
    let head = Arc::clone(&draft.head);
    // The asker's place is taken before anybody can be told, so that it misses nothing.
    let Some(reader) = lead.flight().reader(0, None) else {
        return Led::Failed(Reason::ClosedEarly);
    };
    // What is stored was made by a rule that its page may no longer fit.
    let replaced = replaced.filter(|_| fetch.shared().is_some());
    let looked_at = begin(&fetch.cache, lead, draft, (&parts, body), replaced);
    let told = match fetch.shared() {
        // It was asked for on behalf of nobody, so it is the asker's only if it is everybody's.
        Some(_) => looked_at.wait().await,
        None => looked_at.wait_a_moment().await,
    };
    match told {
        None | Some(Outcome::Shared(_)) => Led::Shared(parts, head, reader),
        Some(Outcome::Unshared(reason)) => Led::Refused(parts, reader, reason),
        Some(Outcome::Failed(reason)) => Led::Failed(reason),
        Some(Outcome::Stored(variant)) => Led::Reworked(variant),
        Some(Outcome::Stale(variant, reason)) => Led::Stale(variant, reason),
    }
}

/// What will be told of a body.
pub(super) struct LookedAt(Option<Wait>);

impl LookedAt {
    /// What was told; at once where nothing has to be looked at.
    async fn wait(self) -> Option<Outcome> {
        Some(self.0?.await)
    }

    /// The same, unless it takes too long for one who may have the answer in any case.
    pub(super) async fn wait_a_moment(self) -> Option<Outcome> {
        tokio::time::timeout(HTML_TOLD_AFTER, self.0?).await.ok()
    }
}

/// Has a body pumped and stored by a task of its own.
pub(super) fn begin<U>(
    cache: &Arc<Cache>,
    lead: Lead,
    draft: Draft,
    (parts, body): (&response::Parts, U),
    replaced: Option<Variant>,
) -> LookedAt
where
    U: http_body::Body<Data = Bytes> + Send + 'static,
    U::Error: Into<Reason>,
{
    let (flight, head) = (lead.flight(), Arc::clone(&draft.head));
    let length = content_length(&parts.headers);
    let looked_at = if draft.finish == Finish::AsItIs {
        flight.publish(Outcome::Shared(head), length);
        LookedAt(None)
    } else {
        flight.hold(head, length);
        LookedAt(flight.wait())
    };
    let cache = Arc::clone(cache);
    tokio::spawn(async move {
        let pump = Pump { cache: &cache, lead: &lead, draft: &draft, replaced: replaced.as_ref() };
        pump.run(body).await;
    });
    looked_at
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
    if answer.method == Method::GET && fetch.page.is_circle(answer.status, answer.response) {
        return Verdict::Refuse(Reason::RedirectCircle);
    }
    match answer.draft(&options) {
        Ok(draft) => {
            let length = content_length(answer.response).unwrap_or_default();
            if length > fetch.cache.kept_max(&fetch.page.key) {
                Verdict::Refuse(Reason::TooLarge)
            } else {
                Verdict::Keep(draft)
            }
        }
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
