//! A stored response's fields: compact, in one block of memory of their own, cheap to replay.
//!
//! A `HeaderMap` costs two hash tables and pins the connection's read buffer through every value
//! it was parsed from. Stored fields are a list whose values are slices of one allocation.

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use larder_store::allocated;

/// The end-to-end fields of a stored response, in order, repeated ones repeated.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    lines: Box<[(HeaderName, HeaderValue)]>,
    value_bytes: usize,
}

impl Fields {
    /// Copies `map` into memory of its own.
    #[must_use]
    pub fn of(map: &HeaderMap) -> Self {
        let value_bytes: usize = map.values().map(HeaderValue::len).sum();
        let mut block = BytesMut::with_capacity(value_bytes);
        for value in map.values() {
            block.extend_from_slice(value.as_bytes());
        }
        let block = block.freeze();
        let mut from = 0;
        let lines = map
            .iter()
            .map(|(name, value)| {
                let slice = block.slice(from..from + value.len());
                from += value.len();
                (name.clone(), own_value(slice, value))
            })
            .collect();
        Self { lines, value_bytes }
    }

    /// The fields as a map, with room for `more` lines.
    #[must_use]
    pub fn to_map(&self, more: usize) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.lines.len() + more);
        for (name, value) in &self.lines {
            map.append(name.clone(), value.clone());
        }
        map
    }

    /// The first value of `name`.
    #[must_use]
    pub fn first(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.lines.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The lines, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.lines.iter()
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The heap bytes behind the fields: the list, the block of values, and names that are not
    /// among the standard ones (those are static).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        // A shared `Bytes` has a control block besides its bytes.
        const SHARED_BYTES: usize = 64;
        let names: usize = self
            .lines
            .iter()
            .map(|(name, _)| if is_common(name) { 0 } else { name.as_str().len() + SHARED_BYTES })
            .sum();
        allocated(size_of_val(&*self.lines)) + allocated(self.value_bytes) + SHARED_BYTES + names
    }
}

/// `slice` as a value; the same bytes were a valid value before.
fn own_value(slice: Bytes, original: &HeaderValue) -> HeaderValue {
    let mut value = HeaderValue::from_maybe_shared(slice).unwrap_or_else(|_| original.clone());
    value.set_sensitive(original.is_sensitive());
    value
}

/// The names that nearly every response has; the exact set does not matter, only the order of
/// magnitude of what the others cost.
fn is_common(name: &HeaderName) -> bool {
    use http::header;
    [
        &header::CONTENT_TYPE,
        &header::CONTENT_LENGTH,
        &header::CACHE_CONTROL,
        &header::DATE,
        &header::ETAG,
        &header::LAST_MODIFIED,
        &header::EXPIRES,
        &header::VARY,
        &header::VIA,
        &header::SERVER,
        &header::CONTENT_LANGUAGE,
        &header::CONTENT_ENCODING,
        &header::X_FRAME_OPTIONS,
        &header::X_CONTENT_TYPE_OPTIONS,
        &header::REFERRER_POLICY,
        &header::STRICT_TRANSPORT_SECURITY,
        &header::CONTENT_SECURITY_POLICY,
        &header::LINK,
        &header::AGE,
        &header::ACCEPT_RANGES,
    ]
    .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_lines_and_order_survive() {
        let mut map = HeaderMap::new();
        map.append("link", HeaderValue::from_static("</a>"));
        map.append("x-b", HeaderValue::from_static(""));
        map.append("link", HeaderValue::from_static("</c>"));
        let fields = Fields::of(&map);
        assert_eq!(fields.to_map(2), map);
        assert_eq!(fields.len(), 3);
        assert_eq!(fields.first(&http::header::LINK).unwrap(), "</a>");
    }

    #[test]
    fn weight_grows_with_the_values() {
        let mut map = HeaderMap::new();
        map.insert("etag", HeaderValue::from_static("\"1\""));
        let small = Fields::of(&map).heap_bytes();
        map.insert("x-long", HeaderValue::from_str(&"v".repeat(500)).unwrap());
        assert!(Fields::of(&map).heap_bytes() >= small + 500);
    }
}
