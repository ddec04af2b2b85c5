//! Where an application is: the name and port it was configured with.

use std::fmt;

/// One application server. The name is resolved at the start and again at an interval.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// A name or an IP address (IPv6 without brackets).
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Target {
    /// The target `host:port`.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn an_ipv6_address_is_shown_in_brackets() {
        assert_eq!(Target::new("app.internal", 80).to_string(), "app.internal:80");
        assert_eq!(Target::new("::1", 8000).to_string(), "[::1]:8000");
    }
}
