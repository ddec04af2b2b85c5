//! Heads on a connection that no task of hyper's drives: how a request's is written, and which
//! responses are plain enough to be read here.
//!
//! Plain is a final HTTP/1.1 response whose body, if any, is exactly as long as one
//! `Content-Length` of digits says, and that says nothing of the connection but `keep-alive` or
//! `close`. All others, malformed ones above all, are hyper's to judge. The parser is the one hyper
//! uses, with the same settings.

use std::cell::RefCell;
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
    /// `Keep-Alive` says how long the connection may rest.
    pub(crate) keeps: bool,
}

/// What the fields that are about the message itself say.
struct Framing {
    length: Option<u64>,
    closes: bool,
    keeps: bool,
    /// Bytes of all names.
    names: usize,
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
    let fields =
        LAYOUTS.with_borrow_mut(|layouts| layouts.fields(bytes, response.headers, framing.names));
    let Some(fields) = fields else { return Heard::Other };
    let Framing { closes, keeps, .. } = framing;
    Heard::Plain(Plain { status, fields, reason, head_bytes, length, closes, keeps })
}

/// `None`: not plain.
fn framing(fields: &[httparse::Header<'_>]) -> Option<Framing> {
    let mut found = Framing { length: None, closes: false, keeps: false, names: 0 };
    for field in fields {
        // A few names, told apart by their lengths.
        let length = field.name.len();
        found.names += length;
        match length {
            10 if field.name.eq_ignore_ascii_case("connection") => {
                if field.value.eq_ignore_ascii_case(b"close") {
                    found.closes = true;
                } else if !field.value.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
            }
            10 if field.name.eq_ignore_ascii_case("keep-alive") => found.keeps = true,
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                let first = found.length.is_none();
                found.length = Some(digits(field.value).filter(|_| first)?);
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

thread_local! {
    /// Shared by the connections of a worker.
    static LAYOUTS: RefCell<Layouts> = const { RefCell::new(Layouts([const { None }; LAYOUTS_MAX])) };
}

/// Remembered sequences of names.
const LAYOUTS_MAX: usize = 16;

/// The names of a recent response and a map of them with empty values. An application sends the
/// same names again and again, and copying a map takes a third of making one.
struct Layout {
    /// As they were sent, one after the other.
    names: Vec<u8>,
    fields: HeaderMap,
}

struct Layouts([Option<Layout>; LAYOUTS_MAX]);

impl Layouts {
    /// The fields, which share the buffer they were read into. `names` is the length of all names.
    fn fields(
        &mut self,
        bytes: &Bytes,
        parsed: &[httparse::Header<'_>],
        names: usize,
    ) -> Option<HeaderMap> {
        let place = self.0.get_mut((names + parsed.len()) % LAYOUTS_MAX)?;
        if let Some(layout) = place
            && layout.fits(parsed, names)
        {
            let mut fields = layout.fields.clone();
            for (value, field) in fields.values_mut().zip(parsed) {
                *value = value_of(bytes, field)?;
            }
            return Some(fields);
        }
        let mut fields = HeaderMap::with_capacity(parsed.len());
        for field in parsed {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            fields.append(name, value_of(bytes, field)?);
        }
        // A map gives the values of a repeated name one after the other, wherever they stood.
        if fields.keys_len() == parsed.len() {
            *place = Some(Layout::of(&fields, parsed));
        }
        Some(fields)
    }
}

impl Layout {
    fn of(fields: &HeaderMap, parsed: &[httparse::Header<'_>]) -> Self {
        let empty = |name: &HeaderName| (name.clone(), HeaderValue::from_static(""));
        let mut named = HeaderMap::with_capacity(parsed.len());
        named.extend(fields.keys().map(empty));
        let names = parsed.iter().flat_map(|field| field.name.bytes()).collect();
        Self { names, fields: named }
    }

    fn fits(&self, parsed: &[httparse::Header<'_>], names: usize) -> bool {
        if self.names.len() != names || self.fields.len() != parsed.len() {
            return false;
        }
        let mut rest = self.names.as_slice();
        // Names of other lengths could spell the same text, but not the same map.
        self.fields.keys().zip(parsed).all(|(known, field)| {
            let Some((sent, later)) = rest.split_at_checked(known.as_str().len()) else {
                return false;
            };
            rest = later;
            sent == field.name.as_bytes()
        })
    }
}

fn value_of(bytes: &Bytes, field: &httparse::Header<'_>) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).ok()
}
