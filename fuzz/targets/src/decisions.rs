//! The decisions: whole exchanges with any fields, and what must hold for every one of them.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use larder_semantics::{
    Exchange, Failure, Freshness, RequestDirectives, Reuse, Settings, Timestamp, Timing,
    Validators, decide, may_store, stale_on, storing, validation,
};

use crate::input;

const STATUSES: [u16; 12] = [200, 203, 204, 206, 301, 302, 404, 410, 500, 503, 599, 999];

/// Storing, freshness and reuse: never serves what says no-store or no-cache, never panics, and what could not be
/// reused can't be reused later either.
pub fn reuse(data: &[u8]) {
    let (choice, data) = input::number(data);
    let (first, data) = input::number(data);
    let (second, data) = input::number(data);
    let (request, response) = input::exchange(data);
    let status = STATUSES.get(choice as usize % STATUSES.len()).copied().unwrap_or(200);
    let Ok(status) = StatusCode::from_u16(status) else { return };
    let settings = Settings {
        honour_request_directives: choice & 0x100 != 0,
        targeted: choice & 0x200 != 0,
        stale_with_s_maxage: choice & 0x400 != 0,
        ..Settings::default()
    };
    let exchange =
        Exchange { method: &Method::GET, request: &request, status, response: &response };
    let stored = may_store(&exchange, &settings);
    let plain = !settings.targeted
        || (!response.contains_key("cdn-cache-control")
            && !response.contains_key("surrogate-control"));
    let says = |directive: &str| plain && has_line(&response, directive);
    if says("no-store") && !text_of(&response).contains("must-understand") {
        assert!(stored.is_err(), "no-store");
    }
    if says("private") || response.contains_key("set-cookie") {
        assert!(stored.is_err(), "private or Set-Cookie");
    }
    let noon = Timestamp::from_secs(1_767_225_600);
    let timing = Timing { request_time: noon, response_time: noon.plus(Duration::from_millis(20)) };
    let mut freshness = Freshness::of(status, &response, timing, &settings);
    let directives = RequestDirectives::of(&request, &settings);
    let at = |secs: u32| timing.response_time.plus(Duration::from_secs(u64::from(secs)));
    let (early, late) = (at(first.min(second)), at(first.max(second)));
    let is_used = |freshness: &Freshness, now| {
        matches!(decide(freshness, directives, now), Reuse::Serve(_) | Reuse::ServeAndRefresh(_))
    };
    assert!(freshness.current_age(early) <= freshness.current_age(late), "age grows");
    assert!(!is_used(&freshness, late) || is_used(&freshness, early), "monotone in age");
    for now in [early, late] {
        let fresh = freshness.is_fresh(now);
        assert_eq!(fresh, freshness.current_age(now) < freshness.lifetime);
        if says("no-cache") || directives.no_cache {
            assert!(!is_used(&freshness, now), "no-cache");
        }
        if says("must-revalidate") && !fresh {
            assert!(!is_used(&freshness, now), "must-revalidate");
            let failures = [Failure::Disconnected, Failure::Status(StatusCode::BAD_GATEWAY)];
            for failure in failures {
                assert_eq!(stale_on(&freshness, failure, directives, &settings, now), None);
            }
        }
    }
    freshness.expire(early);
    assert!(!freshness.is_fresh(early), "expired is stale at once");
}

/// Validation and updating: total, and a 304 leaves what describes the body alone.
pub fn validate(data: &[u8]) {
    let (one, other) = input::exchange(data);
    let validators = Validators::of(&other);
    let _precondition = validation::evaluate(&one, &validators);
    let _selected = validation::selects(&one, &validators, one.len() % 2 == 0);
    let mut request = one.clone();
    validation::make_conditional(&mut request, &[&validators]);
    assert!(!request.contains_key("range") && !request.contains_key("if-range"));
    assert_eq!(request.contains_key("if-none-match"), validators.etag.is_some());
    let mut stored = other.clone();
    validation::update(&mut stored, &one);
    for name in ["content-length", "content-encoding", "content-range", "set-cookie"] {
        assert!(stored.get_all(name).iter().eq(other.get_all(name).iter()), "{name}");
    }
    if let Some(tag) = other.get("etag") {
        assert_eq!(stored.get("etag"), Some(tag));
    }
    let _effect = validation::head_effect(&other, Some(3), StatusCode::OK, &one);
    let mut stripped = other;
    storing::strip_for_storing(&mut stripped);
    for name in ["connection", "transfer-encoding", "keep-alive", "proxy-authenticate"] {
        assert!(!stripped.contains_key(name), "{name}");
    }
}

/// Whether a line of `Cache-Control` is exactly this directive: told without any parser.
fn has_line(response: &HeaderMap, directive: &str) -> bool {
    response.get_all("cache-control").iter().any(|line| line.as_bytes() == directive.as_bytes())
}

fn text_of(response: &HeaderMap) -> String {
    let lines = response.get_all("cache-control").iter();
    lines.map(|line| String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase()).collect()
}
