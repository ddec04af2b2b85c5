//! What is decided before a page is looked for: who is believed, which hosts there are, what https means.

use std::time::Duration;

use larder_policy::forwarded_style::Names;

use super::{DAY, secs};
use crate::front::Underscored;
use crate::kind::{Kind, OptionSpec, Reload, Words};

const NAMES: [Names; 3] = [Names::XForwarded, Names::Forwarded, Names::Both];

const UNDERSCORES: [Underscored; 3] = [Underscored::Drop, Underscored::Reject, Underscored::Pass];

/// In the order of the documentation.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "trusted_proxies",
        kind: Kind::Networks { place: |c| &mut c.front_options.trusted_proxies },
        flag: None,
        summary: "Proxies in front whose word about the visitor is taken",
        text: "Proxies in front of Larder whose word about the visitor's address and scheme is taken; [behind \
               a proxy](behind-a-proxy.md) has the whole story. Networks in CIDR notation, or single addresses. \
               Name only what nobody else can connect from, and have them set the fields rather than pass \
               on what visitors sent. Empty, because whoever is believed can say who they are.",
        example: "[\"127.0.0.1\", \"10.0.0.0/8\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "hosts",
        kind: Kind::Texts { place: |c| &mut c.front_options.hosts, default: &[], of: Words::Hosts },
        flag: None,
        summary: "The site's hosts; others get 421",
        text: "The site's hosts, as visitors name them: `\"example.com\"`, `\"example.com:8080\"` where the port \
               is not the scheme's own, `\"*.example.com\"` for all names below one. A request for another host \
               gets 421 and reaches neither the cache nor the application. Not set, every host is the site's: \
               the application then has to look after it.",
        example: "[\"example.com\", \"*.example.com\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "default_host",
        kind: Kind::Text {
            place: |c| &mut c.front_options.default_host,
            default: "",
            of: Words::Hosts,
        },
        flag: None,
        summary: "The host that requests for others count as",
        text: "The host, one of `hosts`, that a request for any other counts as being for, also one by HTTP/1.0 that names \
               none: its page is that host's, and the application is told of that host only. Not set, such \
               requests get 421.",
        example: "\"example.com\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "underscores",
        kind: Kind::Choice {
            names: &["drop", "reject", "pass"],
            get: |c| c.front_options.underscores as usize,
            set: |c, i| {
                c.front_options.underscores = UNDERSCORES.get(i).copied().unwrap_or_default();
            },
            default: 0,
        },
        flag: None,
        summary: "Fields with an underscore in their name: drop, reject or pass",
        text: "What becomes of request fields with an underscore in their name. WSGI, CGI and PHP take `X_Real_IP` for \
               `X-Real-IP`, so such a field gets past whatever was decided about the other. `\"drop\"` keeps \
               them from the application, `\"reject\"` answers 400, `\"pass\"` drops all but those in \
               `underscores_pass`.",
        example: "\"reject\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "underscores_pass",
        kind: Kind::Texts {
            place: |c| &mut c.front_options.underscores_pass,
            default: &[],
            of: Words::UnderscoredFields,
        },
        flag: None,
        summary: "Fields with an underscore that the application gets",
        text: "Fields with an underscore in their name that reach the application, with `underscores = \"pass\"`, whoever \
               sends them. None that it could take for a field that Larder writes or believes, or that belongs to \
               HTTP or to the session. A page that a rule shares is asked for without them.",
        example: "[\"SM_USER\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "health_paths",
        kind: Kind::Texts {
            place: |c| &mut c.front_options.health_paths,
            default: &["/_larder/health"],
            of: Words::Path,
        },
        flag: None,
        summary: "Paths that Larder answers itself with 200",
        text: "Paths that Larder answers itself with 200 for GET and HEAD, whatever host they are asked of and by \
               whichever scheme: for a load balancer that looks whether Larder is there. They say nothing of \
               the application. An empty list turns it off.",
        example: "[\"/_larder/health\", \"/up\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "forwarded.style",
        kind: Kind::Choice {
            names: &["x-forwarded", "forwarded", "both"],
            get: |c| c.front_options.style as usize,
            set: |c, i| c.front_options.style = NAMES.get(i).copied().unwrap_or_default(),
            default: 0,
        },
        flag: None,
        summary: "How the application is told of the visitor: x-forwarded, forwarded or both",
        text: "How the application is told of the visitor's address and scheme and of the host: \
               `\"x-forwarded\"` is `X-Forwarded-For`, `-Host`, `-Port` and `-Proto`, `\"forwarded\"` is \
               `Forwarded` (RFC 7239), `\"both\"` is both. What came in is always replaced, each field has one \
               value, and an application may believe it as long as only Larder can reach it.",
        example: "\"both\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "forwarded.extra",
        kind: Kind::Texts {
            place: |c| &mut c.front_options.extra,
            default: &[],
            of: Words::Extras,
        },
        flag: None,
        summary: "Fields that the application is told besides",
        text: "Fields that the application is told besides, each as `Name: value`. A value is `$scheme` (`https` or \
               `http`), `$on` (`on` or `off`), `$https` (`on`; for http the field is left out), `$host`, \
               `$port`, `$client` (the address), or a text that is always the same. What a visitor sent by such a \
               name is replaced.",
        example: "[\"X-Forwarded-Protocol: $scheme\", \"X-Forwarded-SSL: $on\", \"X-Real-IP: $client\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "forwarded.scheme_from",
        kind: Kind::Text {
            place: |c| &mut c.front_options.scheme_from,
            default: "",
            of: Words::FieldName,
        },
        flag: None,
        summary: "The one field in which trusted proxies say the scheme",
        text: "The one field in which `trusted_proxies` say the scheme; the others then say nothing. Not set, any of \
               `Forwarded`, `X-Forwarded-Proto`, `X-Forwarded-Protocol`, `X-Forwarded-Scheme`, \
               `X-Forwarded-SSL` and `Front-End-Https` does, and where two of them differ the request counts as \
               http. Set it where a proxy has a field of its own, or passes on what visitors sent in others.",
        example: "\"CloudFront-Forwarded-Proto\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "https.redirect",
        kind: Kind::Switch { place: |c| &mut c.front_options.redirect, default: false },
        flag: None,
        summary: "Send requests by http to https",
        text: "Whether requests by http are sent to https: 301 for GET and HEAD, 308 for others, so that a form stays \
               a form. Larder's redirects are not stored by anybody. It needs `listen.https`, or `trusted_proxies` that \
               say who came by https.",
        example: "true",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "https.host",
        kind: Kind::Text {
            place: |c| &mut c.front_options.https_host,
            default: "",
            of: Words::Hosts,
        },
        flag: None,
        summary: "The host that requests by http are sent to",
        text: "The host, with its port if that is not 443, that requests by http are sent to. Not set, the one that \
               was asked for, without its port; where `listen.https` has another port than 443, that port is added for \
               those who came to `listen.http` directly.",
        example: "\"www.example.com\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "https.exempt",
        kind: Kind::Texts {
            place: |c| &mut c.front_options.exempt,
            default: &["/.well-known/acme-challenge/*"],
            of: Words::Paths,
        },
        flag: None,
        summary: "Paths that are answered by http too",
        text: "Paths that are answered by http too, or beginnings of them with a trailing `*`. The list replaces \
               the default, which lets certificates be issued (RFC 8555 §8.3). `health_paths` need not be named.",
        example: "[\"/.well-known/acme-challenge/*\", \"/feeds/*\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "https.hsts",
        kind: Kind::Duration {
            place: |c| &mut c.front_options.hsts,
            default: Duration::ZERO,
            min: Duration::ZERO,
            max: secs(3650 * DAY),
        },
        flag: None,
        summary: "How long browsers are to come by https only (HSTS)",
        text: "How long browsers are to come by https only (RFC 6797), as `Strict-Transport-Security` of every answer \
               by https that has none of its own. It can't be taken back: begin with minutes. `0s` sends \
               none.",
        example: "\"365d\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "https.hsts_subdomains",
        kind: Kind::Switch { place: |c| &mut c.front_options.hsts_subdomains, default: false },
        flag: None,
        summary: "Whether HSTS holds for all names below the host",
        text: "Whether `https.hsts` holds for all names below the host too. Off, because one forgotten name \
               that speaks no TLS is then out of reach.",
        example: "true",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "https.hsts_preload",
        kind: Kind::Switch { place: |c| &mut c.front_options.hsts_preload, default: false },
        flag: None,
        summary: "Whether browsers may have the host on their built-in lists",
        text: "Whether browsers' makers may put the host on their built-in lists, where it stays for years. They \
               ask for a year or more and for `https.hsts_subdomains`.",
        example: "true",
        reload: Reload::Live,
    },
];
