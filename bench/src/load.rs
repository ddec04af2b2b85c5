//! The load: a fixed number of requests over keep-alive connections, each connection asking again as
//! soon as it has its answer. One epoll loop on the caller's thread.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::content::{Page, write_browser_request};
use crate::response::{Progress, Reading};
use crate::sys::{Epoll, Events, Interest};

/// A server that says nothing for so long is broken.
const SILENCE_MAX: Duration = Duration::from_secs(20);
const READ_BYTES: usize = 256 * 1024;

/// Which pages are asked for, in order.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    /// The same page again and again.
    Same(Page),
    /// `/miss/N`, N counting up from here.
    MissesFrom(u64),
    /// `/page/N`, N counting up from here in steps.
    Numbered {
        /// The first number.
        first: u64,
        /// The distance of two numbers.
        step: u64,
    },
}

impl Ask {
    const fn page(self, number: u64) -> Page {
        match self {
            Self::Same(page) => page,
            Self::MissesFrom(first) => Page::Miss(first + number),
            Self::Numbered { first, step } => Page::Numbered(first + number * step),
        }
    }
}

struct Connection {
    stream: TcpStream,
    reading: Reading,
    page: Page,
    /// Whether a request is on its way.
    waiting: bool,
}

/// Open connections to one server.
pub struct Load {
    server: SocketAddr,
    epoll: Epoll,
    connections: Vec<Connection>,
    request: Vec<u8>,
    /// More of every request's cookies: `; name=value`.
    pub cookies: String,
    room: Vec<u8>,
    /// Connections that the server closed between two requests, and that were opened again.
    pub reopened: u64,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Load({} connections to {})", self.connections.len(), self.server)
    }
}

impl Load {
    /// Opens `connections` connections to `server`.
    ///
    /// # Errors
    /// When one can't be opened.
    pub fn open(server: SocketAddr, connections: usize) -> anyhow::Result<Self> {
        let mut load = Self {
            server,
            epoll: Epoll::new()?,
            connections: Vec::with_capacity(connections),
            request: Vec::new(),
            cookies: String::new(),
            room: vec![0; READ_BYTES],
            reopened: 0,
        };
        for slot in 0..connections {
            let stream = load.connect(slot)?;
            let (reading, page) = (Reading::default(), Page::Small);
            load.connections.push(Connection { stream, reading, page, waiting: false });
        }
        Ok(load)
    }

    fn connect(&self, slot: usize) -> anyhow::Result<TcpStream> {
        let stream = TcpStream::connect(self.server).context("connecting to the server")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        self.epoll.add(stream.as_fd(), slot as u64, Interest::Read)?;
        Ok(stream)
    }

    /// Asks `requests` times and returns when every answer has come and was right.
    ///
    /// # Errors
    /// The first answer that was not.
    pub fn run(&mut self, ask: Ask, requests: u64) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(self.connections.len().min(1024));
        let first = u64::min(requests, self.connections.len() as u64);
        for slot in 0..self.connections.len() {
            if (slot as u64) < first {
                self.send(slot, ask.page(slot as u64))?;
            }
        }
        let (mut asked, mut answered) = (first, 0);
        while answered < requests {
            self.epoll.wait(&mut events, Some(SILENCE_MAX))?;
            if events.is_empty() {
                bail!("no answer for {SILENCE_MAX:?}: {answered} of {requests} answered");
            }
            for token in (0..events.len()).filter_map(|position| events.token(position)) {
                let slot = usize::try_from(token)?;
                if !self.receive(slot).with_context(|| format!("answer {answered}"))? {
                    continue;
                }
                answered += 1;
                if asked < requests {
                    self.send(slot, ask.page(asked))?;
                    asked += 1;
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, slot: usize, page: Page) -> anyhow::Result<()> {
        self.request.clear();
        write_browser_request(page, &mut self.request);
        // The cookies are the head's last line.
        let end = self.request.len().saturating_sub(4);
        self.request.splice(end..end, self.cookies.bytes());
        let connection = &mut self.connections[slot];
        connection.page = page;
        connection.waiting = true;
        connection.reading.expect(page);
        match connection.stream.write(&self.request) {
            Ok(written) if written == self.request.len() => Ok(()),
            Ok(_) => bail!("the socket took only a part of a request"),
            Err(error) if is_closed(&error) => self.reopen(slot),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what has come; true when the answer is complete.
    fn receive(&mut self, slot: usize) -> anyhow::Result<bool> {
        let connection = &mut self.connections[slot];
        let read = match connection.stream.read(&mut self.room) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if is_closed(&error) => 0,
            Err(error) => return Err(error.into()),
        };
        if read == 0 {
            // RFC 9112 §9.3.1: a server may close an idle connection while a request is on its way.
            if !connection.reading.is_untouched() {
                bail!("the connection ended in the middle of an answer");
            }
            self.reopen(slot)?;
            return Ok(false);
        }
        match connection.reading.take(self.room.get(..read).unwrap_or(&[])) {
            Ok(Progress::More) => Ok(false),
            Ok(Progress::Complete) => {
                connection.waiting = false;
                Ok(true)
            }
            Ok(Progress::CompleteAndClosing) => {
                connection.waiting = false;
                self.reopened += 1;
                self.connections[slot].stream = self.connect(slot)?;
                Ok(true)
            }
            Err(what) => bail!("{:?}: {what}", connection.page),
        }
    }

    fn reopen(&mut self, slot: usize) -> anyhow::Result<()> {
        self.reopened += 1;
        if self.reopened > 100_000 {
            bail!("the server closes every connection");
        }
        self.connections[slot].stream = self.connect(slot)?;
        if !self.connections[slot].waiting {
            return Ok(());
        }
        let page = self.connections[slot].page;
        self.request.clear();
        write_browser_request(page, &mut self.request);
        self.connections[slot].reading.expect(page);
        self.connections[slot].stream.write_all(&self.request)?;
        Ok(())
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
    )
}
