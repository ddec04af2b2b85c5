//! One connection: requests out, their answers in, in order and each with the number of its request.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;

use crate::address::Address;
use crate::answer::{self, Answer};
use crate::error::Fault;
use crate::expiry::Expiry;
use crate::key::Key;
use crate::limits::{COPIED_MAX, IDLE_MAX};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request<'a> {
    Set { key: &'a Key, value: &'a Bytes, flags: u32, expiry: Expiry },
    Delete { key: &'a Key },
    Get { key: &'a Key },
}

impl<'a> Request<'a> {
    /// The key of the value that it brings.
    const fn stores(&self) -> Option<&'a Key> {
        match self {
            Request::Set { key, .. } => Some(key),
            Request::Delete { .. } | Request::Get { .. } => None,
        }
    }
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection that has answered all it was asked.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    received: BytesMut,
    /// The number of the last request.
    opaque: u32,
    /// The key of a value that was sent to its end and not answered.
    unanswered: Option<Key>,
    used: Instant,
}

impl Connection {
    pub(crate) async fn open(address: &Address) -> io::Result<Self> {
        let stream = match address {
            Address::Tcp { host, port } => {
                let stream = match host.parse::<std::net::IpAddr>() {
                    Ok(ip) => TcpStream::connect((ip, *port)).await?,
                    Err(_) => TcpStream::connect((host.as_str(), *port)).await?,
                };
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
            Address::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
        };
        Ok(Self {
            stream,
            received: BytesMut::new(),
            opaque: 0,
            unanswered: None,
            used: Instant::now(),
        })
    }

    /// Whether it may be used again: not idle for long, and nothing was said that nobody asked for. An end that has not come
    /// yet is not seen.
    pub(crate) fn is_good(&self) -> bool {
        self.received.is_empty() && self.used.elapsed() < IDLE_MAX && self.stream.is_silent()
    }

    /// Sends a deletion after a value that was not answered. The server reads both in this order whenever it comes to it: a value
    /// that was given up does not appear after what lay there was deleted by another connection. Whether there was such a value,
    /// and the deletion was sent.
    pub(crate) fn take_back(&mut self) -> bool {
        let Some(key) = self.unanswered.take() else { return false };
        // Quiet: nobody reads the answer.
        let deletion = [b"md ", key.as_bytes(), b" q\r\n"].concat();
        self.used = Instant::now();
        self.stream.write_now(&deletion)
    }

    /// How long nothing was done with it.
    pub(crate) fn idle_for(&self) -> Duration {
        self.used.elapsed()
    }

    /// Sends the requests that have no answer yet and adds their answers.
    ///
    /// Whoever stops waiting for it, or gets a fault, must drop the connection.
    pub(crate) async fn exchange(
        &mut self,
        requests: &[Request<'_>],
        answers: &mut Vec<Answer>,
        value_max: usize,
    ) -> Result<(), Fault> {
        let requests = requests.get(answers.len()..).unwrap_or_default();
        let first = self.opaque.wrapping_add(1);
        self.send(requests).await?;
        self.unanswered = requests.iter().find_map(Request::stores).cloned();
        let mut expected = first;
        for request in requests {
            let answer = self.receive(expected, request, value_max).await?;
            if request.stores().is_some() {
                self.unanswered = None;
            }
            answers.push(answer);
            expected = expected.wrapping_add(1);
        }
        self.used = Instant::now();
        Ok(())
    }

    async fn send(&mut self, requests: &[Request<'_>]) -> io::Result<()> {
        let mut out = BytesMut::new();
        for request in requests {
            self.opaque = self.opaque.wrapping_add(1);
            write_head(&mut out, request, self.opaque);
            if let Request::Set { value, .. } = request {
                if value.len() > COPIED_MAX {
                    let parts = out.split().chain(Bytes::clone(value)).chain(&b"\r\n"[..]);
                    self.stream.write(parts).await?;
                } else {
                    out.extend_from_slice(value);
                    out.extend_from_slice(b"\r\n");
                }
            }
        }
        self.stream.write(out).await
    }

    async fn receive(
        &mut self,
        expected: u32,
        request: &Request<'_>,
        value_max: usize,
    ) -> Result<Answer, Fault> {
        loop {
            let read = answer::read(&mut self.received, value_max);
            if let Some(numbered) = read.map_err(|what| Fault::Garbage(what.to_string()))? {
                return accept(numbered.answer, numbered.opaque, expected, request);
            }
            if self.stream.read(&mut self.received).await? == 0 {
                return Err(Fault::Closed);
            }
        }
    }
}

fn write_head(out: &mut BytesMut, request: &Request<'_>, opaque: u32) {
    let (command, key) = match request {
        Request::Set { key, .. } => (b"ms ", key),
        Request::Delete { key } => (b"md ", key),
        Request::Get { key } => (b"mg ", key),
    };
    out.extend_from_slice(command);
    out.extend_from_slice(key.as_bytes());
    let rest = match request {
        Request::Set { value, flags, expiry, .. } => {
            format!(" {} T{} F{flags} O{opaque}\r\n", value.len(), expiry.exptime())
        }
        Request::Delete { .. } => format!(" O{opaque}\r\n"),
        Request::Get { .. } => format!(" v f O{opaque}\r\n"),
    };
    out.extend_from_slice(rest.as_bytes());
}

/// Whether the answer is one to this request.
fn accept(
    answer: Answer,
    opaque: Option<u32>,
    expected: u32,
    request: &Request<'_>,
) -> Result<Answer, Fault> {
    let is_get = matches!(request, Request::Get { .. });
    let is_fitting = match (&answer, request) {
        // A server in trouble says nothing else.
        (Answer::Refused(_), _) => return Ok(answer),
        // After such a line others may follow, and nobody knows which of them answers what.
        (Answer::Unknown(said), _) => return Err(Fault::Unknown(said.clone())),
        (Answer::Done | Answer::NotStored, Request::Set { .. })
        | (Answer::Done | Answer::Absent, Request::Delete { .. })
        | (Answer::Value { .. } | Answer::Absent, Request::Get { .. }) => true,
        (Answer::NotStored | Answer::Value { .. }, Request::Delete { .. })
        | (Answer::Absent | Answer::Value { .. }, Request::Set { .. })
        | (Answer::Done | Answer::NotStored, Request::Get { .. }) => false,
    };
    if !is_fitting {
        return Err(Fault::Garbage("an answer to another command".to_owned()));
    }
    // Early versions of 1.6 don't repeat the number when nothing is found.
    let is_old_miss = opaque.is_none() && is_get && answer == Answer::Absent;
    if opaque != Some(expected) && !is_old_miss {
        return Err(Fault::Garbage("an answer to another request".to_owned()));
    }
    Ok(answer)
}

impl Stream {
    async fn read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_buf(into).await,
            Self::Unix(stream) => stream.read_buf(into).await,
        }
    }

    async fn write(&mut self, mut parts: impl Buf) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all_buf(&mut parts).await,
            Self::Unix(stream) => stream.write_all_buf(&mut parts).await,
        }
    }

    /// Writes all of it at once, or says that it could not.
    fn write_now(&self, bytes: &[u8]) -> bool {
        let written = match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        };
        written.is_ok_and(|count| count == bytes.len())
    }

    /// Whether there is nothing to read, not even the end.
    fn is_silent(&self) -> bool {
        let mut byte = [0];
        let read = match self {
            Self::Tcp(stream) => stream.try_read(&mut byte),
            Self::Unix(stream) => stream.try_read(&mut byte),
        };
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}
