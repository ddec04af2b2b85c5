//! What keeps Larder from starting? Each in one line.

use std::io;
use std::net::SocketAddr;

/// Why nothing was started.
#[derive(Debug)]
pub enum StartError {
    /// An address can't be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A log file can't be opened.
    Log {
        /// The file.
        path: std::path::PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The application's side can't be set up.
    Upstream(String),
    /// TLS towards clients can't be set up.
    Tls(String),
    /// Pages can't be published, or what was published can't be found.
    Publish(String),
    /// Threads, timers, signals: the system gives no more of them.
    System(io::Error),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen { address, source } => {
                write!(f, "cannot listen on {address}: ")?;
                let kind = source.kind();
                if kind == io::ErrorKind::AddrInUse {
                    f.write_str("another process is listening there already")
                } else if kind == io::ErrorKind::PermissionDenied {
                    f.write_str("not permitted (ports below 1024 belong to root)")
                } else if kind == io::ErrorKind::AddrNotAvailable {
                    f.write_str("this machine has no such address")
                } else {
                    source.fmt(f)
                }
            }
            Self::Log { path, source } => {
                write!(f, "cannot write the access log to {}: {source}", path.display())
            }
            Self::Upstream(problem) => f.write_str(problem),
            Self::Tls(problem) => write!(f, "TLS cannot be set up: {problem}"),
            Self::Publish(problem) => write!(f, "pages cannot be published: {problem}"),
            Self::System(source) => write!(f, "the system refuses to start a worker: {source}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::Log { source, .. } | Self::System(source) => {
                Some(source)
            }
            Self::Upstream(_) | Self::Tls(_) | Self::Publish(_) => None,
        }
    }
}
