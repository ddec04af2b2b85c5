//! Which addresses are asked, as which host, and what does the site say of its pages?

use std::fmt;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderValue};
use http::{Method, Uri};
use larder_config::Config;
use larder_policy::forwarded::Client;
use larder_policy::rule::{HostPattern, Pattern};
use larder_policy::{Action, Audience, KeyBuf, Plain, Policy, Scheme, UserKey, Visit, Way, host};
use larder_semantics::{Settings, Timestamp};
use larder_tls::client::{ClientTls, Name};

use super::finding::Side;
use super::limits::{PATHS_MAX, RULE_PAGES_MAX};
use super::url::Url;

/// An address that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) side: Side,
    /// By which scheme it is spoken to.
    pub(super) scheme: Scheme,
    /// Host and port as they are connected to; IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Of an application by https: how Larder verifies it.
    pub(super) tls: Option<(ClientTls, Name)>,
}

impl Base {
    /// What `Host` and URLs say; without the scheme's own port.
    pub(super) fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    /// Reads `http://host[:port]`, nothing after it.
    pub(super) fn public(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("--public {text:?}: {what}");
        let uri: Uri = text.parse().map_err(|error| wrong(&format!("is not a URL: {error}")))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(_) | None => return Err(wrong("write a whole URL, as https://example.com")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("has a path; pages are named by --path"));
        }
        let host = host_of(uri.authority().map_or("", |all| all.as_str()), scheme)
            .ok_or_else(|| wrong("has no usable host"))?;
        let (host, port) = match uri.port_u16() {
            Some(port) => {
                (host.strip_suffix(&format!(":{port}")).unwrap_or(&host).to_owned(), port)
            }
            None => (host, scheme.default_port()),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { side: Side::Public, scheme, host, port, tls: None })
    }

    /// The same host by the other scheme, where both are on their own ports.
    fn sibling(&self) -> Option<Self> {
        let other = match self.scheme {
            Scheme::Http => Scheme::Https,
            Scheme::Https => Scheme::Http,
        };
        let is_own = self.port == self.scheme.default_port();
        is_own.then(|| Self { scheme: other, port: other.default_port(), ..self.clone() })
    }
}

impl fmt::Display for Base {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// The canonical form of a host.
fn host_of(text: &str, scheme: Scheme) -> Option<String> {
    let host = host::canonical(text.as_bytes(), scheme).ok()?;
    (!host.is_unnamed()).then(|| host.as_str().to_owned())
}

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Whether an application is named: without one, only the public address is asked.
    pub(super) application: bool,
    pub(super) public: Option<String>,
    pub(super) host: Option<String>,
    pub(super) paths: Vec<String>,
}

/// Everything about the site that asking and checking need.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// The application first, then the public address; others after them.
    pub(super) bases: Vec<Base>,
    /// As visitors ask for it, canonical.
    pub(super) host: String,
    /// The scheme that visitors come by, if that is known before anything is asked.
    pub(super) scheme: Option<Scheme>,
    /// Pages that were named.
    pub(super) paths: Vec<String>,
    pub(super) config: Arc<Config>,
}

/// How a rule shares a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shared {
    /// Where the rule stands.
    pub(super) place: String,
    pub(super) audience: Audience,
    /// Cookies that the rule takes off.
    pub(super) dropped: Vec<String>,
}

impl Shared {
    /// Whether somebody with a session is shown the same page as somebody without.
    pub(super) fn is_for_everybody(&self) -> bool {
        self.audience == Audience::AllUsers
    }

    /// Whether each session has pages of its own.
    pub(super) fn is_by_session(&self) -> bool {
        matches!(self.audience, Audience::PerUser(UserKey::Session))
    }
}

