//! A rule in code: the keys of a `[[rule]]`, one call each.

use std::time::Duration;

use http::{Method, StatusCode};

use super::written::{Lines, Setting};

/// One rule of [`Rules::builder`](super::Rules::builder): which requests it is for, who shares their pages, and for how long.
///
/// Each call is a key of a `[[rule]]` in the file, of which `docs/rules.md` and `docs/configuration.md` say all. Nothing is
/// judged before [`build`](super::RulesBuilder::build): then all that is wrong is told at once, with the lines as the file would
/// have them. A call that gives a list adds to it; of others the last one counts.
///
/// ```
/// use std::time::Duration;
/// use larder_tower::{Rule, Rules};
///
/// let rules = Rules::builder()
///     .rule(Rule::path("/account/*").never())
///     .rule(
///         Rule::path("/blog/*")
///             .all_users()
///             .ttl(Duration::from_secs(600))
///             .browser_ttl(Duration::from_secs(5))
///             .tags(["blog"]),
///     )
///     .build()?;
/// # Ok::<(), larder_tower::RulesError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a rule does nothing before it is given to `RulesBuilder::rule`"]
pub struct Rule {
    pub(super) lines: Lines,
}

impl Rule {
    /// A rule for this path, with any query; with a trailing `*` for every path that begins so.
    pub fn path(path: impl Into<String>) -> Self {
        Self { lines: Lines::default() }.set("path", path.into())
    }

    /// A rule for what a regular expression matches, from the start of `path?query` as it was sent (`match` in the file).
    pub fn pattern(expression: impl Into<String>) -> Self {
        Self { lines: Lines::default() }.set("match", expression.into())
    }

    /// Only on this host; `*.example.com` is every name below. Called again: on that one, too.
    pub fn host(self, host: impl Into<String>) -> Self {
        self.add("host", [host.into()])
    }

    /// Only for this method. Called again: for that one, too.
    #[expect(clippy::needless_pass_by_value, reason = "`Method::GET` is how it is called")]
    pub fn method(self, method: Method) -> Self {
        self.add("methods", [method.as_str()])
    }

    /// By which scheme the pages are, `http` or `https`: a request by the other is redirected (by
    /// `HttpsRedirectLayer`).
    pub fn scheme(self, scheme: impl Into<String>) -> Self {
        self.set("scheme", scheme.into())
    }

    /// Pages are shared by everybody.
    pub fn all_users(self) -> Self {
        self.audience("all-users")
    }

    /// Pages are shared by those without a session; all others are answered by the application.
    pub fn anonymous_only(self) -> Self {
        self.audience("anonymous-only")
    }

    /// Pages are shared by those who are verified as anonymous, others by those who are verified as logged in.
    pub fn anonymous_and_authenticated(self) -> Self {
        self.audience("anonymous-and-authenticated")
    }

    /// Each session has pages of its own, or each user, by [`per_user_by_name`](super::RulesBuilder::per_user_by_name).
    pub fn per_user(self) -> Self {
        self.audience("per-user")
    }

    /// Pages are shared by an audience of the site's own, which [`audience`](super::RulesBuilder::audience) describes, or by
    /// one of the others by its name.
    pub fn audience(self, name: impl Into<String>) -> Self {
        self.set("audience", name.into())
    }

    /// Nothing is stored, and browsers are told so.
    pub fn never(self) -> Self {
        self.set("never", true)
    }

    /// Requests go to the application with everything they carry, and nothing is stored.
    pub fn pass(self) -> Self {
        self.set("pass", true)
    }

    /// How long a page is kept.
    pub fn ttl(self, ttl: Duration) -> Self {
        self.set("ttl", ttl)
    }

    /// How long browsers may keep it.
    pub fn browser_ttl(self, ttl: Duration) -> Self {
        self.set("browser_ttl", ttl)
    }

    /// How long caches on the way to the visitor may keep it; for all users only.
    pub fn cdn_ttl(self, ttl: Duration) -> Self {
        self.set("cdn_ttl", ttl)
    }

