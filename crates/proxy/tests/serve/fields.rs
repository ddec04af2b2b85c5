//! Which fields of a visitor's reach the application, for which host a request counts, and by which scheme pages are; through a
//! whole server.

use larder_cache::Handling;
use larder_config::Config;
use larder_proxy::Server;
use larder_semantics::Reason;
use larder_testkit::{Client, Origin, Response, Script};

use crate::{admin, connect};

/// Options, and what comes below the tables.
fn serve(origin: &Origin, options: &str, below: &str) -> Server {
    let text = format!(
        "upstream = '{}'\n{options}\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 1\n[admin]\nlisten = '127.0.0.1:0'\n{below}",
        origin.url()
    );
    let config = Config::from_toml("larder.toml", &text);
    Server::start(config.unwrap_or_else(|problems| panic!("{problems}"))).expect("a server")
}

/// A page that may be kept, whatever method it is asked by.
fn page() -> Origin {
    Origin::answering(|_| Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "page"))
}

fn ask(client: &mut Client, method: &str, target: &str, fields: &str) -> Response {
    client.request(method, target, &format!("{fields}Content-Length: 0\r\n"))
}

fn head(origin: &Origin) -> String {
    let last = origin.requests().pop().expect("a request");
    String::from_utf8_lossy(&last.raw).to_ascii_lowercase()
}

fn counted(server: &Server, why: &str, lines: usize) {
    let metrics = admin(server, "/metrics").1;
    let line = format!("larder_request_fields_dropped_total{{why=\"{why}\"}} {lines}\n");
    assert!(metrics.contains(&line), "{line} in\n{metrics}");
}

const UNDERSCORED: &str = "X_Real_Name: a\r\nSM_USER: b\r\nX_Forwarded_For: 6.6.6.6\r\nContent_Length: 9\r\n\
                           X-Forwarded_Proto: https\r\nX_HTTP_Method_Override: DELETE\r\n";

#[test]
fn fields_with_underscores_are_dropped_and_counted() {
    let origin = page();
    let server = serve(&origin, "", "");
    assert_eq!(ask(&mut connect(&server), "GET", "/", UNDERSCORED).status(), 200);
    assert!(!head(&origin).contains('_'), "{}", head(&origin));
    counted(&server, "underscore", 6);
}

#[test]
fn fields_with_underscores_are_refused_where_the_site_says_so() {
    let origin = page();
    let server = serve(&origin, "underscores = 'reject'", "");
    let mut client = connect(&server);
    let response = client.request("GET", "/", "X_A: 1\r\n");
    assert_eq!(response.status(), 400);
    assert_eq!(response.cache_status(), "larder; detail=underscored-field");
    assert_eq!(origin.request_count(), 0);
    assert_eq!(server.metrics().refused(Reason::UnderscoredField), 1);
    assert_eq!(connect(&server).request("GET", "/", "X-A: _1\r\n").status(), 200);
}

#[test]
fn only_the_names_that_the_site_lists_are_passed_and_never_one_that_is_taken() {
    let origin = page();
    let options = "underscores = 'pass'\nunderscores_pass = ['SM_USER']";
    let server = serve(&origin, options, "");
    let mut client = connect(&server);
    for method in ["GET", "POST"] {
        let _response = ask(&mut client, method, "/", UNDERSCORED);
        let sent = head(&origin);
        assert!(sent.contains("\r\nsm_user: b\r\n"), "{sent}");
        assert_eq!(sent.matches('_').count(), 1, "{sent}");
    }
    counted(&server, "underscore", 10);
}

