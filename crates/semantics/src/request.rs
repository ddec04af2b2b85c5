//! What a request allows the cache to do: its directives ([RFC 9111 §5.2.1]), and whether the cache may
//! look at all.
//!
//! [RFC 9111 §5.2.1]: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1

use std::time::Duration;

use http::{
    HeaderMap, Method,
    header::{CACHE_CONTROL, IF_MATCH, IF_UNMODIFIED_SINCE, PRAGMA},
};

use crate::field::{cache_control::seconds, list};
use crate::{Reason, Settings};

/// How stale a response the client accepts: RFC 9111 §5.2.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxStale {
    /// `max-stale` without a value.
    Any,
    /// At most this long past its freshness.
    Within(Duration),
}

/// A request's cache directives. All default when they are not honoured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestDirectives {
    /// Validate first: RFC 9111 §5.2.1.4.
    pub no_cache: bool,
    /// Store nothing of this exchange: RFC 9111 §5.2.1.5. What is stored already may answer.
    pub no_store: bool,
    /// Stored or nothing: RFC 9111 §5.2.1.7.
    pub only_if_cached: bool,
    /// At most this old: RFC 9111 §5.2.1.1. Unreadable is zero.
    pub max_age: Option<Duration>,
    /// Fresh for this long yet: RFC 9111 §5.2.1.3.
    pub min_fresh: Option<Duration>,
    /// Stale up to this: RFC 9111 §5.2.1.2.
    pub max_stale: Option<MaxStale>,
}

impl RequestDirectives {
    /// Reads `Cache-Control`, or without one `Pragma`. Unknown directives never matter.
    #[must_use]
    pub fn of(headers: &HeaderMap, settings: &Settings) -> Self {
        if settings.honour_request_directives { Self::read(headers) } else { Self::default() }
    }

    fn read(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            list::directives(line.as_bytes()).for_each(|directive| directives.add(&directive));
        }
        // RFC 9111 §5.4: Pragma: no-cache counts only without Cache-Control.
        if !headers.contains_key(CACHE_CONTROL) {
            directives.no_cache = headers
                .get_all(PRAGMA)
                .iter()
                .flat_map(|line| list::directives(line.as_bytes()))
                .any(|directive| directive.is("no-cache"));
        }
        directives
    }

    fn add(&mut self, directive: &list::Directive<'_>) {
        let value = || seconds(directive.argument);
        if directive.is("no-cache") {
            self.no_cache = true;
        } else if directive.is("no-store") {
            self.no_store = true;
        } else if directive.is("only-if-cached") {
            self.only_if_cached = true;
        } else if directive.is("max-age") {
            self.max_age.get_or_insert_with(|| value().unwrap_or(Duration::ZERO));
        } else if directive.is("min-fresh") {
            self.min_fresh = self.min_fresh.or_else(value);
        } else if directive.is("max-stale") && self.max_stale.is_none() {
            self.max_stale = match directive.argument {
                list::Argument::None => Some(MaxStale::Any),
                // An unreadable limit accepts nothing stale.
                list::Argument::Token(_)
                | list::Argument::Quoted(_)
                | list::Argument::Malformed => value().map(MaxStale::Within),
            };
        }
    }
}

/// RFC 9110 §9.2.1: whether a method asks for no change. Unknown ones may.
#[must_use]
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Whether the cache may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It may.
    Yes,
    /// The application answers this one.
    Pass(Reason),
}

/// Whether a cache may look for an answer: GET and HEAD without a precondition for the application.
#[must_use]
pub fn lookup(method: &Method, headers: &HeaderMap) -> Lookup {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Lookup::Pass(Reason::Method);
    }
    // RFC 9111 §4.3.2: If-Match and If-Unmodified-Since are not for caches to evaluate.
    if headers.contains_key(IF_MATCH) || headers.contains_key(IF_UNMODIFIED_SINCE) {
        return Lookup::Pass(Reason::OriginPrecondition);
    }
    Lookup::Yes
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn honouring() -> Settings {
        Settings { honour_request_directives: true, ..Settings::default() }
    }

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                (http::HeaderName::from_static(name), HeaderValue::from_static(value))
            })
            .collect()
    }

    #[test]
    fn a_client_can_ask_for_nothing_unless_it_is_honoured() {
        let asked = headers(&[
            ("cache-control", "no-cache, no-store, max-age=0, only-if-cached"),
            ("pragma", "no-cache"),
        ]);
        assert_eq!(
            RequestDirectives::of(&asked, &Settings::default()),
            RequestDirectives::default()
        );
        assert_ne!(RequestDirectives::of(&asked, &honouring()), RequestDirectives::default());
    }

    #[test]
    fn every_directive_is_read() {
        let none = RequestDirectives::default();
        let secs = Duration::from_secs;
        let cases = [
            ("nothing-to-see-here", none),
            ("No-Cache", RequestDirectives { no_cache: true, ..none }),
            ("no-store", RequestDirectives { no_store: true, ..none }),
            ("only-if-cached", RequestDirectives { only_if_cached: true, ..none }),
            ("max-age=600", RequestDirectives { max_age: Some(secs(600)), ..none }),
            ("max-age=x", RequestDirectives { max_age: Some(secs(0)), ..none }),
            ("min-fresh=5", RequestDirectives { min_fresh: Some(secs(5)), ..none }),
            ("min-fresh=x", none),
            ("max-stale", RequestDirectives { max_stale: Some(MaxStale::Any), ..none }),
            (
                "max-stale=9",
                RequestDirectives { max_stale: Some(MaxStale::Within(secs(9))), ..none },
            ),
            ("max-stale=x", none),
        ];
        for (line, expected) in cases {
            let headers = headers(&[("cache-control", line), ("pragma", "foo")]);
            assert_eq!(RequestDirectives::of(&headers, &honouring()), expected, "{line}");
        }
    }

    #[test]
    fn pragma_counts_only_without_cache_control() {
        let cases = [
            (&[("pragma", "no-cache")][..], true),
            (&[("pragma", "unrecognised-extension")], false),
            (&[("pragma", "no-cache"), ("cache-control", "foo")], false),
        ];
        for (fields, no_cache) in cases {
            let directives = RequestDirectives::of(&headers(fields), &honouring());
            assert_eq!(directives.no_cache, no_cache, "{fields:?}");
        }
    }

    #[test]
    fn only_get_and_head_without_origin_preconditions_are_looked_up() {
        let method = |name: &str| Method::from_bytes(name.as_bytes()).unwrap();
        let pass = Lookup::Pass;
        let cases = [
            ("GET", &[][..], Lookup::Yes),
            ("HEAD", &[], Lookup::Yes),
            ("GET", &[("if-none-match", "*"), ("range", "bytes=0-")], Lookup::Yes),
            ("GET", &[("if-match", "*")], pass(Reason::OriginPrecondition)),
            ("HEAD", &[("if-unmodified-since", "x")], pass(Reason::OriginPrecondition)),
            ("POST", &[], pass(Reason::Method)),
            ("OPTIONS", &[], pass(Reason::Method)),
            ("M-SEARCH", &[], pass(Reason::Method)),
            ("get", &[], pass(Reason::Method)),
        ];
        for (name, fields, expected) in cases {
            assert_eq!(lookup(&method(name), &headers(fields)), expected, "{name} {fields:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([(CACHE_CONTROL, value)]);
                let _directives = RequestDirectives::of(&headers, &honouring());
            }
        }
    }
}
