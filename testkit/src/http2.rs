//! An HTTP/2 client that sends exactly the frames and fields a test wrote: RFC 9113, RFC 7541.
//!
//! Fields go out as literals without indexing and without Huffman codes (RFC 7541 §6.2.2), so that bytes no library would
//! encode reach the server as they are. Of an answer the status, the body and how it ended are read; no more is needed to
//! tell a refusal from an answer.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::signal::PATIENCE;

/// RFC 9113 §3.4.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// RFC 9113 §6: the frame types.
pub mod kind {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames.
pub mod flag {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const END_STREAM: u8 = 1;
    pub const ACK: u8 = 1;
    pub const END_HEADERS: u8 = 4;
    pub const PADDED: u8 = 8;
}

/// RFC 9113 §7: why a stream or a connection was ended.
pub mod code {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const NO_ERROR: u32 = 0;
    pub const PROTOCOL_ERROR: u32 = 1;
    pub const INTERNAL_ERROR: u32 = 2;
    pub const FLOW_CONTROL_ERROR: u32 = 3;
    pub const STREAM_CLOSED: u32 = 5;
    pub const FRAME_SIZE_ERROR: u32 = 6;
    pub const REFUSED_STREAM: u32 = 7;
    pub const CANCEL: u32 = 8;
    pub const COMPRESSION_ERROR: u32 = 9;
    pub const ENHANCE_YOUR_CALM: u32 = 11;
}

/// One frame, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A whole answer.
    Answered(u16, Vec<u8>),
    /// `RST_STREAM` before the answer was whole, with its code.
    Reset(u32),
    /// `GOAWAY` that is no goodbye, with its code.
    GoAway(u32),
    /// The connection ended without a word.
    Closed,
}

impl Outcome {
    /// The status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(status, _) => Some(*status),
            Self::Reset(_) | Self::GoAway(_) | Self::Closed => None,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered(status, body) => {
                write!(f, "{status} {:?}", String::from_utf8_lossy(body))
            }
            Self::Reset(code) => write!(f, "reset with {code}"),
            Self::GoAway(code) => write!(f, "the connection ended with {code}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

/// What frames are sent over.
trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// One connection.
pub struct Http2 {
    stream: Box<dyn Duplex>,
    unread: Vec<u8>,
}

impl std::fmt::Debug for Http2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http2").field("unread", &self.unread.len()).finish_non_exhaustive()
    }
}

impl Http2 {
    /// Connects in clear text with prior knowledge; sends the preface and empty SETTINGS.
    ///
    /// # Panics
    /// When nobody listens there.
    #[must_use]
    pub fn connect(to: SocketAddr) -> Self {
        Self::with_settings(to, &[])
    }

    /// The same with settings of the test's choice: RFC 9113 §6.5.
    ///
    /// # Panics
    /// When nobody listens there.
    #[must_use]
    pub fn with_settings(to: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(to).expect("the proxy accepts a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a read time limit");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write time limit");
        stream.set_nodelay(true).expect("no delay");
        Self::over(stream, settings)
    }

    /// Begins on a connection that is there: one over TLS.
    pub fn over(stream: impl Read + Write + Send + 'static, settings: &[(u16, u32)]) -> Self {
        let mut client = Self { stream: Box::new(stream), unread: Vec::new() };
        let mut payload = Vec::new();
        for (id, value) in settings {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame(kind::SETTINGS, 0, 0, &payload));
        client.send(&bytes);
        client
    }

