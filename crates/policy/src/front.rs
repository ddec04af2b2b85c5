//! What the site decided about requests before any page is looked for: whom to believe, which hosts there are, what is
//! answered at the door.
//!
//! In this order: a health check is answered whatever host it names; a host that is not the site's is refused; what came by
//! http goes to https.

use crate::forwarded_style::{Say, Style};
use crate::redirect::{Https, Redirect};
use crate::rule::HostPattern;
use crate::trusted::{Arrival, Trust};
use http::{HeaderName, Method};
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
    /// What is answered at the door; `None` lets the request in. `host` is canonical, `target` as it was sent.
    #[must_use]
    pub fn door(
        &self,
        arrival: Arrival,
        method: &Method,
        host: &str,
        target: &str,
    ) -> Option<Door> {
        if self.is_health(method, target) {
            return Some(Door::Health);
        }
        if !self.hosts.is_empty() && !self.hosts.iter().any(|pattern| pattern.matches(host)) {
            return Some(Door::UnknownHost);
        }
        self.https.redirect(arrival.scheme, method, host, target).map(Door::Redirect)
    }

    fn is_health(&self, method: &Method, target: &str) -> bool {
        self.health.iter().any(|path| {
            target
                .strip_prefix(path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('?'))
        }) && matches!(*method, Method::GET | Method::HEAD)
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
    use crate::scheme::Scheme;

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
        let door = |scheme, method: Method, host: &str, target: &str| {
            let arrival = Arrival { scheme, client: "192.0.2.1".parse().unwrap() };
            match front.door(arrival, &method, host, target) {
                Some(Door::Health) => "health",
                Some(Door::UnknownHost) => "unknown",
                Some(Door::Redirect(_)) => "redirect",
                None => "in",
            }
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
        let arrival = Arrival { scheme: Scheme::Http, client: "192.0.2.1".parse().unwrap() };
        assert_eq!(anything.door(arrival, &Method::GET, "evil.test", "/"), None);
    }
}
