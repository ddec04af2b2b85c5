//! How the fuzzer's bytes become header fields and numbers.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Fields of one input; more would only be slow.
const LINES_MAX: usize = 32;

/// Every line of `data` as a value of the field called `name`.
pub(crate) fn field(name: &'static str, data: &[u8]) -> HeaderMap {
    let name = HeaderName::from_static(name);
    let lines = data.split(|&b| b == b'\n').take(LINES_MAX);
    lines.filter_map(|line| Some((name.clone(), HeaderValue::from_bytes(line).ok()?))).collect()
}

/// Every line of `data` as `name: value`; what is none is left out.
pub(crate) fn fields(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|&b| b == b'\n').take(LINES_MAX) {
        let Some(at) = line.iter().position(|&b| b == b':') else { continue };
        let (name, value) = line.split_at(at);
        let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    headers
}

/// Request and response: two blocks of lines with an empty line between them.
pub(crate) fn exchange(data: &[u8]) -> (HeaderMap, HeaderMap) {
    let at = data.windows(2).position(|w| w == b"\n\n").unwrap_or(data.len());
    let (request, response) = data.split_at(at);
    (fields(request), fields(response))
}

/// The number in the first four bytes, and the rest.
pub(crate) fn number(data: &[u8]) -> (u32, &[u8]) {
    match data.split_first_chunk::<4>() {
        Some((bytes, rest)) => (u32::from_le_bytes(*bytes), rest),
        None => (0, &[]),
    }
}
