//! Moves a body from the application into a fetch in progress, and from there into the store.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, SET_COOKIE};
use http_body::Frame;
use larder_cache::Cache;
use larder_cache::collapse::Lead;
use larder_cache::finish::{Finish, Inspector, Orders, Reworked};
use larder_cache::flight::Outcome;
use larder_cache::limits::{HTML_BYTES_MAX, HTML_WAITED_FOR};
use larder_cache::receive::Draft;
use larder_cache::variant::Variant;
use larder_semantics::Reason;
use tokio::time::{Instant, timeout_at};

/// What is to become of a body.
pub(super) struct Pump<'a> {
    pub(super) cache: &'a Cache,
    pub(super) lead: &'a Lead,
    pub(super) draft: &'a Draft,
    /// What is stored, and is to go if this turns out not to be a page for others.
    pub(super) replaced: Option<&'a Variant>,
}

/// Why there is no next frame.
enum Ended {
    Complete,
    Failed,
    /// Not yet, and others have waited for the whole long enough.
    Late,
}

impl Pump<'_> {
    /// Pumps `body` to its end. The fetch is over when this returns or is dropped.
    pub(super) async fn run<U>(&self, body: U)
    where
        U: http_body::Body<Data = Bytes>,
        U::Error: Into<Reason>,
    {
        let mut body = pin!(body);
        let flight = self.lead.flight();
        let kept_max = self.cache.kept_max(self.lead.key());
        // As long as it is there, nobody else was told anything.
        let mut look = Look::of(self.draft.finish);
        let mut passes = false;
        let late = look.as_ref().map(|_| Instant::now() + HTML_WAITED_FOR);
        let mut trailers = None;
        loop {
            let until = late.filter(|_| look.is_some());
            let frame = match self.next(body.as_mut(), until).await {
                Ok(frame) => frame,
                Err(Ended::Complete) => break,
                Err(Ended::Failed) => return,
                Err(Ended::Late) => {
                    self.refuse(Reason::HtmlSlow);
                    (look, passes) = (None, true);
                    continue;
                }
            };
            match frame.into_data() {
                Ok(data) => {
                    let judged = look.as_mut().map_or(Ok(()), |look| look.push(&data));
                    if let Err(reason) = judged {
                        self.refuse(reason);
                        (look, passes) = (None, true);
                    }
                    flight.push(data, kept_max);
                    if look.is_some() && !flight.keeps() {
                        self.refuse(Reason::TooLarge);
                        (look, passes) = (None, true);
                    }
                }
                Err(other) => trailers = storable(other),
            }
        }
        let refused = match look {
            None => None,
            Some(Look::Through(inspector)) => inspector.finish().err(),
            Some(Look::Rework(how, _)) => match self.rework(how) {
                Ok(()) => return,
                Err(reason) => Some(reason),
            },
        };
        if let Some(reason) = refused {
            self.refuse(reason);
        }
        if passes || refused.is_some() {
            flight.complete(trailers, None);
        } else {
            self.keep(trailers);
        }
    }

    /// The next frame, once there is room for it.
    async fn next<U>(
        &self,
        mut body: Pin<&mut U>,
        late: Option<Instant>,
    ) -> Result<Frame<Bytes>, Ended>
    where
        U: http_body::Body<Data = Bytes>,
        U::Error: Into<Reason>,
    {
        let flight = self.lead.flight();
        if poll_fn(|cx| flight.poll_room(cx)).await.is_err() {
            flight.fail(Reason::ClosedEarly);
            return Err(Ended::Failed);
        }
        let next = poll_fn(|cx| body.as_mut().poll_frame(cx));
        let next = match late {
            Some(late) => timeout_at(late, next).await.map_err(|_| Ended::Late)?,
            None => next.await,
        };
        match next {
            None => Err(Ended::Complete),
            Some(Ok(frame)) => Ok(frame),
            Some(Err(error)) => {
                flight.fail(error.into());
                Err(Ended::Failed)
            }
        }
    }

    /// Tells everybody who waited that this is not for them. The one who asked for it reads on.
    fn refuse(&self, reason: Reason) {
        let key = self.lead.key();
        self.cache.mark_uncacheable(key, reason);
        if let Some(variant) = self.replaced {
            self.cache.forget(key, variant);
        }
        let flight = self.lead.flight();
        flight.relay();
        flight.publish(Outcome::Unshared(reason), None);
    }

    /// Has the complete page made otherwise and stored, and given to all who waited.
    fn rework(&self, how: Orders) -> Result<(), Reason> {
        let (flight, key) = (self.lead.flight(), self.lead.key());
        let chunks = flight.kept().ok_or(Reason::TooLarge)?;
        let page = Reworked::of(chunks.concat(), how)?;
        let variant = self.draft.reworked(page);
        if let Err(reason @ (Reason::TooLarge | Reason::TooManyVariants)) =
            self.cache.keep_variant(key, flight, &variant)
        {
            self.cache.mark_uncacheable(key, reason);
        }
        // Those who waited asked before whatever kept it from being stored.
        flight.publish(Outcome::Stored(variant), None);
        flight.complete(None, None);
        Ok(())
    }

    /// Has the complete body stored.
    fn keep(&self, trailers: Option<HeaderMap>) {
        let (flight, draft) = (self.lead.flight(), self.draft);
        let kept = flight.kept().ok_or(Reason::TooLarge);
        let kept = kept.and_then(|chunks| self.cache.keep(self.lead.key(), flight, draft, &chunks));
        if let Err(reason @ (Reason::TooLarge | Reason::TooManyVariants)) = kept {
            // The next request for it need not make others wait.
            self.cache.mark_uncacheable(self.lead.key(), reason);
        }
        if flight.held().is_some() {
            // It was looked through: those who waited may have it now, as they asked before whatever kept it from being stored.
            flight.publish(Outcome::Shared(Arc::clone(&draft.head)), None);
        }
        let stored = kept.ok().map(|variant| (variant.body, draft.first()));
        flight.complete(trailers, stored);
    }
}

/// What is found out about a page, or made of it, before anybody else is told of it.
enum Look {
    Through(Box<Inspector>),
    /// With the bytes that came.
    Rework(Orders, u64),
}

impl Look {
    fn of(finish: Finish) -> Option<Self> {
        match finish {
            Finish::AsItIs => None,
            Finish::Inspect(coding) => Some(Self::Through(Box::new(Inspector::new(coding)))),
            Finish::Rework(how) => Some(Self::Rework(how, 0)),
        }
    }

    fn push(&mut self, data: &Bytes) -> Result<(), Reason> {
        match self {
            Self::Through(inspector) => inspector.push(data),
            Self::Rework(_, bytes) => {
                *bytes += data.len() as u64;
                if *bytes > HTML_BYTES_MAX { Err(Reason::HtmlTooLarge) } else { Ok(()) }
            }
        }
    }
}

/// What of the trailer section others may get.
fn storable(frame: Frame<Bytes>) -> Option<HeaderMap> {
    let mut trailers = frame.into_trailers().ok()?;
    // RFC 9110 §6.5.1: it may not stand here; and what is shared sets nobody's cookies.
    trailers.remove(SET_COOKIE);
    Some(trailers)
}
