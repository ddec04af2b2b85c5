//! What does a visitor get of a page that has places for something of their own?
//!
//! The stored bytes, and in each hole a token that is masked from the visitor's secret, which is in their cookie. Who has no
//! cookie gets a secret, and the cookie with it. The page in store has neither; what one visitor gets is made of their own
//! request and of randomness, so nothing of one can reach another. RFC 9111 §4 as for every other hit.
//!
//! What is included in it is asked for by whoever sends it ([`Includes`](crate::body::Includes)), for this visitor. Nobody else
//! may keep the response: it has no validators, and neither conditions nor ranges count.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use larder_html::{SECRET_LENGTH, mask, new_secret, secret_of_cookie};
use larder_policy::dress::{self, Dress};
use larder_semantics::Timestamp;

use crate::body::Body;
use crate::lots::draw;
use crate::rendered;
use crate::respond::{Account, Ask, CACHE_STATUS};
use crate::variant::Variant;

/// The answer to `ask` from a stored page with holes.
pub(crate) fn respond<U>(
    variant: &Variant,
    ask: &Ask<'_>,
    account: &Account,
    now: Timestamp,
) -> Response<Body<U>> {
    let Variant { head, body } = variant;
    let own = match &ask.dress {
        Some(dress) if body.gives_secret() => own(dress, ask.headers),
        None if body.gives_secret() => None,
        Some(_) | None => Some(Own { token: Bytes::new(), cookie: None }),
    };
    let Some(Own { token, cookie }) = own else { return unfilled(account) };
    let note = account.note;
    let age_secs = head.freshness.current_age(now).as_secs();
    let make = || {
        let mut fields = head.fields.to_map(4);
        ask.dress(&mut fields, Duration::from_secs(age_secs));
        dress::personal(&mut fields);
        match body.filled_length() {
            Some(length) => fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length)),
            None => fields.remove(header::CONTENT_LENGTH),
        };
        fields.insert(header::AGE, HeaderValue::from(age_secs));
        fields.append(CACHE_STATUS, account.cache_status(Some(&head.freshness), now));
        fields
    };
    let mut fields = if account.forwarded.is_none() {
        let made_for = (note.reason, ask.dress.map(|dress| dress.id));
        rendered::fields(head, age_secs, made_for, make)
    } else {
        make()
    };
    if let Some(cookie) = cookie {
        fields.insert(header::SET_COOKIE, cookie);
    }
    let body = if ask.method == Method::HEAD {
        Body::empty(note)
    } else {
        Body::filled(Arc::clone(body), token, note)
    };
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = fields;
    response
}

/// What is one visitor's.
struct Own {
    token: Bytes,
    /// For who had no secret.
    cookie: Option<HeaderValue>,
}

fn own(dress: &Dress<'_>, visitor: &HeaderMap) -> Option<Own> {
    let known = dress.csrf.value(visitor).and_then(secret_of_cookie);
    let (secret, cookie) = match known {
        Some(secret) => (secret, None),
        None => {
            let secret: [u8; SECRET_LENGTH] = new_secret(&draw()?);
            let text = std::str::from_utf8(&secret).ok()?;
            (secret, Some(dress.csrf.line(text, dress.scheme)?))
        }
    };
    Some(Own { token: Bytes::copy_from_slice(&mask(&secret, &draw()?)), cookie })
}

/// The answer where no token can be made: the operating system gives no randomness. Never a page without.
fn unfilled<U>(account: &Account) -> Response<Body<U>> {
    let mut response = Response::new(Body::empty(account.note));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    dress::never(response.headers_mut());
    response
}
