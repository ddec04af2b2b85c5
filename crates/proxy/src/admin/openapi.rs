//! `GET /openapi.json`: what is there on the admin listener, for programs.

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body_util::Full;

/// Written by hand; the tests hold it against real answers.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) fn page() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(DOCUMENT));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
