//! What can go wrong with a server, for people: which one, what, and what to do about it.

use std::fmt;
use std::time::Duration;

/// Why a server did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub(crate) server: String,
    pub(crate) kind: ErrorKind,
    /// The value that was to be replaced may still be there.
    pub(crate) old_remains: bool,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection could be made.
    Connect(String),
    /// No connection was made within this time.
    ConnectSlow(Duration),
    /// It did not answer within this time.
    Slow(Duration),
    /// All connections were in use for all of this time.
    Busy(Duration),
    /// The connection ended, or failed, before all was answered.
    Broken(String),
    /// It answered something that Memcached would not. The connection was ended.
    Garbage(String),
    /// It does not know the commands, or takes them for wrong.
    Unknown(String),
    /// It said that it can't: it has no memory left, or the value is too large for it.
    Refused(String),
    /// The value is larger than [`Settings::item_bytes_max`](crate::Settings::item_bytes_max).
    TooLarge {
        /// The value's length in bytes.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// It failed a moment ago and is left alone for this long.
    Paused(Duration),
}

impl Error {
    pub(crate) fn new(server: &str, kind: ErrorKind) -> Self {
        Self { server: server.to_owned(), kind, old_remains: false }
    }

    /// The server, as its address is shown.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Whether a value that was to be replaced may still lie there, because the server could not be asked, or nobody knows what
    /// it did. False for values that were refused: what they were to replace was deleted.
    #[must_use]
    pub const fn old_value_may_remain(&self) -> bool {
        self.old_remains
    }
}

impl ErrorKind {
    /// A word for counters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) | Self::ConnectSlow(_) => "connect",
            Self::Slow(_) => "slow",
            Self::Busy(_) => "busy",
            Self::Broken(_) => "broken",
            Self::Garbage(_) => "garbage",
            Self::Unknown(_) => "unknown",
            Self::Refused(_) => "refused",
            Self::TooLarge { .. } => "too-large",
            Self::Paused(_) => "paused",
        }
    }

    /// Whether the server is to be left alone for a while. One that answers and refuses is not.
    pub(crate) const fn pauses(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::ConnectSlow(_)
            | Self::Slow(_)
            | Self::Broken(_)
            | Self::Garbage(_)
            | Self::Unknown(_) => true,
            Self::Busy(_) | Self::Refused(_) | Self::TooLarge { .. } | Self::Paused(_) => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memcached at {}: {}", self.server, self.kind)?;
        if self.old_remains
            && matches!(self.kind, ErrorKind::Refused(_) | ErrorKind::TooLarge { .. })
        {
            f.write_str("; what lay there before could not be deleted and may still be read")?;
        }
        Ok(())
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) => {
                write!(f, "can't connect: {why}; is it running, and listening there?")
            }
            Self::ConnectSlow(limit) => {
                write!(
                    f,
                    "no connection within {limit:?}; is the address right, and is a firewall in between?"
                )
            }
            Self::Slow(limit) => {
                write!(
                    f,
                    "no answer within {limit:?}; it is overloaded or stuck, or the time limit is too short"
                )
            }
            Self::Busy(limit) => {
                write!(f, "all connections were in use for {limit:?}; allow more of them")
            }
            Self::Broken(why) => write!(f, "the connection broke: {why}; was it restarted?"),
            Self::Garbage(what) => {
                write!(
                    f,
                    "it does not answer as Memcached does: {what}; is another program listening there?"
                )
            }
            Self::Unknown(said) => write!(
                f,
                "it does not understand the meta commands ({said}); Memcached 1.6 or later is needed, with no proxy \
                 in between that knows less"
            ),
            Self::Refused(said) => write!(
                f,
                "it refuses: {said}; give it more memory (-m) or larger items (-I), or publish less"
            ),
            Self::TooLarge { bytes, bytes_max } => {
                write!(f, "{bytes} bytes are more than the limit of {bytes_max}")
            }
            Self::Paused(left) => {
                write!(f, "it failed a moment ago and is left alone for {left:?}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// What ended an exchange on a connection. The connection is not used again after one.
#[derive(Debug)]
pub(crate) enum Fault {
    Io(std::io::Error),
    Closed,
    Garbage(String),
    Unknown(String),
}

impl Fault {
    /// Whether a connection that lay idle may have ended without our notice: then another one is tried.
    pub(crate) const fn is_end(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Closed)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Fault> for ErrorKind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(error) => Self::Broken(error.to_string()),
            Fault::Closed => Self::Broken("it closed it".to_owned()),
            Fault::Garbage(what) => Self::Garbage(what),
            Fault::Unknown(said) => Self::Unknown(said),
        }
    }
}
