//! A client that sends exactly the bytes a test wrote, and reads what comes back piece by piece.
//!
//! Blocking, on a plain socket: nothing between the test and the wire. Reading gives up after
//! [`PATIENCE`], so a proxy that never answers fails the test.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::signal::PATIENCE;
use crate::wire::{Chunk, Fields, Framing, Head, head_len};

/// Why no (complete) response could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The peer closed before the first byte.
    Closed,
    /// The peer reset the connection before the first byte was read.
    Reset,
    /// The peer closed or reset within a message.
    Truncated,
    /// Nothing came within [`PATIENCE`].
    TimedOut,
    /// What came is no canonical HTTP/1.1.
    Malformed(String),
}

/// A response's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// Status line and fields.
    pub head: Head,
}

impl ResponseHead {
    /// The first value of the field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    /// All values of the field called `name`.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.head.all(name)
    }
}

/// A complete response with what came before and after its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 1xx responses that came first.
    pub interim: Vec<ResponseHead>,
    /// The final head.
    pub head: ResponseHead,
    /// The body, its transfer coding removed.
    pub body: Vec<u8>,
    /// The trailer section of a chunked body.
    pub trailers: Fields,
}

impl Response {
    /// The final status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The first value of the field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    /// All values of the field called `name`.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.head.all(name)
    }

    /// The body as text, whatever its encoding.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `Cache-Status`, all lines joined.
    #[must_use]
    pub fn cache_status(&self) -> String {
        self.all("cache-status").join(", ")
    }
}

/// What may lie between the test and the socket: TLS.
trait Layer: Read + Write + Send {}
impl<T: Read + Write + Send> Layer for T {}

/// One connection.
pub struct Client {
    stream: TcpStream,
    layer: Option<Box<dyn Layer>>,
    unread: Vec<u8>,
    framing: Framing,
    trailers: Fields,
    method: String,
    was_reset: bool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens there.
    #[must_use]
    pub fn connect(to: SocketAddr) -> Self {
        Self::on(TcpStream::connect(to).expect("the proxy accepts a connection"))
    }

