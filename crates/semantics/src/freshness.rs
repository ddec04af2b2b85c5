//! How old a response is, how long it stays fresh, and what may happen after: [RFC 9111 §4.2].
//!
//! Worked out once, when a response is stored or validated; what is asked on every hit are subtractions.
//!
//! [RFC 9111 §4.2]: https://www.rfc-editor.org/rfc/rfc9111#section-4.2

use std::time::Duration;

use http::{
    HeaderMap, StatusCode,
    header::{DATE, ETAG, EXPIRES, LAST_MODIFIED},
};

use crate::field::age::{self, Age};
use crate::field::cache_control::{Flags, ResponseDirectives};
use crate::field::date;
use crate::field::targeted::Governing;
use crate::time::millis;
use crate::{Settings, Timestamp};

/// Where a freshness lifetime is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LifetimeSource {
    /// `CDN-Cache-Control` or `Surrogate-Control`.
    Targeted,
    /// `s-maxage`.
    SMaxage,
    /// `max-age`.
    MaxAge,
    /// `Expires` minus `Date`.
    Expires,
    /// A share of the time since `Last-Modified`.
    Heuristic,
    /// Nowhere: the lifetime is zero.
    None,
}

impl LifetimeSource {
    /// Whether the application said it.
    #[must_use]
    pub const fn is_explicit(self) -> bool {
        match self {
            Self::Targeted | Self::SMaxage | Self::MaxAge | Self::Expires => true,
            Self::Heuristic | Self::None => false,
        }
    }
}

/// When a response has to be validated before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Validation {
    /// When it is stale and no window lets it be used.
    WhenUseful,
    /// As soon as it is stale, without exception: `must-revalidate`, `proxy-revalidate`, `s-maxage`.
    WhenStale,
    /// Each time: `no-cache`.
    Always,
}

/// When the exchange that brought a response took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// When the request was sent.
    pub request_time: Timestamp,
    /// When the response's head came.
    pub response_time: Timestamp,
}

/// All that is needed to say how fresh a stored response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// When the response's head came.
    pub response_time: Timestamp,
    /// How old it was then: `corrected_initial_age` of RFC 9111 §4.2.3.
    pub initial_age: Duration,
    /// How old it may become.
    pub lifetime: Duration,
    /// Where the lifetime is from.
    pub source: LifetimeSource,
    /// When it must be validated.
    pub validation: Validation,
    /// RFC 5861 §3: how long past its lifetime it may be served while it is refreshed.
    pub stale_while_revalidate: Option<Duration>,
    /// RFC 5861 §4: how long past its lifetime it may be served when the application fails.
    pub stale_if_error: Option<Duration>,
    /// Whether the application can be asked if it is still good.
    pub has_validator: bool,
}

impl Freshness {
    /// Works it out. Total: what can't be read makes the response stale.
    #[must_use]
    pub fn of(
        status: StatusCode,
        response: &HeaderMap,
        timing: Timing,
        settings: &Settings,
    ) -> Self {
        let Governing { directives, is_targeted } = Governing::of(response, settings);
        let date = read_date(response).unwrap_or(timing.response_time);
        let age = age::of(response);
        let (lifetime, source) = match explicit_lifetime(response, &directives, is_targeted, date) {
            Some(found) => found,
            None => heuristic_lifetime(status, response, &directives, date, settings),
        };
        let is_error =
            status.is_client_error() || status.is_server_error() || status.as_u16() >= 600;
        let longest = match age {
            // Nobody knows how old it is: RFC 9111 §4.2.1 lets invalid information mean stale.
            Age::Unreadable => Duration::ZERO,
            Age::Absent | Age::Known(_) if is_error => settings.error_lifetime_max,
            Age::Absent | Age::Known(_) => Duration::MAX,
        };
        Self {
            response_time: timing.response_time,
            initial_age: initial_age(date, age, timing),
            lifetime: lifetime.min(longest),
            source,
            validation: validation(&directives, settings),
            stale_while_revalidate: directives.stale_while_revalidate,
            stale_if_error: directives.stale_if_error,
            has_validator: has_validator(response),
        }
    }

    /// RFC 9111 §4.2.3: how old the response is.
    #[must_use]
    pub fn current_age(&self, now: Timestamp) -> Duration {
        self.initial_age.saturating_add(now.since(self.response_time))
    }

    /// Whole seconds of freshness left, rounded down: zero or negative means stale, but for the part of
    /// a second in which zero is still fresh.
    #[must_use]
    pub fn ttl_secs(&self, now: Timestamp) -> i64 {
        let signed = |span| i64::try_from(millis(span)).unwrap_or(i64::MAX);
        signed(self.lifetime).saturating_sub(signed(self.current_age(now))).div_euclid(1000)
    }

