//! What the tables of the tests are written with.

use http::{HeaderMap, HeaderValue};

/// Fields of a message, in order.
pub(crate) type Fields<'a> = &'a [(&'static str, &'a str)];

/// A message with these fields.
pub(crate) fn headers(fields: Fields<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}
