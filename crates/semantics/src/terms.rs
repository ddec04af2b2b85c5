//! What a site's rule says of a response's lifetime, in place of the response itself.
//!
//! RFC 9111 §4.2.1 names what a response can say; a gateway acts for the origin server (RFC 9110 §3.7), so its operator may
//! say it instead. What the response forbids stays forbidden unless the rule overrides that by name.

use std::time::Duration;

use http::{HeaderMap, header::EXPIRES};

use crate::field::cache_control::{Flags, ResponseDirectives};

/// A rule's word on one response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The freshness lifetime.
    pub lifetime: Option<Duration>,
    /// The `stale-while-revalidate`.
    pub grace: Option<Duration>,
    /// The `stale-if-error`.
    pub stale_if_error: Option<Duration>,
    /// Whether what the response states wins over the three above.
    pub respects_response: bool,
    /// Whether the response's `no-store`, `private` and `no-cache` are ignored.
    pub overrides_prohibition: bool,
}

impl Terms {
    /// What of a response forbids sharing it without asking again.
    pub(crate) const PROHIBITION: Flags = Flags::NO_STORE.and(Flags::PRIVATE).and(Flags::NO_CACHE);

    /// Puts the rule's word in the place of the response's. True if the lifetime is the rule's.
    pub(crate) fn apply(
        &self,
        directives: &mut ResponseDirectives,
        is_targeted: bool,
        response: &HeaderMap,
    ) -> bool {
        if self.overrides_prohibition {
            directives.flags = directives.flags.without(Self::PROHIBITION);
        }
        let states = directives.s_maxage.is_some()
            || directives.max_age.is_some()
            || (!is_targeted && response.contains_key(EXPIRES));
        let wins = |stated: bool| !(self.respects_response && stated);
        if let Some(grace) =
            self.grace.filter(|_| wins(directives.stale_while_revalidate.is_some()))
        {
            directives.stale_while_revalidate = Some(grace);
        }
        if let Some(window) =
            self.stale_if_error.filter(|_| wins(directives.stale_if_error.is_some()))
        {
            directives.stale_if_error = Some(window);
        }
        let Some(lifetime) = self.lifetime.filter(|_| wins(states)) else { return false };
        // With it goes what s-maxage means for stale answers (RFC 9111 §5.2.2.10).
        directives.s_maxage = None;
        directives.max_age = Some(lifetime);
        true
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};

    use super::*;
    use crate::testing::headers;
    use crate::{
        Exchange, Freshness, LifetimeSource, Reason, Settings, Timestamp, Timing, may_store,
    };

    const MINUTE: Duration = Duration::from_secs(60);

    fn judged(terms: Terms, cache_control: &str) -> Result<(Duration, LifetimeSource), Reason> {
        let settings = Settings { terms: Some(terms), ..Settings::default() };
        let response = &headers(&[("cache-control", cache_control), ("etag", "\"1\"")]);
        let request = &HeaderMap::new();
        let status = StatusCode::OK;
        may_store(&Exchange { method: &Method::GET, request, status, response }, &settings)?;
        let now = Timestamp::from_secs(1_700_000_000);
        let timing = Timing { request_time: now, response_time: now };
        let freshness = Freshness::of(status, response, timing, &settings);
        Ok((freshness.lifetime, freshness.source))
    }

    #[test]
    fn a_rule_s_lifetime_wins_unless_the_response_forbids_or_is_respected() {
        let rule = Terms { lifetime: Some(MINUTE), ..Terms::default() };
        let respects = Terms { respects_response: true, ..rule };
        let overrides = Terms { overrides_prohibition: true, ..rule };
        let by_rule = Ok((MINUTE, LifetimeSource::Rule));
        let stated = |secs, source| Ok((Duration::from_secs(secs), source));
        let cases = [
            (rule, "", by_rule),
            (rule, "max-age=9", by_rule),
            (rule, "s-maxage=9", by_rule),
            (rule, "max-age=0", by_rule),
            (rule, "no-store", Err(Reason::NoStore)),
            (rule, "private", Err(Reason::Private)),
            (rule, "no-cache", Err(Reason::NoCache)),
            (respects, "", by_rule),
            (respects, "max-age=9", stated(9, LifetimeSource::MaxAge)),
            (respects, "max-age=9, s-maxage=8", stated(8, LifetimeSource::SMaxage)),
            (respects, "no-store", Err(Reason::NoStore)),
            (overrides, "private, no-store, no-cache, max-age=0", by_rule),
            (Terms::default(), "max-age=9", stated(9, LifetimeSource::MaxAge)),
            (Terms::default(), "no-cache", Err(Reason::NoCache)),
        ];
        for (terms, cache_control, expected) in cases {
            assert_eq!(judged(terms, cache_control), expected, "{cache_control}: {terms:?}");
        }
    }

    #[test]
    fn stale_windows_are_the_rule_s_and_a_prohibition_closes_them_all_the_same() {
        let terms = Terms { lifetime: Some(MINUTE), grace: Some(MINUTE), ..Terms::default() };
        let window = |cache_control: &str| {
            let settings = Settings { terms: Some(terms), ..Settings::default() };
            let response = headers(&[("cache-control", cache_control)]);
            let now = Timestamp::from_secs(1_700_000_000);
            let timing = Timing { request_time: now, response_time: now };
            let stored = Freshness::of(StatusCode::OK, &response, timing, &settings);
            let later = now.plus(MINUTE);
            crate::decide(&stored, crate::RequestDirectives::default(), later)
        };
        use crate::Reuse::{ServeAndRefresh, Validate};
        let refresh = ServeAndRefresh(Reason::StaleWhileRevalidate);
        assert_eq!(window(""), refresh);
        assert_eq!(window("stale-while-revalidate=0"), refresh);
        // Its lifetime is not in force, so what it means for stale answers is not either.
        assert_eq!(window("s-maxage=9"), refresh);
        assert!(matches!(window("must-revalidate"), Validate(_)));
    }
}
