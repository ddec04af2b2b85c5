//! Servers as processes: started on a core, measured with all their children, ended when dropped.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::sys;

const READY_WITHIN: Duration = Duration::from_secs(20);
const FOLDER: &str = "larder-bench-";
const END_WITHIN: Duration = Duration::from_secs(10);

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    /// Where it answers.
    pub address: SocketAddr,
    child: Child,
    /// What it can't do without; measured and ended with it.
    beside: Vec<Self>,
    /// Where its files are; removed with it.
    folder: Option<Folder>,
}

/// What a process and its children hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Resident now (`VmRSS`), summed.
    pub resident_bytes: u64,
    /// The most that ever was resident (`VmHWM`), summed.
    pub peak_bytes: u64,
}

impl Server {
    /// Starts `command` on `core` and waits until `address` accepts connections.
    ///
    /// # Errors
    /// When it can't be started, ends at once, or does not listen in time.
    pub fn start(
        command: &mut Command,
        address: SocketAddr,
        core: Option<usize>,
        folder: Option<Folder>,
    ) -> anyhow::Result<Self> {
        let child = spawn_on(command, core)?;
        let mut server = Self { address, child, beside: Vec::new(), folder };
        let begin = Instant::now();
        while !listens(address) {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            if begin.elapsed() > READY_WITHIN {
                bail!("{command:?} does not listen on {address}");
            }
            pause(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// The same with another server that belongs to it.
    #[must_use]
    pub fn beside(mut self, other: Self) -> Self {
        self.beside.push(other);
        self
    }

    /// The first process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time, user and system, of the process, its children and the servers beside it.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let mut sum = Duration::ZERO;
        for pid in family(self.pid()) {
            sum += sys::process_cpu(pid).context("reading a CPU clock")?;
        }
        for other in &self.beside {
            sum += other.cpu()?;
        }
        Ok(sum)
    }

    /// Memory of the process, its children and the servers beside it.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.beside.iter().map(Self::memory).fold(memory(self.pid()), |sum, other| Memory {
            resident_bytes: sum.resident_bytes + other.resident_bytes,
            peak_bytes: sum.peak_bytes + other.peak_bytes,
        })
    }

    /// Asks it to end, and waits until it did.
    ///
    /// # Errors
    /// When it does not.
    pub fn end(&mut self) -> anyhow::Result<()> {
        sys::ask_to_end(self.child.id())?;
        let begin = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begin.elapsed() > END_WITHIN {
                bail!("it does not end on SIGTERM");
            }
            pause(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let gone = matches!(self.child.try_wait(), Ok(Some(_)));
        if !gone && self.end().is_err() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
        drop(self.folder.take());
    }
}

/// Memory of a process and its children.
#[must_use]
pub fn memory(pid: u32) -> Memory {
    let mut sum = Memory::default();
    for pid in family(pid) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kib.unwrap_or(0) * 1024
        };
        sum.resident_bytes += field("VmRSS:");
        sum.peak_bytes += field("VmHWM:");
    }
    sum
}

/// Starts `command` on `core`: a child inherits its parent's cores. It ends when the calling thread does.
///
/// # Errors
/// When it can't be started, or there is no such core.
pub fn spawn_on(command: &mut Command, core: Option<usize>) -> anyhow::Result<Child> {
    command.stdin(Stdio::null());
    sys::end_with_us(command);
    let before = match core {
        Some(core) => {
            Some(sys::pin_to_core(core).with_context(|| format!("there is no core {core}"))?)
        }
        None => None,
    };
    let child = command.spawn().with_context(|| format!("starting {command:?}"));
    if let Some(before) = before {
        sys::restore_cores(before)?;
    }
    child
}

/// A process and all that descend from it.
fn family(root: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return vec![root] };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![root];
    let mut position = 0;
    while let Some(&pid) = found.get(position) {
        found.extend(parents.iter().filter(|(_, parent)| *parent == pid).map(|(pid, _)| *pid));
        position += 1;
    }
    found
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name, in parentheses, and may contain anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Whether somebody listens on this port. Trying to connect instead would now and then connect a
/// socket to itself, on a port that the kernel also gives to clients, and take it from the server.
#[must_use]
pub fn listens(address: SocketAddr) -> bool {
    const LISTEN: &str = "0A";
    let port = format!(":{:04X}", address.port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().is_some_and(|local| local.ends_with(&port));
        local && fields.nth(1) == Some(LISTEN)
    })
}

/// An address of loopback that was free a moment ago, for servers that must be told theirs.
///
/// # Errors
/// When the machine has no loopback.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits. Benches wait for other processes, and have no event for it.
#[expect(clippy::disallowed_methods, reason = "there is no worker here that could be blocked")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A folder of a server's own, removed when dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one below the first of `parents` that exists.
    ///
    /// # Errors
    /// When none can be written.
    pub fn new(name: &str, parents: &[&Path]) -> anyhow::Result<Self> {
        let temporary = std::env::temp_dir();
        let parent = parents.iter().copied().find(|parent| parent.is_dir()).unwrap_or(&temporary);
        sweep(parent);
        let path = parent.join(format!("{FOLDER}{}-{name}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}

/// Removes what a killed bench left in `parent`: a folder's name holds its maker's process id.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.split('-').next());
        let Some(Ok(pid)) = maker.map(str::parse::<u32>) else { continue };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Server, free_address, spawn_on};

    #[test]
    fn a_program_that_ends_at_once_is_not_waited_for() {
        let address = free_address().unwrap();
        assert!(Server::start(&mut Command::new("true"), address, None, None).is_err());
    }

    #[test]
    fn only_a_bound_listener_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(super::listens(address));
        drop(listener);
        assert!(!super::listens(address));
    }

    #[test]
    fn a_family_is_the_process_and_its_children() {
        let mut child = spawn_on(
            Command::new("cat").arg("/dev/zero").stdout(std::process::Stdio::null()),
            None,
        )
        .unwrap();
        let seen = super::family(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen.contains(&child.id()) && seen.first() == Some(&std::process::id()));
    }
}
