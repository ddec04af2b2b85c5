//! A request as an application got it: the raw bytes, and what a strict reader makes of them.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::wire::{Chunk, Fields, Framing, Head, head_len};

/// What arrived.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Every byte of it, from the request line to the last of the body.
    pub raw: Vec<u8>,
    /// The method, as sent.
    pub method: String,
    /// The request target, as sent.
    pub target: String,
    /// The field lines.
    pub fields: Fields,
    /// The body, its transfer coding removed.
    pub body: Vec<u8>,
    /// The trailer section of a chunked body.
    pub trailers: Fields,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// Why it is not a canonical request, if it is none.
    pub malformed: Option<String>,
}

impl Received {
    /// The target without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The first value of the field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        crate::wire::values(&self.fields, name).first().copied()
    }

    /// All values of the field called `name`.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        crate::wire::values(&self.fields, name)
    }
}

/// Reads requests off one connection; keeps what came too early for the next.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    unread: Vec<u8>,
}

impl Reader {
    /// Reads a whole request. `None` when the connection ends before its first byte.
    pub(crate) fn read(&mut self, stream: &mut TcpStream, connection: usize) -> Option<Received> {
        let mut request = Received { connection, ..Received::default() };
        if let Err(why) = self.read_into(stream, &mut request) {
            request.raw.append(&mut self.unread);
            if request.raw.is_empty() {
                return None;
            }
            request.malformed = Some(why);
        }
        Some(request)
    }

    fn read_into(&mut self, stream: &mut TcpStream, request: &mut Received) -> Result<(), String> {
        let len = loop {
            if let Some(len) = head_len(&self.unread) {
                break len;
            }
            self.fill(stream).ok_or("the connection ended within the head")?;
        };
        request.raw.extend(self.unread.drain(..len));
        let head = Head::parse(&request.raw)?;
        let mut words = head.start.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(format!("request line {:?}", head.start));
        };
        (request.method, request.target) = (method.to_owned(), target.to_owned());
        request.fields.clone_from(&head.fields);
        if head.all("host").len() != 1 {
            return Err(format!("Host {:?}", head.all("host")));
        }
        if head.field("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap_or_default();
        }
        match Framing::of_request(&head)? {
            Framing::None | Framing::UntilClose => Ok(()),
            Framing::Length(len) => self.read_length(stream, request, len),
            Framing::Chunked => self.read_chunks(stream, request),
        }
    }

    fn read_length(
        &mut self,
        stream: &mut TcpStream,
        request: &mut Received,
        len: u64,
    ) -> Result<(), String> {
        let len = usize::try_from(len).map_err(|e| e.to_string())?;
        while self.unread.len() < len {
            self.fill(stream).ok_or("the connection ended within the body")?;
        }
        request.body = self.unread.drain(..len).collect();
        request.raw.extend_from_slice(&request.body);
        Ok(())
    }

    fn read_chunks(&mut self, stream: &mut TcpStream, to: &mut Received) -> Result<(), String> {
        loop {
            match Chunk::parse(&self.unread)? {
                Chunk::NeedMore => self.fill(stream).ok_or("the connection ended in a chunk")?,
                Chunk::Data(data, used) => {
                    to.body.extend(data);
                    to.raw.extend(self.unread.drain(..used));
                }
                Chunk::Last(trailers, used) => {
                    to.trailers = trailers;
                    to.raw.extend(self.unread.drain(..used));
                    return Ok(());
                }
            }
        }
    }

    fn fill(&mut self, stream: &mut TcpStream) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        let len = stream.read(&mut buffer).ok().filter(|&len| len > 0)?;
        self.unread.extend_from_slice(buffer.get(..len)?);
        Some(())
    }
}
