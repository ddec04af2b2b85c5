//! Where a Memcached server is, and what its readers call it.

use std::fmt;
#[cfg(feature = "client")]
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;

/// The port of Memcached where none is said.
pub(crate) const PORT: u16 = 11211;

/// A server: `10.0.0.1:11211`, `[::1]:11211`, `mc.internal` (port 11211), `unix:/run/memcached.sock`.
///
/// Shown with its port, always: that is how it has to stand in nginx's configuration, where a missing port means 80. A name has to
/// stand for one address: of several (`localhost` may be two) nginx takes them in turn, and Larder the first that answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// By TCP.
    Tcp {
        /// A name, an IPv4 address, or an IPv6 address without brackets.
        host: String,
        /// Never 0.
        port: u16,
    },
    /// By a socket in the file system.
    Unix(PathBuf),
}

/// Why a text is not the address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAddress {
    text: String,
    why: &'static str,
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not the address of a Memcached server: {}; write \"10.0.0.1:11211\", \"[::1]:11211\", \
             \"mc.internal\" or \"unix:/run/memcached.sock\"",
            self.text, self.why
        )
    }
}

impl std::error::Error for BadAddress {}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |why| BadAddress { text: text.to_owned(), why };
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path).map_err(bad);
        }
        let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, rest))) => {
                (host, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("")))
            }
            Some(None) => return Err(bad("the bracket is not closed")),
            None => text.rsplit_once(':').map_or((text, Some("")), |(h, p)| (h, Some(p))),
        };
        let brackets = text.starts_with('[');
        let is_v6 = host.parse::<std::net::Ipv6Addr>().is_ok();
        match (brackets, is_v6) {
            (true, false) => return Err(bad("there is no IPv6 address in the brackets")),
            (false, _) if host.contains(':') => {
                return Err(bad("an IPv6 address stands in brackets"));
            }
            (true, true) | (false, _) => {}
        }
        if !brackets && !is_name(host) {
            return Err(bad("the host is not a name or an address"));
        }
        let port = match port {
            Some("") if !text.ends_with(':') => PORT,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| bad("a port is 1 to 65535"))?,
            Some(_) | None => return Err(bad("a port is 1 to 65535")),
        };
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

/// Letters, digits, `-`, `_` and dots: what can stand in a configuration of nginx without quotes.
fn is_name(host: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !host.is_empty() && host.len() <= 253 && host.bytes().all(allowed)
}

fn unix(path: &str) -> Result<Address, &'static str> {
    if !path.starts_with('/') {
        return Err("the path of a socket begins with /");
    }
    // sockaddr_un holds 108 bytes, with the zero at its end.
    if path.len() > 107 {
        return Err("the path of a socket has at most 107 bytes");
    }
    if path.bytes().any(|b| b.is_ascii_control() || b == b' ' || b == b':') {
        return Err("the path of a socket has no spaces, colons or control characters");
    }
    Ok(Address::Unix(PathBuf::from(path)))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(feature = "client")]
impl Address {
    /// What nginx's `hash … consistent` begins a server's points with: host, zero byte, port; of a socket its path.
    pub(crate) fn for_nginx(&self) -> Vec<u8> {
        match self {
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]\0{port}"),
            Self::Tcp { host, port } => format!("{host}\0{port}"),
            Self::Unix(path) => format!("{}\0", path.display()),
        }
        .into_bytes()
    }

    /// What pymemcache's `HashClient` calls it: no brackets, and a socket by its path alone.
    pub(crate) fn for_pymemcache(&self) -> String {
        match self {
            Self::Tcp { host, port } => format!("{host}:{port}"),
            Self::Unix(path) => shown(path),
        }
    }

    /// What libmemcached calls it: without the port where it is the usual one, and a socket has port 0.
    pub(crate) fn for_libmemcached(&self) -> String {
        match self {
            Self::Tcp { host, port: PORT } => host.clone(),
            Self::Tcp { host, port } => format!("{host}:{port}"),
            Self::Unix(path) => format!("{}:0", path.display()),
        }
    }
}

#[cfg(feature = "client")]
fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_one_form() {
        let cases = [
            ("10.0.0.1:11211", "10.0.0.1:11211"),
            ("10.0.0.1", "10.0.0.1:11211"),
            ("[::1]:1", "[::1]:1"),
            ("[::1]", "[::1]:11211"),
            ("mc.internal", "mc.internal:11211"),
            ("mc_1:65535", "mc_1:65535"),
            ("unix:/run/memcached.sock", "unix:/run/memcached.sock"),
        ];
        for (text, shown) in cases {
            let address: Address = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(address.to_string(), shown, "{text}");
            assert_eq!(shown.parse::<Address>().as_ref(), Ok(&address), "{shown} is read again");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_value_and_a_remedy() {
        let long = format!("unix:/{}", "x".repeat(107));
        let cases = [
            "",
            ":11211",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a b:1",
            "a;b:1",
            "::1",
            "::1:11211",
            "[::1",
            "[a]:1",
            "[::1]x",
            "[::1]:",
            "unix:",
            "unix:relative",
            "unix:/a b",
            "unix:/a\nb",
            "/run/m.sock",
            "tcp://a:1",
            long.as_str(),
        ];
        for text in cases {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
            assert!(error.contains("unix:/run/memcached.sock"), "{error}");
        }
        let longest = format!("unix:/{}", "x".repeat(106));
        longest.parse::<Address>().expect("107 bytes fit");
    }
}
