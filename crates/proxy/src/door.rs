//! What does a client see that is answered at the door? Health checks and redirects to the other scheme; an unknown host is refused like
//! everything that is refused.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode};
use larder_policy::redirect::Redirect;
use larder_semantics::Reason;
use larder_tower::answer::line_of;

/// An answer and its text. The text is empty for HEAD (RFC 9110 §9.3.2).
pub(crate) type Answer = (http::response::Parts, Bytes);

/// Larder is there. Says nothing of the application.
pub(crate) fn health(method: &Method) -> Answer {
    line_of(StatusCode::OK, HeaderMap::new(), "ok\n".to_owned(), Reason::Health, method)
}

/// To the same page by the other scheme.
pub(crate) fn redirect(redirect: Redirect, reason: Reason, method: &Method) -> Answer {
    let text = format!("Use {}\n", redirect.location.to_str().unwrap_or("the other scheme"));
    let headers = HeaderMap::from_iter([(LOCATION, redirect.location)]);
    line_of(redirect.status, headers, text, reason, method)
}