    /// How long past its lifetime it answers at once while it is made anew.
    pub fn grace(self, grace: Duration) -> Self {
        self.set("grace", grace)
    }

    /// How long past its lifetime it answers while the application fails.
    pub fn stale_if_error(self, span: Duration) -> Self {
        self.set("stale_if_error", span)
    }

    /// Whether a lifetime that the response states wins over [`ttl`](Self::ttl).
    pub fn respect_origin(self, respect: bool) -> Self {
        self.set("respect_origin", respect)
    }

    /// Statuses that get the rule's lifetimes; 200 alone where none is named.
    pub fn status(self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        let statuses: Setting = statuses.into_iter().map(|status| status.as_u16()).collect();
        self.add("status", statuses)
    }

    /// Media types that get the rule's lifetimes: `text/html`, `text/*`.
    pub fn content_type<T: Into<String>>(self, types: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("content_type", types)
    }

    /// Tags of all its pages.
    pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("tags", tags)
    }

    /// Parameters of the query that make no difference, in place of the site's; `[]` ignores none.
    pub fn ignore_query<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("ignore_query", names)
    }

    /// The only parameters that make one, in place of the site's; `[]` keeps none.
    pub fn keep_query<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("keep_query", names)
    }

    /// Whether the order of parameters makes no difference, in place of the site's choice.
    pub fn sort_query(self, sort: bool) -> Self {
        self.set("sort_query", sort)
    }

    /// Cookies that make a difference to these pages, and that the application is sent for them.
    pub fn keep_cookies<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("keep_cookies", names)
    }

    /// Cookies that may be taken off a response so that it can be stored.
    pub fn drop_set_cookie<T: Into<String>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.add_texts("drop_set_cookie", names)
    }

    /// Whether what nobody sees is left out of HTML pages.
    pub fn minify(self, minify: bool) -> Self {
        self.set("minify", minify)
    }

    /// The framework whose forms are stored without their tokens, and whose tokens are put in for each visitor: `django`.
    pub fn csrf(self, framework: impl Into<String>) -> Self {
        self.set("csrf", framework.into())
    }

    /// Whether all HTML pages are put together of several by `<esi:include>`, or none. Without it: those that say so.
    pub fn esi(self, esi: bool) -> Self {
        self.set("esi", esi)
    }

    /// The same as the tag `id:IDENTIFIER`.
    pub fn identifier(self, identifier: impl Into<String>) -> Self {
        self.set("identifier", identifier.into())
    }

    /// The same as the tag `id:IDENTIFIER/SUPPLEMENTARY` besides.
    pub fn supplementary(self, supplementary: impl Into<String>) -> Self {
        self.set("supplementary", supplementary.into())
    }

    /// Where pages are laid down besides: `nginx`. It is `larder serve` that does this; the layers do not.
    pub fn publish(self, reader: impl Into<String>) -> Self {
        self.set("publish", reader.into())
    }

    /// The `Content-Type` that nginx answers with.
    pub fn publish_type(self, content_type: impl Into<String>) -> Self {
        self.set("publish_type", content_type.into())
    }

    /// What becomes of a page that could not be remembered: `skip` or `publish`.
    pub fn unlisted(self, choice: impl Into<String>) -> Self {
        self.set("unlisted", choice.into())
    }

    /// Unsafe: stores pages although their response says `no-store`, `private` or `no-cache`.
    pub fn danger_override_no_store(self, overrides: bool) -> Self {
        self.set("danger.override_no_store", overrides)
    }

    fn set(mut self, key: &str, value: impl Into<Setting>) -> Self {
        self.lines.set(key, value);
        self
    }

    fn add(mut self, key: &str, more: impl Into<Setting>) -> Self {
        self.lines.add(key, more);
        self
    }

    fn add_texts<T: Into<String>>(self, key: &str, texts: impl IntoIterator<Item = T>) -> Self {
        let texts: Setting = texts.into_iter().map(Into::into).collect();
        self.add(key, texts)
    }
}
