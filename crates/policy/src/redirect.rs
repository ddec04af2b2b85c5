//! Where a visitor is sent who came by the other scheme than they should have, and when an application sends one in a circle:
//! RFC 9110 §15.4, RFC 6797 §7.
//!
//! The decision uses the scheme that was decided for the request ([`Arrival`](crate::Arrival)), so a request that arrived by
//! https is never sent to https.

use crate::rule::Pattern;
use crate::scheme::Scheme;
use http::{HeaderValue, Method, StatusCode, Uri};
use std::borrow::Cow;

/// `[https]` of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Https {
    /// Whether requests by http are sent to https.
    pub redirect: bool,
    /// The host that they are sent to, canonical for https; their own where there is none.
    pub host: Option<Box<str>>,
    /// Paths that are answered by http too.
    pub exempt: Box<[Pattern]>,
    /// `Strict-Transport-Security` of answers by https that have none.
    pub hsts: Option<HeaderValue>,
    /// Where https is, if not at its own port.
    pub ports: Ports,
    /// Where http is, if not at its own port.
    pub plain_ports: Ports,
}

/// Ports of a scheme that are not its own, each for those who came to one of the other's.
///
/// Who was asked for a host without a port came to the scheme's own. If nothing listens there, somebody in front maps
/// ports, those of the other scheme too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// For those who came to the other scheme's own port.
    pub by_default: Option<u16>,
    /// For those who came to another port.
    pub by_other: Option<u16>,
}

/// An answer of Larder's own that names another URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// 301 or 308.
    pub status: StatusCode,
    /// The other URL.
    pub location: HeaderValue,
}

impl Https {
    /// Where a request by http goes instead, if all that comes by http does. `host` is canonical for http, `target` as it was
    /// sent.
    #[must_use]
    pub fn redirect(
        &self,
        scheme: Scheme,
        method: &Method,
        host: &str,
        target: &str,
    ) -> Option<Redirect> {
        if !self.redirect || scheme == Scheme::Https || self.exempts(target) {
            return None;
        }
        Redirect::to(scheme.other(), method, &self.host_for(scheme.other(), host), target)
    }

    /// Whether a path is answered by http although others are not.
    #[must_use]
    pub fn exempts(&self, target: &str) -> bool {
        let path = target.split('?').next().unwrap_or_default();
        self.exempt.iter().any(|exempt| is_at(exempt, path))
    }

    /// The host of a page by `scheme` that was asked for at `host` by the other one, whose port is none of this scheme's.
    #[must_use]
    pub fn host_for<'a>(&'a self, scheme: Scheme, host: &'a str) -> Cow<'a, str> {
        let (own, ports) = match scheme {
            Scheme::Https => (self.host.as_deref(), self.ports),
            Scheme::Http => (None, self.plain_ports),
        };
        if let Some(own) = own {
            return Cow::Borrowed(own);
        }
        let bare = without_port(host);
        match if bare == host { ports.by_default } else { ports.by_other } {
            Some(port) if !bare.is_empty() => Cow::Owned(format!("{bare}:{port}")),
            Some(_) | None => Cow::Borrowed(bare),
        }
    }
}

impl Redirect {
    /// To the same page at `host` by `scheme`. None where there is no such URL.
    #[must_use]
    pub fn to(scheme: Scheme, method: &Method, host: &str, target: &str) -> Option<Self> {
        if host.is_empty() || !target.starts_with('/') {
            return None;
        }
        // RFC 9110 §15.4.2: after a 301 clients may change POST to GET; after a 308 none does.
        let status = match *method {
            Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
            _ => StatusCode::PERMANENT_REDIRECT,
        };
        let location = format!("{}://{host}{target}", scheme.as_str());
        Some(Self { status, location: HeaderValue::from_str(&location).ok()? })
    }
}

fn is_at(pattern: &Pattern, path: &str) -> bool {
    match pattern {
        Pattern::Exact(exact) => path == exact,
        Pattern::Prefix(beginning) => path.starts_with(beginning.as_str()),
        // The file takes paths only.
        Pattern::Regex(_) => false,
    }
}

/// The host of a canonical host.
fn without_port(host: &str) -> &str {
    let name = host.find(']').unwrap_or_default();
    let colon = host.get(name..).and_then(|rest| rest.find(':'));
    colon.and_then(|colon| host.get(..name + colon)).unwrap_or(host)
}