#[test]
fn a_page_that_a_rule_shares_is_asked_for_without_what_is_passed_elsewhere() {
    let origin = Origin::answering(|request| {
        let told = format!("{:?} {:?}", request.field("sm_user"), request.field("x-original-url"));
        // As applications say it that know nothing of underscores.
        let vary = if request.path() == "/open" { "Vary: SM-User\r\n" } else { "" };
        Script::answer("200 OK", &format!("Cache-Control: max-age=60\r\n{vary}"), told)
    });
    let options = "underscores = 'pass'\nunderscores_pass = ['SM_USER']\ndanger.override_fields = ['X-Original-URL']";
    let rules = "[[rule]]\npath = '/shared*'\naudience = 'all-users'\nttl = '1m'\n";
    let server = serve(&origin, options, rules);
    let mut client = connect(&server);
    let mut get = |target: &str, fields: &str| {
        let response = client.request("GET", target, fields);
        (response.text(), response.cache_status().contains("larder; hit"))
    };
    let evil = "SM_USER: evil\r\nX-Original-URL: /admin\r\n";
    let nothing = "None None".to_owned();
    assert_eq!(get("/shared", evil), (nothing.clone(), false));
    assert_eq!(get("/shared", ""), (nothing, true));
    // Without a rule the answer decides, and what it varies by may be either spelling.
    assert_eq!(get("/open", "SM_USER: ann\r\n").0, "Some(\"ann\") None");
    assert_eq!(get("/open", "SM_USER: bob\r\n").0, "Some(\"bob\") None");
    assert_eq!(get("/open", ""), ("None None".to_owned(), false));
    assert_eq!(get("/open", "SM_USER: ann\r\n"), ("Some(\"ann\") None".to_owned(), true));
}

const OVERRIDES: &str = "X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: PUT\r\nX-Original-URL: /admin\r\n\
                         X-Rewrite-URL: /admin\r\nX-Host: evil.test\r\nX-Forwarded-Prefix: /evil\r\n";

#[test]
fn overrides_reach_the_application_only_where_nothing_can_be_stored_for_what_they_are_not() {
    let origin = page();
    let rules = "[[rule]]\npath = '/passed*'\npass = true\n[[rule]]\npath = '/never*'\nnever = true\n\
                 [[rule]]\npath = '/shared*'\naudience = 'anonymous-only'\nttl = '1m'\n\
                 [[rule]]\npath = '/respected*'\n";
    let server = serve(&origin, "[identity]\nsession_cookies = ['sid']", rules);
    let mut client = connect(&server);
    let mut sent = |method: &str, target: &str, more: &str| {
        assert_eq!(ask(&mut client, method, target, &format!("{OVERRIDES}{more}")).status(), 200);
        let head = head(&origin);
        assert!(!head.contains("prefix"), "{head}");
        let has = |name: &str| head.contains(&format!("\r\n{name}: "));
        let (method, url) = (has("x-http-method-override"), has("x-original-url"));
        assert_eq!((has("x-http-method"), has("x-rewrite-url"), has("x-host")), (method, url, url));
        (method, url)
    };
    for target in ["/open", "/shared", "/respected"] {
        assert_eq!(sent("GET", target, ""), (false, false), "{target}");
        assert_eq!(sent("POST", target, ""), (true, false), "{target}");
    }
    // The visitor's own request, of which nothing is stored, is on a route that may be.
    assert_eq!(sent("GET", "/shared", "Cookie: sid=1\r\n"), (false, false));
    for target in ["/passed", "/never"] {
        assert_eq!(sent("GET", target, ""), (true, true), "{target}");
        assert_eq!(sent("POST", target, ""), (true, true), "{target}");
    }
    assert_eq!(sent("DELETE", "/other", ""), (true, false));
    // Three URLs by GET and once more for a visitor; three by POST and one by DELETE. A fill has none of them to begin with.
    counted(&server, "override", 5 * 3 + 3 * 4);
}

#[test]
fn the_site_may_let_an_override_through() {
    let origin = page();
    let server = serve(&origin, "danger.override_fields = ['X-HTTP-Method']", "");
    let _response = ask(&mut connect(&server), "GET", "/", OVERRIDES);
    let head = head(&origin);
    assert!(head.contains("\r\nx-http-method: put\r\n") && !head.contains("override"), "{head}");
}

#[test]
fn what_an_overridden_post_brings_is_not_stored_and_invalidates_as_a_post() {
    let origin = Origin::answering(|request| {
        let location = format!(
            "Cache-Control: max-age=60\r\nContent-Location: http://{}{}\r\n",
            request.field("host").unwrap_or_default(),
            request.target
        );
        Script::answer("200 OK", &location, request.method.clone())
    });
    let server = serve(&origin, "", "");
    let mut client = connect(&server);
    assert_eq!(client.get("/a").text(), "GET");
    assert!(client.get("/a").cache_status().contains("larder; hit"));
    let deletes = "X-HTTP-Method-Override: DELETE\r\n";
    assert_eq!(ask(&mut client, "POST", "/a", deletes).text(), "POST");
    let after = client.get("/a");
    assert_eq!((after.text(), origin.request_count()), ("GET".to_owned(), 3));
    // RFC 9110 §9.3.3: without the override the answer says that it is the page.
    assert_eq!(ask(&mut client, "POST", "/b", "").text(), "POST");
    assert_eq!(client.get("/b").text(), "POST");
}

