//! Which cookie holds a visitor's secret against forged requests, and how is it set? `[csrf]`, as Django does it.

use crate::cookies;
use crate::scheme::Scheme;
use http::header::{HeaderMap, HeaderValue};
use std::fmt::Write as _;
use std::time::Duration;

/// The cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrfCookie {
    /// Its name.
    pub name: String,
    /// How long browsers keep it; zero: until they are closed.
    pub lasts: Duration,
    /// Whether it goes by https only.
    pub secure: Secure,
    /// Whether it goes with requests that other sites begin.
    pub same_site: SameSite,
    /// For which hosts it is, if not for the one that sets it only.
    pub domain: Option<String>,
    /// Below which path.
    pub path: String,
    /// Whether scripts can't read it.
    pub http_only: bool,
}

/// When the cookie goes by https only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// Where it was set by https.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether the cookie goes with requests that other sites begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// With navigations only.
    Lax,
    /// Not at all.
    Strict,
    /// With all.
    None,
}

impl Default for CsrfCookie {
    /// Django's own.
    fn default() -> Self {
        Self {
            name: "csrftoken".to_owned(),
            lasts: Duration::from_secs(52 * 7 * 86_400),
            secure: Secure::Auto,
            same_site: SameSite::Lax,
            domain: None,
            path: "/".to_owned(),
            http_only: false,
        }
    }
}

impl CsrfCookie {
    /// What a visitor has in it. Of several the last counts, as in Django.
    #[must_use]
    pub fn value<'h>(&self, headers: &'h HeaderMap) -> Option<&'h [u8]> {
        let named = cookies::iter(headers).filter(|(name, _)| *name == self.name.as_bytes());
        named.last().map(|(_, value)| value)
    }

    /// The `Set-Cookie` that gives a visitor who came by `scheme` this value.
    #[must_use]
    pub fn line(&self, value: &str, scheme: Scheme) -> Option<HeaderValue> {
        let mut line = format!("{}={value}", self.name);
        // Writing to a string does not fail.
        if let Some(domain) = &self.domain {
            let _written = write!(line, "; Domain={domain}");
        }
        if self.http_only {
            line.push_str("; HttpOnly");
        }
        if !self.lasts.is_zero() {
            let _written = write!(line, "; Max-Age={}", self.lasts.as_secs());
        }
        let _written = write!(line, "; Path={}", self.path);
        line.push_str(match self.same_site {
            SameSite::Lax => "; SameSite=Lax",
            SameSite::Strict => "; SameSite=Strict",
            SameSite::None => "; SameSite=None",
        });
        let secure = match self.secure {
            Secure::Auto => scheme == Scheme::Https,
            Secure::Always => true,
            Secure::Never => false,
        };
        if secure {
            line.push_str("; Secure");
        }
        HeaderValue::try_from(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_set_as_django_sets_it() {
        let own = CsrfCookie {
            name: "token".to_owned(),
            lasts: Duration::ZERO,
            secure: Secure::Always,
            same_site: SameSite::Strict,
            domain: Some("example.com".to_owned()),
            path: "/shop".to_owned(),
            http_only: true,
        };
        let plain = CsrfCookie::default();
        for (cookie, scheme, expected) in [
            (&plain, Scheme::Http, "csrftoken=s; Max-Age=31449600; Path=/; SameSite=Lax"),
            (&plain, Scheme::Https, "csrftoken=s; Max-Age=31449600; Path=/; SameSite=Lax; Secure"),
            (
                &own,
                Scheme::Http,
                "token=s; Domain=example.com; HttpOnly; Path=/shop; SameSite=Strict; Secure",
            ),
        ] {
            assert_eq!(cookie.line("s", scheme).unwrap(), expected);
        }
    }

    #[test]
    fn the_last_of_several_counts() {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", HeaderValue::from_static("csrftoken=a; x=1; csrftoken=b"));
        assert_eq!(CsrfCookie::default().value(&headers), Some(&b"b"[..]));
        assert_eq!(CsrfCookie::default().value(&HeaderMap::new()), None);
    }
}