impl Site {
    /// Puts it together, or says in a line what is wrong with what was said.
    pub(super) fn new(config: Config, wanted: &Wanted) -> Result<Self, String> {
        let application = config.upstreams.iter().filter(|_| wanted.application);
        let mut bases: Vec<Base> = application
            .map(|url| Base {
                side: Side::Application,
                scheme: url.scheme,
                host: url.host.clone(),
                port: url.port,
                tls: config.upstream_tls.of(url),
            })
            .collect();
        let public = wanted.public.as_deref().map(Base::public).transpose()?;
        let scheme = match &public {
            Some(public) => Some(public.scheme),
            None => config.front.https.redirect.then_some(Scheme::Https),
        };
        let host = Self::visited_host(&config, wanted, public.as_ref(), bases.first())?;
        if let Some(public) = public {
            let sibling = public.sibling();
            bases.push(public);
            bases.extend(sibling);
        }
        if bases.is_empty() {
            return Err("nobody is named to be asked (write --to http://127.0.0.1:8000, --public https://example.com, or both)".to_owned());
        }
        if wanted.paths.len() > PATHS_MAX {
            return Err(format!("--path: at most {PATHS_MAX} pages are looked at"));
        }
        for path in &wanted.paths {
            if !path.starts_with('/') || path.parse::<Uri>().is_err() {
                return Err(format!("--path {path:?}: write what follows the host, as in /blog/"));
            }
        }
        let paths = wanted.paths.clone();
        Ok(Self { bases, host, scheme, paths, config: Arc::new(config) })
    }

    /// As which host the application is asked: as it was said, or what visitors of the public address send, or the first of the
    /// site's hosts that is a whole name.
    fn visited_host(
        config: &Config,
        wanted: &Wanted,
        public: Option<&Base>,
        application: Option<&Base>,
    ) -> Result<String, String> {
        let scheme = public.map_or(Scheme::Http, |public| public.scheme);
        if let Some(host) = &wanted.host {
            return host_of(host, scheme)
                .ok_or_else(|| format!("--host {host:?}: write a name, as example.com"));
        }
        if let Some(public) = public {
            return Ok(public.authority());
        }
        let front = &config.front;
        let named = front.hosts.iter().find_map(|pattern| match pattern {
            HostPattern::Exact(host) => Some(host.clone()),
            HostPattern::Below(_) => None,
        });
        let own = front.https.host.as_deref().map(str::to_owned);
        Ok(own.or(named).or_else(|| application.map(Base::authority)).unwrap_or_default())
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.config.policy
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.config.semantics
    }

    pub(super) fn has_application(&self) -> bool {
        self.bases.first().is_some_and(|base| base.side == Side::Application)
    }

    /// The number of the public address that was named.
    pub(super) fn public(&self) -> Option<usize> {
        self.bases.iter().position(|base| base.side == Side::Public)
    }

    /// The host that visitors of an address ask for.
    pub(super) fn host_at(&self, base: &Base) -> String {
        match base.side {
            Side::Application | Side::Configuration => self.host.clone(),
            Side::Public => base.authority(),
        }
    }

    /// The fields by which Larder tells the application of a visitor who asks for `host`.
    pub(super) fn told(&self, scheme: Scheme, host: &str, fields: &mut HeaderMap) {
        let host = HeaderValue::from_str(host).ok();
        Client::nobody(scheme, &self.config.front.style).write(fields, host.as_ref());
    }

    /// How a page is shared by the rules, and the fields that Larder sends for it.
    pub(super) fn shared(&self, url: &Url) -> Option<(Shared, HeaderMap)> {
        let nothing = HeaderMap::new();
        let visit = Visit {
            scheme: url.scheme,
            host: &url.host,
            method: &Method::GET,
            target: &url.target,
            headers: &nothing,
        };
        let policy = self.policy();
        // A visitor without cookies; no time plays a part.
        let ruling = policy.decide(&visit, &Plain, Timestamp::from_secs(0), &mut KeyBuf::new());
        let share = policy.share_of(&ruling).filter(|_| ruling.way == Way::Share)?;
        let shared = Shared {
            place: policy.rule_of(&ruling).map(|rule| rule.place.clone()).unwrap_or_default(),
            audience: share.audience.clone(),
            dropped: share.drop_set_cookie.clone(),
        };
        let mut sent = policy.fill(&ruling, share, &nothing, &[]);
        policy.identity.prove(&mut sent, super::client::now());
        Some((shared, sent))
    }

    /// Paths that the rules name and share.
    pub(super) fn rule_paths(&self) -> Vec<String> {
        let shared = self.policy().rules.iter().filter(|rule| match rule.action {
            Action::Share(_) => true,
            Action::Never | Action::Pass | Action::Respect => false,
        });
        let mut paths: Vec<String> = Vec::new();
        for rule in shared {
            let (Pattern::Exact(path) | Pattern::Prefix(path)) = &rule.when.pattern else {
                continue;
            };
            if paths.len() < RULE_PAGES_MAX && !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        paths
    }
}

#[cfg(test)]
mod tests {
    use larder_config::ConfigBuilder;

