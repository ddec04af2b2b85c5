//! A real Memcached, started for a test on a port the kernel chose or on a socket, and ended with it.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;

use crate::signal::PATIENCE;

/// A running `memcached`. Killed when dropped.
#[derive(Debug)]
pub struct Memcached {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Memcached {
    /// Starts one that listens on 127.0.0.1, with more arguments (`["-m", "1"]`). `None` when it is not installed: then the test
    /// has nothing to try.
    ///
    /// # Panics
    /// When it is installed and does not start.
    #[must_use]
    pub fn start(more: &[&str]) -> Option<Self> {
        Self::start_by_tcp(&["-l", "127.0.0.1", "-p", "-1"], more)
    }

    /// Starts one at an address that another had, which is free now.
    ///
    /// # Panics
    /// When it is not installed, or the port is taken.
    #[must_use]
    pub fn start_at(address: SocketAddr, more: &[&str]) -> Self {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        Self::start_by_tcp(&["-l", &ip, "-p", &port], more).expect("memcached is installed")
    }

    /// Starts one that listens on a socket. `None` when it is not installed.
    ///
    /// # Panics
    /// When it is installed and does not start.
    #[must_use]
    pub fn start_on_socket(more: &[&str]) -> Option<Self> {
        let folder = new_folder();
        let socket = folder.join("socket");
        let mut command = memcached(more);
        command.args(["-vv", "-s"]).arg(&socket).stderr(Stdio::piped());
        let mut memcached = Self { child: spawn(command)?, folder, address: String::new() };
        let lines = memcached.child.stderr.take().expect("its standard error");
        let (sender, listening) = channel();
        // It goes on writing, and would wait for a reader.
        std::thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                if line.contains("server listening") {
                    sender.send(()).unwrap_or_default();
                }
            }
        });
        listening.recv_timeout(PATIENCE).expect("memcached listens on its socket");
        memcached.address = format!("unix:{}", socket.display());
        Some(memcached)
    }

    /// `127.0.0.1:PORT` or `unix:PATH`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name: `STOP`, `CONT`.
    ///
    /// # Panics
    /// When the signal can't be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(sent.expect("kill runs").success(), "no signal {name} to memcached");
    }

    fn start_by_tcp(listen: &[&str], more: &[&str]) -> Option<Self> {
        let folder = new_folder();
        // It writes its port to a file of this name with `.lck` behind it, and renames that. Of a pipe the end of writing is
        // waited for without polling.
        let pipe = folder.join("port.lck");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo runs").success(), "no pipe at {}", pipe.display());
        let mut command = memcached(more);
        command.args(listen).env("MEMCACHED_PORT_FILENAME", folder.join("port"));
        let mut memcached = Self { child: spawn(command)?, folder, address: String::new() };
        let (sender, said) = channel();
        std::thread::spawn(move || sender.send(std::fs::read_to_string(pipe)).unwrap_or_default());
        let said = said.recv_timeout(PATIENCE).expect("memcached listens").expect("its port");
        let port = said.lines().find_map(|line| line.strip_prefix("TCP INET: "));
        let port = port.unwrap_or_else(|| panic!("memcached says no port: {said:?}"));
        memcached.address = format!("127.0.0.1:{port}");
        Some(memcached)
    }
}

impl Drop for Memcached {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
        std::fs::remove_dir_all(&self.folder).unwrap_or_default();
    }
}

fn memcached(more: &[&str]) -> Command {
    let mut command = Command::new("memcached");
    // Only root is asked who to be.
    command.args(["-u", "root", "-U", "0"]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// `None` when it is not installed.
fn spawn(mut command: Command) -> Option<Child> {
    match command.spawn() {
        Ok(child) => Some(child),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("memcached: {error}"),
    }
}

fn new_folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("larder-mc-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    folder
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn version(mut stream: impl Read + Write) -> String {
        stream.write_all(b"version\r\n").expect("it reads");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("it answers");
        line
    }

    #[test]
    fn it_listens_when_it_has_started_and_is_gone_when_dropped() {
        let Some(first) = Memcached::start(&[]) else { return };
        let address = first.address().to_owned();
        assert!(version(TcpStream::connect(&address).expect("it listens")).starts_with("VERSION"));
        drop(first);
        TcpStream::connect(&address).expect_err("it is gone");
        let again = Memcached::start_at(address.parse().expect("an address"), &[]);
        assert_eq!(again.address(), address);
        assert!(version(TcpStream::connect(&address).expect("it listens")).starts_with("VERSION"));

        let socket = Memcached::start_on_socket(&["-m", "8"]).expect("it is installed");
        let path = socket.address().strip_prefix("unix:").expect("a path").to_owned();
        assert!(version(UnixStream::connect(&path).expect("it listens")).starts_with("VERSION"));
        drop(socket);
        UnixStream::connect(&path).expect_err("it is gone");
    }
}