#[test]
fn a_host_that_is_not_the_sites_counts_as_its_default_one() {
    let origin = Origin::answering(|request| {
        let host = request.field("host").unwrap_or_default().to_owned();
        assert_eq!(request.all("x-forwarded-host"), [host.as_str()]);
        Script::answer("200 OK", "Cache-Control: max-age=60\r\n", host)
    });
    let options = "hosts = ['site.test', '*.site.test']\ndefault_host = 'site.test'";
    let server = serve(&origin, options, "");
    let mut client = connect(&server);
    let mut get = |head: &str| {
        client.send(format!("{head}\r\n\r\n"));
        let response = client.read_response();
        (response.text(), response.cache_status().contains("larder; hit"))
    };
    let own = || "site.test".to_owned();
    assert_eq!(get("GET / HTTP/1.1\r\nHost: evil.test"), (own(), false));
    for head in [
        "GET / HTTP/1.1\r\nHost: site.test",
        "GET / HTTP/1.1\r\nHost: SITE.test:80",
        "GET / HTTP/1.1\r\nHost: evil.test:8080",
        "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test",
        "GET / HTTP/1.0\r\nHost: 10.0.0.1\r\nConnection: keep-alive",
        "GET / HTTP/1.0\r\nConnection: keep-alive",
    ] {
        assert_eq!(get(head), (own(), true), "{head}");
    }
    assert_eq!(get("GET / HTTP/1.1\r\nHost: www.site.test"), ("www.site.test".to_owned(), false));
    assert_eq!(origin.request_count(), 2);
    assert_eq!(server.metrics().refused(Reason::UnknownHost), 0);
}

#[test]
fn what_is_no_host_at_all_is_refused_also_with_a_default_one() {
    let origin = page();
    let server = serve(&origin, "hosts = ['site.test']\ndefault_host = 'site.test'", "");
    for head in [
        "GET / HTTP/1.1",
        "GET / HTTP/1.1\r\nHost: a b",
        "GET / HTTP/1.1\r\nHost: a.test\r\nHost: site.test",
        "GET http://a.test/ HTTP/1.1\r\nHost: b.test",
    ] {
        let mut client = connect(&server);
        client.send(format!("{head}\r\n\r\n"));
        assert_eq!(client.read_response().status(), 400, "{head}");
    }
    assert_eq!(origin.request_count(), 0);
}

#[test]
fn a_rules_pages_are_by_its_scheme_both_ways_and_nobody_keeps_the_redirect() {
    let origin = page();
    let options = "trusted_proxies = ['127.0.0.1']\nhosts = ['site.test', '*.site.test']\ndefault_host = 'site.test'\n\
                   [https]\nredirect = true";
    let rules = "[[rule]]\npath = '/plain/*'\nscheme = 'http'\naudience = 'all-users'\nttl = '1m'\n\
                 [[rule]]\npath = '/either/*'\nhost = 'other.site.test'\nscheme = 'http'\n";
    let server = serve(&origin, options, rules);
    let mut client = connect(&server);
    let mut ask = |method: &str, host: &str, target: &str, proto: &str| {
        client.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: {proto}\r\nContent-Length: 0\r\n\r\n"
        ));
        let response = client.read_response();
        if response.status() != 200 {
            assert_eq!(response.field("cache-control"), Some("no-store"));
        }
        let to = response.field("location").unwrap_or_default().to_owned();
        (response.status(), to, response.cache_status())
    };
    let status = |answer: (u16, String, String)| (answer.0, answer.1);
    let to = |status: u16, url: &str| (status, url.to_owned());
    let plain = ask("GET", "site.test", "/plain/a?b", "https");
    assert_eq!(plain.2, "larder; detail=scheme-redirect");
    assert_eq!(status(plain), to(301, "http://site.test/plain/a?b"));
    assert_eq!(
        status(ask("POST", "site.test", "/plain/a", "https")),
        to(308, "http://site.test/plain/a")
    );
    assert_eq!(status(ask("GET", "site.test", "/plain/a?b", "http")), to(200, ""));
    assert!(ask("GET", "site.test", "/plain/a?b", "http").2.contains("larder; hit"));
    assert_eq!(status(ask("GET", "site.test", "/a", "http")), to(301, "https://site.test/a"));
    assert_eq!(status(ask("GET", "site.test", "/a", "https")), to(200, ""));
    // Another host's rule is not this one's.
    assert_eq!(
        status(ask("GET", "site.test", "/either/", "http")),
        to(301, "https://site.test/either/")
    );
    assert_eq!(status(ask("GET", "other.site.test", "/either/", "http")), to(200, ""));
    // What counts as another host's goes to that one.
    assert_eq!(
        status(ask("GET", "evil.test", "/plain/a", "https")),
        to(301, "http://site.test/plain/a")
    );
    assert_eq!(server.metrics().requests(Handling::Own, Reason::SchemeRedirect), 3);
    assert_eq!(server.metrics().requests(Handling::Own, Reason::HttpsRedirect), 2);
}

