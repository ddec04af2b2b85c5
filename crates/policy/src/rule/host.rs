//! Which hosts a rule is for, as written in the file.

use super::PatternError;
use crate::{Scheme, host::canonical};
use std::fmt;

/// A host of the list `host`: `example.com`, `*.example.com` (any name below it), canonical.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host, with its port unless that is the scheme's own.
    Exact(String),
    /// Every name below this one, whatever the depth.
    Below(String),
}

impl HostPattern {
    /// Reads `example.com`, `example.com:8080`, `[::1]`, `*.example.com`, and makes them canonical.
    ///
    /// # Errors
    /// No host; a `*` elsewhere; a scheme or path; the port 80 or 443, which is a scheme's own and so no part of a canonical host.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let fault =
            |message: &str, hint: String| Err(PatternError::new(message, hint).at(0..text.len()));
        if text == "*" {
            return fault("`*` is no host", "leave `host` out for every host".to_owned());
        }
        if let Some((_, rest)) = text.split_once("://") {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            return fault("a host has no scheme", format!("write \"{host}\""));
        }
        if let Some((host, _)) = text.split_once('/') {
            return fault(
                "a host has no path",
                format!("write \"{host}\", and the path as `path` or `match`"),
            );
        }
        let (name, is_below) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        if name.contains('*') {
            return fault(
                "`*` stands only for whole names at the beginning of a host",
                "write \"*.example.com\", or a list of hosts".to_owned(),
            );
        }
        if !name.is_ascii() {
            return fault(
                "a host is sent in ASCII",
                "write its ASCII form, which begins with `xn--`".to_owned(),
            );
        }
        let forms = [Scheme::Http, Scheme::Https].map(|scheme| canonical(name.as_bytes(), scheme));
        let [Ok(http), Ok(https)] = &forms else {
            return fault("not a host", "write a name, as \"example.com\"".to_owned());
        };
        // The port that is not part of the host depends on the scheme, and a rule is for both.
        if http != https {
            let shorter = if http.as_str().len() < https.as_str().len() { http } else { https };
            let star = if is_below { "*." } else { "" };
            return fault(
                "the ports 80 and 443 are the schemes' own and no part of a host",
                format!("write \"{star}{}\"", shorter.as_str()),
            );
        }
        let host = http.as_str();
        if is_below && host.starts_with('[') {
            return fault("an address has no names below it", format!("write \"{host}\""));
        }
        let host = host.to_owned();
        Ok(if is_below { Self::Below(host) } else { Self::Exact(host) })
    }

    /// Whether a canonical host is one of these.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => host == exact,
            Self::Below(name) => {
                host.strip_suffix(name.as_str()).is_some_and(|below| below.ends_with('.'))
            }
        }
    }

    /// Whether every host of `other` is one of these.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Exact(host) => self.matches(host),
            // What is below a name that is below this one is below this one.
            Self::Below(name) => {
                matches!(self, Self::Below(_)) && (self == other || self.matches(name))
            }
        }
    }
}

impl fmt::Display for HostPattern {
    /// As written in the file.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => out.write_str(host),
            Self::Below(name) => write!(out, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_host_is_made_canonical() {
        let exact = |text: &str| HostPattern::Exact(text.to_owned());
        let below = |text: &str| HostPattern::Below(text.to_owned());
        let cases = [
            ("example.com", exact("example.com")),
            ("Example.COM.", exact("example.com")),
            ("example.com:8080", exact("example.com:8080")),
            ("example.com:8443", exact("example.com:8443")),
            ("localhost", exact("localhost")),
            ("127.0.0.1:8000", exact("127.0.0.1:8000")),
            ("[0:0::1]", exact("[::1]")),
            ("*.Example.com", below("example.com")),
            ("*.example.com:8080", below("example.com:8080")),
        ];
        for (text, expected) in cases {
            assert_eq!(HostPattern::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_wrong_host_comes_with_the_remedy() {
        let cases = [
            ("", "not a host", "example.com"),
            ("*", "no host", "leave `host` out"),
            ("*.", "not a host", "example.com"),
            ("*example.com", "whole names", "*.example.com"),
            ("www.*.com", "whole names", "*.example.com"),
            ("*.*.example.com", "whole names", "*.example.com"),
            ("https://example.com/a", "no scheme", "\"example.com\""),
            ("example.com/a", "no path", "\"example.com\""),
            ("bücher.example", "ASCII", "xn--"),
            ("example.com:80", "80 and 443", "\"example.com\""),
            ("example.com:443", "80 and 443", "\"example.com\""),
            ("*.example.com:443", "80 and 443", "\"*.example.com\""),
            ("example.com:99999", "not a host", "example.com"),
            ("exa mple.com", "not a host", "example.com"),
            ("*.[::1]", "no names below", "\"[::1]\""),
        ];
        for (text, message, hint) in cases {
            let error = HostPattern::parse(text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {error:?}");
            assert!(error.hint.contains(hint), "{text}: {error:?}");
        }
    }

    #[test]
    fn below_means_whole_labels_and_the_same_port() {
        let cases = [
            ("example.com", "example.com", true),
            ("example.com", "www.example.com", false),
            ("example.com", "example.com:8080", false),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", "www.example.com:8080", false),
            ("*.example.com:8080", "www.example.com:8080", true),
            ("*.example.com", "", false),
        ];
        for (pattern, host, expected) in cases {
            let parsed = HostPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(host), expected, "{pattern} and {host}");
        }
    }

    #[test]
    fn a_host_pattern_covers_what_it_takes_all_of() {
        let cases = [
            ("a.example", "a.example", true),
            ("a.example", "*.example", false),
            ("*.example", "a.example", true),
            ("*.example", "*.a.example", true),
            ("*.example", "*.example", true),
            ("*.a.example", "*.example", false),
            ("*.example", "b.test", false),
        ];
        for (wide, narrow, expected) in cases {
            let parse = |text| HostPattern::parse(text).unwrap();
            assert_eq!(parse(wide).covers(&parse(narrow)), expected, "{wide} over {narrow}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), likely in r"[a*.:\[\]/0-9]{0,12}") {
            drop(HostPattern::parse(&text));
            drop(HostPattern::parse(&likely));
        }

        #[test]
        fn what_is_shown_reads_the_same(text in r"(\*\.)?[A-Za-z.]{1,10}(:[0-9]{1,5})?") {
            if let Ok(pattern) = HostPattern::parse(&text) {
                prop_assert_eq!(HostPattern::parse(&pattern.to_string()), Ok(pattern));
            }
        }
    }
}
