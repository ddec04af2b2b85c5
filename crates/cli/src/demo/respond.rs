//! How is an answer of the demo put together?

use http::header::{self, HeaderName};
use http::{HeaderValue, Response, StatusCode};

use super::body::DemoBody;
use super::html;
use super::state::State;
use super::visit::Visit;

pub(super) type Answer = Response<DemoBody>;

/// Never kept by anybody.
pub(super) const NO_STORE: &str = "no-store";
/// For one person; a browser may keep it but has to ask each time.
pub(super) const PRIVATE: &str = "private, no-cache";

/// A body of this type under this policy.
pub(super) fn body(media_type: &'static str, policy: &'static str, body: DemoBody) -> Answer {
    let mut answer = Response::new(body);
    for (name, value) in [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// A page, made now.
pub(super) fn page(
    visit: &Visit,
    state: &State,
    title: &str,
    policy: &'static str,
    content: &str,
) -> Answer {
    let text = html::page(visit, state, title, content);
    body("text/html; charset=utf-8", policy, DemoBody::whole(text))
}

/// A page that says why not.
pub(super) fn refusal(visit: &Visit, state: &State, status: StatusCode, why: &str) -> Answer {
    let title = status.canonical_reason().unwrap_or("Refused");
    let mut answer = page(visit, state, title, NO_STORE, &format!("<p>{}</p>", html::escape(why)));
    *answer.status_mut() = status;
    answer
}

/// On to `location`, with GET: RFC 9110 §15.4.4.
pub(super) fn see_other(location: &'static str) -> Answer {
    let mut answer = body("text/plain; charset=utf-8", NO_STORE, DemoBody::whole(""));
    *answer.status_mut() = StatusCode::SEE_OTHER;
    with(answer, header::LOCATION, location)
}

/// Adds a field. A value that can't be one is left out.
pub(super) fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().append(name, value);
    }
    answer
}