    /// Speaks on a connection that is there.
    ///
    /// # Panics
    /// When it is no longer.
    #[must_use]
    pub fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a read time limit");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write time limit");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            layer: None,
            unread: Vec::new(),
            framing: Framing::None,
            trailers: Fields::new(),
            method: String::from("GET"),
            was_reset: false,
        }
    }

    /// Speaks through `layer` from now on, which has the socket too: TLS.
    #[must_use]
    pub fn through(mut self, layer: impl Read + Write + Send + 'static) -> Self {
        self.layer = Some(Box::new(layer));
        self
    }

    /// Sends bytes as they are. A peer that has already closed is no error here: what counts is
    /// what can be read. The method of a request is noted, since a response to HEAD has no body.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if let Some(method) = bytes.split(|&b| b == b' ').next().filter(|_| is_request(bytes)) {
            self.method = String::from_utf8_lossy(method).into_owned();
        }
        match &mut self.layer {
            None => self.stream.write_all(bytes).unwrap_or_default(),
            Some(layer) => {
                layer.write_all(bytes).and_then(|()| layer.flush()).unwrap_or_default();
            }
        }
    }

    /// Sends a request with `Host: site.test` and more field lines, each ending in CRLF, and reads
    /// the response.
    ///
    /// # Panics
    /// When no complete response comes.
    pub fn request(&mut self, method: &str, target: &str, fields: &str) -> Response {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: site.test\r\n{fields}\r\n"));
        self.read_response()
    }

    /// [`Client::request`] with GET and no more fields.
    ///
    /// # Panics
    /// When no complete response comes.
    pub fn get(&mut self, target: &str) -> Response {
        self.request("GET", target, "")
    }

    /// Reads a whole response.
    ///
    /// # Panics
    /// When no complete response comes.
    pub fn read_response(&mut self) -> Response {
        self.try_read_response().expect("a complete response")
    }

    /// Reads a whole response.
    ///
    /// # Errors
    /// Says what came instead.
    pub fn try_read_response(&mut self) -> Result<Response, ReadError> {
        let mut interim = Vec::new();
        let head = loop {
            let head = self.read_head()?;
            if head.status >= 200 || head.status == 101 {
                break head;
            }
            interim.push(head);
        };
        let mut body = Vec::new();
        while let Some(piece) = self.read_piece()? {
            body.extend(piece);
        }
        Ok(Response { interim, head, body, trailers: std::mem::take(&mut self.trailers) })
    }

    /// Reads the next head, interim or final.
    ///
    /// # Errors
    /// Says what came instead.
    pub fn read_head(&mut self) -> Result<ResponseHead, ReadError> {
        let len = loop {
            if let Some(len) = head_len(&self.unread) {
                break len;
            }
            if !self.fill()? {
                return Err(match (self.unread.is_empty(), self.was_reset) {
                    (true, false) => ReadError::Closed,
                    (true, true) => ReadError::Reset,
                    (false, _) => ReadError::Truncated,
                });
            }
        };
        let raw: Vec<u8> = self.unread.drain(..len).collect();
        let head = Head::parse(&raw).map_err(ReadError::Malformed)?;
        let status = head.start.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        let status = status.and_then(|s| s.parse::<u16>().ok());
        let status = status.ok_or_else(|| ReadError::Malformed(head.start.clone()))?;
        self.framing =
            Framing::of_response(&head, status, &self.method).map_err(ReadError::Malformed)?;
        Ok(ResponseHead { status, head })
    }

    /// Reads the next piece of the body, without its transfer coding. `None` at its end.
    ///
    /// # Errors
    /// Says what came instead.
    pub fn read_piece(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        loop {
            if let Some(piece) = self.buffered_piece()? {
                return Ok(Some(piece));
            }
            if self.framing == Framing::None {
                return Ok(None);
            }
            if !self.fill()? {
                let whole = self.framing == Framing::UntilClose;
                self.framing = Framing::None;
                return if whole { Ok(None) } else { Err(ReadError::Truncated) };
            }
        }
    }

    /// Reads at least `len` bytes of the body, fewer only at its end.
    ///
    /// # Errors
    /// Says what came instead.
    pub fn read_body(&mut self, len: usize) -> Result<Vec<u8>, ReadError> {
        let mut body = Vec::new();
        while body.len() < len {
            let Some(piece) = self.read_piece()? else { break };
            body.extend(piece);
        }
        Ok(body)
    }

    /// Reads to the end of the connection: what was left to read, and whether the peer closed within
    /// [`PATIENCE`].
    #[must_use]
    pub fn drain(&mut self) -> (Vec<u8>, bool) {
        let closed = loop {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => break true,
                Err(_) => break false,
            }
        };
        (std::mem::take(&mut self.unread), closed)
    }

    /// Whether the peer has closed and nothing is left to read.
    #[must_use]
    pub fn is_closed(&mut self) -> bool {
        self.drain() == (Vec::new(), true)
    }

    /// Says that no more will be sent.
    pub fn finish_sending(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap_or_default();
    }

    /// The socket, for what has no words here.
    #[must_use]
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    fn buffered_piece(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        match self.framing {
            Framing::None => Ok(None),
            Framing::UntilClose if self.unread.is_empty() => Ok(None),
            Framing::UntilClose => Ok(Some(std::mem::take(&mut self.unread))),
            Framing::Length(0) => {
                self.framing = Framing::None;
                Ok(None)
            }
            Framing::Length(_) if self.unread.is_empty() => Ok(None),
            Framing::Length(left) => {
                let take = self.unread.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.framing = Framing::Length(left - take as u64);
                Ok(Some(self.unread.drain(..take).collect()))
            }
            Framing::Chunked => match Chunk::parse(&self.unread).map_err(ReadError::Malformed)? {
                Chunk::NeedMore => Ok(None),
                Chunk::Data(data, used) => {
                    self.unread.drain(..used);
                    Ok(Some(data))
                }
                Chunk::Last(trailers, used) => {
                    self.unread.drain(..used);
                    self.trailers = trailers;
                    self.framing = Framing::None;
                    Ok(None)
                }
            },
        }
    }

    /// Reads more bytes. False when the peer closed or reset.
    fn fill(&mut self) -> Result<bool, ReadError> {
        let mut buffer = [0; 16 * 1024];
        let read = match &mut self.layer {
            None => self.stream.read(&mut buffer),
            Some(layer) => layer.read(&mut buffer),
        };
        match read {
            Ok(0) => Ok(false),
            Ok(len) => {
                self.unread.extend_from_slice(buffer.get(..len).unwrap_or_default());
                Ok(true)
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock || e.kind() == ErrorKind::TimedOut => {
                Err(ReadError::TimedOut)
            }
            Err(_) => {
                self.was_reset = true;
                Ok(false)
            }
        }
    }
}

fn is_request(bytes: &[u8]) -> bool {
    bytes.windows(6).take(70_000).any(|w| w == b" HTTP/")
}
