//! What holds for the whole site: queries, identity, scripts' requests, who is told more.

use larder_policy::identity::DEFAULT_SESSION_COOKIES;
use larder_policy::xhr::Xhr;

use super::{secs, wait};
use crate::config::PerUser;
use crate::kind::{Kind, OptionSpec, Reload, Words};

/// In the order of the documentation.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "ignore_query",
        kind: Kind::Texts {
            place: |c| &mut c.site.ignore_query,
            default: &[],
            of: Words::Parameters,
        },
        flag: None,
        summary: "Parameters of the query that make no difference",
        text: "Parameters of the query that make no difference: they are neither part of what a page is \
               known by nor sent to the application. Names, or beginnings of names with a trailing `*`; \
               `\"@tracking\"` stands for [the parameters that advertisers and mailers \
               add](rules.md#tracking-parameters). A rule may have its own list. Empty, because only the \
               site knows that its pages do not read them.",
        example: "[\"@tracking\", \"ref\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "keep_query",
        kind: Kind::Texts {
            place: |c| &mut c.site.keep_query,
            default: &[],
            of: Words::Parameters,
        },
        flag: None,
        summary: "The only parameters of the query that make a difference",
        text: "If it is there, only these parameters of the query count, and all others are treated as \
               `ignore_query` treats its own. An empty list means that the query counts for nothing. Not \
               set, all parameters count. A rule may have its own list.",
        example: "[\"page\", \"q\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "sort_query",
        kind: Kind::Switch { place: |c| &mut c.site.sort_query, default: false },
        flag: None,
        summary: "Whether the order of the query's parameters makes no difference",
        text: "Whether the order of the query's parameters makes no difference. The application is then \
               sent them in the sorted order; parameters of one name keep theirs. A rule may say \
               otherwise. Off, because some applications read the order.",
        example: "true",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "identity.session_cookies",
        kind: Kind::Texts {
            place: |c| &mut c.site.session_cookies,
            default: DEFAULT_SESSION_COOKIES,
            of: Words::CookiePatterns,
        },
        flag: None,
        summary: "Cookies without which a visitor is anonymous",
        text: "Cookies that log a visitor in; who has none of them, or only empty ones, is anonymous. \
               Names, with one `*` for any run of characters. The default is what Django, Rails, \
               Laravel, PHP, Express, Java and ASP.NET call theirs. The list replaces the default: name \
               all of yours, since a session cookie that is missing here would be taken for anonymous.",
        example: "[\"sessionid\", \"wordpress_logged_in_*\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "identity.bypass_cookies",
        kind: Kind::Texts {
            place: |c| &mut c.site.bypass_cookies,
            default: &[],
            of: Words::CookiePatterns,
        },
        flag: None,
        summary: "Cookies that take a request past the cache",
        text: "Cookies that hold something for one visitor's next page, like Django's `messages`. Where \
               one of them is there and not empty, the request goes to the application as it is, and the \
               answer is not stored. Names, with one `*` for any run of characters.",
        example: "[\"messages\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "identity.per_user",
        kind: Kind::Choice {
            names: &PerUser::NAMES,
            get: |c| c.site.per_user as usize,
            set: |c, i| c.site.per_user = PerUser::ALL.get(i).copied().unwrap_or(PerUser::Session),
            default: 0,
        },
        flag: None,
        summary: "What stands for a user in the audience per-user: session or user",
        text: "What tells users apart in the audience `per-user`: `\"session\"`, their session cookies as \
               they are, which needs nothing to be verified and makes a page for each login; or \
               `\"user\"`, their verified name, which makes one page for all devices of a user and needs \
               `identity.marker_keys` or `identity.lookup`.",
        example: "\"session\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "identity.marker_keys",
        kind: Kind::Texts { place: |c| &mut c.site.marker_keys, default: &[], of: Words::Secrets },
        flag: None,
        summary: "Keys that verify the application's signed marker",
        text: "Keys that verify [the marker](rules.md#the-signed-marker) by which the application says who \
               a visitor is, each as `NAME=file:PATH` or `NAME=env:VARIABLE`, so that no secret stands in \
               this file. NAME is the key's id in the marker: 1 to 32 of `A-Z a-z 0-9 - _`. The secret is \
               the file's or variable's text, 32 bytes or more, without a line end at its end. A relative \
               PATH counts from the directory that Larder was started in. Several are all accepted, so \
               that a key can be replaced without a break; the first one signs. Secrets are read \
               again on SIGHUP.",
        example: "[\"2026-11=file:/etc/larder/marker.key\", \"2026-05=env:LARDER_OLD_KEY\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "identity.marker_cookie",
        kind: Kind::Text {
            place: |c| &mut c.site.marker_cookie,
            default: "larder_id",
            of: Words::CookieName,
        },
        flag: None,
        summary: "The cookie that holds the signed marker",
        text: "The cookie that holds the signed marker.",
        example: "\"larder_id\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "identity.lookup",
        kind: Kind::Text { place: |c| &mut c.site.lookup, default: "", of: Words::Path },
        flag: None,
        summary: "Path under which the application says who a visitor is",
        text: "Path under which [the application says who a visitor is](rules.md#the-look-up). It is \
               asked with the visitor's session cookies only, and its answer counts for \
               `identity.lookup_ttl`. Without it, and without a marker, nobody with a session cookie is \
               verified.",
        example: "\"/_larder/identity\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "identity.lookup_ttl",
        kind: wait(|c| &mut c.site.lookup_ttl, secs(30)),
        flag: None,
        summary: "How long the answer to a look-up counts",
        text: "How long the answer to a look-up counts for that session. For so long may a visitor who has \
               logged out or changed their segment be taken for what they were.",
        example: "\"5m\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "identity.lookup_timeout",
        kind: wait(|c| &mut c.site.lookup_timeout, secs(2)),
        flag: None,
        summary: "How long the answer to a look-up is waited for",
        text: "How long the answer to a look-up is waited for. After that the visitor counts as not \
               verified: their request goes to the application, and nothing is stored.",
        example: "\"500ms\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "xhr.never",
        kind: Kind::Switch { place: |c| &mut c.site.xhr_never, default: false },
        flag: None,
        summary: "Never store answers to scripts, and tell browsers so",
        text: "Whether answers to scripts' requests are never stored, here or in browsers: they get the \
               same three fields as under a rule with `never = true`. Whatever it says, a script is never \
               answered with a page that was stored for a navigation, nor the other way round.",
        example: "true",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "xhr.signs",
        kind: Kind::Texts {
            place: |c| &mut c.site.xhr_signs,
            default: &Xhr::DEFAULT_SIGNS,
            of: Words::Signs,
        },
        flag: None,
        summary: "How a script's request is known",
        text: "How a script's request is known: fields with their values, several in one sign joined by \
               commas. A request that has all fields of one sign is a script's. The list replaces the \
               default, which knows jQuery and its kin, htmx, and `fetch` of current browsers. At most 16.",
        example: "[\"X-Requested-With: XMLHttpRequest\", \"Turbo-Frame: cart\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "debug.trusted",
        kind: Kind::Networks { place: |c| &mut c.debug_trusted },
        flag: None,
        summary: "Clients that get the whole explanation in Cache-Status",
        text: "Clients that get the whole explanation in `Cache-Status`: the rule, the parts of the key, \
               the reason. Networks in CIDR notation, or single addresses. Empty, because an explanation \
               tells strangers how a site tells its visitors apart.",
        example: "[\"127.0.0.1\", \"10.0.0.0/8\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "danger.share_session_responses",
        kind: Kind::Switch { place: |c| &mut c.site.share_session_responses, default: false },
        flag: None,
        summary: "Share answers to requests with a session cookie as RFC 9111 allows",
        text: "Without a rule, an answer to a request with a session cookie is stored for others only if it \
               says `public`, `s-maxage` or a targeted field, or varies on `Cookie`. `true` takes the plain \
               reading of RFC 9111 §3, which knows no cookies: then every page that is made for one \
               visitor has to say `private` or `no-store` itself, or others see it.",
        example: "true",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "danger.override_fields",
        kind: Kind::Texts {
            place: |c| &mut c.front_options.override_fields,
            default: &[],
            of: Words::OverrideFields,
        },
        flag: None,
        summary: "Fields that override method or URL, let through everywhere",
        text: "Fields such as `X-HTTP-Method-Override` and `X-Original-URL` that the application gets on every request. Else \
               they are kept back from it where the answer may be stored, because it would be stored for a method or URL \
               that it was not made for; [behind a proxy](behind-a-proxy.md#fields-that-override) lists them. Name \
               one only if the application does not read it, or says `Vary` by it.",
        example: "[\"X-Original-URI\"]",
        reload: Reload::Live,
    },
];
