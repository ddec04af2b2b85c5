//! Purges on the site's own listener, byte for byte as content management systems send them.

use larder_config::Config;
use larder_proxy::Server;
use larder_testkit::{Origin, Response, Script};

use crate::connect;
use crate::purging_admin::configured;

const TOKEN: &str = "0123456789abcdef0123";

/// All pages there are, of the host `site.test`.
const PAGES: [&str; 6] = ["/", "/blog/", "/blog/?page=2", "/blog/one", "/image.png", "/purge"];

fn application() -> Origin {
    let page = |kind: &str, tags: &str| {
        let fields = format!(
            "Cache-Control: max-age=600\r\nContent-Type: {kind}\r\nX-Cache-Tags: {tags}\r\n"
        );
        Script::answer("200 OK", &fields, "page")
    };
    Origin::paths([
        ("/", page("text/html", "home,site-1")),
        ("/blog/", page("text/html", "blog,site-1,post-1")),
        ("/blog/one", page("text/html", "post-1,site-1")),
        ("/image.png", page("image/png", "media:1,site-1")),
        ("/purge", page("text/html", "site-1")),
    ])
}

fn open(origin: &Origin) -> Server {
    Server::start(configured(origin, "purge.allow = '127.0.0.1'")).expect("a server")
}

fn is_hit(server: &Server, target: &str) -> bool {
    let response = connect(server).get(target);
    assert_eq!(response.status(), 200, "{target}");
    response.cache_status().contains("hit")
}

fn fill(server: &Server) {
    for target in PAGES {
        let _response = connect(server).get(target);
        assert!(is_hit(server, target), "{target} is stored");
    }
}

fn say(server: &Server, bytes: &str) -> Response {
    let mut client = connect(server);
    client.send(bytes);
    client.read_response()
}

/// What a client sends, what is gone, and the reason phrase that it reads.
type Row = (&'static str, &'static str, &'static [&'static str], &'static str);

const ALL: &[&str] = &PAGES;

