//! The real binary, started for a test on ports the kernel chose, and ended with it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use crate::signal::PATIENCE;

/// A running `larder`. Killed when dropped.
#[derive(Debug)]
pub struct Larder {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    listening: Option<SocketAddr>,
}

impl Larder {
    /// `larder serve --to ORIGIN --listen 127.0.0.1:0`, with more arguments; waits until it listens.
    /// The admin listener is off unless the arguments say where it is.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn serve(binary: &Path, origin_url: &str, more: &[&str]) -> Self {
        let mut args = vec!["serve", "--to", origin_url, "--listen", "127.0.0.1:0"];
        if !more.contains(&"--admin") {
            args.extend(["--admin", "off"]);
        }
        args.extend(more);
        let mut larder = Self::spawn(binary, &args);
        let line = larder.wait_for_line("listening on ");
        larder.listening = Some(address_after(&line, "listening on ").expect("an address"));
        larder
    }

    /// Starts it with these arguments and waits for nothing.
    ///
    /// # Panics
    /// When the program can't be started.
    #[must_use]
    pub fn spawn(binary: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(binary);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| {
            assert!(binary.exists(), "{} is missing: build it first", binary.display());
            panic!("{}: {e}", binary.display())
        });
        let (sender, lines) = channel();
        if let Some(out) = child.stdout.take() {
            read_lines(out, sender.clone());
        }
        if let Some(err) = child.stderr.take() {
            read_lines(err, sender);
        }
        Self { child, lines, seen: Vec::new(), listening: None }
    }

    /// The binary under test: `LARDER_BIN`, or `larder` beside the running test's folder.
    ///
    /// # Panics
    /// When the test's own path is unknown.
    #[must_use]
    pub fn binary() -> PathBuf {
        if let Some(path) = std::env::var_os("LARDER_BIN") {
            return PathBuf::from(path);
        }
        let test = std::env::current_exe().expect("the test's own path");
        let folder = test.ancestors().nth(2).expect("target/PROFILE");
        folder.join("larder")
    }

    /// Where it accepts requests.
    ///
    /// # Panics
    /// When it was not started by [`Larder::serve`].
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.listening.expect("started by serve")
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on its standard output or error that contains `text`, and returns it.
    ///
    /// # Panics
    /// When none comes within [`PATIENCE`]; says what came.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(why @ (RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) => {
                    let seen = self.seen.join("\n");
                    panic!("no line with {text:?} ({why}), only:\n{seen}")
                }
            }
        }
    }

    /// All lines it has written so far.
    pub fn output(&mut self) -> Vec<String> {
        self.seen.extend(self.lines.try_iter());
        self.seen.clone()
    }

    /// Sends a signal by name: `TERM`, `HUP`, `STOP`, `CONT`.
    ///
    /// # Panics
    /// When the signal can't be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(sent.expect("kill runs").success(), "no signal {name} to the process");
    }

    /// Waits until it has ended; what it wrote can be read with [`Larder::output`].
    ///
    /// # Panics
    /// When it does not end within [`PATIENCE`].
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        // The channel disconnects when both of its pipes are closed, which is when it has ended.
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it does not end: {}", self.seen.join("\n"))
                }
            }
        }
        self.child.wait().expect("its exit status")
    }
}

impl Drop for Larder {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}

/// The address that follows `text` in a line, up to a space or comma; `http://` before it is fine.
#[must_use]
pub fn address_after(line: &str, text: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(text)?;
    let rest = rest.strip_prefix("http://").unwrap_or(rest);
    rest.split([' ', ',', '/', '\u{1b}']).next()?.parse().ok()
}

fn read_lines(from: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.take_while(|line| to.send(line.clone()).is_ok()).for_each(drop);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_the_line() {
        let lines = [
            "listening on 127.0.0.1:81",
            "larder: listening on http://127.0.0.1:81/ for http://127.0.0.1:1",
            "INFO listening on 127.0.0.1:81, admin off",
        ];
        for line in lines {
            let addr = address_after(line, "listening on ");
            assert_eq!(addr, Some(SocketAddr::from(([127, 0, 0, 1], 81))), "{line}");
        }
    }

    #[test]
    fn a_program_is_read_and_waited_for() {
        let mut run = Larder::spawn(Path::new("/bin/sh"), &["-c", "echo a; echo b >&2; exit 3"]);
        assert_eq!(run.wait_for_line("b"), "b");
        assert_eq!(run.wait_for_exit().code(), Some(3));
        assert!(run.output().contains(&"a".to_owned()));
    }
}
