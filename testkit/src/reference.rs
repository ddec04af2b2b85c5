//! A cache as RFC 9111 §3 and §4 read when taken word by word: what it serves, may be served.
//!
//! Naive on purpose: a list per target, searched from the newest; strings split at commas; whole seconds. It shares
//! nothing with the code under test, so that a model test can ask of any history: whatever the real cache serves, does
//! this one serve it too? The real one may serve less (`Set-Cookie`, capped errors), never more.
//! Stale responses, partial ones and requests' directives are left out: it always takes the strict side.

use std::collections::HashMap;

use http::{HeaderMap, Method, StatusCode};

use crate::http_date;

/// Seconds since the epoch.
pub type Seconds = u64;

/// A request, its response, and when they went over the wire.
#[derive(Clone, Debug)]
pub struct Exchanged {
    /// The method.
    pub method: Method,
    /// The target URI.
    pub target: String,
    /// The request's fields.
    pub request: HeaderMap,
    /// The status code.
    pub status: StatusCode,
    /// The response's fields.
    pub response: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// When the request was sent.
    pub request_time: Seconds,
    /// When the response came.
    pub response_time: Seconds,
}

/// The cache.
#[derive(Clone, Debug, Default)]
pub struct ReferenceCache {
    stored: HashMap<String, Vec<Exchanged>>,
}

impl ReferenceCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// RFC 9111 §3 and §4.4: keeps the response if that is allowed, and forgets what an unsafe request made doubtful.
    pub fn receive(&mut self, exchanged: Exchanged) {
        if !is_safe(&exchanged.method) {
            if exchanged.status.is_success() || exchanged.status.is_redirection() {
                self.stored.remove(&exchanged.target);
            }
        } else if exchanged.method == Method::GET && may_store(&exchanged) {
            self.stored.entry(exchanged.target.clone()).or_default().push(exchanged);
        }
    }

    /// RFC 9111 §4.3.4: a 304 freshens the newest response with the same entity tag, or else date.
    pub fn freshen(
        &mut self,
        target: &str,
        not_modified: &HeaderMap,
        sent: Seconds,
        came: Seconds,
    ) {
        let same = |stored: &Exchanged| {
            let name = if not_modified.contains_key("etag") { "etag" } else { "last-modified" };
            not_modified.get(name).is_some_and(|value| stored.response.get(name) == Some(value))
        };
        let all = self.stored.get_mut(target).into_iter().flatten();
        let Some(stored) = all.rev().find(|stored| same(stored)) else { return };
        stored.response.remove("age");
        for name in not_modified.keys().filter(|name| *name != "content-length") {
            stored.response.remove(name);
            for value in not_modified.get_all(name) {
                stored.response.append(name, value.clone());
            }
        }
        (stored.request_time, stored.response_time) = (sent, came);
    }

    /// RFC 9111 §4: the stored response that may answer without asking, and its age.
    #[must_use]
    pub fn serve(
        &self,
        method: &Method,
        target: &str,
        request: &HeaderMap,
        now: Seconds,
    ) -> Option<(&Exchanged, Seconds)> {
        if *method != Method::GET && *method != Method::HEAD {
            return None;
        }
        let matching = |stored: &&Exchanged| fits(stored, request);
        let stored = self.stored.get(target)?.iter().rev().find(matching)?;
        let age = current_age(stored, now);
        let always_asks = directive(&stored.response, "no-cache").is_some();
        (!always_asks && freshness_lifetime(stored) > age).then_some((stored, age))
    }
}

/// RFC 9111 §3, item by item.
fn may_store(exchanged: &Exchanged) -> bool {
    let has = |name: &str| directive(&exchanged.response, name).is_some();
    let understood = (200..600).contains(&exchanged.status.as_u16());
    let authorized = ["must-revalidate", "public", "s-maxage"].iter().any(|name| has(name));
    let explicit = ["public", "max-age", "s-maxage"].iter().any(|name| has(name));
    exchanged.status.as_u16() >= 200
        // 206 and 304 need a cache that understands them; this one does not.
        && ![206, 304].contains(&exchanged.status.as_u16())
        && (!has("must-understand") || understood)
        && (!has("no-store") || (has("must-understand") && understood))
        && directive(&exchanged.request, "no-store").is_none()
        && !has("private")
        && (!exchanged.request.contains_key("authorization") || authorized)
        && (explicit
            || exchanged.response.contains_key("expires")
            || is_heuristically_cacheable(exchanged.status))
}

/// RFC 9111 §4.1: every field that `Vary` names is the same in both requests.
fn fits(stored: &Exchanged, request: &HeaderMap) -> bool {
    let names = list(&stored.response, "vary");
    let same = |name: &String| name != "*" && list(&stored.request, name) == list(request, name);
    names.iter().all(same)
}

/// RFC 9111 §4.2.1: the first of these that is there.
fn freshness_lifetime(stored: &Exchanged) -> Seconds {
    let number = |name: &str| directive(&stored.response, name).map(|v| v.parse().unwrap_or(0));
    let date = date_of(stored, "date").unwrap_or(stored.response_time);
    if let Some(lifetime) = number("s-maxage").or_else(|| number("max-age")) {
        return lifetime;
    }
    if stored.response.contains_key("expires") {
        return date_of(stored, "expires").unwrap_or(0).saturating_sub(date);
    }
    let may_guess = is_heuristically_cacheable(stored.status)
        || directive(&stored.response, "public").is_some();
    let modified = date_of(stored, "last-modified").filter(|_| may_guess);
    // RFC 9111 §4.2.2: a typical fraction is 10 %. Of a started second all may be used.
    modified.map_or(0, |modified| date.saturating_sub(modified).div_ceil(10))
}

