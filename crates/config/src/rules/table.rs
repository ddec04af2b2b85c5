//! Which keys may stand in a `[[rule]]` and in an `[audience.NAME]`? The tables of them.
//!
//! Reading, hints for unknown keys and the documentation are all made from them. Long because they are
//! tables.

use std::time::Duration;

use super::raw::{At, Numbers, RawAudience, RawRule, Texts};
use crate::parse::Expected;

/// One key of a rule.
#[derive(Debug)]
pub(crate) struct RuleOption {
    pub(crate) key: &'static str,
    pub(crate) kind: RuleKind,
    /// Which rules may have it.
    pub(crate) only: For,
    /// One paragraph: what it does.
    pub(crate) text: &'static str,
    /// What counts without it.
    pub(crate) default: &'static str,
    /// A value as written in the file.
    pub(crate) example: &'static str,
}

/// Which rules may have a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// All.
    Any,
    /// Those with an audience: what they say is about shared pages.
    Shared,
}

/// The kinds of values, each with its place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RuleKind {
    Text(fn(&mut RawRule) -> &mut Option<At<String>>),
    Texts(fn(&mut RawRule) -> &mut Option<Texts>),
    Numbers(fn(&mut RawRule) -> &mut Option<Numbers>),
    Duration(fn(&mut RawRule) -> &mut Option<At<Duration>>),
    Switch(fn(&mut RawRule) -> &mut Option<At<bool>>),
}

/// One key of an audience.
#[derive(Debug)]
pub(crate) struct AudienceOption {
    pub(crate) key: &'static str,
    pub(crate) place: fn(&mut RawAudience) -> &mut Option<Texts>,
    pub(crate) text: &'static str,
    pub(crate) example: &'static str,
}

impl RuleKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Texts(_) => "string or list of strings",
            Self::Numbers(_) => "number or list of numbers",
            Self::Duration(_) => "duration",
            Self::Switch(_) => "true or false",
        }
    }
}

impl RuleOption {
    pub(crate) const fn expected(&self) -> Expected {
        let article = if matches!(self.kind, RuleKind::Switch(_)) { "" } else { "a " };
        Expected { key: self.key, article, what: self.kind.name(), example: self.example }
    }
}

impl AudienceOption {
    pub(crate) const fn expected(&self) -> Expected {
        let what = "string or list of strings";
        Expected { key: self.key, article: "a ", what, example: self.example }
    }
}

