//! An application on raw sockets that does what a test says and remembers every byte it was sent.
//!
//! It reads strictly (see [`crate::wire`]): a request that is not canonical is recorded as malformed
//! and refused, and bytes behind a request are the next request. So a proxy that lets something
//! through can't hide it here.

use std::collections::HashMap;
use std::fmt;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::received::{Reader, Received};
use crate::script::{Script, Step, response_bytes};
use crate::signal::PATIENCE;

/// The application. Dropping it closes the listener and every connection.
pub struct Origin {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("addr", &self.addr).finish_non_exhaustive()
    }
}

type Handler = dyn Fn(&Received) -> Script + Send + Sync;

enum Mode {
    /// The n-th connection runs the n-th script and closes after it; further ones close at once.
    Connections(Vec<Script>),
    /// Every request is answered by the script made for it, on connections that are kept open.
    Requests(Box<Handler>),
}

struct Shared {
    mode: Mode,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    accepted: usize,
    requests: Vec<Received>,
    open: HashMap<usize, TcpStream>,
}

impl Origin {
    /// One script for each connection, in the order in which they come.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn connections(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self::start(None, Mode::Connections(scripts.into_iter().collect()))
    }

    /// A script for each request, made by `handler`; it starts after the request was read.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn answering(handler: impl Fn(&Received) -> Script + Send + Sync + 'static) -> Self {
        Self::start(None, Mode::Requests(Box::new(handler)))
    }

    /// [`Origin::answering`] on a known address: an application that comes back.
    ///
    /// # Panics
    /// When the port is taken.
    #[must_use]
    pub fn answering_at(
        addr: SocketAddr,
        handler: impl Fn(&Received) -> Script + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(addr), Mode::Requests(Box::new(handler)))
    }

    /// The same answer to every request for a path (without its query); 404 for the others.
    ///
    /// # Panics
    /// When no port can be had.
    #[must_use]
    pub fn paths<const N: usize>(answers: [(&str, Script); N]) -> Self {
        let answers: HashMap<String, Script> =
            answers.into_iter().map(|(path, script)| (path.to_owned(), script)).collect();
        Self::answering(move |request| {
            let found = answers.get(request.path()).cloned();
            found.unwrap_or_else(|| Script::answer("404 Not Found", "", "no such path"))
        })
    }

    fn start(addr: Option<SocketAddr>, mode: Mode) -> Self {
        let wanted = addr.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = TcpListener::bind(wanted).expect("a port for the origin");
        let addr = listener.local_addr().expect("the origin's address");
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared { mode, state, changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, &accepting));
        Self { addr, shared, acceptor: Some(acceptor) }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// All requests so far, in the order in which they were read to their end.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.lock().requests.clone()
    }

    /// How many requests there were, malformed ones included.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.shared.lock().requests.len()
    }

    /// How many requests there were for a path (without its query).
    #[must_use]
    pub fn count_of(&self, path: &str) -> usize {
        self.shared.lock().requests.iter().filter(|r| r.path() == path).count()
    }

    /// How many connections were accepted so far.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.shared.lock().accepted
    }

    /// Waits until there were so many requests, and returns all.
    ///
    /// # Panics
    /// When that does not happen within [`PATIENCE`].
    #[must_use]
    pub fn wait_for_requests(&self, count: usize) -> Vec<Received> {
        let what = format!("{count} requests at the origin");
        self.wait_until(&what, |state| state.requests.len() >= count).requests.clone()
    }

    /// Waits until no connection is open.
    ///
    /// # Panics
    /// When that does not happen within [`PATIENCE`].
    pub fn wait_for_no_connections(&self) {
        drop(self.wait_until("no open connections at the origin", |s| s.open.is_empty()));
    }

    fn wait_until(&self, what: &str, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let locked = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(locked, PATIENCE, |s| !done(s));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(done(&state), "waited in vain for {what}; requests: {:#?}", state.requests);
        state
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.stopped = true;
            for stream in state.open.values() {
                stream.shutdown(Shutdown::Both).unwrap_or_default();
            }
        }
        // Wakes the thread that waits in accept.
        drop(TcpStream::connect_timeout(&self.addr, Duration::from_secs(1)));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().unwrap_or_default();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        let Ok(registered) = stream.try_clone() else { continue };
        let mut state = shared.lock();
        if state.stopped {
            return;
        }
        let number = state.accepted;
        state.accepted += 1;
        state.open.insert(number, registered);
        drop(state);
        let serving = Arc::clone(shared);
        std::thread::spawn(move || {
            Connection { number, stream, reader: Reader::default(), shared: &serving }.serve();
            serving.change(|state| drop(state.open.remove(&number)));
        });
    }
}

struct Connection<'a> {
    number: usize,
    stream: TcpStream,
    reader: Reader,
    shared: &'a Shared,
}

impl Connection<'_> {
    fn serve(mut self) {
        self.stream.set_nodelay(true).unwrap_or_default();
        match &self.shared.mode {
            Mode::Connections(scripts) => {
                let script = scripts.get(self.number).cloned().unwrap_or_default();
                self.run(&script, "GET");
            }
            Mode::Requests(handler) => {
                while let Some(request) = self.read_request() {
                    let script = if request.malformed.is_some() {
                        Script::answer("400 Bad Request", "Connection: close\r\n", "").close()
                    } else {
                        handler(&request)
                    };
                    if !self.run(&script, &request.method) {
                        break;
                    }
                }
            }
        }
        self.stream.shutdown(Shutdown::Both).unwrap_or_default();
    }

    /// Runs a script. False when the connection is over.
    fn run(&mut self, script: &Script, method: &str) -> bool {
        let mut method = method.to_owned();
        script.steps.iter().all(|step| match step {
            Step::Request => match self.read_request() {
                Some(request) => {
                    method = request.method;
                    true
                }
                None => false,
            },
            Step::Send(bytes) => self.stream.write_all(bytes).is_ok(),
            Step::Respond { status, fields, body } => {
                self.stream.write_all(&response_bytes(status, fields, body, &method)).is_ok()
            }
            Step::Wait(signal) => signal.wait(),
            Step::Fire(signal) => {
                signal.fire();
                true
            }
            Step::AwaitClose(signal) => {
                while matches!(self.stream.read(&mut [0; 4096]), Ok(1..)) {}
                signal.fire();
                false
            }
            Step::Close => false,
            Step::Reset => {
                // Without lingering a close discards what is unsent and sends RST.
                let socket = socket2::SockRef::from(&self.stream);
                socket.set_linger(Some(Duration::ZERO)).unwrap_or_default();
                self.shared.change(|state| drop(state.open.remove(&self.number)));
                false
            }
        })
    }

    /// Reads and records a request. `None` when the connection ends before its first byte.
    fn read_request(&mut self) -> Option<Received> {
        let request = self.reader.read(&mut self.stream, self.number)?;
        self.shared.change(|state| state.requests.push(request.clone()));
        Some(request)
    }
}
