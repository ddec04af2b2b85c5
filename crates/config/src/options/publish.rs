//! Where finished pages are laid down for nginx, and what is remembered of them.

use std::time::Duration;

use larder_policy::Scheme;
use larder_policy::published::KeyStyle;

use super::wait;
use crate::kind::{Automatic, Kind, OptionSpec, Reload, Words};
use crate::publish::{ROUTINGS, STYLES, STYLES_OF};

/// In the order of the documentation.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "lookup",
        kind: Kind::Text {
            place: |c| &mut c.publish_options.lookup,
            default: "",
            of: Words::Lookup,
        },
        flag: None,
        summary: "The database that remembers which pages were published",
        text: "The database that remembers which pages were published, so that a purge finds them: `sqlite:PATH`, a file that one \
               Larder has for itself, or `postgres://USER@HOST/DATABASE`, which several Larders may share; a password is better in \
               `PGPASSWORD` or a `.pgpass` than here. A relative path counts from the folder of this file. Purges that could not \
               be completed wait in a file beside it, with PostgreSQL in `larder.outbox` beside this file. Not set, and if any rule \
               publishes: `sqlite:larder.db`.",
        example: "\"postgres://larder@db.internal/larder\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.servers",
        kind: Kind::Texts {
            place: |c| &mut c.publish_options.servers,
            default: &[],
            of: Words::Memcached,
        },
        flag: None,
        summary: "The Memcached servers that pages are published to",
        text: "The Memcached servers that rules with `publish` write to: a host with or without a port (11211), or `unix:PATH`. \
               Written, and in the same order, as whoever reads from them has it: which server has which page is computed from \
               these names.",
        example: "[\"10.0.0.1:11211\", \"10.0.0.2:11211\"]",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.routing",
        kind: Kind::Choice {
            names: &ROUTINGS,
            get: |c| c.publish_options.routing,
            set: |c, index| c.publish_options.routing = index,
            default: 0,
        },
        flag: None,
        summary: "How it is known which server has a page",
        text: "How it is known which of several servers has a page: as whoever reads does it. `nginx` is its `hash … consistent`; \
               `pymemcache` is Django's `PyMemcacheCache`, `pylibmc` its `PyLibMCCache`, and the others are that one's consistent \
               hashing by `ketama`, with another hash, and weighted.",
        example: "\"ketama\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.style",
        kind: Kind::Choice {
            names: &STYLES,
            get: |c| usize::from(c.publish_options.keys.style == KeyStyle::DjangoNginxMemcache),
            set: |c, index| {
                c.publish_options.keys.style = STYLES_OF.get(index).copied().unwrap_or_default();
            },
            default: 0,
        },
        flag: None,
        summary: "How keys are made",
        text: "How the key of a page is made: `larder` (scheme, host and target as they are, which nginx can write without a \
               module) or `django-nginx-memcache` (byte for byte as that package's, with an MD5; both schemes share a page).",
        example: "\"django-nginx-memcache\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.prefix",
        kind: Kind::Text {
            place: |c| &mut c.publish_options.keys.prefix,
            default: "larder",
            of: Words::KeyPrefix,
        },
        flag: None,
        summary: "With what keys begin",
        text: "With what keys begin, so that others may use the same servers. May be empty, as Django's `KEY_PREFIX` is by default.",
        example: "\"\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.version",
        kind: Kind::Text {
            place: |c| &mut c.publish_options.keys.version,
            default: "1",
            of: Words::KeyPrefix,
        },
        flag: None,
        summary: "The version in keys of the style django-nginx-memcache",
        text: "The version in keys of the style `django-nginx-memcache`, as Django's `VERSION`.",
        example: "\"2\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.cookie",
        kind: Kind::Text {
            place: |c| &mut c.publish_options.keys.cookie,
            default: "pv",
            of: Words::CookieName,
        },
        flag: None,
        summary: "The cookie of page versions in keys of the style django-nginx-memcache",
        text: "The name of the cookie of page versions in keys of the style `django-nginx-memcache`, as its `CACHE_NGINX_COOKIE`.",
        example: "\"pv\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.scheme",
        kind: Kind::Choice {
            names: &["https", "http"],
            get: |c| usize::from(c.publish_options.keys.scheme == Scheme::Http),
            set: |c, index| {
                let scheme = if index == 1 { Scheme::Http } else { Scheme::Https };
                c.publish_options.keys.scheme = scheme;
            },
            default: 0,
        },
        flag: None,
        summary: "The only scheme of pages published in the style django-nginx-memcache",
        text: "The only scheme whose pages are published in the style `django-nginx-memcache`, whose keys do not tell `https` and \
               `http` apart.",
        example: "\"http\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.fields",
        kind: Kind::Texts {
            place: |c| &mut c.publish_options.fields,
            default: &[],
            of: Words::SentFields,
        },
        flag: None,
        summary: "Fields that nginx sends with every published page",
        text: "Fields that browsers obey and that nginx sends with every published page, since Memcached keeps none: \
               `Content-Security-Policy`, `X-Frame-Options` and the like. A page is published only if it has exactly these, \
               with these values.",
        example: "[\"X-Frame-Options: DENY\", \"X-Content-Type-Options: nosniff\"]",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.body_max",
        kind: Kind::Bytes {
            place: |c| &mut c.publish_options.body_bytes_max,
            default: Automatic::Fixed(1_000_000),
            min: 1024,
            max: 128 << 20,
        },
        flag: None,
        summary: "The largest page that is published",
        text: "The largest page that is published. The default is what Memcached takes by its own default of 1 MiB with key and \
               bookkeeping; more needs its `-I`.",
        example: "\"4MiB\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "publish.memcached.timeout",
        kind: wait(|c| &mut c.publish_options.timeout, Duration::from_millis(500)),
        flag: None,
        summary: "How long a Memcached server is waited for",
        text: "How long a Memcached server is waited for. No visitor waits for it: only publishing and purges do.",
        example: "\"1s\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "danger.trust_page_version_cookie",
        kind: Kind::Switch {
            place: |c| &mut c.publish_options.trusts_page_versions,
            default: false,
        },
        flag: None,
        summary: "Let nginx choose pages by a cookie that visitors can forge",
        text: "Whether pages of audiences by `segment` may be published, too. nginx chooses among them by the cookie \
               `publish.memcached.cookie`, which every visitor can set to anything: whoever knows the name of a page version reads it.",
        example: "true",
        reload: Reload::Restart,
    },
];
