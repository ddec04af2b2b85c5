//! What the site decided about requests before any page is looked for: whom to believe, which hosts there are, what is
//! answered at the door; and what it decided about what goes on from there to the application.
//!
//! In this order: a health check is answered whatever host it names; a host that is not the site's is refused, or counts as the
//! site's own; what came by the wrong scheme goes to the other one.

use crate::forwarded::{self, Client};
use crate::forwarded_style::{Say, Style};
use crate::hygiene::{self, Cleaned, FieldRules, Route, target};
use crate::policy::Policy;
use crate::redirect::{Https, Redirect};
use crate::rule::{Asked, HostPattern, Rule};
use crate::scheme::Scheme;
use crate::trusted::Trust;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use larder_semantics::Reason;
use std::sync::Arc;

/// Everything that is decided at the door, and about what goes on.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// Whose word about the visitor is taken.
    pub trust: Trust,
    /// How the application is told of the visitor.
    pub style: Arc<Style>,
    /// Which fields of visitors the application gets.
    pub fields: FieldRules,
    /// The site's hosts; empty where every host is.
    pub hosts: Box<[HostPattern]>,
    /// The host, canonical, that a request for one that is not the site's counts as being for.
    pub default_host: Option<HeaderValue>,
    /// Paths that say that Larder is there.
    pub health: Box<[String]>,
    /// What https means for the site.
    pub https: Https,
    /// The site's rules, where one of them says by which scheme its pages are.
    pub schemes: Option<Arc<Policy>>,
}

/// What becomes of a request at the door, where it is not just let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// Larder is there.
    Health,
    /// The site has no such host.
    UnknownHost,
    /// To the other scheme.
    Redirect(Redirect, Reason),
    /// Let in, as if it were for this host.
    As(HeaderValue),
}

/// Whether the site has a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted<'a> {
    /// It has.
    AsNamed,
    /// It has not, and requests for it count as being for this one.
    As(&'a HeaderValue),
    /// It has not, and they are refused.
    Not,
}

/// What the application is told of a request that goes on.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// The canonical host, if the request names one.
    pub host: Option<&'a HeaderValue>,
    /// The version in which the request came.
    pub received: Version,
    /// Whether its answer may be stored.
    pub route: Route,
}

impl Front {
    /// What becomes of a request at the door; `None` lets it in. `host` is canonical.
    ///
    /// On the path of every hit: little is done where the site decided nothing.
    #[inline]
    #[must_use]
    pub fn door(&self, scheme: Scheme, method: &Method, host: &str, uri: &Uri) -> Option<Door> {
        if self.is_health(method, uri) {
            return Some(Door::Health);
        }
        let (host, other) = match self.admits(host) {
            Admitted::AsNamed => (host, None),
            Admitted::As(own) => (own.to_str().unwrap_or(host), Some(own)),
            Admitted::Not => return Some(Door::UnknownHost),
        };
        self.redirect(scheme, method, host, uri)
            .map(|(to, reason)| Door::Redirect(to, reason))
            .or_else(|| other.cloned().map(Door::As))
    }

    /// Whether a request asks only whether Larder is there.
    #[inline]
    #[must_use]
    pub fn is_health(&self, method: &Method, uri: &Uri) -> bool {
        self.health.iter().any(|path| path.as_str() == uri.path())
            && matches!(*method, Method::GET | Method::HEAD)
    }