#[test]
fn a_rule_for_https_needs_no_redirect_of_all() {
    let origin = page();
    let options = "trusted_proxies = ['127.0.0.1']";
    let rules = "[[rule]]\npath = '/login/*'\nscheme = 'https'\nnever = true\n";
    let server = serve(&origin, options, rules);
    let mut client = connect(&server);
    let response = client.request("GET", "/login/", "");
    assert_eq!(
        (response.status(), response.field("location")),
        (301, Some("https://site.test/login/"))
    );
    assert_eq!(client.request("GET", "/login/", "X-Forwarded-Proto: https\r\n").status(), 200);
    assert_eq!(client.request("GET", "/", "").status(), 200);
}

fn explain(server: &Server, url: &str, more: &str) -> String {
    admin(server, &format!("/explain?url={url}{more}")).1
}

#[test]
fn what_is_answered_at_the_door_is_explained() {
    let origin = page();
    let options = "trusted_proxies = ['127.0.0.1']\nhosts = ['site.test']\nunderscores = 'reject'\n\
                   [https]\nredirect = true";
    let rules = "[[rule]]\npath = '/plain/*'\nscheme = 'http'\n";
    let server = serve(&origin, options, rules);
    for (url, more, parts) in [
        ("http://evil.test/", "", ["Larder answers 421 itself", "unknown-host"]),
        ("http://evil.test/_larder/health", "", ["Larder answers 200 itself", "health"]),
        (
            "http://site.test/a",
            "",
            ["Larder answers 301 itself, to https://site.test/a", "https-redirect"],
        ),
        (
            "http://site.test/a",
            "&method=POST",
            ["308 itself, to https://site.test/a", "https-redirect"],
        ),
        ("https://site.test/plain/a", "", ["to http://site.test/plain/a", "by http only"]),
        ("https://site.test/plain/a", "", ["scheme-redirect", "larder.toml:"]),
        ("https://site.test/", "&header=X_A:1", ["Larder answers 400 itself", "underscored-field"]),
    ] {
        let told = explain(&server, url, more);
        assert!(parts.iter().all(|part| told.contains(part)), "{url} {more}: {parts:?} in\n{told}");
        assert!(!told.contains("sent "), "{told}");
    }
    for url in ["http://site.test/plain/a", "https://site.test/a"] {
        let told = explain(&server, url, "");
        assert!(!told.contains("itself") && told.contains("sent "), "{told}");
    }
    assert_eq!(origin.request_count(), 0);
}