const ROWS: &[Row] = &[
    (
        "Wagtail's HTTPBackend",
        "PURGE /blog/ HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: site.test\r\nUser-Agent: Wagtail-frontendcache/8.0.1\r\nConnection: close\r\n\r\n",
        &["/blog/"],
        "Purged",
    ),
    (
        "a query counts",
        "PURGE /blog/?page=2 HTTP/1.1\r\nHost: site.test\r\n\r\n",
        &["/blog/?page=2"],
        "Purged",
    ),
    ("nothing to purge", "PURGE /nothing HTTP/1.1\r\nHost: site.test\r\n\r\n", &[], "Purged"),
    ("another host", "PURGE /blog/ HTTP/1.1\r\nHost: other.test\r\n\r\n", &[], "Purged"),
    (
        "the port of https",
        "PURGE /blog/ HTTP/1.1\r\nHost: site.test:443\r\n\r\n",
        &["/blog/"],
        "Purged",
    ),
    (
        "django-cache-purge-hooks, absolute",
        "PURGE http://site.test/blog/ HTTP/1.1\r\nHost: site.test\r\nAccept-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
        &["/blog/"],
        "Purged",
    ),
    (
        "FOSHttpCache for Varnish, purge",
        "PURGE /blog/one HTTP/1.1\r\nHost: site.test\r\nUser-Agent: Symfony HttpClient/Curl\r\nConnection: Close\r\n\r\n",
        &["/blog/one"],
        "Purged",
    ),
    (
        "FOSHttpCache for Varnish, ban by URL",
        "BAN / HTTP/1.1\r\nHost: site.test\r\nX-Host: .*\r\nX-Url: ^/blog/.*\r\nX-Content-Type: .*\r\n\r\n",
        &["/blog/", "/blog/?page=2", "/blog/one"],
        "Banned",
    ),
    (
        "FOSHttpCache for Varnish, ban by host and type",
        "BAN / HTTP/1.1\r\nHost: cache\r\nX-Host: ^(www\\.)?site\\.test$\r\nX-Url: .*\r\nX-Content-Type: image/.*\r\n\r\n",
        &["/image.png"],
        "Banned",
    ),
    (
        "FOSHttpCache for Varnish, ban of everything",
        "BAN / HTTP/1.1\r\nHost: cache\r\nX-Host: .*\r\nX-Url: .*\r\nX-Content-Type: .*\r\n\r\n",
        ALL,
        "Banned",
    ),
    (
        "FOSHttpCache for Varnish, tags by ban",
        "BAN / HTTP/1.1\r\nHost: cache\r\nX-Host: .*\r\nX-Url: .*\r\nX-Content-Type: .*\r\nX-Cache-Tags: (^|,)(post\\-1|media\\:1)(,|$)\r\n\r\n",
        &["/blog/", "/blog/?page=2", "/blog/one", "/image.png"],
        "Banned",
    ),
    (
        "FOSHttpCache for Varnish, tags by xkey",
        "PURGEKEYS / HTTP/1.1\r\nHost: cache\r\nxkey-purge: home media:1\r\n\r\n",
        &["/", "/image.png"],
        "Purged 2 objects, expired 0 objects",
    ),
    (
        "FOSHttpCache for Varnish, tags by xkey, softly",
        "PURGEKEYS / HTTP/1.1\r\nHost: cache\r\nxkey-softpurge: home\r\n\r\n",
        &["/"],
        "Purged 0 objects, expired 1 objects",
    ),
    (
        "FOSHttpCache for Symfony, tags",
        "PURGETAGS / HTTP/1.1\r\nHost: site.test\r\nX-Cache-Tags: home,blog\r\n\r\n",
        &["/", "/blog/", "/blog/?page=2"],
        "Purged",
    ),
    (
        "FOSHttpCache for Symfony, clear",
        "PURGE / HTTP/1.1\r\nHost: site.test\r\nClear-Cache: true\r\n\r\n",
        ALL,
        "Purged",
    ),
    (
        "FOSHttpCache for nginx, another location",
        "PURGE /purge/blog/one HTTP/1.1\r\nHost: site.test\r\n\r\n",
        &["/blog/one"],
        "Purged",
    ),
    (
        "FOSHttpCache for LiteSpeed",
        "PURGE /_fos_litespeed_purge_endpoint/ HTTP/1.1\r\nHost: site.test\r\nX-LiteSpeed-Purge: /image.png, tag=home\r\n\r\n",
        &["/", "/image.png"],
        "Purged",
    ),
    (
        "FOSHttpCache for Fastly's method",
        "PURGE /image.png HTTP/1.1\r\nHost: site.test\r\nFastly-Soft-Purge: 1\r\n\r\n",
        &["/image.png"],
        "Purged",
    ),
    (
        "Drupal's zero configuration, tags",
        "BAN http://127.0.0.1/tags HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: GuzzleHttp/7\r\nAccept-Encoding: gzip\r\nCache-Tags: home media:1\r\n\r\n",
        &["/", "/image.png"],
        "Banned",
    ),
    (
        "Drupal's zero configuration, a URL",
        "PURGE /blog/ HTTP/1.1\r\nHost: site.test\r\nAccept-Encoding: gzip\r\n\r\n",
        &["/blog/"],
        "Purged",
    ),
    (
        "Drupal's zero configuration, everything",
        "PURGE /site HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept-Encoding: gzip\r\n\r\n",
        ALL,
        "Purged",
    ),
    (
        "Drupal's older modules, tags",
        "BAN / HTTP/1.1\r\nHost: site.test\r\nX-Drupal-Cache-Tag-Clears: home|blog\r\n\r\n",
        &["/", "/blog/", "/blog/?page=2"],
        "Banned",
    ),
    (
        "Drupal's images",
        "URIBAN /image.png HTTP/1.1\r\nHost: site.test\r\n\r\n",
        &["/image.png"],
        "Banned",
    ),
    (
        "Acquia",
        "PURGE /image.png HTTP/1.1\r\nHost: site.test\r\nX-Acquia-Purge: site\r\nAccept-Encoding: gzip\r\n\r\n",
        &["/image.png"],
        "Purged",
    ),
    (
        "Proxy Cache Purge, a URL",
        "PURGE /blog/one HTTP/1.1\r\nhost: site.test\r\nX-Purge-Method: default\r\n\r\n",
        &["/blog/one"],
        "Purged",
    ),
    (
        "Proxy Cache Purge, exactly",
        "PURGE /blog/.* HTTP/1.1\r\nhost: site.test\r\nX-Purge-Method: exact\r\n\r\n",
        &[],
        "Purged",
    ),
    (
        "Proxy Cache Purge and Hummingbird, everything below",
        "PURGE /blog/.* HTTP/1.1\r\nhost: site.test\r\nX-Purge-Method: regex\r\n\r\n",
        &["/blog/", "/blog/?page=2", "/blog/one"],
        "Purged",
    ),
    (
        "an expression that is more than a beginning",
        "PURGE /(image|blog/o).* HTTP/1.1\r\nhost: site.test\r\nX-Purge-Method: regex\r\n\r\n",
        &["/blog/one", "/image.png"],
        "Purged",
    ),
    (
        "Proxy Cache Purge, tags",
        "PURGE / HTTP/1.1\r\nhost: site.test\r\nX-Purge-Method: tags\r\nX-Cache-Tags-Pattern: (^|,)post-1(,|$)\r\n\r\n",
        &["/blog/", "/blog/?page=2", "/blog/one"],
        "Purged",
    ),
    (
        "W3TC, by HTTP/1.0",
        "PURGE /blog/.* HTTP/1.0\r\nHost: site.test\r\nConnection: Close\r\n\r\n",
        &["/blog/", "/blog/?page=2", "/blog/one"],
        "Purged",
    ),
    (
        "nginx-helper",
        "GET /purge/blog/?page=2 HTTP/1.1\r\nHost: site.test\r\nUser-Agent: WordPress/6.8; https://site.test\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        &["/blog/?page=2"],
        "Purged",
    ),
    (
        "Magento 2",
        "PURGE / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Magento-Tags-Pattern: ((^|,)home(,|$))|((^|,)media\\:1(,|$))\r\nConnection: close\r\n\r\n",
        &["/", "/image.png"],
        "Purged",
    ),
    (
        "Magento 2, everything",
        "PURGE / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Magento-Tags-Pattern: .*\r\n\r\n",
        ALL,
        "Purged",
    ),
    (
        "Magento 1",
        "PURGE / HTTP/1.1\r\nHost: cache\r\nX-Purge-Host: ^site\\.test$\r\nX-Purge-Regex: ^/blog\r\nX-Purge-Content-Type: text/html\r\n\r\n",
        &["/blog/", "/blog/?page=2", "/blog/one"],
        "Purged",
    ),
    (
        "sisu-cache-tools",
        "DELETE / HTTP/1.1\r\nHost: cache\r\nX-Ban-Host: Site.test\r\nContent-Length: 0\r\n\r\n",
        ALL,
        "Banned",
    ),
];

