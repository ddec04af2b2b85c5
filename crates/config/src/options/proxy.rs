//! What the proxy itself is told: addresses, memory, waits, limits, logs. Long because it is a table.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{DAY, count, flag, secs, wait};
use crate::config::{AccessLog, Level, TlsOptions};
use crate::kind::{Automatic, Kind, OptionSpec, Reload};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// In the order of the documentation.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "upstream",
        kind: Kind::Upstreams { place: |c| &mut c.upstreams },
        flag: flag("--to", "URL"),
        summary: "The application, as http://host:port or https://host:port; several are balanced",
        text: "The application to ask for what is not stored, as `http://host:port` or `https://host:port` (see \
               [`[upstream_tls]`](#upstream_tls)). With several, each request goes to the less busy one of two picked at random. Names are looked up \
               at the start, and a name that does not resolve then ends it. There is no default: a \
               guessed port would be somebody else's service.",
        example: "[\"http://127.0.0.1:8000\", \"http://127.0.0.1:8001\"]",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "listen.http",
        kind: Kind::Addresses { place: |c| &mut c.listen, default: Some((LOOPBACK, 8080)) },
        flag: flag("--listen", "ADDR"),
        summary: "Address and port for clients; port 0 lets the system choose",
        text: "Address and port where clients are listened to, HTTP/1.1 and HTTP/2 without TLS. Port \
               0 lets the system choose one. The default is reachable from this machine only, so \
               that trying Larder out does not publish anything; `0.0.0.0:8080` is everybody. An empty list is \
               none, where there is `listen.https`.",
        example: "\"0.0.0.0:8080\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "listen.https",
        kind: Kind::Addresses { place: |c| &mut c.https, default: None },
        flag: None,
        summary: "Address and port for clients that speak TLS",
        text: "Address and port where clients are listened to that speak TLS, HTTP/1.1 and HTTP/2 as they agree. \
               It needs a [`[[tls.certificate]]`](#tlscertificate); [https.md](https.md) has the whole story. \
               `[::]:443` is everybody, by IPv4 too.",
        example: "\"[::]:443\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "listen.proxy_protocol",
        kind: Kind::Addresses { place: |c| &mut c.proxy_protocol, default: None },
        flag: None,
        summary: "Those of the listeners where connections begin with a PROXY protocol header",
        text: "Those addresses of `listen.http` and `listen.https` where every connection begins with a PROXY \
               protocol header, version 1 or 2: what load balancers that only pass bytes on say of the visitor. \
               It is required there and looked for nowhere else. Only `trusted_proxies` may connect to such an \
               address. [https.md](https.md#the-proxy-protocol) says more.",
        example: "\"0.0.0.0:8443\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "tls.min_version",
        kind: Kind::Choice {
            names: &TlsOptions::VERSIONS,
            get: |c| c.tls_options.min_version,
            set: |c, index| c.tls_options.min_version = index,
            default: 0,
        },
        flag: None,
        summary: "The oldest version of TLS that is spoken: 1.2 or 1.3",
        text: "The oldest version of TLS that is spoken towards clients. 1.2 only with forward secrecy and \
               authenticated ciphers, which every browser of the last ten years has; older versions are not there.",
        example: "\"1.3\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "listen.workers",
        kind: Kind::Count {
            place: |c| &mut c.workers,
            default: Automatic::From("one per core"),
            min: 1,
            max: 1024,
        },
        flag: flag("--workers", "N"),
        summary: "Worker threads",
        text: "Threads that answer requests. Each has its own event loop and its own share of the \
               connections. More than one per core only adds switching between them.",
        example: "2",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "admin.listen",
        kind: Kind::AddressOrOff { place: |c| &mut c.admin, default: (LOOPBACK, 9180) },
        flag: flag("--admin", "ADDR|off"),
        summary: "Address and port for health and metrics, or off",
        text: "Address and port of `/healthz`, `/readyz` and `/metrics`, or `\"off\"`. Apart from \
               the site, and reachable from this machine only, because metrics tell strangers how \
               a site is used.",
        example: "\"off\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "cache.memory",
        kind: Kind::Bytes {
            place: |c| &mut c.cache.memory_bytes,
            default: Automatic::Fixed(256 * MIB),
            min: 8 * MIB,
            max: usize::MAX,
        },
        flag: flag("--memory", "SIZE"),
        summary: "Memory for stored responses",
        text: "Memory for stored responses, their fields, keys and bookkeeping counted. When it is \
               full, what is asked for least makes room. The process needs more than this for \
               connections and responses in progress; leave a fifth. Below 8MiB so little fits that \
               Larder would only be in the way; more than the machine has is refused.",
        example: "\"1GiB\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "cache.object_max",
        kind: Kind::Bytes {
            place: |c| &mut c.cache.object_bytes_max,
            default: Automatic::From("a sixteenth of `cache.memory`"),
            min: KIB,
            max: usize::MAX,
        },
        flag: flag("--object-max", "SIZE"),
        summary: "Largest response body that is stored",
        text: "Largest response body that is stored; larger ones are passed through. The default \
               keeps one download from pushing out all pages. At most an eighth of `cache.memory`.",
        example: "\"16MiB\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.variants_max",
        kind: count(|c| &mut c.cache.variants_max, 64, 4096),
        flag: None,
        summary: "Most variants kept of one page",
        text: "Most variants (RFC 9110 §12.5.5, `Vary`) kept of one page. Above it stale ones make \
               room, and beside as many fresh ones a new one is passed. A bound, because a client that invents values of a varying field would \
               otherwise fill the memory with one page.",
        example: "16",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.uncacheable_memory",
        kind: wait(|c| &mut c.cache.uncacheable_memory, secs(120)),
        flag: None,
        summary: "How long a page is remembered as uncacheable",
        text: "Requests for a page that is not stored wait for one fetch and share it. If its \
               response could not be stored, they would be queued for nothing, so for this long \
               further requests for the page go straight to the application. Short enough that a \
               page that becomes cacheable is noticed.",
        example: "\"30s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.honour_request_directives",
        kind: Kind::Switch {
            place: |c| &mut c.semantics.honour_request_directives,
            default: false,
        },
        flag: None,
        summary: "Let clients bypass the cache by their own Cache-Control",
        text: "Whether a client's own `Cache-Control` (RFC 9111 §5.2.1: `no-cache`, `max-age`, \
               `only-if-cached` ...) and `Pragma` count. Off, because with it anybody can make \
               every request reach the application.",
        example: "true",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.targeted_fields",
        kind: Kind::Switch { place: |c| &mut c.semantics.targeted, default: true },
        flag: None,
        summary: "Obey CDN-Cache-Control and Surrogate-Control before Cache-Control",
        text: "Whether `CDN-Cache-Control` (RFC 9213) and then `Surrogate-Control` win over \
               `Cache-Control` where an application sends them. On, because they are addressed \
               to caches like this one: they let it keep a page longer than browsers do.",
        example: "false",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.error_ttl_max",
        kind: Kind::Duration {
            place: |c| &mut c.semantics.error_lifetime_max,
            default: secs(10),
            min: Duration::ZERO,
            max: secs(DAY),
        },
        flag: None,
        summary: "Longest freshness of a 4xx or 5xx response",
        text: "Longest freshness lifetime of a response with a 4xx or 5xx status, whatever its own \
               fields say. Long enough to shield a struggling application, short enough that an \
               error made by accident, or provoked by somebody, does not stay. `0s` validates \
               them every time.",
        example: "\"2s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.heuristic_percent",
        kind: Kind::Percent { place: |c| &mut c.semantics.heuristic_fraction_percent, default: 10 },
        flag: None,
        summary: "Freshness without a stated lifetime, as a share of the time since Last-Modified",
        text: "A response without a stated lifetime is fresh for this share of the time between its \
               `Last-Modified` and its `Date` (RFC 9111 §4.2.2, which suggests 10). `0` turns it \
               off: such responses are then validated each time.",
        example: "0",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.heuristic_max",
        kind: Kind::Duration {
            place: |c| &mut c.semantics.heuristic_lifetime_max,
            default: secs(DAY),
            min: Duration::ZERO,
            max: secs(365 * DAY),
        },
        flag: None,
        summary: "Longest freshness that is guessed from Last-Modified",
        text: "Longest freshness lifetime that `cache.heuristic_percent` may give. A file that was \
               not touched for ten years would otherwise be kept for one without being asked about.",
        example: "\"1h\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.grace",
        kind: Kind::Duration {
            place: |c| &mut c.semantics.grace,
            default: Duration::ZERO,
            min: Duration::ZERO,
            max: secs(365 * DAY),
        },
        flag: None,
        summary: "How long past its freshness a page may answer while it is made anew",
        text: "How long past its freshness a page answers at once while one request brings it up to \
               date in the background, where the response has no `stale-while-revalidate` (RFC 5861) \
               of its own. Never for what says `must-revalidate`, `no-cache` or `s-maxage`, and never \
               for errors. Off, because RFC 9111 §4.2.4 leaves it to the application unless the site \
               decides otherwise.",
        example: "\"5m\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.stale_if_disconnected",
        kind: Kind::Duration {
            place: |c| &mut c.semantics.stale_if_disconnected,
            default: secs(DAY),
            min: Duration::ZERO,
            max: secs(365 * DAY),
        },
        flag: None,
        summary: "How long past its freshness a page may answer while the application is away",
        text: "How long past its freshness a stored response may answer while no application can be \
               reached (RFC 9111 §4.2.4). It never overrides `must-revalidate`, `no-cache` and the \
               like, and a response's own `stale-if-error` counts beside it. A day, so that a night \
               without the application is one without an error page. `0s` turns it off.",
        example: "\"1h\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "cache.stale_with_s_maxage",
        kind: Kind::Switch { place: |c| &mut c.semantics.stale_with_s_maxage, default: false },
        flag: None,
        summary: "Allow stale answers for responses with s-maxage",
        text: "Whether a response with `s-maxage` may be served stale. RFC 9111 §5.2.2.10 says that \
               `s-maxage` forbids it as `proxy-revalidate` does, so it is off. Turn it on if your \
               application sends `s-maxage` together with `stale-while-revalidate` or \
               `stale-if-error` and means both, as many do.",
        example: "true",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "timeouts.header",
        kind: wait(|c| &mut c.timeouts.header, secs(10)),
        flag: None,
        summary: "For a request's head to arrive",
        text: "How long a request's head may take from its first byte to its last; then 408. Heads \
               are small: who needs longer is holding connections open on purpose.",
        example: "\"5s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "timeouts.idle",
        kind: wait(|c| &mut c.timeouts.idle, secs(60)),
        flag: None,
        summary: "Between two requests of a client's connection",
        text: "How long a client's connection is kept while nothing is asked on it. Browsers reuse \
               one for about a minute.",
        example: "\"15s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "timeouts.body",
        kind: wait(|c| &mut c.timeouts.body, secs(60)),
        flag: None,
        summary: "Between two pieces of a request's body",
        text: "How long a client may pause while it sends a request's body; then 408. It bounds the \
               pause, not the upload, so a slow line is no problem.",
        example: "\"30s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "timeouts.connect",
        kind: wait(|c| &mut c.timeouts.connect, secs(5)),
        flag: None,
        summary: "For a connection to an application",
        text: "How long a connection to an application may take; then another one is tried, or the \
               client gets 504. Longer than one lost packet and its repetition take.",
        example: "\"1s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "timeouts.first_byte",
        kind: wait(|c| &mut c.timeouts.first_byte, secs(60)),
        flag: None,
        summary: "For an application to begin its response",
        text: "How long an application may take from the end of the request to the head of its \
               response; then 504. Raise it for reports and exports that take minutes to begin.",
        example: "\"5m\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "timeouts.between_bytes",
        kind: wait(|c| &mut c.timeouts.between_bytes, secs(60)),
        flag: None,
        summary: "Between two pieces of a response's body",
        text: "How long an application may pause while it sends a response's body; then the \
               response is cut off, and not stored. Event streams should send a comment line more \
               often than this.",
        example: "\"10m\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "timeouts.send",
        kind: wait(|c| &mut c.timeouts.send, secs(60)),
        flag: None,
        summary: "For a client to take some of a response",
        text: "How long a client may take nothing at all of a response that is ready for it; then \
               its connection is closed. Any byte starts it anew, so a slow line is no problem.",
        example: "\"30s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "timeouts.drain",
        kind: Kind::Duration {
            place: |c| &mut c.timeouts.drain,
            default: secs(30),
            min: Duration::ZERO,
            max: secs(DAY),
        },
        flag: None,
        summary: "For requests in progress after SIGTERM",
        text: "How long requests in progress may take to end after SIGTERM; then they are cut off. \
               Keep it below what your service manager waits before it kills.",
        example: "\"5s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "limits.header_bytes",
        kind: Kind::Bytes {
            place: |c| &mut c.limits.header_bytes_max,
            default: Automatic::Fixed(64 * KIB),
            min: 8 * KIB,
            max: MIB,
        },
        flag: None,
        summary: "Largest request head",
        text: "Largest request head, its first line included; then 431. Browsers with many cookies \
               reach 16KiB; most applications take less than the default anyway.",
        example: "\"32KiB\"",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "limits.headers",
        kind: Kind::Count {
            place: |c| &mut c.limits.headers_max,
            default: Automatic::Fixed(100),
            min: 16,
            max: 1000,
        },
        flag: None,
        summary: "Most fields in a request head",
        text: "Most fields in a request head; then 431. A browser sends about twenty, proxies in \
               front add ten.",
        example: "200",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "limits.connections",
        kind: count(|c| &mut c.limits.connections_max, 10_000, 1_000_000),
        flag: None,
        summary: "Most client connections at one time",
        text: "Most client connections at one time, over all workers. Further ones \
               are answered with 503 and closed. Each needs a file descriptor, and another one while \
               an application is asked: see `ulimit -n`.",
        example: "50000",
        reload: Reload::Restart,
    },
    OptionSpec {
        key: "upstream_pool.idle",
        kind: wait(|c| &mut c.upstream_pool.idle, Duration::from_millis(1500)),
        flag: None,
        summary: "How long an unused connection to an application is kept",
        text: "How long an unused connection to an application is kept. It has to be shorter than \
               the application keeps its end open, or a request meets a closing connection; gunicorn \
               does so for 2 seconds, Node for 5, so the default is below both.",
        example: "\"4s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "upstream_pool.idle_max",
        kind: count(|c| &mut c.upstream_pool.idle_max, 256, 100_000),
        flag: None,
        summary: "Most unused connections kept to one application",
        text: "Most unused connections kept to one application, over all workers (each gets its share, \
               rounded up). Applications with one thread a connection can't serve others while they \
               are kept.",
        example: "8",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "upstream_pool.connections_max",
        kind: count(|c| &mut c.upstream_pool.connections_max, 1024, 1_000_000),
        flag: None,
        summary: "Most connections to one application",
        text: "Most connections to one application at one time, over all workers; with all of them \
               busy, a request gets 503. A bound, so that an application that hangs does not take \
               every file descriptor with it.",
        example: "256",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "upstream_pool.eject_after",
        kind: count(|c| &mut c.upstream_pool.eject_after, 5, 1000),
        flag: None,
        summary: "Failures in a row after which an application is left alone",
        text: "Failures in a row (no connection, no response, a cut-off one) after which an \
               application is left alone for a while. With one application only there is nothing \
               to turn to, so it is asked all the same.",
        example: "2",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "upstream_pool.eject_for",
        kind: wait(|c| &mut c.upstream_pool.eject_for, secs(2)),
        flag: None,
        summary: "How long an application is left alone",
        text: "How long an application is left alone after `upstream_pool.eject_after` failures; \
               then it is tried again, and left alone for twice as long if that fails too. Short, \
               because most failures are a restart.",
        example: "\"30s\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "log.access",
        kind: Kind::Choice {
            names: &AccessLog::NAMES,
            get: |c| c.log.access as usize,
            set: |c, i| c.log.access = AccessLog::ALL.get(i).copied().unwrap_or(AccessLog::Off),
            default: 0,
        },
        flag: flag("--access-log", "FORM"),
        summary: "Access log: off, combined or json",
        text: "Whether each request is logged: `\"off\"`, `\"combined\"` (the form web servers \
               share, with the cache's decision at the end) or `\"json\"`. Off, because it holds \
               the addresses of visitors: keeping those is a decision.",
        example: "\"json\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "log.path",
        kind: Kind::Path { place: |c| &mut c.log.path, without: "standard output" },
        flag: flag("--access-log-path", "PATH"),
        summary: "File for the access log",
        text: "File that the access log is appended to. Standard output when not set, where service \
               managers and containers collect it.",
        example: "\"/var/log/larder/access.log\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "log.level",
        kind: Kind::Choice {
            names: &Level::NAMES,
            get: |c| c.log.level as usize,
            set: |c, i| c.log.level = Level::ALL.get(i).copied().unwrap_or(Level::Info),
            default: 2,
        },
        flag: flag("--log-level", "LEVEL"),
        summary: "How much Larder says on standard error: error, warn, info, debug or trace",
        text: "How much Larder says about itself on standard error: `\"error\"`, `\"warn\"`, \
               `\"info\"`, `\"debug\"` or `\"trace\"`. `info` is a few lines at start, reload and stop.",
        example: "\"warn\"",
        reload: Reload::Restart,
    },
];
