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

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn heard(text: &str, method: &Method) -> Heard {
        read(&Bytes::copy_from_slice(text.as_bytes()), method)
    }

    fn plain(text: &str, method: &Method) -> Plain {
        match heard(text, method) {
            Heard::Plain(plain) => plain,
            other @ (Heard::Part | Heard::Other) => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_hyper() {
        for text in [
            "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1, 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n",
            "HTTP/1.1 200 OK\r\nconnection: close, x\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nconnection: upgrade\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length : 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx: 1\r\n  2\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 99 Low\r\ncontent-length: 1\r\n\r\n",
            "ICY 200 OK\r\ncontent-length: 1\r\n\r\n",
        ] {
            let heard = heard(text, &Method::GET);
            assert!(matches!(heard, Heard::Other), "{text:?}: {heard:?}");
        }
        let many = "x: 1\r\n".repeat(FIELDS_MAX);
        let many =
            heard(&format!("HTTP/1.1 200 OK\r\n{many}content-length: 1\r\n\r\n"), &Method::GET);
        assert!(matches!(many, Heard::Other), "{many:?}");
    }

    #[test]
    fn the_length_is_that_of_the_method_and_status() {
        for (method, text, length) in [
            (Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", 12),
            (Method::GET, "HTTP/1.1 404 Not Found\r\nCONTENT-LENGTH: 0\r\n\r\n", 0),
            (Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n", 0),
            (Method::HEAD, "HTTP/1.1 200 OK\r\n\r\n", 0),
            (Method::GET, "HTTP/1.1 204 No Content\r\n\r\n", 0),
            (Method::GET, "HTTP/1.1 304 Not Modified\r\ncontent-length: 12\r\n\r\n", 0),
        ] {
            let plain = plain(text, &method);
            assert_eq!((plain.length, plain.head_bytes), (length, text.len()), "{text:?}");
        }
    }

    #[test]
    fn the_connection_is_told_of() {
        for (field, closes, keeps) in [
            ("x: close", false, false),
            ("connection: keep-alive", false, false),
            ("Connection: Close", true, false),
            ("connection: close\r\nconnection: keep-alive", true, false),
            ("Keep-Alive: timeout=5", false, true),
        ] {
            let text = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n{field}\r\n\r\n");
            let plain = plain(&text, &Method::GET);
            assert_eq!((plain.closes, plain.keeps), (closes, keeps), "{field}");
        }
    }

    #[test]
    fn a_head_is_the_same_whether_its_names_were_seen_before() {
        let heads = [
            "a: 1\r\nbc: 2\r\ncontent-length: 3\r\n",
            "ab: 4\r\nc: 5\r\ncontent-length: 6\r\n",
            "A: 7\r\nBc: 8\r\ncontent-length: 9\r\n",
            "set-cookie: a\r\nx: b\r\nset-cookie: c\r\ncontent-length: 1\r\n",
            "set-cookie: d\r\nset-cookie: e\r\nx: f\r\ncontent-length: 2\r\n",
            "x: \r\ny: \u{e9}\r\ncontent-length: 0\r\n",
        ];
        let all = heads.iter().chain(&heads).chain(heads.iter().rev());
        for fields in all {
            let got = plain(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), &Method::GET).fields;
            let mut wanted = HeaderMap::new();
            for line in fields.lines() {
                let (name, value) = line.split_once(": ").unwrap();
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                wanted.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
            }
            assert_eq!(got, wanted, "{fields}");
            let order = |map: &HeaderMap| -> Vec<_> {
                map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
            };
            assert_eq!(order(&got), order(&wanted), "{fields}");
        }
    }

    #[test]
    fn a_head_is_written_as_hyper_would() {
        for (target, line) in [
            ("/a%2Fb?q=1&&x", "GET /a%2Fb?q=1&&x HTTP/1.1\r\n"),
            ("*", "GET * HTTP/1.1\r\n"),
            ("/", "GET / HTTP/1.1\r\n"),
        ] {
            let request = Request::get(target).header("host", "h").header("x-a", "1");
            let (head, ()) = request.body(()).unwrap().into_parts();
            let mut written = Vec::new();
            write(&mut written, &head);
            let expected = format!("{line}host: h\r\nx-a: 1\r\n\r\n");
            assert_eq!(String::from_utf8(written).unwrap(), expected);
        }
    }
}
