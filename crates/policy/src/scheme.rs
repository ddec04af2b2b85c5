//! Which of the two schemes a visitor used: RFC 9110 §4.2.1, §4.2.2.
//!
//! The edge decides, by how the connection came and by what a trusted peer says of it
//! ([`Trust::decide`](crate::trusted::Trust::decide)); anybody else's fields say nothing.

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme's name, in lower case as in a URI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The one that this is not.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Http => Self::Https,
            Self::Https => Self::Http,
        }
    }

    /// RFC 9110 §4.2.1, §4.2.2: the port that a URI of this scheme need not name.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// What a word in a proxy's field says: `https` and `http`, `on` and `off`, and what else is in use for them. In any case,
    /// because older balancers write `HTTPS`. A WebSocket's scheme is that of the request that opens it.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        if is(&["https", "on", "wss", "ssl", "yes", "true", "1"]) {
            Some(Self::Https)
        } else if is(&["http", "off", "ws", "no", "false", "0"]) {
            Some(Self::Http)
        } else {
            None
        }
    }
}
