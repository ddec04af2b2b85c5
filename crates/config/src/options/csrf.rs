//! The cookie with a visitor's secret for forms: what the application's own settings say has to be said here too.

use super::secs;
use crate::csrf::CsrfConfig;
use crate::kind::{Kind, OptionSpec, Reload, Words};
use crate::limits::LIFETIME_SECONDS_MAX;

/// In the order of the documentation.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "csrf.cookie",
        kind: Kind::Text {
            place: |c| &mut c.site.csrf.cookie,
            default: "csrftoken",
            of: Words::CookieName,
        },
        flag: None,
        summary: "The cookie with a visitor's secret for forms",
        text: "The cookie with a visitor's secret for forms, for rules with `csrf = \"django\"`: Django's `CSRF_COOKIE_NAME`.",
        example: "\"csrftoken\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "csrf.age",
        kind: Kind::Duration {
            place: |c| &mut c.site.csrf.age,
            default: secs(52 * 7 * 86_400),
            min: secs(0),
            max: secs(10 * LIFETIME_SECONDS_MAX),
        },
        flag: None,
        summary: "How long browsers keep the cookie with the secret",
        text: "How long browsers keep the cookie, where Larder sets it: Django's `CSRF_COOKIE_AGE`. `\"0s\"`: until they are closed.",
        example: "\"30d\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "csrf.secure",
        kind: Kind::Choice {
            names: &CsrfConfig::SECURE,
            get: |c| c.site.csrf.secure,
            set: |c, index| c.site.csrf.secure = index,
            default: 0,
        },
        flag: None,
        summary: "Whether the cookie with the secret goes by https only: auto, always or never",
        text: "Whether the cookie goes by https only: Django's `CSRF_COOKIE_SECURE`. `\"auto\"` is where it was set by https.",
        example: "\"always\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "csrf.same_site",
        kind: Kind::Choice {
            names: &CsrfConfig::SAME_SITE,
            get: |c| c.site.csrf.same_site,
            set: |c, index| c.site.csrf.same_site = index,
            default: 0,
        },
        flag: None,
        summary: "Whether the cookie with the secret goes with other sites' requests: lax, strict or none",
        text: "Whether the cookie goes with requests that other sites begin: Django's `CSRF_COOKIE_SAMESITE`.",
        example: "\"strict\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "csrf.domain",
        kind: Kind::Text {
            place: |c| &mut c.site.csrf.domain,
            default: "",
            of: Words::CookieDomain,
        },
        flag: None,
        summary: "For which hosts the cookie with the secret is",
        text: "The domain for whose hosts the cookie is: Django's `CSRF_COOKIE_DOMAIN`, without a dot before it. Without one it \
               is for the host of the page only.",
        example: "\"example.com\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "csrf.path",
        kind: Kind::Text { place: |c| &mut c.site.csrf.path, default: "/", of: Words::CookiePath },
        flag: None,
        summary: "Below which path the cookie with the secret is sent",
        text: "Below which path browsers send the cookie: Django's `CSRF_COOKIE_PATH`.",
        example: "\"/shop/\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "csrf.http_only",
        kind: Kind::Switch { place: |c| &mut c.site.csrf.http_only, default: false },
        flag: None,
        summary: "Whether scripts can't read the cookie with the secret",
        text: "Whether scripts can't read the cookie: Django's `CSRF_COOKIE_HTTPONLY`. Off, because many scripts read it to send \
               it along.",
        example: "true",
        reload: Reload::Live,
    },
];