    use super::*;

    fn site(file: &str, wanted: &Wanted) -> Result<Site, String> {
        let file = format!("upstream = 'http://127.0.0.1:8000'\n{file}");
        let config = ConfigBuilder::new().file("t.toml", file).build().expect("a good file");
        Site::new(config, wanted)
    }

    fn wanted(public: Option<&str>, host: Option<&str>) -> Wanted {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Wanted { application: true, public: own(public), host: own(host), paths: Vec::new() }
    }

    #[test]
    fn the_host_is_the_one_said_or_the_public_ones_or_the_sites_or_the_applications() {
        let hosts = "hosts = ['*.b.test', 'a.test']";
        let cases = [
            ("", None, None, "127.0.0.1:8000"),
            (hosts, None, None, "a.test"),
            (hosts, Some("https://C.test"), None, "c.test"),
            (hosts, Some("https://c.test:8443"), None, "c.test:8443"),
            (hosts, Some("https://c.test"), Some("D.test"), "d.test"),
        ];
        for (file, public, host, expected) in cases {
            let site = site(file, &wanted(public, host)).expect("a site");
            assert_eq!(site.host, expected, "{public:?} {host:?}");
        }
    }

    #[test]
    fn only_named_addresses_are_asked_and_a_public_one_by_both_schemes_on_their_own_ports() {
        let bases = |public| -> Vec<String> {
            let site = site("", &wanted(public, None)).expect("a site");
            site.bases.iter().map(ToString::to_string).collect()
        };
        assert_eq!(bases(None), ["http://127.0.0.1:8000"]);
        assert_eq!(
            bases(Some("https://a.test/")),
            ["http://127.0.0.1:8000", "https://a.test", "http://a.test"]
        );
        assert_eq!(
            bases(Some("https://a.test:8443")),
            ["http://127.0.0.1:8000", "https://a.test:8443"]
        );
        assert_eq!(
            bases(Some("http://[::1]:80")),
            ["http://127.0.0.1:8000", "http://[::1]", "https://[::1]"]
        );
    }

    #[test]
    fn what_can_not_be_asked_is_told_in_a_line() {
        for public in
            ["a.test", "ftp://a.test", "https://a.test/x", "https://a.test/?x", "https://"]
        {
            let said = site("", &wanted(Some(public), None)).expect_err(public);
            assert!(said.starts_with("--public") && !said.contains('\n'), "{said}");
        }
        let said = site("", &wanted(None, Some("a b"))).expect_err("a bad host");
        assert!(said.starts_with("--host"), "{said}");
        let said = site("", &Wanted::default()).expect_err("nobody to ask");
        assert!(said.starts_with("nobody is named"), "{said}");
        for path in ["blog", "/a b", "http://a/"] {
            let wanted = Wanted { paths: vec![path.to_owned()], ..wanted(None, None) };
            assert!(site("", &wanted).expect_err(path).starts_with("--path"), "{path}");
        }
    }

    #[test]
    fn rules_say_which_pages_are_shared_and_how() {
        let rules = "[[rule]]\npath = '/never/*'\nnever = true\n\
            [[rule]]\npath = '/blog/*'\naudience = 'all-users'\ndrop_set_cookie = ['csrftoken']\n\
            [[rule]]\nmatch = '^/shop'\naudience = 'anonymous-only'\n[[rule]]\npath = '/one'\naudience = 'per-user'\n";
        let site = site(rules, &wanted(None, None)).expect("a site");
        assert_eq!(site.rule_paths(), ["/blog/", "/one"]);
        let shared = |target| site.shared(&Url::new(Scheme::Http, "a.test", target));
        let (blog, fields) = shared("/blog/").expect("shared");
        assert_eq!((blog.place.as_str(), blog.is_for_everybody()), ("t.toml:5", true));
        assert_eq!(blog.dropped, ["csrftoken"]);
        assert_eq!(fields["user-agent"], "Larder");
        assert!(shared("/one").expect("shared").0.is_by_session());
        assert!(shared("/shop/1").is_some());
        assert!(shared("/never/x").is_none() && shared("/").is_none());
    }
}
