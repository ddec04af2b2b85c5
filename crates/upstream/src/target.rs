//! Where an application is: the name and port it was configured with, and whether it is reached by TLS.

use std::fmt;

use larder_tls::client::{ClientTls, Name};

/// One application server. The name is resolved at the start and again at an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an IP address (IPv6 without brackets).
    pub host: String,
    /// The TCP port.
    pub port: u16,
    tls: Option<(ClientTls, Name)>,
}

impl Target {
    /// The target `host:port`, by plain HTTP.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, tls: None }
    }

    /// The same by TLS, with a certificate for `name`.
    #[must_use]
    pub fn over_tls(self, tls: ClientTls, name: Name) -> Self {
        Self { tls: Some((tls, name)), ..self }
    }

    pub(crate) fn tls(&self) -> Option<(&ClientTls, &Name)> {
        self.tls.as_ref().map(|(tls, name)| (tls, name))
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