#[test]
fn every_dialect_is_understood_and_reaches_what_it_means() {
    let origin = application();
    let server = open(&origin);
    for (who, bytes, gone, phrase) in ROWS {
        fill(&server);
        let asked = origin.request_count();
        let response = say(&server, bytes);
        assert_eq!(response.status(), 200, "{who}: {}", response.text());
        assert_eq!(origin.request_count(), asked, "{who} reached the application");
        assert!(response.text().starts_with(phrase), "{who}: {}", response.text());
        let count = format!("pages={}, ", gone.len());
        let told = response.field("larder-purged").unwrap_or_default();
        assert!(told.starts_with(&count), "{who}: {told}");
        for target in PAGES {
            assert_eq!(is_hit(&server, target), !gone.contains(&target), "{who}: {target}");
        }
    }
}

#[test]
fn the_reason_phrase_is_the_one_that_varnish_says() {
    let origin = application();
    let server = open(&origin);
    let mut client = connect(&server);
    client.send("BAN / HTTP/1.1\r\nHost: site.test\r\nX-Url: .*\r\nConnection: close\r\n\r\n");
    let (bytes, _) = client.drain();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.starts_with("HTTP/1.1 200 Banned\r\n"), "{text}");
    assert!(text.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{text}");
}

#[test]
fn a_purge_that_says_nothing_is_an_error_of_its_sender() {
    let origin = application();
    let server = open(&origin);
    fill(&server);
    for bytes in [
        "PURGEKEYS / HTTP/1.1\r\nHost: site.test\r\n\r\n",
        "PURGETAGS / HTTP/1.1\r\nHost: site.test\r\n\r\n",
        "BAN / HTTP/1.1\r\nHost: site.test\r\nX-Url: (\r\n\r\n",
        "BAN / HTTP/1.1\r\nHost: site.test\r\nCache-Tags: \r\n\r\n",
        "PURGE / HTTP/1.1\r\nHost: site.test\r\nX-Magento-Tags-Pattern: cat_p_.*\r\n\r\n",
        "PURGE / HTTP/1.1\r\nHost: site.test\r\nX-LiteSpeed-Purge: what\r\n\r\n",
        "DELETE / HTTP/1.1\r\nHost: site.test\r\nX-Ban-Host: a/b\r\n\r\n",
    ] {
        let response = say(&server, bytes);
        assert_eq!(response.status(), 400, "{bytes}");
        assert!(response.text().starts_with("Nothing was purged: "), "{}", response.text());
    }
    for target in PAGES {
        assert!(is_hit(&server, target), "{target}");
    }
}

