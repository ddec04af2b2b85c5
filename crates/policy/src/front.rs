//! What the site decided about requests before any page is looked for: whom to believe, which hosts there are, what is
//! answered at the door.
//!
//! In this order: a health check is answered whatever host it names; a host that is not the site's is refused; what came by
//! http goes to https.

use crate::forwarded_style::{Say, Style};
use crate::hygiene::target;
use crate::redirect::{Https, Redirect};
use crate::rule::HostPattern;
use crate::scheme::Scheme;
use crate::trusted::Trust;
use http::{HeaderName, Method, Uri};
use std::sync::Arc;

/// Everything that is decided at the door.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// Whose word about the visitor is taken.
    pub trust: Trust,
    /// How the application is told of the visitor.
    pub style: Arc<Style>,
    /// The site's hosts; empty where every host is.
    pub hosts: Box<[HostPattern]>,
    /// Paths that say that Larder is there.
    pub health: Box<[String]>,
    /// What https means for the site.
    pub https: Https,
}

/// An answer that needs neither cache nor application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// Larder is there.
    Health,
    /// The site has no such host.
    UnknownHost,
    /// To https.
    Redirect(Redirect),
}

impl Front {
    /// What is answered at the door; `None` lets the request in. `host` is canonical.
    ///
    /// On the path of every hit: little is done where the site decided nothing.
    #[inline]
    #[must_use]
    pub fn door(&self, scheme: Scheme, method: &Method, host: &str, uri: &Uri) -> Option<Door> {
        let is_health = self.health.iter().any(|path| path.as_str() == uri.path());
        if is_health && matches!(*method, Method::GET | Method::HEAD) {
            return Some(Door::Health);
        }
        if self.hosts.is_empty() && !self.https.redirect {
            return None;
        }
        self.closed(scheme, method, host, uri)
    }

    fn closed(&self, scheme: Scheme, method: &Method, host: &str, uri: &Uri) -> Option<Door> {
        if !self.hosts.is_empty() && !self.hosts.iter().any(|pattern| pattern.matches(host)) {
            return Some(Door::UnknownHost);
        }
        self.https.redirect(scheme, method, host, &target(uri)).map(Door::Redirect)
    }

    /// Fields that the application is told and that say nothing but what a page's key says.
    pub fn told_by_key(&self) -> impl Iterator<Item = &HeaderName> {
        let extras = self.style.extras.iter();
        let told = extras.filter(|extra| *extra.say() != Say::Client).map(|extra| extra.name());
        told.chain(self.trust.scheme_field())
    }

    /// Fields that the application is told and that differ from visitor to visitor.
    pub fn told_by_visitor(&self) -> impl Iterator<Item = &HeaderName> {
        let extras = self.style.extras.iter();
        extras.filter(|extra| *extra.say() == Say::Client).map(|extra| extra.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Pattern;

    #[test]
    fn health_comes_before_hosts_and_hosts_before_https() {
        let front = Front {
            hosts: ["a.test", "*.b.test"].map(|host| HostPattern::parse(host).unwrap()).into(),
            health: ["/_larder/health".to_owned(), "/up".to_owned()].into(),
            https: Https {
                redirect: true,
                exempt: [Pattern::path("/open").unwrap()].into(),
                ..Https::default()
            },
            ..Front::default()
        };
        let door = |scheme, method: Method, host: &str, target: &str| match front.door(
            scheme,
            &method,
            host,
            &target.parse().unwrap(),
        ) {
            Some(Door::Health) => "health",
            Some(Door::UnknownHost) => "unknown",
            Some(Door::Redirect(_)) => "redirect",
            None => "in",
        };
        let cases = [
            (Scheme::Http, Method::GET, "10.0.0.1", "/_larder/health", "health"),
            (Scheme::Http, Method::HEAD, "", "/up", "health"),
            (Scheme::Https, Method::GET, "a.test", "/up?x", "health"),
            (Scheme::Https, Method::GET, "a.test", "/upper", "in"),
            (Scheme::Https, Method::POST, "a.test", "/up", "in"),
            (Scheme::Http, Method::GET, "evil.test", "/", "unknown"),
            (Scheme::Https, Method::GET, "evil.test", "/", "unknown"),
            (Scheme::Https, Method::GET, "", "/", "unknown"),
            (Scheme::Https, Method::GET, "a.test:8080", "/", "unknown"),
            (Scheme::Https, Method::GET, "b.test", "/", "unknown"),
            (Scheme::Https, Method::GET, "x.y.b.test", "/", "in"),
            (Scheme::Https, Method::GET, "a.test", "/", "in"),
            (Scheme::Http, Method::GET, "a.test", "/", "redirect"),
            (Scheme::Http, Method::GET, "a.test", "/open", "in"),
        ];
        for (scheme, method, host, target, expected) in cases {
            let actual = door(scheme, method.clone(), host, target);
            assert_eq!(actual, expected, "{scheme:?} {method} {host} {target}");
        }
        let anything = Front::default();
        assert_eq!(
            anything.door(Scheme::Http, &Method::GET, "evil.test", &Uri::from_static("/")),
            None
        );
    }
}
