//! Rules in code: what the file would say, by calls.

use std::time::Duration;

use larder_config::ConfigBuilder;

use super::written::{Lines, Part, Setting};
use super::{Rule, Rules, RulesError};

/// What problems call rules that no file has.
const NAME: &str = "rules in code";

/// Rules in code, from [`Rules::builder`].
///
/// Each call is an option of the rule file, of which `docs/configuration.md` says all; [`option`](Self::option) sets those that
/// have no call of their own. [`to_toml`](Self::to_toml) shows the file that they are, and [`build`](Self::build) has it read and
/// checked as a file is: all that is wrong is told at once, with its line. A call that gives a list adds to it; of others the
/// last one counts.
///
/// ```
/// use std::time::Duration;
/// use larder_tower::{Rule, Rules};
///
/// let site = Rules::builder()
///     .session_cookie("sid")
///     .ignore_query(["@tracking"])
///     .audience("by-country", ["header:x-country"])
///     .rule(Rule::path("/blog/*").audience("by-country").ttl(Duration::from_secs(600)));
/// assert_eq!(
///     site.to_toml(),
///     r#"ignore_query = ["@tracking"]
///
/// [identity]
/// session_cookies = ["sid"]
///
/// [audience.by-country]
/// key = ["header:x-country"]
///
/// [[rule]]
/// path = "/blog/*"
/// audience = "by-country"
/// ttl = "10m"
/// "#
/// );
/// let rules = site.build()?;
///
/// let wrong = Rules::builder().rule(Rule::path("/blog/*").ttl(Duration::ZERO)).build();
/// let told = wrong.expect_err("nobody shares its pages").to_string();
/// assert!(told.starts_with("rules in code:3:1: `ttl` is for shared pages"), "{told}");
/// assert!(told.ends_with("\n    3 | ttl = \"0ms\""), "{told}");
/// # Ok::<(), larder_tower::RulesError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "rules are checked by `build`"]
pub struct RulesBuilder {
    options: Lines,
    audiences: Vec<(String, Lines)>,
    rules: Vec<Rule>,
}

impl RulesBuilder {
    /// Adds a rule. The first that matches a request counts.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds an audience of the site's own, with what tells its pages apart: `cookie:NAME`, `header:NAME`, `query:NAME`,
    /// `class`, `user`, `segment`.
    pub fn audience<T: Into<String>>(
        mut self,
        name: impl Into<String>,
        key: impl IntoIterator<Item = T>,
    ) -> Self {
        let (name, key) = (name.into(), key.into_iter().map(Into::into).collect::<Setting>());
        match self.audiences.iter_mut().find(|(known, _)| *known == name) {
            Some((_, lines)) => lines.add("key", key),
            None => {
                let mut lines = Lines::default();
                lines.set("key", key);
                self.audiences.push((name, lines));
            }
        }
        self
    }

    /// A cookie by which the application knows a session. The first call replaces the names that well-known frameworks use:
    /// name all of yours.
    pub fn session_cookie(self, name: impl Into<String>) -> Self {
        self.add("identity.session_cookies", [name.into()])
    }

    /// A cookie that takes a request past the cache where it is there and not empty.
    pub fn bypass_cookie(self, name: impl Into<String>) -> Self {
        self.add("identity.bypass_cookies", [name.into()])
    }

    /// A key of the signed marker, by the file that it is in. The first key signs, all are accepted.
    pub fn marker_key_file(self, id: &str, path: &str) -> Self {
        self.add("identity.marker_keys", [format!("{id}=file:{path}")])
    }

    /// A key of the signed marker, by the environment variable that it is in. The first key signs, all are accepted.
    pub fn marker_key_env(self, id: &str, variable: &str) -> Self {
        self.add("identity.marker_keys", [format!("{id}=env:{variable}")])
    }

    /// The cookie that the signed marker is in; `larder_id` if it is not said.
    pub fn marker_cookie(self, name: impl Into<String>) -> Self {
        self.option("identity.marker_cookie", name.into())
    }

    /// The path under which the application says who a visitor is.
    pub fn lookup(self, path: impl Into<String>) -> Self {
        self.option("identity.lookup", path.into())
    }

    /// Pages of [`per_user`](Rule::per_user) are told apart by the verified user, not by the session.
    pub fn per_user_by_name(self) -> Self {
        self.option("identity.per_user", "user")
    }

