//! Heads on a connection that no task of hyper's drives: how a request's is written, and which
//! responses are plain enough to be read here.
//!
//! Plain is a final HTTP/1.1 response whose body, if any, is exactly as long as one
//! `Content-Length` of digits says, and that says nothing of the connection but `keep-alive` or
//! `close`. All others, malformed ones above all, are hyper's to judge. The parser is the one hyper
//! uses, with the same settings.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, request};
use httparse::{ParserConfig, Status};
use hyper::ext::ReasonPhrase;

use crate::response::digits;

/// A head with more fields is hyper's: it takes 100 and refuses more.
const FIELDS_MAX: usize = 100;

/// Writes a request's head, which is in canonical form.
pub(crate) fn write(out: &mut Vec<u8>, head: &request::Parts) {
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    if !target.starts_with(['/', '*']) {
        out.push(b'/');
    }
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in &head.headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// What the first bytes of a response are.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The beginning of a head.
    Part,
    /// Something for hyper.
    Other,
    Plain(Plain),
}

/// A plain response.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) reason: Option<ReasonPhrase>,
    /// Bytes of its head.
    pub(crate) head_bytes: usize,
    /// Bytes of its body.
    pub(crate) length: u64,
    /// It is the last one on its connection.
    pub(crate) closes: bool,
}

/// What the fields that are about the message itself say.
struct Framing {
    length: Option<u64>,
    closes: bool,
}

/// Looks at the beginning of the response to a request of this method.
pub(crate) fn read(bytes: &Bytes, asked: &Method) -> Heard {
    let mut room = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut room);
    let head_bytes = match parsed {
        Ok(Status::Complete(head_bytes)) => head_bytes,
        Ok(Status::Partial) => return Heard::Part,
        Err(_) => return Heard::Other,
    };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let (Some(status), Some(1)) = (status, response.version) else { return Heard::Other };
    let Some(framing) = framing(response.headers) else { return Heard::Other };
    let Some(length) = length(asked, status, framing.length) else { return Heard::Other };
    let reason = match response.reason {
        Some(reason) if Some(reason) != status.canonical_reason() => {
            match ReasonPhrase::try_from(reason.as_bytes()) {
                Ok(reason) => Some(reason),
                Err(_) => return Heard::Other,
            }
        }
        Some(_) | None => None,
    };
    let Some(fields) = fields(bytes, response.headers) else { return Heard::Other };
    Heard::Plain(Plain { status, fields, reason, head_bytes, length, closes: framing.closes })
}

/// `None`: not plain.
fn framing(fields: &[httparse::Header<'_>]) -> Option<Framing> {
    let mut found = Framing { length: None, closes: false };
    for field in fields {
        // Three names, told apart by their lengths.
        match field.name.len() {
            10 if field.name.eq_ignore_ascii_case("connection") => {
                if field.value.eq_ignore_ascii_case(b"close") {
                    found.closes = true;
                } else if !field.value.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
            }
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                if found.length.replace(digits(field.value)?).is_some() {
                    return None;
                }
            }
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => return None,
            _ => {}
        }
    }
    Some(found)
}

/// RFC 9112 §6.3: how long the body is, where that is certain from the head.
fn length(method: &Method, status: StatusCode, stated: Option<u64>) -> Option<u64> {
    if status.is_informational() {
        return None;
    }
    let has_none = *method == Method::HEAD
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED;
    if has_none { Some(0) } else { stated }
}

/// The fields share the buffer they were read into.
fn fields(bytes: &Bytes, parsed: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut fields = HeaderMap::with_capacity(parsed.len());
    for field in parsed {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).ok()?;
        fields.append(name, value);
    }
    Some(fields)
}