/// RFC 9111 §4.2.3.
fn current_age(stored: &Exchanged, now: Seconds) -> Seconds {
    let age_value: Seconds =
        list(&stored.response, "age").first().and_then(|age| age.parse().ok()).unwrap_or(0);
    let date_value = date_of(stored, "date").unwrap_or(stored.response_time);
    let apparent_age = stored.response_time.saturating_sub(date_value);
    let response_delay = stored.response_time.saturating_sub(stored.request_time);
    let corrected_age_value = age_value.saturating_add(response_delay);
    let resident_time = now.saturating_sub(stored.response_time);
    apparent_age.max(corrected_age_value).saturating_add(resident_time)
}

/// RFC 9110 §15.1.
fn is_heuristically_cacheable(status: StatusCode) -> bool {
    [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].contains(&status.as_u16())
}

fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// The argument of a directive of `Cache-Control`, empty without one. Knows no quoted commas: histories for this
/// cache are made without them.
fn directive(headers: &HeaderMap, name: &str) -> Option<String> {
    list(headers, "cache-control").into_iter().find_map(|member| {
        let (found, argument) = member.split_once('=').unwrap_or((&member, ""));
        found.eq_ignore_ascii_case(name).then(|| argument.trim_matches('"').to_owned())
    })
}

/// The members of a field, all lines joined.
fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    let members = lines.flat_map(|line| line.split(',')).map(|member| member.trim().to_owned());
    members.filter(|member| !member.is_empty()).collect()
}

fn date_of(stored: &Exchanged, name: &str) -> Option<Seconds> {
    http_date::parse(stored.response.get(name)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOON: Seconds = 1_767_225_600;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn exchanged(request: &[(&'static str, &str)], response: &[(&'static str, &str)]) -> Exchanged {
        Exchanged {
            method: Method::GET,
            target: "/".into(),
            request: headers(request),
            status: StatusCode::OK,
            response: headers(response),
            body: b"page".to_vec(),
            request_time: NOON,
            response_time: NOON,
        }
    }

    fn lasts(request: &[(&'static str, &str)], response: &[(&'static str, &str)]) -> Seconds {
        let mut cache = ReferenceCache::new();
        cache.receive(exchanged(request, response));
        let fresh =
            |age: &Seconds| cache.serve(&Method::GET, "/", &headers(request), NOON + age).is_some();
        (0..200).take_while(fresh).count() as Seconds
    }

    #[test]
    fn a_response_is_served_as_long_as_the_rfc_says() {
        let earlier = http_date::write(NOON - 1000);
        let (now, later) = (http_date::write(NOON), http_date::write(NOON + 30));
        let cases: [(&[_], &[_], Seconds); 12] = [
            (&[], &[("cache-control", "max-age=60")], 60),
            (&[], &[("cache-control", "max-age=60, s-maxage=20")], 20),
            (&[], &[("cache-control", "max-age=60"), ("age", "50")], 10),
            (&[], &[("expires", &later), ("date", &now)], 30),
            (&[], &[("expires", "0"), ("date", &now)], 0),
            (&[], &[("last-modified", &earlier), ("date", &now)], 100),
            (&[], &[("cache-control", "max-age=60, no-store")], 0),
            (&[], &[("cache-control", "max-age=60, no-cache")], 0),
            (&[], &[("cache-control", "max-age=60, private")], 0),
            (&[("authorization", "x")], &[("cache-control", "max-age=60")], 0),
            (&[("authorization", "x")], &[("cache-control", "max-age=60, public")], 60),
            (&[], &[("cache-control", "max-age=60"), ("vary", "*")], 0),
        ];
        for (request, response, expected) in cases {
            assert_eq!(lasts(request, response), expected, "{request:?} {response:?}");
        }
    }

    #[test]
    fn variants_invalidation_and_freshening_follow_the_rfc() {
        let mut cache = ReferenceCache::new();
        let varying = [("cache-control", "max-age=9"), ("vary", "x"), ("etag", "\"1\"")];
        cache.receive(exchanged(&[("x", "a")], &varying));
        let serves = |cache: &ReferenceCache, x: &str, at| {
            cache.serve(&Method::GET, "/", &headers(&[("x", x)]), at).map(|(_, age)| age)
        };
        assert_eq!(serves(&cache, "a", NOON + 8), Some(8));
        assert_eq!(serves(&cache, "b", NOON + 8), None);
        cache.freshen("/", &headers(&[("etag", "\"1\"")]), NOON + 9, NOON + 9);
        assert_eq!(serves(&cache, "a", NOON + 17), Some(8));
        let unsafe_method = Exchanged { method: Method::POST, ..exchanged(&[], &[]) };
        cache.receive(unsafe_method);
        assert_eq!(serves(&cache, "a", NOON + 9), None);
    }
}