/// Whether `location` is the very URL that was asked for. The scheme belongs to it: from http to https is no circle.
///
/// References that are relative to the path's last segment are not resolved: nobody redirects to the same page by one.
#[must_use]
pub fn is_circle(location: &HeaderValue, scheme: Scheme, host: &str, target: &str) -> bool {
    let Ok(location) = location.to_str() else { return false };
    // RFC 9110 §10.2.2: a fragment is for the browser, who asks for the same again.
    let location = location.split('#').next().unwrap_or_default();
    if location.is_empty() {
        return true;
    }
    if location.starts_with('?') {
        let path = target.split('?').next().unwrap_or_default();
        return target.strip_prefix(path) == Some(location);
    }
    if location.starts_with('/') && !location.starts_with("//") {
        return location == target;
    }
    let absolute = match location.strip_prefix("//") {
        Some(_) => format!("{}:{location}", scheme.as_str()),
        None => location.to_owned(),
    };
    let Ok(uri) = absolute.parse::<Uri>() else { return false };
    let (Some(its_scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return false;
    };
    its_scheme == scheme.as_str()
        && crate::host::canonical(authority.as_str().as_bytes(), scheme)
            .is_ok_and(|canonical| canonical.as_str() == host)
        && *crate::hygiene::target(&uri) == *target
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row<'a> = (Method, Scheme, &'a str, &'a str, Option<(u16, &'a str)>);

    fn https(host: Option<&str>) -> Https {
        let exempt = ["/.well-known/acme-challenge/*", "/ping"];
        Https {
            redirect: true,
            host: host.map(Into::into),
            exempt: exempt.map(|path| Pattern::path(path).unwrap()).into(),
            hsts: None,
            ports: Ports::default(),
            plain_ports: Ports::default(),
        }
    }

    #[test]
    fn plain_requests_are_sent_to_the_same_page_by_https() {
        use Method as M;
        let cases: &[Row<'_>] = &[
            (M::GET, Scheme::Http, "a.test", "/x?y=1", Some((301, "https://a.test/x?y=1"))),
            (M::HEAD, Scheme::Http, "a.test", "/", Some((301, "https://a.test/"))),
            (M::POST, Scheme::Http, "a.test", "/x", Some((308, "https://a.test/x"))),
            (M::OPTIONS, Scheme::Http, "a.test", "/x", Some((308, "https://a.test/x"))),
            (M::OPTIONS, Scheme::Http, "a.test", "*", None),
            (M::GET, Scheme::Http, "a.test:8080", "/x", Some((301, "https://a.test/x"))),
            (M::GET, Scheme::Http, "[::1]:8080", "/x", Some((301, "https://[::1]/x"))),
            (M::GET, Scheme::Http, "[::1]", "/x", Some((301, "https://[::1]/x"))),
            (
                M::GET,
                Scheme::Http,
                "a.test",
                "//evil.test",
                Some((301, "https://a.test//evil.test")),
            ),
            (M::GET, Scheme::Http, "", "/x", None),
            (M::GET, Scheme::Http, "a.test", "/ping", None),
            (M::GET, Scheme::Http, "a.test", "/ping?now", None),
            (M::GET, Scheme::Http, "a.test", "/ping/", Some((301, "https://a.test/ping/"))),
            (M::GET, Scheme::Http, "a.test", "/.well-known/acme-challenge/z", None),
            (M::GET, Scheme::Https, "a.test", "/x", None),
        ];
        for (method, scheme, host, target, expected) in cases {
            let actual = https(None).redirect(*scheme, method, host, target);
            let actual =
                actual.as_ref().map(|it| (it.status.as_u16(), it.location.to_str().unwrap()));
            assert_eq!(actual, *expected, "{method} {scheme:?} {host} {target}");
        }
    }

    #[test]
    fn the_sites_host_comes_before_the_requests() {
        let redirect =
            |host| https(Some("www.a.test:8443")).redirect(Scheme::Http, &Method::GET, host, "/x");
        for host in ["a.test", "", "a.test:80"] {
            assert_eq!(redirect(host).unwrap().location, "https://www.a.test:8443/x");
        }
        assert_eq!(Https::default().redirect(Scheme::Http, &Method::GET, "a.test", "/"), None);
    }

    #[test]
    fn where_https_has_another_port_those_who_came_to_http_directly_are_sent_to_it() {
        let ports = Ports { by_default: None, by_other: Some(8443) };
        let mapped = Https { ports, ..https(None) };
        let both = Https { ports: Ports { by_default: Some(8443), ..ports }, ..https(None) };
        let cases = [
            (&mapped, "a.test", "https://a.test/x"),
            (&mapped, "a.test:8080", "https://a.test:8443/x"),
            (&mapped, "[::1]:8080", "https://[::1]:8443/x"),
            (&both, "a.test", "https://a.test:8443/x"),
            (&both, "[::1]", "https://[::1]:8443/x"),
        ];
        for (https, host, expected) in cases {
            let redirect = https.redirect(Scheme::Http, &Method::GET, host, "/x").unwrap();
            assert_eq!(redirect.location, expected, "{ports:?} {host}");
        }
        let named = Https { ports, ..https(Some("www.a.test")) };
        let redirect = named.redirect(Scheme::Http, &Method::GET, "a.test:8080", "/x").unwrap();
        assert_eq!(redirect.location, "https://www.a.test/x", "the site's host says its port");
    }

    #[test]
    fn a_circle_is_the_same_scheme_host_and_target() {
        let cases = [
            ("https://a.test/x?y", true),
            ("https://A.TEST:443/x?y", true),
            ("https://a.test/x?y#part", true),
            ("//a.test/x?y", true),
            ("/x?y", true),
            ("?y", true),
            ("#top", true),
            ("", true),
            ("http://a.test/x?y", false),
            ("https://a.test:8443/x?y", false),
            ("https://b.test/x?y", false),
            ("https://a.test/x", false),
            ("https://a.test", false),
            ("/x", false),
            ("/x?y=", false),
            ("/X?y", false),
            ("?z", false),
            ("x?y", false),
            ("//b.test/x?y", false),
            ("mailto:a@a.test", false),
            ("https://", false),
        ];
        for (location, expected) in cases {
            let location = HeaderValue::from_str(location).unwrap();
            let actual = is_circle(&location, Scheme::Https, "a.test", "/x?y");
            assert_eq!(actual, expected, "{location:?}");
        }
        let root = HeaderValue::from_static("https://a.test");
        assert!(is_circle(&root, Scheme::Https, "a.test", "/"));
        let bytes = HeaderValue::from_bytes(b"/\xff").unwrap();
        assert!(!is_circle(&bytes, Scheme::Https, "a.test", "/"));
    }
}
