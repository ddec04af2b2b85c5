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
    /// A rule of the site.
    Rule,
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
            Self::Rule | Self::Targeted | Self::SMaxage | Self::MaxAge | Self::Expires => true,
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
    /// RFC 8246: it will not change while it is fresh.
    pub is_immutable: bool,
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
        let Governing { directives, is_targeted, is_rules } = Governing::of(response, settings);
        let date = read_date(response).unwrap_or(timing.response_time);
        let age = age::of(response);
        let (lifetime, source) = match explicit_lifetime(response, &directives, is_targeted, date) {
            Some((lifetime, _)) if is_rules => (lifetime, LifetimeSource::Rule),
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
        let validation = validation(&directives, settings);
        let lifetime = lifetime.min(longest);
        // What never was fresh has always to be validated, and an error is not to be kept going.
        let has_grace = validation == Validation::WhenUseful && !lifetime.is_zero() && !is_error;
        let grace = (has_grace && !settings.grace.is_zero()).then_some(settings.grace);
        Self {
            response_time: timing.response_time,
            initial_age: initial_age(date, age, timing),
            lifetime,
            source,
            validation,
            stale_while_revalidate: directives.stale_while_revalidate.or(grace),
            stale_if_error: directives.stale_if_error,
            has_validator: has_validator(response),
            is_immutable: directives.flags.has(Flags::IMMUTABLE),
        }
    }

    /// RFC 9111 §4.2.3: how old the response is.
    #[must_use]
    pub fn current_age(&self, now: Timestamp) -> Duration {
        self.initial_age.saturating_add(now.since(self.response_time))
    }

    /// Whole seconds of freshness left: the lifetime less the `Age` that is sent with it. Negative
    /// means stale, and so does zero on the second at which the lifetime is reached.
    #[must_use]
    pub fn ttl_secs(&self, now: Timestamp) -> i64 {
        let secs = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        secs(self.lifetime).saturating_sub(secs(self.current_age(now)))
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Fields;

    const NOON: Timestamp = Timestamp::from_secs(1_700_000_000);

    /// A response with these fields, received at noon; `@n` in a date field is noon and n seconds.
    fn response(fields: Fields<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let value = match value.strip_prefix('@') {
                Some(offset) => date::write(Timestamp::from_secs(
                    NOON.as_secs().checked_add_signed(offset.parse().unwrap()).unwrap(),
                )),
                None => HeaderValue::from_str(value).unwrap(),
            };
            headers.append(*name, value);
        }
        headers
    }

    fn freshness(status: u16, fields: Fields<'_>) -> Freshness {
        let timing = Timing { request_time: NOON, response_time: NOON };
        let status = StatusCode::from_u16(status).unwrap();
        Freshness::of(status, &response(fields), timing, &Settings::default())
    }

    #[test]
    fn the_first_source_that_speaks_sets_the_lifetime() {
        use LifetimeSource::{Expires, Heuristic, MaxAge, None, SMaxage, Targeted};
        let cc = "cache-control";
        let modified = ("last-modified", "@-86400");
        let cases: [(Fields<'_>, u64, LifetimeSource); 22] = [
            (&[], 0, None),
            (&[(cc, "max-age=3600")], 3600, MaxAge),
            (&[(cc, "max-age=0"), ("expires", "@3600"), ("date", "@0")], 0, MaxAge),
            (&[(cc, "max-age=3600"), ("expires", "@-7200"), ("date", "@0")], 3600, MaxAge),
            (&[(cc, "max-age=3600"), ("expires", "0")], 3600, MaxAge),
            (&[(cc, "max-age=-3600"), modified], 0, MaxAge),
            (&[(cc, "s-maxage=3600, max-age=1")], 3600, SMaxage),
            (&[(cc, "max-age=3600"), (cc, "s-maxage=1")], 1, SMaxage),
            (&[(cc, "s-maxage=x, max-age=1")], 0, SMaxage),
            (&[("expires", "@2592000"), ("date", "@0")], 2_592_000, Expires),
            (&[("expires", "@10")], 10, Expires),
            (&[("expires", "@10"), ("date", "foo")], 10, Expires),
            (&[("expires", "@0"), ("date", "@0")], 0, Expires),
            (&[("expires", "@300"), ("date", "@400")], 0, Expires),
            (&[("expires", "0"), modified], 0, Expires),
            (&[("expires", "@10"), ("expires", "@10")], 0, Expires),
            (&[modified, ("date", "@0")], 8640, Heuristic),
            (&[modified], 8640, Heuristic),
            (&[("last-modified", "@-8640000")], 86_400, Heuristic),
            (&[("last-modified", "@5")], 0, None),
            (&[(cc, "max-age=1"), ("cdn-cache-control", "max-age=60")], 60, Targeted),
            (&[("surrogate-control", "max-age=60"), ("expires", "@-9")], 60, Targeted),
        ];
        for (fields, lifetime, source) in cases {
            let freshness = freshness(200, fields);
            assert_eq!(freshness.lifetime, Duration::from_secs(lifetime), "{fields:?}");
            assert_eq!(freshness.source, source, "{fields:?}");
        }
    }

    #[test]
    fn a_targeted_field_silences_expires_but_not_the_heuristic() {
        let targeted = ("cdn-cache-control", "public");
        let expires = freshness(200, &[targeted, ("expires", "@100")]);
        assert_eq!(expires.source, LifetimeSource::None);
        let heuristic = freshness(200, &[targeted, ("last-modified", "@-1000")]);
        assert_eq!(heuristic.lifetime, Duration::from_secs(100));
    }

    #[test]
    fn the_heuristic_is_for_statuses_cacheable_by_default_or_public() {
        let modified = ("last-modified", "@-86400");
        for status in [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501] {
            let source = freshness(status, &[modified]).source;
            assert_eq!(source, LifetimeSource::Heuristic, "{status}");
        }
        for status in [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599] {
            let source = freshness(status, &[modified]).source;
            assert_eq!(source, LifetimeSource::None, "{status}");
            let public = freshness(status, &[modified, ("cache-control", "public")]).source;
            assert_eq!(public, LifetimeSource::Heuristic, "{status} public");
        }
    }

    #[test]
    fn errors_do_not_stay() {
        let cases = [(399, 3600), (400, 10), (404, 10), (499, 10), (500, 10), (599, 10), (999, 10)];
        for (status, lifetime) in cases {
            let freshness = freshness(status, &[("cache-control", "max-age=3600")]);
            assert_eq!(freshness.lifetime, Duration::from_secs(lifetime), "{status}");
        }
        assert_eq!(
            freshness(404, &[("cache-control", "max-age=5")]).lifetime,
            Duration::from_secs(5)
        );
    }

    #[test]
    fn age_is_the_larger_of_what_date_and_age_say() {
        // Date, Age, seconds the exchange took, initial age.
        let cases = [
            ("@0", None, 0, 0),
            ("@-7200", None, 0, 7200),
            ("@10", None, 0, 0),
            ("@10", Some("15"), 0, 15),
            ("@-10", Some("25"), 0, 25),
            ("@-30", Some("25"), 0, 30),
            ("@0", None, 4, 4),
            ("@-30", Some("25"), 4, 30),
            ("@-28", Some("25"), 4, 29),
            ("nonsense", Some("25"), 0, 25),
        ];
        for (date, age, delay, expected) in cases {
            let mut fields = vec![("date", date)];
            fields.extend(age.map(|age| ("age", age)));
            let request_time = Timestamp::from_secs(NOON.as_secs() - delay);
            let timing = Timing { request_time, response_time: NOON };
            let settings = Settings::default();
            let freshness = Freshness::of(StatusCode::OK, &response(&fields), timing, &settings);
            let expected = Duration::from_secs(expected);
            assert_eq!(freshness.initial_age, expected, "{date} {age:?} {delay}");
        }
    }

    #[test]
    fn a_part_of_a_second_is_not_an_age() {
        let response_time = Timestamp::from_millis(NOON.as_millis() + 999);
        let timing = Timing { request_time: response_time, response_time };
        let fields = response(&[("date", "@0"), ("cache-control", "max-age=1")]);
        let freshness = Freshness::of(StatusCode::OK, &fields, timing, &Settings::default());
        assert_eq!(freshness.initial_age, Duration::ZERO);
        assert!(freshness.is_fresh(Timestamp::from_millis(NOON.as_millis() + 1998)));
        assert!(!freshness.is_fresh(Timestamp::from_millis(NOON.as_millis() + 1999)));
    }

    #[test]
    fn an_unreadable_age_makes_stale() {
        for age in ["abc", "-7200", "7200.0", "7200;foo=bar", "0, 0", "3600, 3600"] {
            let freshness = freshness(200, &[("cache-control", "max-age=10000"), ("age", age)]);
            assert!(!freshness.is_fresh(NOON), "{age}");
        }
        for (age, fresh) in [("0", true), ("0,7200", true), ("3599", true), ("3600", false)] {
            let freshness = freshness(200, &[("cache-control", "max-age=3600"), ("age", age)]);
            assert_eq!(freshness.is_fresh(NOON), fresh, "{age}");
        }
    }

    #[test]
    fn grace_is_for_what_names_no_window_and_forbids_none() {
        let day = Duration::from_secs(86_400);
        let settings = Settings { grace: day, ..Settings::default() };
        let cases = [
            ("max-age=60", 200, Some(day)),
            ("max-age=60, stale-while-revalidate=5", 200, Some(Duration::from_secs(5))),
            ("max-age=60, must-revalidate", 200, None),
            ("s-maxage=60", 200, None),
            ("no-cache", 200, None),
            ("max-age=0", 200, None),
            ("max-age=60", 404, None),
        ];
        for (cache_control, status, expected) in cases {
            let mut response = HeaderMap::new();
            response.insert(http::header::CACHE_CONTROL, cache_control.parse().unwrap());
            let timing = Timing { request_time: NOON, response_time: NOON };
            let status = StatusCode::from_u16(status).unwrap();
            let found = Freshness::of(status, &response, timing, &settings);
            assert_eq!(found.stale_while_revalidate, expected, "{cache_control} {status}");
        }
    }

    #[test]
    fn fresh_ends_on_the_very_second_and_ttl_goes_below_zero() {
        let freshness = freshness(200, &[("cache-control", "max-age=60")]);
        let cases = [
            (0, true, 60),
            (59_000, true, 1),
            (59_999, true, 1),
            (60_000, false, 0),
            (60_001, false, 0),
            (61_000, false, -1),
            (90_000, false, -30),
        ];
        for (millis, fresh, ttl) in cases {
            let now = NOON.plus(Duration::from_millis(millis));
            assert_eq!(freshness.is_fresh(now), fresh, "{millis}");
            assert_eq!(freshness.ttl_secs(now), ttl, "{millis}");
        }
    }

    #[test]
    fn expiring_ends_freshness_and_never_prolongs_it() {
        let later = NOON.plus(Duration::from_secs(20));
        let mut long = freshness(200, &[("cache-control", "max-age=60")]);
        long.expire(later);
        assert!(!long.is_fresh(later));
        assert_eq!(long.ttl_secs(later), 0);
        let mut short = freshness(200, &[("cache-control", "max-age=5")]);
        short.expire(later);
        assert_eq!(short.lifetime, Duration::from_secs(5));
    }

    #[test]
    fn validation_is_what_the_strictest_directive_says() {
        use Validation::{Always, WhenStale, WhenUseful};
        let cases = [
            ("max-age=1", WhenUseful, WhenUseful),
            ("max-age=1, immutable", WhenUseful, WhenUseful),
            ("must-revalidate", WhenStale, WhenStale),
            ("proxy-revalidate", WhenStale, WhenStale),
            ("s-maxage=1", WhenStale, WhenUseful),
            ("s-maxage=1, must-revalidate", WhenStale, WhenStale),
            ("no-cache", Always, Always),
            ("must-revalidate, No-CaChE", Always, Always),
            (r#"no-cache="a""#, WhenUseful, WhenUseful),
        ];
        let safe = Settings::default();
        let lenient = Settings { stale_with_s_maxage: true, ..Settings::default() };
        let timing = Timing { request_time: NOON, response_time: NOON };
        for (line, strict, with_s_maxage) in cases {
            let headers = response(&[("cache-control", line)]);
            let of =
                |settings| Freshness::of(StatusCode::OK, &headers, timing, settings).validation;
            assert_eq!(of(&safe), strict, "{line}");
            assert_eq!(of(&lenient), with_s_maxage, "{line}");
        }
    }

    #[test]
    fn only_what_can_be_sent_back_is_a_validator() {
        let cases = [
            (("etag", r#""a""#), true),
            (("etag", "a"), true),
            (("etag", ""), false),
            (("last-modified", "@-5"), true),
            (("last-modified", "yesterday"), false),
            (("date", "@0"), false),
        ];
        for (field, expected) in cases {
            assert_eq!(freshness(200, &[field]).has_validator, expected, "{field:?}");
        }
    }

    proptest! {
        #[test]
        fn working_it_out_is_total(
            status in 100_u16..1000,
            fields in proptest::collection::vec((0_usize..8, proptest::collection::vec(any::<u8>(), 0..40)), 0..6),
            request_time in any::<u64>(),
            response_time in any::<u64>(),
            now in any::<u64>(),
        ) {
            const NAMES: [&str; 8] = ["date", "expires", "age", "cache-control", "last-modified", "etag", "cdn-cache-control", "surrogate-control"];
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    headers.append(NAMES[name], value);
                }
            }
            let timing = Timing {
                request_time: Timestamp::from_millis(request_time),
                response_time: Timestamp::from_millis(response_time),
            };
            let status = StatusCode::from_u16(status).unwrap();
            let mut freshness = Freshness::of(status, &headers, timing, &Settings::default());
            let now = Timestamp::from_millis(now);
            let _ttl = freshness.ttl_secs(now);
            freshness.expire(now);
            prop_assert!(!freshness.is_fresh(now));
        }
    }
}