#[test]
fn what_is_taken_off_a_request_is_explained_with_the_reason() {
    let origin = page();
    let options =
        "hosts = ['site.test']\ndefault_host = 'site.test'\n[forwarded]\nscheme_from = 'X-Edge'";
    let rules = "[[rule]]\npath = '/passed'\npass = true\n[[rule]]\npath = '/shared'\naudience = 'all-users'\n";
    let server = serve(&origin, options, rules);
    let fields = "&header=X_A:1&header=X-Forwarded-For:6.6.6.6&header=X-Edge:https&header=X-Original-URL:/b\
                  &header=Connection:X-Listed&header=X-Listed:1&header=Proxy-Authorization:x&header=Accept:*/*";
    let told = explain(&server, "http://site.test/a", fields);
    for part in [
        "x_a (an underscore",
        "x-edge, x-forwarded-for (about the visitor",
        "x-original-url (asks for something else",
        "proxy-authorization, x-listed (of this connection only)",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    let passed = explain(&server, "http://site.test/passed", fields);
    assert!(!passed.contains("x-original-url ("), "{passed}");
    let shared = explain(&server, "http://site.test/shared", fields);
    assert!(
        shared.contains("fields: accept\n") && shared.contains("x_a (an underscore"),
        "{shared}"
    );
    let other = explain(&server, "http://evil.test/a", "");
    for part in [
        "GET http://evil.test/a",
        "counts as     http://site.test/a",
        "counts as one for site.test",
    ] {
        assert!(other.contains(part), "{part} in\n{other}");
    }
}

#[test]
fn a_trusted_client_is_told_what_was_taken_off() {
    let origin = page();
    let server = serve(&origin, "[debug]\ntrusted = ['127.0.0.1']", "");
    let fields = "X_A: 1\r\nX-Forwarded-For: 6.6.6.6\r\nX-HTTP-Method: PUT\r\nConnection: x-listed\r\nX-Listed: 1\r\n";
    let told = connect(&server).request("GET", "/", fields).cache_status();
    for part in [
        "x_a (underscore)",
        "x-forwarded-for (forwarded)",
        "x-http-method (override)",
        "x-listed (connection)",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    // What a trusted proxy says of its visitors is not taken off, but taken.
    let options = "trusted_proxies = ['127.0.0.1']\n[debug]\ntrusted = ['127.0.0.1', '192.0.2.7']";
    let server = serve(&origin, options, "");
    let fields = "X_A: 1\r\nX-Forwarded-For: 192.0.2.7\r\n";
    let told = connect(&server).request("GET", "/", fields).cache_status();
    assert!(told.contains("x_a (underscore)") && !told.contains("x-forwarded-for"), "{told}");
}

/// As the application sent them, in its order and number.
#[test]
fn the_applications_own_caching_fields_pass_byte_for_byte() {
    const OWN: &str = "Cache-Control: max-age=60,  X-Own=\"a, b\"\r\nExpires: 0\r\nCache-Control: Public\r\nPragma: No-Cache\r\n\
                       X-Cache-Hint: one\r\nexpires: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Cache-Hint: two,three\r\nVary: Accept\r\n\
                       X-Accel-Hint: a  b\r\nCDN-Cache-Control: max-age=61\r\nLast-Modified: yesterday\r\nAge-Hint:\r\n";
    const TRIPLE: &str =
        "Cache-Control: no-cache, no-store, must-revalidate\r\nPragma: no-cache\r\nExpires: 0\r\n";
    let origin = Origin::answering(|request| match request.path() {
        "/kept" | "/passed" => Script::answer("200 OK", OWN, "page"),
        _ => Script::answer("200 OK", TRIPLE, "page"),
    });
    let rules = "[[rule]]\npath = '/passed'\npass = true\n";
    let server = serve(&origin, "", rules);
    let mut client = connect(&server);
    let mut own = |method: &str, target: &str| {
        let response = client.request(method, target, "");
        let lines: Vec<String> = [
            "cache-control",
            "expires",
            "pragma",
            "x-cache-hint",
            "vary",
            "x-accel-hint",
            "cdn-cache-control",
            "last-modified",
            "age-hint",
        ]
        .iter()
        .flat_map(|name| {
            response.all(name).into_iter().map(move |value| format!("{name}: {value}"))
        })
        .collect();
        (lines, response.cache_status())
    };
    let expected = [
        "cache-control: max-age=60,  X-Own=\"a, b\"",
        "cache-control: Public",
        "expires: 0",
        "expires: Thu, 01 Jan 1970 00:00:00 GMT",
        "pragma: No-Cache",
        "x-cache-hint: one",
        "x-cache-hint: two,three",
        "vary: Accept",
        "x-accel-hint: a  b",
        "cdn-cache-control: max-age=61",
        "last-modified: yesterday",
        "age-hint: ",
    ];
    for (method, target, how) in [
        ("GET", "/kept", "stored"),
        ("GET", "/kept", "larder; hit"),
        ("HEAD", "/kept", "larder; hit"),
        ("GET", "/passed", "rule-pass"),
        ("POST", "/kept", "method"),
    ] {
        let (lines, told) = own(method, target);
        assert!(told.contains(how), "{told}");
        assert_eq!(lines, expected, "{method} {target}: {told}");
    }
    let triple =
        ["cache-control: no-cache, no-store, must-revalidate", "expires: 0", "pragma: no-cache"];
    for _ in 0..2 {
        let (lines, told) = own("GET", "/triple");
        assert_eq!(lines, triple, "{told}");
        assert!(!told.contains("hit"), "{told}");
    }
}