    /// Whether requests for this host, which is canonical, are let in.
    #[inline]
    #[must_use]
    pub fn admits(&self, host: &str) -> Admitted<'_> {
        if self.hosts.is_empty() && self.default_host.is_none() {
            return Admitted::AsNamed;
        }
        match self.site(host) {
            None => Admitted::Not,
            Some((_, None)) => Admitted::AsNamed,
            Some((_, Some(_))) => self.default_host.as_ref().map_or(Admitted::Not, Admitted::As),
        }
    }

    /// Whether any request that came by this scheme is sent to the other one.
    #[inline]
    #[must_use]
    pub fn may_redirect(&self, scheme: Scheme) -> bool {
        self.schemes.is_some() || (self.https.redirect && scheme == Scheme::Http)
    }

    /// Where a request goes that came by the wrong scheme, and why. `host` is canonical; nobody is sent anywhere from or to a host
    /// that the site does not have.
    #[inline]
    #[must_use]
    pub fn redirect(
        &self,
        scheme: Scheme,
        method: &Method,
        host: &str,
        uri: &Uri,
    ) -> Option<(Redirect, Reason)> {
        if !self.may_redirect(scheme) {
            return None;
        }
        let (host, _) = self.site(host)?;
        self.elsewhere(scheme, method, host, &target(uri))
    }

    /// The host that a request counts as being for, and the site's own where that is another than it names. `None`: the site
    /// has none for it.
    fn site<'a>(&'a self, host: &'a str) -> Option<(&'a str, Option<&'a HeaderValue>)> {
        let is_known = match self.hosts.is_empty() {
            // Only what names none at all (HTTP/1.0) is not for a host of the site's.
            true => !host.is_empty() || self.default_host.is_none(),
            false => self.hosts.iter().any(|pattern| pattern.matches(host)),
        };
        if is_known {
            return Some((host, None));
        }
        let own = self.default_host.as_ref()?;
        Some((own.to_str().ok()?, Some(own)))
    }

    /// Where a request goes that came by the wrong scheme, and why.
    fn elsewhere(
        &self,
        scheme: Scheme,
        method: &Method,
        host: &str,
        target: &str,
    ) -> Option<(Redirect, Reason)> {
        let (to, reason) = self.belongs(scheme, method, host, target)?;
        let there = self.https.host_for(to, host);
        // Hosts and ports of the two schemes may have other rules. A request is sent only to where it is let in.
        let (arrives, _) = self.site(&there).unwrap_or((&there, None));
        if self.belongs(to, method, arrives, target).is_some() {
            return None;
        }
        Some((Redirect::to(to, method, &there, target)?, reason))
    }

    /// The scheme that a request should have come by, if that is not the one it came by.
    fn belongs(
        &self,
        scheme: Scheme,
        method: &Method,
        host: &str,
        target: &str,
    ) -> Option<(Scheme, Reason)> {
        let ruled = self.ruled(method, host, target).and_then(|rule| rule.scheme);
        let (to, reason) = match ruled {
            Some(ruled) => (ruled, Reason::SchemeRedirect),
            None if self.https.redirect => (Scheme::Https, Reason::HttpsRedirect),
            None => return None,
        };
        // A rule for http is an exemption from what holds for all; what is exempt is answered by http whatever a rule says.
        let is_exempt = to == Scheme::Https && self.https.exempts(target);
        (to != scheme && !is_exempt).then_some((to, reason))
    }

    fn ruled(&self, method: &Method, host: &str, target: &str) -> Option<&Rule> {
        let policy = self.schemes.as_ref()?;
        policy.rules.find(&Asked { method, host, target }).map(|(_, rule)| rule)
    }

    /// Whether a request is refused for the names of its fields.
    #[must_use]
    pub fn refuses(&self, headers: &HeaderMap) -> bool {
        self.fields.refuses(headers)
    }

    /// Makes of a client's fields what the application is sent: what is not for it or not the client's to say is taken off, and
    /// it is told who asks, by which scheme, for which site.
    ///
    /// What is asked for on a connection of its own (`Upgrade`) is in what comes back.
    pub fn hand_on(&self, headers: &mut HeaderMap, telling: &Telling<'_>) -> Cleaned {
        let mut cleaned = hygiene::clean(headers, &self.fields, telling.route);
        // A field that only the site's proxies say the scheme by goes like those that all do.
        if let Some(name) = self.trust.scheme_field()
            && headers.remove(name).is_some()
        {
            cleaned.told_of_client += 1;
        }
        telling.client.write(headers, telling.host);
        forwarded::via(headers, telling.received);
        cleaned
    }

    /// Fields that the application is told and that say nothing but what a page's key says, or that it is never told of on
    /// pages that may be stored.
    pub fn told_by_key(&self) -> impl Iterator<Item = HeaderName> {
        let extras = self.style.extras.iter();
        let told = extras.filter(|extra| *extra.say() != Say::Client).map(|extra| extra.name());
        let overrides = hygiene::OVERRIDE_FIELDS.iter().map(|field| field.name);
        let unsent = overrides.map(HeaderName::from_static);
        let unsent = unsent.filter(|name| !self.fields.overrides.contains(name));
        told.chain(self.trust.scheme_field()).cloned().chain(unsent)
    }

    /// Fields that the application is told and that differ from visitor to visitor.
    pub fn told_by_visitor(&self) -> impl Iterator<Item = HeaderName> {
        let extras = self.style.extras.iter();
        extras.filter(|extra| *extra.say() == Say::Client).map(|extra| extra.name().clone())
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
            Some(Door::Redirect(..)) => "redirect",
            Some(Door::As(_)) => "as another",
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

    #[test]
    fn a_host_that_is_not_the_sites_counts_as_its_own_one() {
        let own = HeaderValue::from_static("a.test");
        let hosts = ["a.test", "*.b.test"].map(|host| HostPattern::parse(host).unwrap());
        let front = Front {
            hosts: hosts.into(),
            default_host: Some(own.clone()),
            health: ["/up".to_owned()].into(),
            ..Front::default()
        };
        let door = |front: &Front, scheme, host: &str, target: &'static str| {
            front.door(scheme, &Method::GET, host, &Uri::from_static(target))
        };
        for (host, counts_as) in [
            ("a.test", None),
            ("x.b.test", None),
            ("evil.test", Some(own.clone())),
            ("a.test:8080", Some(own.clone())),
            // HTTP/1.0 without one.
            ("", Some(own.clone())),
        ] {
            let expected = counts_as.map(Door::As);
            assert_eq!(door(&front, Scheme::Http, host, "/"), expected, "{host}");
        }
        assert_eq!(door(&front, Scheme::Http, "evil.test", "/up"), Some(Door::Health));
        let all_hosts = Front { hosts: Box::default(), ..front.clone() };
        assert_eq!(door(&all_hosts, Scheme::Http, "evil.test", "/"), None);
        assert_eq!(door(&all_hosts, Scheme::Http, "", "/"), Some(Door::As(own)));
        // Where it is sent, it is sent as that one.
        let https = Https { redirect: true, ..Https::default() };
        let secure = Front { https, ..front };
        let Some(Door::Redirect(to, _)) = door(&secure, Scheme::Http, "evil.test", "/x") else {
            panic!("a redirect");
        };
        assert_eq!(to.location, "https://a.test/x");
    }

    #[test]
    fn ports_of_the_other_scheme_are_those_that_visitors_can_come_to() {
        use crate::redirect::Ports;
        let https = Https {
            ports: Ports { by_default: None, by_other: Some(8443) },
            plain_ports: Ports { by_default: Some(8000), by_other: Some(8080) },
            ..Https::default()
        };
        for (scheme, host, expected) in [
            (Scheme::Https, "a.test", "a.test"),
            (Scheme::Https, "a.test:8080", "a.test:8443"),
            (Scheme::Http, "a.test", "a.test:8000"),
            (Scheme::Http, "[::1]:8443", "[::1]:8080"),
            (Scheme::Http, "", ""),
        ] {
            assert_eq!(https.host_for(scheme, host), expected, "{scheme:?} {host}");
        }
    }
}
