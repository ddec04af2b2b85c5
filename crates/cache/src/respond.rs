//! Makes a response out of a stored one: conditions, ranges, HEAD, `Age`, `Cache-Status`.
//!
//! RFC 9111 §4 (constructing responses), §4.3.2 (a client's conditions), RFC 9110 §14.2 (ranges).

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use larder_policy::dress::Dress;
use larder_semantics::cache_status::{self, Fwd, Handling as Told};
use larder_semantics::range::{self, RangeRequest};
use larder_semantics::validation::{self, Precondition};
use larder_semantics::{Freshness, Reason, Timestamp};

use crate::body::Body;
use crate::flight::Flight;
use crate::note::{Handling, Note};
use crate::personal;
use crate::rendered;
use crate::stored_body::StoredBody;
use crate::variant::{Head, Variant};

/// What a client asked for, as far as an answer depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'a Method,
    /// The fields.
    pub headers: &'a HeaderMap,
    /// The range among them.
    pub range: &'a RangeRequest,
    /// What a rule makes of the answer before the client sees it.
    pub dress: Option<Dress<'a>>,
}

impl Ask<'_> {
    pub(crate) fn dress(&self, fields: &mut HeaderMap, age: Duration) {
        if let Some(dress) = &self.dress {
            dress.apply(fields, age);
        }
    }
}

/// How the response came about, for `Cache-Status`.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// How and why.
    pub note: Note,
    /// Why the request went to the application, if one did.
    pub forwarded: Option<Reason>,
    /// The status of the application's answer, where it differs from what is sent.
    pub forwarded_status: Option<StatusCode>,
    /// Whether the answer was, or is being, stored.
    pub stored: bool,
}

impl Account {
    /// A response from the cache alone.
    #[must_use]
    pub const fn cached(note: Note) -> Self {
        Self { note, forwarded: None, forwarded_status: None, stored: false }
    }

    /// A response that the application was asked for because of `why`.
    #[must_use]
    pub const fn forwarded(handling: Handling, why: Reason) -> Self {
        let note = Note::new(handling, why);
        Self { note, forwarded: Some(why), forwarded_status: None, stored: false }
    }

    /// The same, for an answer that is being stored.
    #[must_use]
    pub const fn stored(self) -> Self {
        Self { stored: true, ..self }
    }

    /// The same, for an answer that was not stored for this reason.
    #[must_use]
    pub const fn not_stored(self, reason: Reason) -> Self {
        Self { note: Note::new(self.note.handling, reason), ..self }
    }

    /// Our line of `Cache-Status` (RFC 9211).
    #[must_use]
    pub fn cache_status(&self, freshness: Option<&Freshness>, now: Timestamp) -> HeaderValue {
        let ttl = freshness.map(|numbers| numbers.ttl_secs(now));
        let detail = self.note.reason;
        cache_status::write(&match self.forwarded {
            None => Told::Hit { ttl: ttl.unwrap_or_default(), detail },
            Some(why) => Told::Forwarded {
                fwd: why.fwd().unwrap_or(Fwd::Miss),
                fwd_status: self.forwarded_status,
                stored: self.stored,
                collapsed: self.note.handling == Handling::Collapsed,
                ttl: ttl.filter(|_| self.stored),
                detail,
            },
        })
    }
}

/// Where the bytes come from.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Stored(&'a Arc<StoredBody>),
    Flight(&'a Arc<Flight>, Option<u64>),
}

/// The answer to `ask` from a stored variant.
#[must_use]
pub fn from_store<U>(
    variant: &Variant,
    ask: &Ask<'_>,
    account: &Account,
    now: Timestamp,
) -> Response<Body<U>> {
    if variant.body.is_personal() {
        return personal::respond(variant, ask, account, now);
    }
    if account.forwarded.is_none() && is_plain(ask) {
        return plain_hit(variant, ask, account, now);
    }
    respond(&variant.head, Source::Stored(&variant.body), ask, account, now)
        // Only a fetch in progress can have lost its beginning.
        .unwrap_or_else(|| Response::new(Body::empty(account.note)))
}

/// Whether the answer is the stored response as it is.
fn is_plain(ask: &Ask<'_>) -> bool {
    matches!(ask.range, RangeRequest::None) && !is_conditional(ask)
}

/// The hit that most hits are.
fn plain_hit<U>(
    variant: &Variant,
    ask: &Ask<'_>,
    account: &Account,
    now: Timestamp,
) -> Response<Body<U>> {
    let Variant { head, body } = variant;
    let note = account.note;
    let age_secs = head.freshness.current_age(now).as_secs();
    let made_for = (note.reason, ask.dress.map(|dress| dress.id));
    let fields = rendered::fields(head, age_secs, made_for, || {
        let mut fields = head.fields.to_map(4);
        ask.dress(&mut fields, Duration::from_secs(age_secs));
        fields.insert(header::AGE, HeaderValue::from(age_secs));
        fields.append(CACHE_STATUS, account.cache_status(Some(&head.freshness), now));
        fields
    });
    let body = if ask.method == Method::HEAD {
        Body::empty(note)
    } else {
        Body::stored(Arc::clone(body), 0, body.complete().unwrap_or_default(), note)
    };
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = fields;
    response
}