#[test]
fn nobody_else_purges_and_the_application_never_hears_of_it() {
    let passed_on = [
        "X-Forwarded-For: 192.0.2.1\r\n",
        "X-Real-IP: 192.0.2.1\r\n",
        "Forwarded: for=192.0.2.1\r\n",
    ];
    let cases = [
        ("", &[""][..]),
        ("purge.allow = '192.0.2.0/24'", &["", "X-Forwarded-For: 192.0.2.1\r\n"]),
        ("purge.token = 'env:TOKEN'", &["", "Authorization: Bearer 0123456789abcdef0124\r\n"]),
        ("purge.allow = '127.0.0.1'", &passed_on),
        ("purge.allow = '127.0.0.1'\ntrusted_proxies = '127.0.0.1'", &passed_on),
    ];
    for (more, tries) in cases {
        let origin = application();
        let server = Server::start(configured(&origin, more)).expect("a server");
        fill(&server);
        let asked = origin.request_count();
        for (who, bytes, ..) in ROWS.iter().filter(|(_, bytes, ..)| !bytes.starts_with("GET")) {
            for fields in tries {
                let (line, rest) = bytes.split_once("\r\n").expect("a request line");
                let response = say(&server, &format!("{line}\r\n{fields}{rest}"));
                assert_eq!(response.status(), 405, "{who}, {more}, {fields}");
            }
        }
        assert_eq!(origin.request_count(), asked, "{more}");
        for target in PAGES {
            assert!(is_hit(&server, target), "{target} with {more}");
        }
    }
}

#[test]
fn the_token_purges_from_anywhere() {
    let origin = application();
    let server = Server::start(configured(&origin, "purge.token = 'env:TOKEN'")).expect("a server");
    for field in [format!("Authorization: Bearer {TOKEN}"), format!("Larder-Token: {TOKEN}")] {
        fill(&server);
        let response =
            say(&server, &format!("PURGE /blog/ HTTP/1.1\r\nHost: site.test\r\n{field}\r\n\r\n"));
        assert_eq!(response.status(), 200);
        assert!(!is_hit(&server, "/blog/"));
    }
}

