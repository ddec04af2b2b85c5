//! Fetching one page: through the same layers as a visitor's GET, less those that count and explain.

use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, Request, Uri, response};
use http_body::Body as _;
use larder_cache::{Cache, Handling, Note, Purpose};
use larder_policy::audience::Audience;
use larder_policy::front::Door;
use larder_policy::{KeyBuf, Plain, Scheme, Visit, Way};
use larder_semantics::field::date;
use larder_semantics::{Group, Reason, Timestamp, Validation};
use tower_service::Service as _;

use super::row::{Row, Why};
use super::wish::Wish;
use crate::inbound::Inbound;
use crate::limits::{WARM_PAUSE, WARM_PAUSE_MAX};
use crate::log::{AccessLog, Draft, Ending};
use crate::pipeline::Pipeline;
use crate::reply::Noted as _;

/// What came of it, and the key that the page lies under.
pub(super) struct Fetched {
    pub(super) row: Row,
    pub(super) key: Option<KeyBuf>,
}

/// For how long a site is left alone after this.
pub(super) fn pause(row: &Row) -> Option<Duration> {
    let is_in_trouble = match row.status.map_or(0, |status| status.as_u16()) {
        429 | 502 | 503 | 504 => true,
        _ => matches!(
            row.why,
            // It failed, and what is stored stood in for it.
            Some(Why::Because(
                Reason::StaleIfError | Reason::StaleDisconnected | Reason::StaleWhileRevalidate
            ))
        ),
    };
    let asked = row.retry_after.map(|after| after.clamp(WARM_PAUSE, WARM_PAUSE_MAX));
    is_in_trouble.then(|| asked.unwrap_or(WARM_PAUSE))
}

/// Fetches a page.
pub(super) async fn fetch(site: &Pipeline, cache: &Cache, log: &AccessLog, wish: &Wish) -> Fetched {
    let headers = wish.address.headers();
    let url = wish.address.to_string();
    let key = match key(site, cache, wish, &headers) {
        Ok(key) => key,
        Err(why) => return Fetched { row: Row::not_asked(url, why), key: None },
    };
    let request = request(wish, headers.clone());
    let draft = log.is_on().then(|| Box::new(Draft::of(&request)));
    let begun = Instant::now();
    let Came { head, note, bytes, broke_off } =
        exchange(site, wish.address.scheme(), request).await;
    let status = head.as_ref().map(|head| head.status);
    if let Some(draft) = draft {
        let ending = Ending {
            client: Ipv4Addr::LOCALHOST.into(),
            begun,
            took: begun.elapsed(),
            status: status.unwrap_or_default(),
            bytes,
            note,
            warms: true,
        };
        log.write(0, draft.finish(ending));
    }
    let stored = !broke_off && is_stored(cache, key.as_bytes(), &headers);
    let fetched = match note.handling {
        Handling::Miss | Handling::Pass | Handling::Validated | Handling::Collapsed => true,
        Handling::Hit | Handling::Stale | Handling::Own | Handling::Refused => false,
    };
    let retry_after = head.as_ref().and_then(|head| retry_after(&head.headers, cache.now()));
    // What was found out about a page while it was read is remembered, and is not in its head.
    let found_out = || {
        let is_why_asked = note.reason.group() == Group::Forwarded;
        is_why_asked.then(|| cache.uncacheable(key.as_bytes())).flatten()
    };
    let reason = if stored { note.reason } else { found_out().unwrap_or(note.reason) };
    let why = (!stored || !fetched).then_some(Why::Because(reason));
    let mut row = Row { url, status, fetched, stored, published: None, why, retry_after };
    row.retry_after = pause(&row);
    Fetched { row, key: Some(key) }
}

