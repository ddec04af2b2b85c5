//! Moves a body from the application into a fetch in progress, and from there into the store.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{HeaderMap, SET_COOKIE};
use larder_cache::Cache;
use larder_cache::collapse::Lead;
use larder_cache::receive::Draft;
use larder_semantics::Reason;

/// Pumps `body` to its end. The fetch is over when this returns or is dropped.
pub(super) async fn pump<U>(cache: &Cache, lead: &Lead, draft: &Draft, mut body: U)
where
    U: http_body::Body<Data = Bytes> + Unpin,
    U::Error: Into<Reason>,
{
    let flight = lead.flight();
    let kept_max = cache.kept_max(lead.key());
    let mut trailers: Option<HeaderMap> = None;
    loop {
        if poll_fn(|cx| flight.poll_room(cx)).await.is_err() {
            flight.fail(Reason::ClosedEarly);
            return;
        }
        let frame = match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            None => break,
            Some(Err(error)) => {
                flight.fail(error.into());
                return;
            }
            Some(Ok(frame)) => frame,
        };
        match frame.into_data() {
            Ok(data) => flight.push(data, kept_max),
            Err(other) => {
                trailers = other.into_trailers().ok();
                // RFC 9110 §6.5.1: it may not stand here; and what is shared sets nobody's cookies.
                if let Some(trailers) = &mut trailers {
                    trailers.remove(SET_COOKIE);
                }
            }
        }
    }
    let kept = flight.kept().ok_or(Reason::TooLarge);
    let kept = kept.and_then(|chunks| cache.keep(lead.key(), flight, draft, &chunks));
    if let Err(reason @ (Reason::TooLarge | Reason::TooManyVariants)) = kept {
        // The next request for it need not make others wait.
        cache.mark_uncacheable(lead.key(), reason);
    }
    let stored = kept.ok().map(|variant| (variant.body, draft.first()));
    flight.complete(trailers, stored);
}
