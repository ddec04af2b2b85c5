//! Where is an application, and how is that written?
//!
//! `http://host:port` or `https://host:port`, nothing after it: a path there would mean rewriting, and two
//! readers of a file would expect two different rewritings. The name is resolved at the start, not here.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use larder_policy::Scheme;

/// Host and port of one application, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamUrl {
    /// Whether it is spoken to inside TLS.
    pub scheme: Scheme,
    /// A lower-case name or an IP address; IPv6 without its brackets.
    pub host: String,
    /// Never zero.
    pub port: u16,
}

impl UpstreamUrl {
    /// Reads one URL; the error is what is wrong with it and what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, (&'static str, String)> {
        let example = || "write http://host:port, as in \"http://127.0.0.1:8000\"".to_owned();
        let (scheme, rest) = match text.split_once("://") {
            Some(parts) => parts,
            None if text.is_empty() || text.contains('/') => {
                return Err(("is not a URL", example()));
            }
            None => return Err(("has no scheme", format!("write \"http://{text}\""))),
        };
        let known = [Scheme::Http, Scheme::Https];
        let Some(scheme) = known.into_iter().find(|it| scheme.eq_ignore_ascii_case(it.as_str()))
        else {
            return Err(("has an unknown scheme", example()));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err(("holds a user name", "leave out everything up to the @".into()));
        }
        if authority.contains(['/', '?', '#']) {
            return Err((
                "has a path",
                "end it after the port: requests are passed on with the path they came with".into(),
            ));
        }
        let (host, port) = split_port(authority).ok_or_else(|| ("is not a URL", example()))?;
        let port = match port {
            None => scheme.default_port(),
            Some(digits) => port_number(digits)
                .ok_or_else(|| ("has a bad port", "ports are numbers from 1 to 65535".into()))?,
        };
        if !is_host(host) {
            return Err(("has a bad host", example()));
        }
        Ok(Self { scheme, host: host.to_ascii_lowercase(), port })
    }

    /// The address, where the host is one and not a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// `host:port`, IPv6 in brackets: what `Host` and a resolver want.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// Host and, behind the colon, the port's digits. Brackets are taken off an IPv6 address.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if after.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

/// Digits only: `u16::from_str` would let `+80` through.
fn port_number(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|port| *port != 0)
}

/// An address, or a name of letters, digits, `-`, `_` and dots between its parts.
fn is_host(host: &str) -> bool {
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::{Scheme, UpstreamUrl};

    #[test]
    fn host_and_port_are_read_in_every_spelling() {
        let cases = [
            ("http://127.0.0.1:8000", "127.0.0.1", 8000),
            ("http://127.0.0.1:8000/", "127.0.0.1", 8000),
            ("HTTP://App.Example:8000", "app.example", 8000),
            ("http://web_1", "web_1", 80),
            ("http://[::1]:8000", "::1", 8000),
            ("http://[::1]", "::1", 80),
            ("https://app.example", "app.example", 443),
            ("HTTPS://[::1]:8443/", "::1", 8443),
            ("https://app.example:80", "app.example", 80),
        ];
        for (text, host, port) in cases {
            let url = UpstreamUrl::parse(text).expect(text);
            let is_secure = text.to_ascii_lowercase().starts_with("https:");
            assert_eq!(url.scheme == Scheme::Https, is_secure, "{text}");
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
            assert_eq!(UpstreamUrl::parse(&url.to_string()), Ok(url), "{text} shown");
        }
    }

    #[test]
    fn whatever_else_a_url_holds_is_refused_with_its_reason() {
        let cases = [
            ("", "is not a URL"),
            ("/", "is not a URL"),
            ("127.0.0.1:8000", "has no scheme"),
            ("https//127.0.0.1", "is not a URL"),
            ("https+unix://127.0.0.1", "has an unknown scheme"),
            ("ftp://127.0.0.1", "has an unknown scheme"),
            ("http://127.0.0.1:8000/app", "has a path"),
            ("http://127.0.0.1:8000?x", "has a path"),
            ("http://me@127.0.0.1:8000", "holds a user name"),
            ("http://127.0.0.1:0", "has a bad port"),
            ("http://127.0.0.1:65536", "has a bad port"),
            ("http://127.0.0.1:+80", "has a bad port"),
            ("http://127.0.0.1:", "has a bad port"),
            ("http://::1:8000", "has a bad port"),
            ("http://[::1:8000", "is not a URL"),
            ("http://[::1]8000", "is not a URL"),
            ("http://a b:80", "has a bad host"),
            ("http://:80", "has a bad host"),
            ("http://a..b:80", "has a bad host"),
        ];
        for (text, expected) in cases {
            let (reason, _) = UpstreamUrl::parse(text).expect_err(text);
            assert_eq!(reason, expected, "{text}");
        }
    }
}