/// Every key of a rule, in the order of the documentation.
pub(crate) const RULE_OPTIONS: &[RuleOption] = &[
    RuleOption {
        key: "match",
        kind: RuleKind::Text(|r| &mut r.pattern),
        only: For::Any,
        text: "A regular expression for `path?query` as it was sent, matched from its start. The syntax is that of \
               Rust's `regex`, in which no expression takes more than linear time. Each rule has `match` or `path`.",
        default: "none: it has to be `match` or `path`",
        example: "\"^/blog/[0-9]{4}/\"",
    },
    RuleOption {
        key: "path",
        kind: RuleKind::Text(|r| &mut r.path),
        only: For::Any,
        text: "A path, with any query. With a trailing `*`, every path that begins so.",
        default: "none: it has to be `match` or `path`",
        example: "\"/blog/*\"",
    },
    RuleOption {
        key: "host",
        kind: RuleKind::Texts(|r| &mut r.host),
        only: For::Any,
        text: "Hosts that the rule is for, with their port unless it is the scheme's own. `*.example.com` is every \
               name below `example.com`, whatever the depth, but not `example.com` itself.",
        default: "any host",
        example: "[\"example.com\", \"*.example.com\"]",
    },
    RuleOption {
        key: "methods",
        kind: RuleKind::Texts(|r| &mut r.methods),
        only: For::Any,
        text: "Methods that the rule is for. With an audience only `GET` and `HEAD` may be named, since no other \
               method's answer is shared.",
        default: "any",
        example: "[\"GET\", \"HEAD\"]",
    },
    RuleOption {
        key: "scheme",
        kind: RuleKind::Text(|r| &mut r.scheme),
        only: For::Any,
        text: "`http` or `https`: by which of them the pages are. A request by the other one is sent there, with 301 for GET and \
               HEAD and 308 for others; nobody stores that. A rule for `http` is an exemption from `https.redirect` and \
               does not go with `https.hsts`. Paths in `https.exempt` are answered by http in any case.",
        default: "either, or what `https.redirect` says",
        example: "\"https\"",
    },
    RuleOption {
        key: "audience",
        kind: RuleKind::Text(|r| &mut r.audience),
        only: For::Any,
        text: "Who may share a stored page: `all-users`, `anonymous-only`, `anonymous-and-authenticated`, \
               `per-user`, or the name of an `[audience.NAME]`. [rules.md](rules.md#audiences) says what each is \
               known by and what the application is sent. A rule has at most one of `audience`, `never` and \
               `pass`; with none of them the response decides, as without a rule.",
        default: "the response decides",
        example: "\"all-users\"",
    },
    RuleOption {
        key: "never",
        kind: RuleKind::Switch(|r| &mut r.never),
        only: For::Any,
        text: "Nothing is stored, and browsers are told so by `Cache-Control: no-cache, no-store, \
               must-revalidate`, `Pragma: no-cache` and `Expires: 0`, in place of what the application sent.",
        default: "`false`",
        example: "true",
    },
    RuleOption {
        key: "pass",
        kind: RuleKind::Switch(|r| &mut r.pass),
        only: For::Any,
        text: "Requests go to the application with everything they carry, and nothing is stored. The answer's \
               own fields go to the visitor unchanged.",
        default: "`false`",
        example: "true",
    },
    RuleOption {
        key: "ttl",
        kind: RuleKind::Duration(|r| &mut r.ttl),
        only: For::Shared,
        text: "How long Larder keeps a page, from a second to a year. It wins over the lifetime that the response \
               states, unless the response forbids storing (`no-store`, `private`, `no-cache`). For 4xx and 5xx it is \
               cut to `cache.error_ttl_max`.",
        default: "the response says",
        example: "\"10m\"",
    },
    RuleOption {
        key: "browser_ttl",
        kind: RuleKind::Duration(|r| &mut r.browser_ttl),
        only: For::Shared,
        text: "How long browsers may keep a page. Short, because no purge reaches them; `\"0s\"` makes them ask \
               each time. For any audience but `all-users` the page is also marked `private`.",
        default: "the response's own `Cache-Control`, or `max-age=0` if it has none",
        example: "\"5s\"",
    },
    RuleOption {
        key: "cdn_ttl",
        kind: RuleKind::Duration(|r| &mut r.cdn_ttl),
        only: For::Shared,
        text: "How long caches between Larder and the visitor may keep a page (`s-maxage`). Only for `all-users`: \
               such caches can't tell visitors apart, so it does not go with `keep_cookies`.",
        default: "they are told nothing",
        example: "\"1m\"",
    },
    RuleOption {
        key: "grace",
        kind: RuleKind::Duration(|r| &mut r.grace),
        only: For::Shared,
        text: "How long past its lifetime a page answers at once while one request makes it anew in the background.",
        default: "what the response says, else `cache.grace`",
        example: "\"5m\"",
    },
    RuleOption {
        key: "stale_if_error",
        kind: RuleKind::Duration(|r| &mut r.stale_if_error),
        only: For::Shared,
        text: "How long past its lifetime a page answers while the application fails.",
        default: "what the response says; without any answer, `cache.stale_if_disconnected`",
        example: "\"1d\"",
    },
    RuleOption {
        key: "respect_origin",
        kind: RuleKind::Switch(|r| &mut r.respect_origin),
        only: For::Shared,
        text: "Whether a lifetime that the response states wins over `ttl`, which then is for responses that state none.",
        default: "`false`",
        example: "true",
    },
    RuleOption {
        key: "status",
        kind: RuleKind::Numbers(|r| &mut r.status),
        only: For::Shared,
        text: "Statuses that get the rule's lifetimes, 200 to 599. Other answers follow RFC 9111, for the same audience.",
        default: "`200`",
        example: "[200, 404]",
    },
    RuleOption {
        key: "content_type",
        kind: RuleKind::Texts(|r| &mut r.content_type),
        only: For::Shared,
        text: "Media types that get the rule's lifetimes, without parameters. `text/*` is all of that kind. Other answers \
               follow RFC 9111, for the same audience.",
        default: "any",
        example: "[\"text/html\", \"image/*\"]",
    },
    RuleOption {
        key: "tags",
        kind: RuleKind::Texts(|r| &mut r.tags),
        only: For::Any,
        text: "Names that all pages of the rule get, beside those that the application gives them: ASCII without spaces, \
               commas, quotes and backslashes.",
        default: "none",
        example: "[\"blog\"]",
    },
    RuleOption {
        key: "ignore_query",
        kind: RuleKind::Texts(|r| &mut r.ignore_query),
        only: For::Any,
        text: "Takes the place of the site's `ignore_query`; `[]` ignores nothing.",
        default: "the site's",
        example: "[\"@tracking\"]",
    },
    RuleOption {
        key: "keep_query",
        kind: RuleKind::Texts(|r| &mut r.keep_query),
        only: For::Any,
        text: "Takes the place of the site's `keep_query`; `[]` keeps nothing.",
        default: "the site's",
        example: "[\"page\"]",
    },
    RuleOption {
        key: "sort_query",
        kind: RuleKind::Switch(|r| &mut r.sort_query),
        only: For::Any,
        text: "Takes the place of the site's `sort_query`.",
        default: "the site's",
        example: "true",
    },
    RuleOption {
        key: "keep_cookies",
        kind: RuleKind::Texts(|r| &mut r.keep_cookies),
        only: For::Shared,
        text: "Cookies that make a difference to these pages, beside those of the audience: each value has a page of \
               its own, and the application is sent them. All other cookies are kept back from it on a request that \
               fills a shared page. Full names.",
        default: "none",
        example: "[\"theme\"]",
    },
    RuleOption {
        key: "drop_set_cookie",
        kind: RuleKind::Texts(|r| &mut r.drop_set_cookie),
        only: For::Shared,
        text: "Cookies that may be taken off a response so that it can be stored. A response that sets any other \
               cookie is not stored. Full names. A page with a form and its CSRF token is not made \
               shareable by it: that is what `csrf` is for.",
        default: "none",
        example: "[\"csrftoken\"]",
    },
    RuleOption {
        key: "minify",
        kind: RuleKind::Switch(|r| &mut r.minify),
        only: For::Shared,
        text: "Whether blanks and comments that nobody sees are left out of HTML pages, once, when they are stored. Pages that can't \
               be read with certainty stay as they are, to the byte. The application is asked for these pages without compression.",
        default: "`false`",
        example: "true",
    },
    RuleOption {
        key: "csrf",
        kind: RuleKind::Text(|r| &mut r.csrf),
        only: For::Shared,
        text: "`\"django\"`: pages with Django's forms are stored without their tokens, and each visitor gets tokens of their own \
               in them, made from the cookie that `[csrf]` names. Who has none gets one. \
               [rules.md](rules.md#pages-with-forms) has the whole story. The application is asked for these pages without \
               compression.",
        default: "pages that embed a token are not stored",
        example: "\"django\"",
    },
    RuleOption {
        key: "esi",
        kind: RuleKind::Switch(|r| &mut r.esi),
        only: For::Shared,
        text: "Whether HTML pages are put together of several by `<esi:include>`. `true`: all, and the application is asked for them \
               without compression; `false`: none. [esi.md](esi.md) has the whole story.",
        default: "those whose response says `Surrogate-Control: content=\"ESI/1.0\"`",
        example: "true",
    },
    RuleOption {
        key: "identifier",
        kind: RuleKind::Text(|r| &mut r.identifier),
        only: For::Any,
        text: "An identifier that all pages of the rule belong to, as django-nginx-memcache has them: the same as the tag \
               `id:IDENTIFIER`. Without it the host is what a page belongs to.",
        default: "none",
        example: "\"shop\"",
    },
    RuleOption {
        key: "supplementary",
        kind: RuleKind::Text(|r| &mut r.supplementary),
        only: For::Any,
        text: "A finer identifier below `identifier`: the same as the tag `id:IDENTIFIER/SUPPLEMENTARY` besides. Purging the \
               identifier reaches its pages, too.",
        default: "none",
        example: "\"news\"",
    },
    RuleOption {
        key: "publish",
        kind: RuleKind::Text(|r| &mut r.publish),
        only: For::Shared,
        text: "`\"nginx\"`: pages are written to Memcached as well, where nginx finds them and answers without asking Larder. \
               [publishing.md](publishing.md) says which pages, and what else it takes. For `all-users`, `anonymous-only` and \
               `anonymous-and-authenticated`, of which nginx answers only visitors without a session. The application is asked for \
               these pages without compression.",
        default: "they are kept in memory only",
        example: "\"nginx\"",
    },
    RuleOption {
        key: "publish_type",
        kind: RuleKind::Text(|r| &mut r.publish_type),
        only: For::Shared,
        text: "The `Content-Type` that nginx answers with, which Memcached does not keep. Pages of another type are not published.",
        default: "`\"text/html; charset=utf-8\"`",
        example: "\"application/json\"",
    },
    RuleOption {
        key: "unlisted",
        kind: RuleKind::Text(|r| &mut r.unlisted),
        only: For::Shared,
        text: "What becomes of a page that could not be remembered in the `lookup` table because its database is away: `\"skip\"` \
               does not publish it, `\"publish\"` does, and then no purge takes it out of Memcached before its lifetime is over.",
        default: "`\"skip\"`",
        example: "\"publish\"",
    },
    RuleOption {
        key: "danger.override_no_store",
        kind: RuleKind::Switch(|r| &mut r.override_no_store),
        only: For::Shared,
        text: "Stores pages although their response says `no-store`, `private` or `no-cache`. `Set-Cookie`, `Vary: *` and \
               answers to `Authorization` are still not stored.",
        default: "`false`",
        example: "true",
    },
];

/// Every key of an audience.
pub(crate) const AUDIENCE_OPTIONS: &[AudienceOption] = &[AudienceOption {
    key: "key",
    place: |a| &mut a.key,
    text: "What tells the pages of one URL apart: `cookie:NAME` (a cookie's value), `header:NAME` (a request field), \
           `query:NAME` (a parameter, even if it is ignored otherwise), and, for verified visitors, `class` (anonymous or \
           authenticated), `user`, `segment` (the application's own page version). What is named here is sent to the \
           application, and nothing else of the visitor's. Not empty: that would be `all-users`.",
    example: "[\"segment\", \"cookie:theme\"]",
}];