/// The answer to `ask` from a fetch in progress. `None` when its beginning is gone.
#[must_use]
pub fn from_flight<U>(
    head: &Head,
    flight: &Arc<Flight>,
    ask: &Ask<'_>,
    account: &Account,
    now: Timestamp,
) -> Option<Response<Body<U>>> {
    let length = content_length(head);
    respond(head, Source::Flight(flight, length), ask, account, now)
}

/// The announced length of a response's body.
fn content_length(head: &Head) -> Option<u64> {
    head.fields.first(&header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn respond<U>(
    head: &Head,
    source: Source<'_>,
    ask: &Ask<'_>,
    account: &Account,
    now: Timestamp,
) -> Option<Response<Body<U>>> {
    let age = head.freshness.current_age(now);
    let told = account.cache_status(Some(&head.freshness), now);
    if not_modified(head, ask) {
        return Some(not_modified_response(head, ask, age, told, account.note));
    }
    let mut fields = head.fields.to_map(4);
    ask.dress(&mut fields, age);
    fields.insert(header::AGE, HeaderValue::from(age.as_secs()));
    fields.append(CACHE_STATUS, told);
    let mut status = head.status;
    let window = match ranged(head, ask, source) {
        Ranged::Whole => None,
        Ranged::Window { first, last, complete } => {
            status = StatusCode::PARTIAL_CONTENT;
            fields.insert(header::CONTENT_RANGE, range::write_content_range(first, last, complete));
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from(last - first + 1));
            Some((first, last + 1))
        }
        Ranged::Unsatisfiable(complete) => {
            return Some(unsatisfiable_response(fields, complete, account.note));
        }
    };
    let body = if ask.method == Method::HEAD {
        Body::empty(account.note)
    } else {
        source.body(window, account.note)?
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    Some(response)
}

/// The field that says how the cache handled a request (RFC 9211).
pub const CACHE_STATUS: header::HeaderName = header::CACHE_STATUS;

impl Source<'_> {
    /// The complete length, where it is known.
    fn complete(self) -> Option<u64> {
        match self {
            Source::Stored(body) => body.complete(),
            Source::Flight(_, announced) => announced,
        }
    }

    fn body<U>(self, window: Option<(u64, u64)>, note: Note) -> Option<Body<U>> {
        match self {
            Source::Stored(stored) => {
                let (first, end) =
                    window.unwrap_or_else(|| (0, stored.complete().unwrap_or_default()));
                Some(Body::stored(Arc::clone(stored), first, end, note))
            }
            Source::Flight(flight, _) => {
                let (first, end) = window.map_or((0, None), |(first, end)| (first, Some(end)));
                Some(Body::shared(flight.reader(first, end)?, note))
            }
        }
    }
}

/// Whether the client says what it has (RFC 9110 §13.1.2, §13.1.3).
fn is_conditional(ask: &Ask<'_>) -> bool {
    ask.headers.contains_key(header::IF_NONE_MATCH)
        || ask.headers.contains_key(header::IF_MODIFIED_SINCE)
}

/// RFC 9110 §13.2.1: conditions count only where the answer without them would be a success.
fn not_modified(head: &Head, ask: &Ask<'_>) -> bool {
    is_conditional(ask)
        && head.status.is_success()
        && head.exact_range.is_none()
        && matches!(validation::evaluate(ask.headers, &head.validators), Precondition::NotModified)
}

fn not_modified_response<U>(
    head: &Head,
    ask: &Ask<'_>,
    age: Duration,
    told: HeaderValue,
    note: Note,
) -> Response<Body<U>> {
    let mut response = Response::new(Body::empty(note));
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    let fields = response.headers_mut();
    for (name, value) in head.fields.iter() {
        if validation::is_in_not_modified(name) {
            fields.append(name.clone(), value.clone());
        }
    }
    ask.dress(fields, age);
    fields.insert(header::AGE, HeaderValue::from(age.as_secs()));
    fields.append(CACHE_STATUS, told);
    response
}

enum Ranged {
    Whole,
    Window { first: u64, last: u64, complete: u64 },
    Unsatisfiable(u64),
}

/// What of the body is asked for (RFC 9110 §14.2). Several ranges are answered with the whole,
/// which is always allowed and can't be made to cost more than the body.
fn ranged(head: &Head, ask: &Ask<'_>, source: Source<'_>) -> Ranged {
    let RangeRequest::Single(spec) = ask.range else { return Ranged::Whole };
    if head.status != StatusCode::OK
        || head.exact_range.is_some()
        || !range::if_range_holds(ask.headers, &head.validators)
    {
        return Ranged::Whole;
    }
    // Where the complete length is not known yet, the whole is the answer that is always right.
    match source.complete() {
        None => Ranged::Whole,
        Some(complete) => {
            spec.resolve(complete).map_or(Ranged::Unsatisfiable(complete), |(first, last)| {
                Ranged::Window { first, last, complete }
            })
        }
    }
}

/// RFC 9110 §15.5.17: 416 tells the length, and is about the range, not the page.
fn unsatisfiable_response<U>(
    mut fields: HeaderMap,
    complete: u64,
    note: Note,
) -> Response<Body<U>> {
    for about_the_body in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CACHE_CONTROL,
        header::EXPIRES,
        header::LAST_MODIFIED,
        header::ETAG,
        header::AGE,
    ] {
        fields.remove(about_the_body);
    }
    fields.insert(header::CONTENT_RANGE, range::write_unsatisfied(complete));
    fields.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
    let mut response = Response::new(Body::empty(note));
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    *response.headers_mut() = fields;
    response
}