#[test]
fn a_purge_goes_before_redirects_and_unknown_hosts() {
    let origin = application();
    let more = "purge.allow = '127.0.0.1'\nhosts = ['site.test']\ntrusted_proxies = '192.0.2.1'\nhttps.redirect = true";
    let server = Server::start(configured(&origin, more)).expect("a server");
    for host in ["site.test", "10.0.0.1"] {
        let response = say(&server, &format!("PURGE /blog/ HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(response.status(), 200, "{host}");
    }
    assert_eq!(connect(&server).get("/blog/").status(), 301);
}

/// Pages that say how often they were made.
fn counting() -> Origin {
    let made = std::sync::atomic::AtomicUsize::new(0);
    Origin::answering(move |received| {
        let number = made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let method = &received.method;
        Script::answer("200 OK", "Cache-Control: max-age=600\r\n", format!("{method} {number}"))
    })
}

#[test]
fn who_may_purge_can_have_a_page_made_anew() {
    let ways =
        [("GET", "X-Refresh: 1\r\n"), ("GET", "Cache-Control: no-cache\r\n"), ("REFRESH", "")];
    for (method, fields) in ways {
        let origin = counting();
        let server = open(&origin);
        for made in ["GET 0", "GET 0"] {
            assert_eq!(connect(&server).get("/").text(), made);
        }
        assert_eq!(
            connect(&server).request(method, "/", fields).text(),
            "GET 1",
            "{method} {fields}"
        );
        assert_eq!(connect(&server).get("/").text(), "GET 1", "stored for all: {method} {fields}");
        let fresh = connect(&server).request(method, "/never-asked-for", fields);
        assert_eq!(fresh.text(), "GET 2", "{method} {fields}");
        assert_eq!(connect(&server).get("/never-asked-for").text(), "GET 2", "{method} {fields}");
    }
    // What a rule shares is made anew for all who share it, with nothing of the one who asks.
    let origin = Origin::answering({
        let made = std::sync::atomic::AtomicUsize::new(0);
        move |received| {
            let number = made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let cookie = received.field("cookie").unwrap_or("no cookie");
            Script::answer("200 OK", "", format!("{cookie} {number}"))
        }
    });
    let more =
        "purge.allow = '127.0.0.1'\nrule = [{ match = '^/', audience = 'all-users', ttl = '1h' }]";
    let server = Server::start(configured(&origin, more)).expect("a server");
    let with = |fields: &str| connect(&server).request("GET", "/", fields).text();
    assert_eq!(with("Cookie: who=me\r\n"), "no cookie 0");
    assert_eq!(with("Cookie: who=me\r\nX-Refresh: 1\r\n"), "no cookie 1");
    assert_eq!(with("Cookie: who=you\r\n"), "no cookie 1");
    // From others the same is an ordinary request, or none at all.
    let origin = counting();
    let server = crate::serve(&origin);
    assert_eq!(connect(&server).get("/").text(), "GET 0");
    for (method, fields) in ways {
        let response = connect(&server).request(method, "/", fields);
        let expected =
            if method == "GET" { (200, "GET 0".to_owned()) } else { (405, response.text()) };
        assert_eq!((response.status(), response.text()), expected, "{method} {fields}");
    }
}

#[test]
fn fields_that_purge_do_not_reach_the_application() {
    let origin = application();
    let server = crate::serve(&origin);
    let fields = "X-Refresh: 1\r\nX-Purge-Method: regex\r\nxkey-purge: a\r\nX-Magento-Tags-Pattern: .*\r\nLarder-Token: t\r\nX-Kept: 1\r\n";
    let _response = connect(&server).request("GET", "/blog/", fields);
    let received = origin.requests();
    let head = String::from_utf8_lossy(&received[0].raw).to_ascii_lowercase();
    assert!(head.contains("x-kept: 1"), "{head}");
    for name in
        ["x-refresh", "x-purge-method", "xkey-purge", "x-magento-tags-pattern", "larder-token"]
    {
        assert!(!head.contains(name), "{name} in {head}");
    }
}

#[test]
fn tags_are_not_for_clients_unless_the_site_says_so() {
    let origin = application();
    let configurations: [(&str, Option<&str>); 3] = [
        ("", None),
        ("tags.pass = true", Some("blog,site-1,post-1")),
        ("tags.fields = ['Surrogate-Key']", Some("blog,site-1,post-1")),
    ];
    for (more, seen) in configurations {
        let config: Config = configured(&origin, more);
        let server = Server::start(config).expect("a server");
        let response = connect(&server).get("/blog/");
        assert_eq!(response.field("x-cache-tags"), seen, "{more}");
    }
}

#[test]
fn an_announced_address_alone_opens_nothing() {
    let origin = application();
    let purge = "PURGE /blog/ HTTP/1.1\r\nHost: site.test\r\n\r\n";
    for (allow, announced, status) in [
        ("'192.0.2.7'", "192.0.2.7", 405),
        ("'127.0.0.1'", "192.0.2.7", 405),
        ("['127.0.0.1', '192.0.2.7']", "192.0.2.7", 200),
    ] {
        let text = format!(
            "upstream = '{}'\ntrusted_proxies = '127.0.0.1'\npurge.allow = {allow}\nadmin.listen = 'off'\n\
             [listen]\nhttp = '127.0.0.1:0'\nproxy_protocol = '127.0.0.1:0'\nworkers = 1\n",
            origin.url()
        );
        let config = Config::from_toml("larder.toml", &text);
        let config = config.unwrap_or_else(|problems| panic!("{problems}"));
        let server = Server::start(config).expect("a server");
        let header = format!("PROXY TCP4 {announced} 198.51.100.1 8080 443\r\n");
        assert_eq!(say(&server, &format!("{header}{purge}")).status(), status, "{allow}");
    }
}
