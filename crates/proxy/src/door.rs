//! What does a client see that is answered at the door? Health checks and redirects to the other scheme; an unknown host is refused like
//! everything that is refused ([`crate::error`]).

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use larder_policy::redirect::Redirect;
use larder_semantics::Reason;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// An answer and its text. The text is empty for HEAD (RFC 9110 §9.3.2).
pub(crate) type Answer = (http::response::Parts, Bytes);

/// Larder is there. Says nothing of the application.
pub(crate) fn health(method: &Method) -> Answer {
    answer(StatusCode::OK, HeaderMap::new(), "ok\n".to_owned(), Reason::Health, method)
}

/// To the same page by the other scheme.
pub(crate) fn redirect(redirect: Redirect, reason: Reason, method: &Method) -> Answer {
    let text = format!("Use {}\n", redirect.location.to_str().unwrap_or("the other scheme"));
    let headers = HeaderMap::from_iter([(LOCATION, redirect.location)]);
    answer(redirect.status, headers, text, reason, method)
}

fn answer(
    status: StatusCode,
    mut headers: HeaderMap,
    text: String,
    reason: Reason,
    method: &Method,
) -> Answer {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    // RFC 9110 §15.4.2: a 301 would be kept by heuristic. A cache in front that does not tell the schemes apart would then send
    // those in a circle who came by https.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::try_from(format!("larder; detail={}", reason.token())) {
        headers.insert(CACHE_STATUS, value);
    }
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = status;
    head.headers = headers;
    (head, if *method == Method::HEAD { Bytes::new() } else { Bytes::from(text) })
}