/// The key of the page. It is asked for only if what comes can be kept for others.
fn key(site: &Pipeline, cache: &Cache, wish: &Wish, headers: &HeaderMap) -> Result<KeyBuf, Why> {
    let policy = Arc::clone(&cache.options().policy);
    let address = &wish.address;
    let (scheme, method, target) = (address.scheme(), &Method::GET, &*address.target);
    // A site may stand for all hosts.
    let door = site.front.door(scheme, method, &address.host, &uri(wish));
    let other = match &door {
        Some(Door::As(host)) => host.to_str().ok(),
        Some(Door::Health | Door::UnknownHost | Door::Redirect(..)) | None => None,
    };
    let host = other.unwrap_or(&address.host);
    let visit = Visit { scheme, host, method, target, headers };
    let mut key = KeyBuf::new();
    let ruling = policy.decide(&visit, &Plain, cache.now(), &mut key);
    match ruling.way {
        Way::Open => {}
        Way::Share => {
            let share = policy.share_of(&ruling);
            if share.is_some_and(|share| matches!(share.audience, Audience::PerUser(_))) {
                return Err(Why::Somebodys);
            }
        }
        Way::Pass(reason) | Way::Never(reason) => return Err(Why::Because(reason)),
        Way::LookUp => return Err(Why::Somebodys),
    }
    match &wish.key {
        Some(wanted) if **wanted != *key.as_bytes() => Err(Why::Somebodys),
        Some(_) | None => Ok(key),
    }
}

/// It was read as the target of a URL, or of a page.
fn uri(wish: &Wish) -> Uri {
    wish.address.target.parse().unwrap_or_default()
}

fn request(wish: &Wish, headers: HeaderMap) -> Request<Inbound> {
    let mut request = Request::new(Inbound::Empty);
    *request.headers_mut() = headers;
    *request.uri_mut() = uri(wish);
    let purpose = if wish.renew { Purpose::WarmAnew } else { Purpose::Warm };
    request.extensions_mut().insert(purpose);
    request
}

struct Came {
    head: Option<response::Parts>,
    note: Note,
    bytes: u64,
    broke_off: bool,
}

/// Asks, and reads the answer to its end: before that it is not stored.
async fn exchange(site: &Pipeline, scheme: Scheme, request: Request<Inbound>) -> Came {
    let mut service = site.warming(scheme);
    let Ok(response) = service.call(request).await;
    let (head, mut body) = response.into_parts();
    let mut came = Came { head: Some(head), note: body.note(), bytes: 0, broke_off: false };
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        match frame {
            Ok(frame) => came.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Err(error) => {
                came.note.reason = error.reason();
                came.broke_off = true;
                break;
            }
        }
    }
    came
}

/// Whether a visitor who asks like this would get the page from here, or have it confirmed where it wants to be each time.
fn is_stored(cache: &Cache, key: &[u8], headers: &HeaderMap) -> bool {
    let now = cache.now();
    let page = cache.look_up(key);
    page.is_some_and(|page| {
        let mut variants = page.variants().iter();
        variants.any(|it| {
            let freshness = &it.head.freshness;
            let will_do = freshness.is_fresh(now) || freshness.validation == Validation::Always;
            it.head.matches(headers) && will_do
        })
    })
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more than is waited for.
        return Some(text.parse().map_or(WARM_PAUSE_MAX, Duration::from_secs));
    }
    let until = date::parse(value.as_bytes())?;
    Some(until.since(now))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    #[test]
    fn an_application_says_for_how_long_it_wants_to_be_left_alone() {
        let now = date::parse(b"Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        let cases = [
            ("120", Some(120)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ];
        for (value, secs) in cases {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            assert_eq!(retry_after(&headers, now), secs.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_site_in_trouble_is_left_alone() {
        let after = Some(Duration::from_secs(30));
        let cases = [
            (200, None, after, None),
            (404, None, None, None),
            (500, None, None, None),
            (503, None, None, Some(WARM_PAUSE)),
            (503, None, after, after),
            (429, None, Some(Duration::ZERO), Some(WARM_PAUSE)),
            (429, None, Some(Duration::from_secs(1 << 40)), Some(WARM_PAUSE_MAX)),
            (502, None, None, Some(WARM_PAUSE)),
            (200, Some(Reason::StaleIfError), None, Some(WARM_PAUSE)),
            (200, Some(Reason::Fresh), None, None),
        ];
        for (status, why, retry_after, expected) in cases {
            let row = Row {
                status: StatusCode::from_u16(status).ok(),
                why: why.map(Why::Because),
                retry_after,
                ..Row::not_asked(String::new(), Why::Queued)
            };
            assert_eq!(pause(&row), expected, "{status} {why:?} {retry_after:?}");
        }
    }
}
