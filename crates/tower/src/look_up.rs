//! Asking the application who a visitor is, once for all who wait for the same answer.
//!
//! The request carries the session cookie and nothing else of the visitor's. Errors, time-outs and answers that say nothing
//! leave the visitor unverified: their request goes to the application, and nothing is stored.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, StatusCode, Uri};
use larder_cache::Cache;
use larder_cache::collapse::{Joined, Lead, Wanted};
use larder_cache::flight::Outcome;
use larder_cache::identities::session_key;
use larder_cache::limits::LOOKUP_FAILED_FOR;
use larder_policy::identity::{LookUp, Session, field};
use larder_policy::{Arrival, Identity, Known, Policy, Sources};
use larder_semantics::Reason;

use crate::fetch::Enduring;
use crate::inner::Inner;

/// Marks a request that the cache sends for no visitor in particular: for a page that a rule shares, or to ask who a visitor is. An
/// extension of the requests that the inner service gets. An [`Arrival`] beside it says the scheme, and no client: its address is
/// unspecified (`0.0.0.0`).
#[derive(Clone, Copy, Debug)]
pub struct ForNobody;

/// The same, of no client.
pub(crate) fn of_nobody(arrival: Arrival) -> Arrival {
    Arrival { client: Ipv4Addr::UNSPECIFIED.into(), ..arrival }
}

/// Marks a request that a rule has passed on as it is (`pass`, `never`) although it asks for something else than its method and
/// URL say. An extension of the requests that the inner service gets.
#[derive(Clone, Copy, Debug)]
pub struct AsItIs;

/// Finds out who the visitor with these fields is, and remembers it. Without effect where there is nothing to find out.
pub(crate) async fn look_up<S, B>(
    cache: &Arc<Cache>,
    policy: &Arc<Policy>,
    inner: S,
    (host, arrival): (&str, Option<Arrival>),
    headers: &HeaderMap,
) where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    if policy.identity.lookup.is_none() {
        return;
    }
    let Session::One { name, value } = Session::of(headers, &policy.identity) else { return };
    let key: Arc<[u8]> = session_key(host, (name, value)).as_bytes().into();
    let nothing = HeaderMap::new();
    let wanted = Wanted { key: &key, request: &nothing, recipe: None, range: None };
    match cache.flights().join_or_lead(&wanted) {
        Joined::Lead(lead) => {
            // Another's may have ended since this visitor was seen to be unknown.
            let proofs = cache.identities().of_site(host, policy.number());
            if !matches!(proofs.looked_up((name, value), cache.now()), Known::Unknown) {
                lead.flight().publish(Outcome::Unshared(Reason::Unverified), None);
                return;
            }
            let session = (name.to_vec(), value.to_vec());
            let (cache, policy) = (Arc::clone(cache), Arc::clone(policy));
            let asked =
                find_out::<S, B>(cache, policy, inner, (host.to_owned(), arrival), session, lead);
            // Others may wait for it when the one who began it has left.
            Enduring::new(asked).await;
        }
        Joined::Follow(flight) => {
            if let Some(wait) = flight.wait() {
                // What it brought is remembered; the outcome itself says nothing more.
                let _told = wait.await;
            }
        }
        // As many ask as may: this one goes unverified.
        Joined::Full => {}
    }
}

/// Asks, remembers what came, and tells those who wait to look again.
async fn find_out<S, B>(
    cache: Arc<Cache>,
    policy: Arc<Policy>,
    inner: S,
    (host, arrival): (String, Option<Arrival>),
    (name, value): (Vec<u8>, Vec<u8>),
    lead: Lead,
) where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let Some(rules) = &policy.identity.lookup else { return };
    let session = (&*name, &*value);
    let asked =
        tokio::time::timeout(rules.timeout, ask(inner, rules, (&host, arrival), session)).await;
    let identity = asked.ok().flatten();
    let lasts = identity.as_ref().map_or(LOOKUP_FAILED_FOR, |_| rules.ttl);
    let proofs = cache.identities().of_site(&host, policy.number());
    proofs.learn(session, identity, lasts.max(Duration::from_millis(1)), cache.now());
    lead.flight().publish(Outcome::Unshared(Reason::Unverified), None);
}

/// The application's answer; `None` if it does not say who it is.
async fn ask<S, B>(
    mut inner: S,
    rules: &LookUp,
    (host, arrival): (&str, Option<Arrival>),
    (name, value): (&[u8], &[u8]),
) -> Option<Identity>
where
    S: Inner<B>,
    B: http_body::Body + Default + Send + 'static,
{
    let mut request = Request::new(B::default());
    *request.uri_mut() = Uri::try_from(rules.path.as_str()).ok()?;
    let headers = request.headers_mut();
    if !host.is_empty() {
        headers.insert(header::HOST, HeaderValue::from_str(host).ok()?);
    }
    headers.insert(header::USER_AGENT, HeaderValue::from_static("Larder"));
    let cookie = HeaderValue::from_bytes(&[name, b"=", value].concat()).ok()?;
    headers.insert(header::COOKIE, cookie);
    request.extensions_mut().insert(ForNobody);
    if let Some(arrival) = arrival {
        // By another scheme it might be sent to the visitor's.
        request.extensions_mut().insert(of_nobody(arrival));
    }
    std::future::poll_fn(|cx| inner.poll_ready(cx)).await.ok()?;
    let response = inner.call(request).await.ok()?;
    (response.status() == StatusCode::OK).then(|| field::read(response.headers())).flatten()
}
