//! What pages are purged by, and by whom.

use larder_policy::tags::FIELDS;

use crate::kind::{Kind, OptionSpec, Reload, Words};

/// In the order of the documentation.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "tags.fields",
        kind: Kind::Texts {
            place: |c| &mut c.purge_options.tag_fields,
            default: &FIELDS,
            of: Words::TagFields,
        },
        flag: None,
        summary: "Response fields in which the application names a page's tags",
        text: "Response fields in which the application names a page's tags, between commas, spaces or in several \
               lines. The default is what Fastly, Cloudflare, Drupal, Varnish, FOSHttpCache and Magento call theirs, \
               and a name of our own. The list replaces the default; `[]` reads none. Tags are never read from requests.",
        example: "[\"Surrogate-Key\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "tags.pass",
        kind: Kind::Switch { place: |c| &mut c.purge_options.tags_pass, default: false },
        flag: None,
        summary: "Let clients see the fields of tags",
        text: "Whether the fields of tags stay on the response, for another cache in front that reads them too. Off, \
               because tags tell strangers how a site is made.",
        example: "true",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "purge.allow",
        kind: Kind::Networks { place: |c| &mut c.purge_options.allow },
        flag: None,
        summary: "Who may purge on the site's own listener",
        text: "Who may purge on the site's own listener, by `PURGE`, `BAN` and [the other ways that content management \
               systems know](purging.md#dialects): the address that the connection comes from. What a request says of its \
               sender opens nothing, but closes: where `X-Forwarded-For`, `X-Real-IP`, `Forwarded` or a PROXY protocol \
               header names somebody who is not in the list, it is refused. Do not name a proxy that passes on what \
               visitors send without saying for whom. Networks in CIDR notation, or single addresses. Empty, and \
               without `purge.token` those methods are answered with 405.",
        example: "[\"127.0.0.1\", \"10.0.0.0/8\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "purge.token",
        kind: Kind::Text { place: |c| &mut c.purge_options.token, default: "", of: Words::Secret },
        flag: None,
        summary: "The token with which anybody may purge on the site's own listener",
        text: "The token with which anybody may purge on the site's own listener, in `Authorization: Bearer` or \
               `Larder-Token`: `file:PATH` or `env:VARIABLE`, so that it does not stand in this file. 16 bytes or more \
               of visible ASCII, without a line end at its end. It suffices by itself, as `purge.allow` does. It is read \
               again on SIGHUP.",
        example: "\"file:/etc/larder/purge.token\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "admin.token",
        kind: Kind::Text {
            place: |c| &mut c.purge_options.admin_token,
            default: "",
            of: Words::Secret,
        },
        flag: None,
        summary: "The token for changes on the admin listener",
        text: "The token that `POST /purge` on the admin listener needs, in `Authorization: Bearer`; `larder purge` sends \
               it. Written as `purge.token` is, and a token of its own. Not set, and without \
               `danger.admin_without_token`, nobody can purge there. Health and metrics need none.",
        example: "\"file:/etc/larder/admin.token\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "danger.admin_without_token",
        kind: Kind::Switch { place: |c| &mut c.purge_options.admin_without_token, default: false },
        flag: None,
        summary: "Let everybody on this machine purge on the admin listener",
        text: "Whether `POST /purge` on the admin listener needs no token if it comes from this machine. Then every user \
               and every program of the machine can empty the cache, and so can whoever makes one of them send a request.",
        example: "true",
        reload: Reload::Live,
    },
];
