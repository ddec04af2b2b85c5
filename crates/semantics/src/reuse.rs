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
        other @ (Reuse::Serve(_)
        | Reuse::ServeAndRefresh(_)
        | Reuse::Validate(_)
        | Reuse::Unsatisfiable) => other,
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
    // RFC 9111 §5.2.2.4: no-cache outranks freshness, a failure or not.
    if stored.validation == Validation::Always || is_refused(stored, request, now) {
        return None;
    }
    // Another request may have refreshed it meanwhile.
    let Some(stale_for) = stale_for(stored, now) else {
        return Some(Reason::Fresh);
    };
    // RFC 9111 §4.2.4: must-revalidate and its like hold when disconnected too.
    if stored.validation == Validation::WhenStale || !is_failure(failure) {
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
    // RFC 8246 §2: a reload (max-age=0) is no reason to validate what is fresh and will not change.
    let is_sure = stored.is_immutable && stored.is_fresh(now);
    let too_old = !is_sure && request.max_age.is_some_and(|max| age > max);
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

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::CACHE_CONTROL};
    use proptest::prelude::*;

    use super::*;
    use crate::Timing;

    const NONE: RequestDirectives = RequestDirectives {
        no_cache: false,
        no_store: false,
        only_if_cached: false,
        max_age: None,
        min_fresh: None,
        max_stale: None,
    };

    fn stored(cache_control: &str) -> Freshness {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_str(cache_control).unwrap());
        let timing =
            Timing { request_time: Timestamp::default(), response_time: Timestamp::default() };
        Freshness::of(StatusCode::OK, &headers, timing, &Settings::default())
    }

    const FRESH: Reuse = Reuse::Serve(Reason::Fresh);
    const STALE: Reuse = Reuse::Validate(Reason::Stale);
    const REFRESH: Reuse = Reuse::ServeAndRefresh(Reason::StaleWhileRevalidate);
    const ALWAYS: Reuse = Reuse::Validate(Reason::AlwaysValidate);
    const REQUEST: Reuse = Reuse::Validate(Reason::RequestDirectives);
    const ACCEPTED: Reuse = Reuse::Serve(Reason::StaleAccepted);

    #[test]
    fn freshness_then_prohibition_then_window() {
        let swr = "max-age=60, stale-while-revalidate=30";
        let closed = "max-age=60, stale-while-revalidate=30, must-revalidate";
        let cases = [
            ("max-age=60", 59, FRESH),
            ("max-age=60", 60, STALE),
            (swr, 59, FRESH),
            (swr, 60, REFRESH),
            (swr, 90, REFRESH),
            (swr, 91, STALE),
            ("max-age=60, stale-while-revalidate=0", 60, REFRESH),
            ("max-age=60, stale-while-revalidate=0", 61, STALE),
            ("max-age=60, stale-while-revalidate=x", 60, STALE),
            ("max-age=60, stale-if-error=30", 60, STALE),
            (closed, 59, FRESH),
            (closed, 60, STALE),
            ("max-age=60, proxy-revalidate, stale-while-revalidate=30", 60, STALE),
            ("s-maxage=60, stale-while-revalidate=30", 60, STALE),
            ("max-age=60, no-cache", 0, ALWAYS),
            ("no-cache, stale-while-revalidate=30", 0, ALWAYS),
            ("max-age=0", 0, STALE),
        ];
        for (cache_control, age, expected) in cases {
            let actual = decide(&stored(cache_control), NONE, Timestamp::from_secs(age));
            assert_eq!(actual, expected, "{cache_control} at age {age}");
        }
    }

    #[test]
    fn the_clients_directives_move_the_bounds() {
        let secs = |secs| Some(Duration::from_secs(secs));
        let max_age = |max| RequestDirectives { max_age: secs(max), ..NONE };
        let min_fresh = |min| RequestDirectives { min_fresh: secs(min), ..NONE };
        let within =
            |limit| RequestDirectives { max_stale: secs(limit).map(MaxStale::Within), ..NONE };
        let any = RequestDirectives { max_stale: Some(MaxStale::Any), ..NONE };
        let no_cache = RequestDirectives { no_cache: true, ..NONE };
        let no_store = RequestDirectives { no_store: true, ..NONE };
        let ma = "max-age=60";
        let cases = [
            (ma, no_cache, 0, REQUEST),
            (ma, no_store, 0, FRESH),
            (ma, max_age(10), 10, FRESH),
            (ma, max_age(10), 11, REQUEST),
            (ma, max_age(100), 60, STALE),
            ("max-age=60, immutable", max_age(0), 59, FRESH),
            ("max-age=60, immutable", max_age(0), 60, REQUEST),
            ("max-age=60, immutable", no_cache, 59, REQUEST),
            (ma, min_fresh(20), 40, FRESH),
            (ma, min_fresh(20), 41, REQUEST),
            (ma, within(10), 70, ACCEPTED),
            (ma, within(10), 71, STALE),
            (ma, any, 100_000, ACCEPTED),
            ("max-age=60, must-revalidate", any, 60, STALE),
            ("s-maxage=60", any, 60, STALE),
            ("no-cache", any, 0, ALWAYS),
            (ma, RequestDirectives { max_age: secs(5), ..any }, 6, REQUEST),
            (ma, RequestDirectives { no_cache: true, ..any }, 60, REQUEST),
        ];
        for (cache_control, request, age, expected) in cases {
            let actual = decide(&stored(cache_control), request, Timestamp::from_secs(age));
            assert_eq!(actual, expected, "{cache_control} for {request:?} at age {age}");
        }
    }

    #[test]
    fn only_if_cached_never_asks() {
        let only = RequestDirectives { only_if_cached: true, ..NONE };
        let cases = [
            ("max-age=60", 59, FRESH),
            ("max-age=60", 60, Reuse::Unsatisfiable),
            ("no-cache", 0, Reuse::Unsatisfiable),
        ];
        for (cache_control, age, expected) in cases {
            let actual = decide(&stored(cache_control), only, Timestamp::from_secs(age));
            assert_eq!(actual, expected, "{cache_control} at age {age}");
        }
    }

    #[test]
    fn stale_answers_a_failure_only_inside_a_granted_window() {
        use Failure::{Disconnected, Status};
        let status = |code| Status(StatusCode::from_u16(code).unwrap());
        let day = 24 * 60 * 60;
        let sie = "max-age=60, stale-if-error=30";
        let cases = [
            ("max-age=60", Disconnected, 59, Some(Reason::Fresh)),
            ("max-age=60", Disconnected, 60, Some(Reason::StaleDisconnected)),
            ("max-age=60", Disconnected, 60 + day, Some(Reason::StaleDisconnected)),
            ("max-age=60", Disconnected, 61 + day, None),
            ("max-age=60", status(503), 60, None),
            (sie, status(500), 60, Some(Reason::StaleIfError)),
            (sie, status(502), 90, Some(Reason::StaleIfError)),
            (sie, status(503), 91, None),
            (sie, status(504), 90, Some(Reason::StaleIfError)),
            (sie, status(501), 90, None),
            (sie, status(404), 60, None),
            (sie, Disconnected, 90, Some(Reason::StaleIfError)),
            (sie, Disconnected, 91, Some(Reason::StaleDisconnected)),
            (
                "max-age=60, stale-while-revalidate=9",
                status(500),
                69,
                Some(Reason::StaleWhileRevalidate),
            ),
            ("max-age=60, stale-while-revalidate=9", status(500), 70, None),
            ("max-age=2, must-revalidate", Disconnected, 2, None),
            ("max-age=2, proxy-revalidate", Disconnected, 2, None),
            ("max-age=2, s-maxage=2", Disconnected, 2, None),
            ("max-age=2, no-cache", Disconnected, 0, None),
            ("max-age=2, stale-if-error=9, must-revalidate", status(500), 2, None),
            ("max-age=0", Disconnected, 0, None),
        ];
        for (cache_control, failure, age, expected) in cases {
            let now = Timestamp::from_secs(age);
            let actual = stale_on(&stored(cache_control), failure, NONE, &Settings::default(), now);
            assert_eq!(actual, expected, "{cache_control}, {failure:?} at age {age}");
        }
    }

    #[test]
    fn a_client_that_wants_it_new_gets_no_stale_answer_to_a_failure() {
        let request = RequestDirectives { no_cache: true, ..NONE };
        let now = Timestamp::from_secs(1);
        let actual = stale_on(
            &stored("max-age=60"),
            Failure::Disconnected,
            request,
            &Settings::default(),
            now,
        );
        assert_eq!(actual, None);
    }

    #[test]
    fn an_invalidated_response_is_validated_whatever_its_windows() {
        let mut stored = stored("max-age=60, stale-while-revalidate=30, stale-if-error=30");
        stored.invalidate();
        assert_eq!(decide(&stored, NONE, Timestamp::default()), ALWAYS);
        let settings = Settings::default();
        let now = Timestamp::from_secs(61);
        assert_eq!(stale_on(&stored, Failure::Disconnected, NONE, &settings, now), None);
    }

    fn some_freshness() -> impl Strategy<Value = Freshness> {
        let cache_control = prop_oneof![
            Just(""),
            Just("no-cache"),
            Just("must-revalidate"),
            Just("immutable"),
            Just("s-maxage=7")
        ];
        (
            cache_control,
            0_u64..100,
            proptest::option::of(0_u64..100),
            proptest::option::of(0_u64..100),
        )
            .prop_map(|(first, max_age, swr, sie)| {
                let window = |name, secs: Option<u64>| {
                    secs.map_or_else(String::new, |s| format!(", {name}={s}"))
                };
                stored(&format!(
                    "{first}, max-age={max_age}{}{}",
                    window("stale-while-revalidate", swr),
                    window("stale-if-error", sie),
                ))
            })
    }

    fn some_request() -> impl Strategy<Value = RequestDirectives> {
        let secs = || proptest::option::of((0_u64..100).prop_map(Duration::from_secs));
        let max_stale = proptest::option::of(prop_oneof![
            Just(MaxStale::Any),
            (0_u64..100).prop_map(|secs| MaxStale::Within(Duration::from_secs(secs))),
        ]);
        (any::<[bool; 3]>(), secs(), secs(), max_stale).prop_map(
            |([no_cache, no_store, only_if_cached], max_age, min_fresh, max_stale)| {
                RequestDirectives {
                    no_cache,
                    no_store,
                    only_if_cached,
                    max_age,
                    min_fresh,
                    max_stale,
                }
            },
        )
    }

    /// Fresh, then served stale, then not served.
    fn rank(reuse: Reuse) -> u8 {
        match reuse {
            Reuse::Serve(Reason::Fresh) => 0,
            Reuse::ServeAndRefresh(_) => 1,
            Reuse::Serve(_) => 2,
            Reuse::Validate(_) | Reuse::Unsatisfiable => 3,
        }
    }

    proptest! {
        #[test]
        fn growing_older_never_makes_it_more_servable(
            stored in some_freshness(), request in some_request(), now in 0_u64..300, later in 0_u64..300,
        ) {
            let at = |secs| decide(&stored, request, Timestamp::from_secs(secs));
            prop_assert!(rank(at(now)) <= rank(at(now + later)));
        }

        #[test]
        fn no_cache_is_never_served_without_validation(request in some_request(), now in 0_u64..300, max_age in 0_u64..300) {
            let stored = stored(&format!("max-age={max_age}, no-cache, stale-while-revalidate=300, stale-if-error=300"));
            let now = Timestamp::from_secs(now);
            prop_assert_eq!(rank(decide(&stored, request, now)), 3);
            prop_assert_eq!(stale_on(&stored, Failure::Disconnected, request, &Settings::default(), now), None);
        }

        #[test]
        fn what_must_be_revalidated_is_served_only_fresh(request in some_request(), now in 0_u64..300, max_age in 0_u64..300) {
            let stored = stored(&format!("max-age={max_age}, must-revalidate, stale-while-revalidate=300, stale-if-error=300"));
            let now = Timestamp::from_secs(now);
            prop_assert!(matches!(rank(decide(&stored, request, now)), 0 | 3));
            let on_failure = stale_on(&stored, Failure::Disconnected, request, &Settings::default(), now);
            prop_assert!(matches!(on_failure, None | Some(Reason::Fresh)));
        }
    }
}
