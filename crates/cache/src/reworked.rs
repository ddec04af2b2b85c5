//! What do a page's fields say when it is not the application's page any more?
//!
//! RFC 9110 §8.8.1: another representation has another validator; digests are about bytes that are no more.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use larder_semantics::validation::Validators;
use sha2::{Digest as _, Sha256};

use crate::fields::Fields;
use crate::variant::Head;

/// About the bytes that the application sent.
const OF_THE_BYTES: [HeaderName; 4] = [
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// Makes the head of the application's page that of a page of these bytes.
pub(crate) fn adjust(head: &mut Head, bytes: &[u8]) {
    let mut map = head.fields.to_map(0);
    let tag = map.get(header::ETAG).and_then(|tag| tag_of(tag, bytes));
    strip(&mut map);
    if let Some(tag) = tag {
        map.insert(header::ETAG, tag);
    }
    head.fields = Fields::of(&map);
    let own = head.fields.to_map(0);
    let before = std::mem::replace(&mut head.validators, Validators::of(&own));
    head.origin = Some(Box::new(before));
}

/// Takes off what is about the application's own bytes.
pub(crate) fn strip(map: &mut HeaderMap) {
    for name in &OF_THE_BYTES {
        map.remove(name);
    }
    map.remove(header::ETAG);
}

/// A tag of the bytes: as strong as the application's, since equal bytes have it and others do not.
fn tag_of(own: &HeaderValue, bytes: &[u8]) -> Option<HeaderValue> {
    let weak = if own.as_bytes().starts_with(b"W/") { "W/" } else { "" };
    let hash = Sha256::digest(bytes);
    let mut tag = format!("{weak}\"");
    for byte in hash.iter().take(16) {
        tag.push_str(&format!("{byte:02x}"));
    }
    tag.push('"');
    HeaderValue::try_from(tag).ok()
}
