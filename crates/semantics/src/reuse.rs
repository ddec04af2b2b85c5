//! Whether a selected stored response may answer a request: [RFC 9111 §4], with the stale windows of
//! RFC 5861.
//!
//! [RFC 9111 §4]: https://www.rfc-editor.org/rfc/rfc9111#section-4

use std::time::Duration;

use http::StatusCode;

use crate::{Freshness, MaxStale, Reason, RequestDirectives, Settings, Timestamp, Validation};

/// What to do with a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Send it.
    Serve(Reason),
    /// Send it, and have it refreshed behind the client's back.
    ServeAndRefresh(Reason),
    /// Ask the application first.
    Validate(Reason),
    /// The client wants a stored response only and this one will not do: 504.
    Unsatisfiable,
}

/// Decides what a stored response is good for at `now`. Total.
#[must_use]
pub fn decide(stored: &Freshness, request: RequestDirectives, now: Timestamp) -> Reuse {
    match reuse(stored, request, now) {
        // RFC 9111 §5.2.1.7: only-if-cached forbids asking.
        Reuse::Validate(_) if request.only_if_cached => Reuse::Unsatisfiable,
        reuse => reuse,
    }
}

fn reuse(stored: &Freshness, request: RequestDirectives, now: Timestamp) -> Reuse {
    // RFC 9111 §5.2.2.4: no-cache outranks freshness.
    if stored.validation == Validation::Always {
        return Reuse::Validate(Reason::AlwaysValidate);
    }
    if is_refused(stored, request, now) {
        return Reuse::Validate(Reason::RequestDirectives);
    }
    // RFC 9111 §4.2: fresh is lifetime > age.
    let Some(stale_for) = stale_for(stored, now) else {
        return Reuse::Serve(Reason::Fresh);
    };
    // RFC 9111 §4.2.4: an explicit prohibition closes every stale window.
    if stored.validation == Validation::WhenStale {
        return Reuse::Validate(Reason::Stale);
    }
    // RFC 5861 §3: the window includes its last second.
    if is_within(stored.stale_while_revalidate, stale_for) {
        return Reuse::ServeAndRefresh(Reason::StaleWhileRevalidate);
    }
    if accepts_stale(request, stale_for) {
        return Reuse::Serve(Reason::StaleAccepted);
    }
    Reuse::Validate(Reason::Stale)
}

/// Why the application gave no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It could not be reached, took too long or closed the connection before a response's head.
    Disconnected,
    /// It answered with this status.
    Status(StatusCode),
}

/// Whether a stored response may answer although the application failed, and why.
#[must_use]
pub fn stale_on(
    stored: &Freshness,
    failure: Failure,
    request: RequestDirectives,
    settings: &Settings,
    now: Timestamp,
) -> Option<Reason> {
    // RFC 9111 §4.2.4: must-revalidate and its like hold when disconnected too.
    let may_be_stale = match stored.validation {
        Validation::WhenUseful => true,
        Validation::WhenStale | Validation::Always => false,
    };
    if is_refused(stored, request, now) || stored.validation == Validation::Always {
        return None;
    }
    let Some(stale_for) = stale_for(stored, now) else {
        return Some(Reason::Fresh);
    };
    if !may_be_stale || !is_failure(failure) {
        return None;
    }
    if is_within(stored.stale_while_revalidate, stale_for) {
        return Some(Reason::StaleWhileRevalidate);
    }
    if is_within(stored.stale_if_error, stale_for) {
        return Some(Reason::StaleIfError);
    }
    // RFC 9111 §4.2.4: a disconnected cache may serve stale. Only what once was fresh, for a bounded time.
    let may_disconnected = failure == Failure::Disconnected
        && !stored.lifetime.is_zero()
        && stale_for <= settings.stale_if_disconnected;
    may_disconnected.then_some(Reason::StaleDisconnected)
}

/// RFC 5861 §4: what counts as an error.
fn is_failure(failure: Failure) -> bool {
    match failure {
        Failure::Disconnected => true,
        Failure::Status(status) => matches!(status.as_u16(), 500 | 502 | 503 | 504),
    }
}

/// How long the response has been stale; none while it is fresh.
fn stale_for(stored: &Freshness, now: Timestamp) -> Option<Duration> {
    stored.current_age(now).checked_sub(stored.lifetime)
}

/// Absent is not zero: nobody granted a window that is not there.
fn is_within(window: Option<Duration>, stale_for: Duration) -> bool {
    window.is_some_and(|window| stale_for <= window)
}

/// Whether the client's own directives ask for something newer: RFC 9111 §5.2.1.1, .3, .4.
fn is_refused(stored: &Freshness, request: RequestDirectives, now: Timestamp) -> bool {
    let age = stored.current_age(now);
    // RFC 9111 §5.2.1.1: max-stale loosens max-age's demand for freshness, not its bound on age.
    let too_old = request.max_age.is_some_and(|max| age > max);
    let fresh_for = stored.lifetime.saturating_sub(age);
    let too_short = request.min_fresh.is_some_and(|min| fresh_for < min);
    request.no_cache || too_old || too_short
}

fn accepts_stale(request: RequestDirectives, stale_for: Duration) -> bool {
    match request.max_stale {
        Some(MaxStale::Any) => true,
        Some(MaxStale::Within(limit)) => stale_for <= limit,
        None => false,
    }
}