    /// Sends bytes as they are. A peer that has closed already is for the reading to notice.
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes);
    }

    /// The same; false when the peer takes no more.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Sends one frame.
    pub fn send_frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.send(&frame(kind, flags, stream, payload));
    }

    /// Sends a whole request: head, then what of body and trailers there is.
    pub fn request(&mut self, stream: u32, request: &Request) {
        let mut bytes = Vec::new();
        let block = block(&request.fields);
        let (body, trailers) = (!request.body.is_empty(), request.trailers.is_some());
        let end = if body || trailers { 0 } else { flag::END_STREAM };
        bytes.extend(frame(kind::HEADERS, flag::END_HEADERS | end, stream, &block));
        for (position, part) in request.body.iter().enumerate() {
            let last = position + 1 == request.body.len() && !trailers;
            let end = if last { flag::END_STREAM } else { 0 };
            bytes.extend(frame(kind::DATA, end, stream, part));
        }
        if let Some(trailers) = &request.trailers {
            let flags = flag::END_HEADERS | flag::END_STREAM;
            bytes.extend(frame(kind::HEADERS, flags, stream, &self::block(trailers)));
        }
        self.send(&bytes);
    }

    /// The next frame; `None` when the connection is over.
    ///
    /// # Panics
    /// When nothing comes within [`PATIENCE`].
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, length)) = parse(&self.unread) {
                self.unread.drain(..length);
                return Some(frame);
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.unread.extend(buffer.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    panic!("neither answered nor refused: {error}")
                }
                Err(_) => return None,
            }
        }
    }

    /// Reads until it is clear what became of the request on `stream`.
    ///
    /// # Panics
    /// When nothing comes within [`PATIENCE`], or a head of an answer has no status.
    pub fn outcome(&mut self, stream: u32) -> Outcome {
        let mut status = None;
        let mut body = Vec::new();
        while let Some(frame) = self.next_frame() {
            match frame.kind {
                kind::GOAWAY => {
                    let code = number(frame.payload.get(4..8));
                    if code != code::NO_ERROR {
                        return Outcome::GoAway(code);
                    }
                }
                _ if frame.stream != stream => {}
                kind::RST_STREAM => return Outcome::Reset(number(frame.payload.get(..4))),
                kind::HEADERS => {
                    let told = status_of(&frame.payload).expect("a status comes first");
                    // RFC 9110 §15.2: an interim response is not the answer.
                    status = (told >= 200).then_some(told);
                }
                kind::DATA => body.extend_from_slice(&frame.payload),
                _ => {}
            }
            let ends = matches!(frame.kind, kind::HEADERS | kind::DATA)
                && frame.stream == stream
                && frame.flags & flag::END_STREAM != 0;
            if let (true, Some(status)) = (ends, status) {
                return Outcome::Answered(status, body);
            }
        }
        Outcome::Closed
    }

    /// The code of the `GOAWAY` that ends the connection; `None` when it ended without.
    ///
    /// # Panics
    /// When nothing comes within [`PATIENCE`].
    pub fn goodbye(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(frame) = self.next_frame() {
            if frame.kind == kind::GOAWAY {
                code = Some(number(frame.payload.get(4..8)));
            }
        }
        code
    }
}

/// A request: its fields in order, pseudo fields among them, and what follows.
#[derive(Clone, Debug, Default)]
pub struct Request {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// DATA frames. The last ends the stream unless trailers follow.
    body: Vec<Vec<u8>>,
    trailers: Option<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl Request {
    /// `method` of `/` on `http://site.test`.
    #[must_use]
    pub fn new(method: &str) -> Self {
        Self::empty()
            .plus(":method", method)
            .plus(":scheme", "http")
            .plus(":authority", "site.test")
            .plus(":path", "/")
    }

    /// Not a single field.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a field behind the others.
    #[must_use]
    pub fn plus(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Takes a field away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| field != name.as_bytes());
        self
    }

    /// Another value for a field that is there.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        for (field, old) in &mut self.fields {
            if field == name.as_bytes() {
                *old = value.as_ref().to_vec();
            }
        }
        self
    }

    /// Another value for a field where it has this one.
    #[must_use]
    pub fn instead(mut self, name: &str, old: &str, new: &str) -> Self {
        for (field, value) in &mut self.fields {
            if field == name.as_bytes() && value == old.as_bytes() {
                *value = new.as_bytes().to_vec();
            }
        }
        self
    }

    /// Adds a DATA frame.
    #[must_use]
    pub fn data(mut self, data: impl AsRef<[u8]>) -> Self {
        self.body.push(data.as_ref().to_vec());
        self
    }

    /// Adds a field to the trailers.
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let field = (name.as_ref().to_vec(), value.as_ref().to_vec());
        self.trailers.get_or_insert_default().push(field);
        self
    }

    /// Its head as a block of literal fields.
    #[must_use]
    pub fn block(&self) -> Vec<u8> {
        block(&self.fields)
    }
}

