//! What the standard library has no call for: epoll, core affinity, another process's CPU clock,
//! signals. The crate's only unsafe code.
//!
//! Invariant: everything public here is safe to call with any argument; the kernel says no.

#![expect(
    unsafe_code,
    reason = "epoll, affinity and CPU clocks of other processes are only reachable through libc"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

/// What to be told about a socket. Level-triggered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Bytes to read, or the peer's end.
    Read,
    /// Room to write, besides bytes to read.
    ReadWrite,
}

impl Interest {
    const fn bits(self) -> u32 {
        match self {
            Self::Read => libc::EPOLLIN as u32,
            Self::ReadWrite => (libc::EPOLLIN | libc::EPOLLOUT) as u32,
        }
    }
}

/// One epoll instance. A closed socket leaves it by itself.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

impl Epoll {
    /// Opens an instance.
    ///
    /// # Errors
    /// When the process is out of file descriptors.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel has just made this descriptor and nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Starts telling about `socket` under the name `token`.
    ///
    /// # Errors
    /// When it is already told about, or is not a socket.
    pub fn add(&self, socket: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, socket, token, interest)
    }

    /// Changes what is told about `socket`.
    ///
    /// # Errors
    /// When it was never added.
    pub fn change(&self, socket: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, socket, token, interest)
    }

    fn control(
        &self,
        operation: i32,
        socket: BorrowedFd<'_>,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.bits(), u64: token };
        let (epoll, socket) = (self.0.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: `event` lives through the call, and the kernel copies it.
        checked(unsafe { libc::epoll_ctl(epoll, operation, socket, &raw mut event) })?;
        Ok(())
    }

    /// Waits until something happens or `limit` has passed, and fills `events`.
    ///
    /// # Errors
    /// As the kernel says; an interrupted wait is an empty answer.
    pub fn wait(&self, events: &mut Events, limit: Option<Duration>) -> io::Result<()> {
        let millis = limit.map_or(-1, |limit| i32::try_from(limit.as_millis()).unwrap_or(i32::MAX));
        let room = i32::try_from(events.room.len()).unwrap_or(i32::MAX);
        let (epoll, first) = (self.0.as_raw_fd(), events.room.as_mut_ptr());
        // SAFETY: `first` points at `room` initialised events, and the kernel writes at most that many.
        let count = match checked(unsafe { libc::epoll_wait(epoll, first, room, millis) }) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        events.filled = usize::try_from(count).unwrap_or(0);
        Ok(())
    }
}

/// What an [`Epoll`] told last.
#[derive(Debug)]
pub struct Events {
    room: Vec<libc::epoll_event>,
    filled: usize,
}

impl Events {
    /// Room for `capacity` sockets a wait.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { room: vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)], filled: 0 }
    }

    /// How many sockets were told of.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.filled
    }

    /// Whether the wait ended without any.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// The token at `position`, if there is one.
    #[must_use]
    pub fn token(&self, position: usize) -> Option<u64> {
        self.room.iter().take(self.filled).nth(position).map(|event| event.u64)
    }
}

/// The cores a thread may run on.
#[derive(Clone, Copy)]
pub struct Cores(libc::cpu_set_t);

impl std::fmt::Debug for Cores {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Cores")
    }
}

/// Keeps the calling thread, and every thread and process it starts from now on, on one core.
/// Gives the cores it had before.
///
/// # Errors
/// When the machine or the container has no such core.
pub fn pin_to_core(core: usize) -> io::Result<Cores> {
    // SAFETY: `cpu_set_t` is a plain array of integers, for which zero is a value.
    let mut before: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: `before` is a valid place for the answer and its true size is given.
    checked(unsafe { libc::sched_getaffinity(0, size, &raw mut before) })?;
    // SAFETY: as above.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is a valid set; libc checks the bound of `core`.
    unsafe { libc::CPU_SET(core, &mut set) };
    restore_cores(Cores(set))?;
    Ok(Cores(before))
}

/// Gives the calling thread these cores.
///
/// # Errors
/// When none of them is there.
pub fn restore_cores(cores: Cores) -> io::Result<()> {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: the set lives through the call and its true size is given.
    checked(unsafe { libc::sched_setaffinity(0, size, &raw const cores.0) })?;
    Ok(())
}

/// Makes the process that `command` will start end with the thread that starts it, so that a killed
/// bench leaves no servers behind.
pub fn end_with_us(command: &mut Command) {
    let ask = || {
        let signal = libc::c_ulong::from(libc::SIGTERM.unsigned_abs());
        // SAFETY: PR_SET_PDEATHSIG takes a number and no pointers.
        checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) }).map(drop)
    };
    // SAFETY: between fork and exec only one system call is made, and nothing is allocated.
    unsafe { command.pre_exec(ask) };
}

/// CPU time a process has used, user and system, in all threads it has and had. Exact to nanoseconds.
///
/// # Errors
/// When there is no such process.
pub fn process_cpu(pid: u32) -> io::Result<Duration> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` is a valid place for the answer.
    let status = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if status != 0 {
        return Err(io::Error::from_raw_os_error(status));
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    checked(unsafe { libc::clock_gettime(clock, &raw mut time) })?;
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Ok(Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)))
}

/// Lifts the soft limit of open files to the hard one: a thousand connections need two thousand here.
///
/// # Errors
/// As the kernel says.
pub fn lift_file_limit() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` lives through the call.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(())
}

/// Asks a process to end (SIGTERM).
///
/// # Errors
/// When there is no such process.
pub fn ask_to_end(pid: u32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: no pointers are passed.
    checked(unsafe { libc::kill(pid, libc::SIGTERM) })?;
    Ok(())
}

/// Whether this process runs as root: daemons then want to be told which user to become.
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: no pointers are passed, and the call can't fail.
    unsafe { libc::geteuid() == 0 }
}

fn checked(status: i32) -> io::Result<i32> {
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(status) }
}