    /// Parameters of the query that make no difference.
    pub fn ignore_query<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("ignore_query", names)
    }

    /// The only parameters that make one.
    pub fn keep_query<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("keep_query", names)
    }

    /// Whether the order of parameters makes no difference.
    pub fn sort_query(self, sort: bool) -> Self {
        self.option("sort_query", sort)
    }

    /// Whether answers to scripts' requests are never stored.
    pub fn xhr_never(self, never: bool) -> Self {
        self.option("xhr.never", never)
    }

    /// Fields by which a script's request is known, in place of the usual ones: `HX-Request: true`.
    pub fn xhr_signs<T: Into<String>>(self, signs: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("xhr.signs", signs)
    }

    /// Response fields that hold tags, in place of the usual ones.
    pub fn tag_fields<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("tags.fields", names)
    }

    /// Proxies that may say who the visitor is and by which scheme they came: networks in CIDR notation, or addresses.
    pub fn trusted_proxies<T: Into<String>>(self, networks: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("trusted_proxies", networks)
    }

    /// The hosts that the site answers for; requests for others are refused.
    pub fn hosts<T: Into<String>>(self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("hosts", hosts)
    }

    /// What becomes of request fields with an underscore in their name: `drop`, `reject`, or `pass` for those that
    /// [`underscores_pass`](Self::underscores_pass) names.
    pub fn underscores(self, choice: impl Into<String>) -> Self {
        self.option("underscores", choice.into())
    }

    /// Request fields with an underscore in their name that reach the application.
    pub fn underscores_pass<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("underscores_pass", names)
    }

    /// Whether requests by http are redirected to https.
    pub fn https_redirect(self, redirect: bool) -> Self {
        self.option("https.redirect", redirect)
    }

    /// The host that requests by http are redirected to, in place of their own.
    pub fn https_host(self, host: impl Into<String>) -> Self {
        self.option("https.host", host.into())
    }

    /// Paths that are answered by http as well.
    pub fn https_exempt<T: Into<String>>(self, paths: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("https.exempt", paths)
    }

    /// For how long browsers are told to come by https only (RFC 6797).
    pub fn hsts(self, span: Duration) -> Self {
        self.option("https.hsts", span)
    }

    /// How much memory stored pages may take, in bytes.
    pub fn memory_bytes(self, bytes: usize) -> Self {
        self.option("cache.memory", format!("{bytes}B"))
    }

    /// Unsafe: answers to requests with a session cookie are shared wherever RFC 9111 alone would allow it.
    pub fn danger_share_session_responses(self, share: bool) -> Self {
        self.option("danger.share_session_responses", share)
    }

    /// Unsafe: fields that change what a request asks for, and that reach the application all the same.
    pub fn danger_override_fields<T: Into<String>>(
        self,
        names: impl IntoIterator<Item = T>,
    ) -> Self {
        self.add_texts("danger.override_fields", names)
    }

    /// Sets any option of the file, by its key: `cache.grace`, `csrf.cookie`. A key that does not exist is told by
    /// [`build`](Self::build).
    pub fn option(mut self, key: &str, value: impl Into<Setting>) -> Self {
        self.options.set(key, value);
        self
    }

    /// The file that this is.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut parts = self.options.by_section();
        let audiences = self.audiences.iter();
        parts.extend(
            audiences.map(|(name, lines)| lines.below(&format!("[audience.{}]", Part(name)))),
        );
        parts.extend(self.rules.iter().map(|rule| rule.lines.below("[[rule]]")));
        parts.join("\n")
    }

    /// Checks everything.
    ///
    /// # Errors
    /// All that is wrong, each with the line of [`to_toml`](Self::to_toml) that it is in.
    pub fn build(&self) -> Result<Rules, RulesError> {
        let checked = ConfigBuilder::new().file(NAME, self.to_toml()).for_application().build();
        checked.map(Rules::of).map_err(RulesError::of_code)
    }

    fn add(mut self, key: &str, more: impl Into<Setting>) -> Self {
        self.options.add(key, more);
        self
    }

    fn add_texts<T: Into<String>>(self, key: &str, texts: impl IntoIterator<Item = T>) -> Self {
        let texts: Setting = texts.into_iter().map(Into::into).collect();
        self.add(key, texts)
    }
}