    /// RFC 9111 §4.2: fresh is lifetime > age, so a response is stale on the very second.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.lifetime > self.current_age(now)
    }

    /// Makes it stale from `now` on (a soft purge, a HEAD that differs). Its stale windows open now.
    pub fn expire(&mut self, now: Timestamp) {
        self.lifetime = self.lifetime.min(self.current_age(now));
    }

    /// RFC 9111 §4.4: invalid is "in need of a mandatory validation": no window serves it any more.
    pub fn invalidate(&mut self) {
        self.validation = Validation::Always;
    }
}

/// RFC 9111 §4.2.3.
fn initial_age(date: Timestamp, age: Age, timing: Timing) -> Duration {
    // Dates have whole seconds, so the receipt is rounded down to one before they are compared.
    let received = Timestamp::from_secs(timing.response_time.as_secs());
    let apparent_age = received.since(date);
    let response_delay = timing.response_time.since(timing.request_time);
    let age_value = match age {
        Age::Known(age) => age,
        Age::Absent | Age::Unreadable => Duration::ZERO,
    };
    apparent_age.max(age_value.saturating_add(response_delay))
}

fn read_date(response: &HeaderMap) -> Option<Timestamp> {
    response.get(DATE).and_then(|value| date::parse(value.as_bytes()))
}

/// RFC 9111 §4.2.1, in its order.
fn explicit_lifetime(
    response: &HeaderMap,
    directives: &ResponseDirectives,
    is_targeted: bool,
    date: Timestamp,
) -> Option<(Duration, LifetimeSource)> {
    let or_targeted = |source| if is_targeted { LifetimeSource::Targeted } else { source };
    if let Some(lifetime) = directives.s_maxage {
        return Some((lifetime, or_targeted(LifetimeSource::SMaxage)));
    }
    if let Some(lifetime) = directives.max_age {
        return Some((lifetime, or_targeted(LifetimeSource::MaxAge)));
    }
    // RFC 9213 §2.2: a targeted field silences Expires too.
    if is_targeted {
        return None;
    }
    let mut lines = response.get_all(EXPIRES).iter();
    let expires = lines.next()?;
    // RFC 9111 §5.3: an invalid date, especially 0, is in the past; §4.2.1: so may several be.
    let expires = if lines.next().is_none() { date::parse(expires.as_bytes()) } else { None };
    let lifetime = expires.map_or(Duration::ZERO, |expires| expires.since(date));
    Some((lifetime, LifetimeSource::Expires))
}

/// RFC 9111 §4.2.2.
fn heuristic_lifetime(
    status: StatusCode,
    response: &HeaderMap,
    directives: &ResponseDirectives,
    date: Timestamp,
    settings: &Settings,
) -> (Duration, LifetimeSource) {
    const NONE: (Duration, LifetimeSource) = (Duration::ZERO, LifetimeSource::None);
    if !is_heuristically_cacheable(status) && !directives.flags.has(Flags::PUBLIC) {
        return NONE;
    }
    let modified = response.get(LAST_MODIFIED).and_then(|value| date::parse(value.as_bytes()));
    let Some(modified) = modified else { return NONE };
    let share = u64::from(settings.heuristic_fraction_percent);
    let lifetime = millis(date.since(modified)) / 100 * share;
    let lifetime = Duration::from_millis(lifetime).min(settings.heuristic_lifetime_max);
    if lifetime.is_zero() { NONE } else { (lifetime, LifetimeSource::Heuristic) }
}

/// RFC 9110 §15.1: the statuses defined as cacheable by default.
fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

fn validation(directives: &ResponseDirectives, settings: &Settings) -> Validation {
    let revalidate = Flags::MUST_REVALIDATE.and(Flags::PROXY_REVALIDATE);
    // RFC 9111 §5.2.2.10: s-maxage has the meaning of proxy-revalidate in it.
    let by_s_maxage = directives.s_maxage.is_some() && !settings.stale_with_s_maxage;
    if directives.flags.has(Flags::NO_CACHE) {
        Validation::Always
    } else if by_s_maxage || directives.flags.has(revalidate) {
        Validation::WhenStale
    } else {
        Validation::WhenUseful
    }
}

fn has_validator(response: &HeaderMap) -> bool {
    let has_date = |value: &http::HeaderValue| date::parse(value.as_bytes()).is_some();
    response.get(ETAG).is_some_and(|tag| !tag.as_bytes().trim_ascii().is_empty())
        || response.get(LAST_MODIFIED).is_some_and(has_date)
}