/// RFC 9113 §4.1.
///
/// # Panics
/// When the payload is longer than a frame's length can say.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    assert_eq!(length[0], 0, "longer than a length can say");
    let mut out = vec![length[1], length[2], length[3], kind, flags];
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// RFC 7541 §6.2.2: literal fields without indexing, names as literals too.
fn block(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            length(&mut out, text.len());
            out.extend_from_slice(text);
        }
    }
    out
}

/// RFC 7541 §5.1 with a prefix of seven bits; the eighth, for Huffman codes, is 0.
fn length(out: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else {
        out.push(low_seven(length));
        return;
    };
    out.push(127);
    while rest >= 128 {
        out.push(low_seven(rest) | 128);
        rest >>= 7;
    }
    out.push(low_seven(rest));
}

fn low_seven(number: usize) -> u8 {
    u8::try_from(number & 127).unwrap_or_default()
}

/// The first whole frame of `bytes` and how long it is with its head.
fn parse(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (head, rest) = bytes.split_at_checked(9)?;
    let length = usize::try_from(number(head.get(..3))).ok()?;
    let payload = rest.get(..length)?.to_vec();
    let stream = number(head.get(5..9)) & 0x7fff_ffff;
    Some((Frame { kind: head[3], flags: head[4], stream, payload }, 9 + length))
}

/// Big-endian; what is missing is 0.
fn number(bytes: Option<&[u8]>) -> u32 {
    bytes.unwrap_or_default().iter().fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// The status at the beginning of a block (RFC 9113 §8.3: pseudo fields come first).
fn status_of(block: &[u8]) -> Option<u16> {
    // RFC 7541 §6.3: changes of the table's size may stand before it.
    let start = block.iter().position(|byte| byte & 0xe0 != 0x20)?;
    match block.get(start..)? {
        // RFC 7541 appendix A.
        [0x88, ..] => Some(200),
        [0x89, ..] => Some(204),
        [0x8a, ..] => Some(206),
        [0x8b, ..] => Some(304),
        [0x8c, ..] => Some(400),
        [0x8d, ..] => Some(404),
        [0x8e, ..] => Some(500),
        // A literal value for name 8, indexed or not.
        [0x48 | 0x08 | 0x18, length, rest @ ..] => {
            let text = rest.get(..usize::from(length & 127))?;
            if length & 128 == 0 {
                std::str::from_utf8(text).ok()?.parse().ok()
            } else {
                digits(text)
            }
        }
        _ => None,
    }
}

/// RFC 7541 appendix B, for digits: five bits for 0 to 2, six for 3 to 9, ones to fill the last byte.
fn digits(coded: &[u8]) -> Option<u16> {
    let bits: String = coded.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut rest = bits.as_str();
    let mut number = 0;
    while rest.len() >= 5 && !rest.bytes().all(|bit| bit == b'1') {
        let five = u16::from_str_radix(rest.get(..5)?, 2).ok()?;
        let (digit, used) = if five <= 2 {
            (five, 5)
        } else {
            let six = u16::from_str_radix(rest.get(..6)?, 2).ok()?;
            (six.checked_sub(0b01_1001)? + 3, 6)
        };
        number = number * 10 + digit;
        rest = rest.get(used..)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_coded_as_in_the_rfc() {
        let cases: [(usize, &[u8]); 4] =
            [(5, &[5]), (126, &[126]), (127, &[127, 0]), (1337, &[127, 0xba, 0x09])];
        for (number, expected) in cases {
            let mut out = Vec::new();
            length(&mut out, number);
            assert_eq!(out, expected, "{number}");
        }
    }

    #[test]
    fn a_status_is_read_in_every_form_it_may_have() {
        let cases: [(&[u8], Option<u16>); 7] = [
            (&[0x88], Some(200)),
            (&[0x20, 0x8c], Some(400)),
            (&[0x48, 3, b'4', b'2', b'1'], Some(421)),
            // RFC 7541 appendix C.6: 302 and 307.
            (&[0x48, 0x82, 0x64, 0x02], Some(302)),
            (&[0x48, 0x83, 0x64, 0x0e, 0xff], Some(307)),
            (&[], None),
            (&[0x40], None),
        ];
        for (block, expected) in cases {
            assert_eq!(status_of(block), expected, "{block:?}");
        }
    }
}
