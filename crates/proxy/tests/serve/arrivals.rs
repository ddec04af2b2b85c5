//! Who asks, and by which scheme, through a whole server: from trusted proxies and from anybody else.

use http::HeaderMap;
use larder_cache::{Clock as _, Handling, SystemClock};
use larder_config::{AccessLog, Config};
use larder_policy::identity::{Class, IdentityRules, Key, Keys, Marker};
use larder_proxy::Server;
use larder_semantics::Reason;
use larder_testkit::http2::{self, Http2, Outcome};
use larder_testkit::{Client, Origin, Response, Script};

use crate::{admin, connect, eventually};

/// The test's own address is the proxy's.
const TRUSTED: &str = "trusted_proxies = ['127.0.0.1']\n";

fn config(origin: &Origin, text: &str) -> Config {
    let text = format!(
        "upstream = '{}'\n{text}\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 1\n[admin]\nlisten = '127.0.0.1:0'\n",
        origin.url()
    );
    Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn serve(origin: &Origin, text: &str) -> Server {
    Server::start(config(origin, text)).expect("a server")
}

/// A page that names the scheme it was told, and may be kept.
fn page() -> Origin {
    Origin::answering(|request| {
        let told = request.field("x-forwarded-proto").unwrap_or("nothing");
        Script::answer("200 OK", "Cache-Control: max-age=60\r\n", told.to_owned())
    })
}

fn get(client: &mut Client, target: &str, fields: &str) -> Response {
    client.request("GET", target, fields)
}

#[test]
fn a_trusted_proxy_says_the_scheme_and_each_scheme_has_its_own_page() {
    let origin = page();
    let server = serve(&origin, TRUSTED);
    let mut client = connect(&server);
    for (fields, scheme, hit) in [
        ("X-Forwarded-Proto: https\r\n", "https", false),
        ("", "http", false),
        ("X-Forwarded-Proto: https\r\n", "https", true),
        ("X-Forwarded-SSL: On\r\n", "https", true),
        ("Forwarded: for=192.0.2.1;proto=https\r\n", "https", true),
        ("X-Forwarded-Proto: http\r\n", "http", true),
        // A contradiction is not secure.
        ("X-Forwarded-Proto: https\r\nX-Forwarded-SSL: off\r\n", "http", true),
        ("X-Forwarded-Proto: gopher\r\n", "http", true),
    ] {
        let response = get(&mut client, "/", fields);
        assert_eq!(response.text(), scheme, "{fields}");
        assert_eq!(response.cache_status().contains("larder; hit"), hit, "{fields}");
    }
    assert_eq!(origin.request_count(), 2);
    let metrics = admin(&server, "/metrics").1;
    for line in [
        "larder_arrivals_unclear_total{why=\"schemes-differ\"} 1\n",
        "larder_arrivals_unclear_total{why=\"unknown-scheme\"} 1\n",
        "larder_arrivals_unclear_total{why=\"bad-address\"} 0\n",
        "larder_request_fields_dropped_total{why=\"forwarded\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

#[test]
fn nobody_else_says_anything_and_what_they_said_is_counted() {
    let origin = page();
    let server = serve(&origin, "trusted_proxies = ['192.0.2.0/24']\n");
    let mut client = connect(&server);
    let forged = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: proto=https;for=6.6.6.6\r\n\
                  Front-End-Https: on\r\nX_Forwarded_Proto: https\r\nX-Forwarded-Prefix: /evil\r\n";
    assert_eq!(get(&mut client, "/", forged).text(), "http");
    // The page is that of everybody: what was said did not choose it.
    assert!(get(&mut client, "/", "").cache_status().contains("larder; hit"));
    let asked = origin.requests();
    assert_eq!(asked[0].all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(asked[0].all("x-forwarded-port"), ["80"]);
    let head = String::from_utf8_lossy(&asked[0].raw).to_ascii_lowercase();
    for word in ["6.6.6.6", "https", "evil", "front-end", "x_forwarded", "\r\nforwarded:"] {
        assert!(!head.contains(word), "{word} in {head}");
    }
    let metrics = admin(&server, "/metrics").1;
    for line in [
        "larder_request_fields_dropped_total{why=\"forwarded\"} 5\n",
        "larder_request_fields_dropped_total{why=\"underscore\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

#[test]
fn a_scheme_s_own_port_is_that_of_the_scheme_decided() {
    let origin = page();
    let server = serve(&origin, TRUSTED);
    let mut client = connect(&server);
    for (host, proto, expected) in [
        ("site.test:443", "https", "site.test"),
        ("site.test:443", "http", "site.test:443"),
        ("site.test:443", "https", "site.test"),
        ("site.test:80", "http", "site.test"),
        ("site.test:80", "https", "site.test:80"),
    ] {
        client.send(format!(
            "POST /p HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: {proto}\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(client.read_response().text(), proto);
        let asked = origin.requests().pop().expect("a request");
        assert_eq!(asked.all("host"), [expected], "{host} by {proto}");
        assert_eq!(asked.all("x-forwarded-host"), [expected], "{host} by {proto}");
    }
}

#[test]
fn the_application_is_told_in_the_fields_that_the_site_names() {
    let origin = page();
    let server = serve(
        &origin,
        "trusted_proxies = ['127.0.0.1', '10.0.0.0/8']\n\
         [forwarded]\nstyle = 'forwarded'\n\
         extra = ['X-Forwarded-SSL: $on', 'X-Real-IP: $client', 'X-Edge: $https', 'X-Zone: eu']\n\
         scheme_from = 'X-Edge'\n",
    );
    let mut client = connect(&server);
    let _response = get(
        &mut client,
        "/",
        "X-Edge: https\r\nX-Forwarded-Proto: http\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.1.1\r\nX-Zone: us\r\n",
    );
    let _response = get(&mut client, "/2", "X-Forwarded-Proto: https\r\nX-Real-IP: 6.6.6.6\r\n");
    let asked = origin.requests();
    let host = asked[0].field("host").expect("a host").to_owned();
    assert_eq!(asked[0].all("forwarded"), [format!("for=192.0.2.7;host={host};proto=https")]);
    assert_eq!(asked[1].all("forwarded"), [format!("for=127.0.0.1;host={host};proto=http")]);
    for (name, first, second) in [
        ("x-forwarded-ssl", &["on"][..], &["off"][..]),
        ("x-real-ip", &["192.0.2.7"], &["127.0.0.1"]),
        ("x-edge", &["on"], &[]),
        ("x-zone", &["eu"], &["eu"]),
        ("x-forwarded-for", &[], &[]),
        ("x-forwarded-proto", &[], &[]),
        ("x-forwarded-host", &[], &[]),
        ("x-forwarded-port", &[], &[]),
    ] {
        assert_eq!(
            (asked[0].all(name).as_slice(), asked[1].all(name).as_slice()),
            (first, second),
            "{name}"
        );
    }
}

#[test]
fn a_fetch_of_the_cache_s_own_is_by_the_scheme_of_its_page() {
    let origin = Origin::answering(|request| {
        let told = request.field("x-forwarded-proto").unwrap_or("nothing");
        Script::answer("200 OK", "", told.to_owned())
    });
    let rules = "[[rule]]\npath = '/shared*'\naudience = 'anonymous-only'\nttl = '1h'\n";
    let server = serve(&origin, TRUSTED);
    // Rules come last in the file.
    let text = format!(
        "upstream = '{}'\n{TRUSTED}[listen]\nhttp = '127.0.0.1:0'\nworkers = 1\n[admin]\nlisten = 'off'\n{rules}",
        origin.url()
    );
    let ruled =
        Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    drop(server.apply(ruled).expect("applied"));
    let mut client = connect(&server);
    let said = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.9\r\n";
    assert_eq!(get(&mut client, "/shared", said).text(), "https");
    assert_eq!(get(&mut client, "/shared", "").text(), "http");
    let asked = origin.requests();
    // A page for all is asked for nobody.
    assert!(asked.iter().all(|request| request.field("x-forwarded-for").is_none()));
    assert!(asked.iter().all(|request| request.all("x-forwarded-proto").len() == 1));
}

#[test]
fn who_a_visitor_is_is_asked_by_the_visitor_s_scheme() {
    let origin = Origin::answering(|request| {
        let identity = "Larder-Identity: class=authenticated, user=\"1\"\r\n";
        match request.path() {
            "/identity" => Script::answer("200 OK", identity, ""),
            _ => Script::answer("200 OK", "Vary: Larder-Identity\r\n", "club"),
        }
    });
    let text = format!(
        "upstream = '{}'\n{TRUSTED}[listen]\nhttp = '127.0.0.1:0'\nworkers = 1\n[admin]\nlisten = 'off'\n\
         [identity]\nsession_cookies = ['sid']\nlookup = '/identity'\n\
         [[rule]]\npath = '/club'\naudience = 'anonymous-and-authenticated'\nttl = '1m'\n",
        origin.url()
    );
    let config =
        Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    let server = Server::start(config).expect("a server");
    let said = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.9\r\nCookie: sid=1\r\n";
    assert_eq!(get(&mut connect(&server), "/club", said).text(), "club");
    let asked = origin.requests();
    assert_eq!(asked[0].path(), "/identity");
    for request in &asked {
        assert_eq!(request.all("x-forwarded-proto"), ["https"], "{}", request.target);
        assert_eq!(request.field("x-forwarded-for"), None, "{}", request.target);
    }
}

/// Who can reach the application past Larder could otherwise have the pages of any user made.
#[test]
fn for_whom_a_page_is_made_is_said_with_a_proof_where_there_is_a_key() {
    let origin =
        Origin::answering(|_| Script::answer("200 OK", "Vary: Larder-Identity\r\n", "club"));
    let secret = std::env::temp_dir().join(format!("larder-proof-{}", std::process::id()));
    std::fs::write(&secret, [b'k'; 40]).expect("written");
    let serve = |keys: &str| {
        let text = format!(
            "upstream = '{}'\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 1\n[admin]\nlisten = 'off'\n\
             [identity]\nsession_cookies = ['sid']\n{keys}\
             [[rule]]\npath = '/club/*'\naudience = 'anonymous-and-authenticated'\nttl = '1m'\n",
            origin.url()
        );
        let config =
            Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        Server::start(config).expect("a server")
    };
    let forged = "Larder-Identity: user=\"1\"\r\nLarder-Identity-Proof: k1.9999999999.AAAA\r\n";
    let with_key = serve(&format!("marker_keys = ['k1=file:{}']\n", secret.display()));
    let without = serve("lookup = '/identity'\n");
    for (server, target, lines) in
        [(&with_key, "/club/1", ""), (&with_key, "/club/2", forged), (&without, "/club/3", forged)]
    {
        assert_eq!(get(&mut connect(server), target, lines).text(), "club");
    }
    // What a client says is not handed on, on no way.
    assert_eq!(get(&mut connect(&with_key), "/else", forged).text(), "club");
    let marker = Marker {
        cookie: "larder_id".to_owned(),
        keys: Keys::new(vec![Key::new("k1", &[b'k'; 40]).expect("a key")]).expect("keys"),
    };
    let rules = IdentityRules { marker: Some(marker), ..IdentityRules::default() };
    let asked = origin.requests();
    for request in asked.iter().filter(|request| ["/club/1", "/club/2"].contains(&request.path())) {
        let mut fields = HeaderMap::new();
        for name in ["larder-identity", "larder-identity-proof"] {
            let [value] = request.all(name)[..] else { panic!("{name} of {}", request.target) };
            fields.insert(name, value.parse().expect("a value"));
        }
        let now = SystemClock.now();
        let told = rules.told(&fields, now).expect("proven").expect("told");
        assert_eq!(told.class, Some(Class::Anonymous));
    }
    let of = |path| asked.iter().find(|request| request.path() == path).expect("asked");
    assert_eq!(of("/club/3").field("larder-identity"), Some("class=anonymous"));
    assert_eq!(of("/club/3").field("larder-identity-proof"), None);
    assert_eq!(of("/else").field("larder-identity"), None);
    assert_eq!(of("/else").field("larder-identity-proof"), None);
    std::fs::remove_file(&secret).expect("removed");
}

#[test]
fn the_log_has_the_visitor_s_address() {
    let path = std::env::temp_dir().join(format!("larder-arrivals-{}.log", std::process::id()));
    let origin = page();
    let mut config = config(&origin, TRUSTED);
    config.log.access = AccessLog::Json;
    config.log.path = Some(path.clone());
    let server = Server::start(config).expect("a server");
    let mut client = connect(&server);
    let _response = get(&mut client, "/", "X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n");
    let _response = get(&mut client, "/", "");
    let text = || std::fs::read_to_string(&path).unwrap_or_default();
    eventually("two lines", || text().lines().count() == 2);
    let text = text();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].contains("\"192.0.2.7\"") && !lines[0].contains("6.6.6.6"), "{text}");
    assert!(lines[1].contains("\"127.0.0.1\""), "{text}");
    server.shutdown();
    std::fs::remove_file(&path).expect("removed");
}

#[test]
fn behind_a_proxy_the_visitor_is_told_why_and_not_the_proxy() {
    let origin = page();
    let text = format!("{TRUSTED}[debug]\ntrusted = ['192.0.2.7']\n");
    let server = serve(&origin, &text);
    let mut client = connect(&server);
    for (fields, is_told) in [
        ("X-Forwarded-For: 192.0.2.7\r\n", true),
        ("X-Forwarded-For: 192.0.2.8\r\n", false),
        ("X-Forwarded-For: 192.0.2.7, 192.0.2.8\r\n", false),
        ("", false),
    ] {
        let told = get(&mut client, "/", fields).cache_status();
        assert_eq!(told.contains("detail=\""), is_told, "{fields}: {told}");
    }
}

#[test]
fn plain_requests_go_to_https_and_nobody_keeps_that() {
    let origin = page();
    let text = format!(
        "{TRUSTED}hosts = ['site.test', '*.site.test']\nhealth_paths = ['/_larder/health', '/up']\n\
         [https]\nredirect = true\nhsts = '365d'\nhsts_subdomains = true\nhsts_preload = true\n"
    );
    let server = serve(&origin, &text);
    let mut client = connect(&server);
    let mut ask = |method: &str, host: &str, target: &str, fields: &str| {
        client.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: 0\r\n\r\n"
        ));
        let response = client.read_response();
        let hsts = response.field("strict-transport-security").map(str::to_owned);
        (response.status(), response.field("location").unwrap_or_default().to_owned(), hsts)
    };
    let secure = "X-Forwarded-Proto: https\r\n";
    let hsts = Some("max-age=31536000; includeSubDomains; preload".to_owned());
    let to = |url: &str| url.to_owned();
    assert_eq!(ask("GET", "site.test", "/a?b", ""), (301, to("https://site.test/a?b"), None));
    assert_eq!(ask("POST", "site.test", "/a", ""), (308, to("https://site.test/a"), None));
    assert_eq!(ask("GET", "site.test", "/a?b", secure), (200, to(""), hsts.clone()));
    assert_eq!(ask("GET", "site.test", "/a?b", secure), (200, to(""), hsts), "a hit");
    assert_eq!(ask("GET", "www.site.test", "/", "X-Forwarded-Proto: http\r\n").0, 301);
    assert_eq!(ask("GET", "10.0.0.1", "/_larder/health", ""), (200, to(""), None));
    assert_eq!(ask("GET", "10.0.0.1", "/up?1", "").0, 200);
    assert_eq!(ask("GET", "site.test", "/.well-known/acme-challenge/x", ""), (200, to(""), None));
    assert_eq!(ask("GET", "evil.test", "/", secure).0, 421);
    let metrics = server.metrics();
    assert_eq!(metrics.requests(Handling::Own, Reason::HttpsRedirect), 3);
    assert_eq!(metrics.requests(Handling::Own, Reason::Health), 2);
    assert_eq!(metrics.refused(Reason::UnknownHost), 1);
    assert_eq!(metrics.refused(Reason::HttpsRedirect), 0);
}

#[test]
fn an_answer_of_the_door_is_whole_and_not_to_be_stored() {
    let origin = page();
    let text = format!("{TRUSTED}[https]\nredirect = true\nhost = 'www.site.test'\n");
    let server = serve(&origin, &text);
    let mut client = connect(&server);
    let response = get(&mut client, "/x", "");
    assert_eq!(response.field("location"), Some("https://www.site.test/x"));
    assert_eq!(response.text(), "Use https://www.site.test/x\n");
    assert_eq!(response.field("cache-control"), Some("no-store"));
    assert_eq!(response.cache_status(), "larder; detail=https-redirect");
    let health = get(&mut client, "/_larder/health", "");
    assert_eq!((health.status(), health.text()), (200, "ok\n".to_owned()));
    let head = client.request("HEAD", "/_larder/health", "");
    assert_eq!((head.status(), head.field("content-length")), (200, Some("3")));
    assert_eq!(origin.request_count(), 0);
}

#[test]
fn what_the_application_says_of_https_itself_stays() {
    let origin = Origin::answering(|_| {
        Script::answer("200 OK", "Strict-Transport-Security: max-age=60\r\n", "page")
    });
    let server = serve(&origin, &format!("{TRUSTED}[https]\nhsts = '1d'\n"));
    let response = get(&mut connect(&server), "/", "X-Forwarded-Proto: https\r\n");
    assert_eq!(response.all("strict-transport-security"), ["max-age=60"]);
}

#[test]
fn a_redirect_to_the_same_page_is_passed_each_time_and_never_stored() {
    let origin = Origin::answering(|request| {
        // As an application does that looks at another field than it is told in.
        let host = request.field("host").unwrap_or_default();
        let location =
            format!("Location: https://{host}{}\r\nCache-Control: max-age=60\r\n", request.target);
        Script::answer("301 Moved Permanently", &location, "")
    });
    let server = serve(&origin, TRUSTED);
    let mut client = connect(&server);
    for _ in 0..2 {
        let response = get(&mut client, "/a?b", "X-Forwarded-Proto: https\r\n");
        assert_eq!(response.status(), 301);
        assert!(
            response.cache_status().contains("detail=redirect-circle"),
            "{}",
            response.cache_status()
        );
    }
    assert_eq!(origin.request_count(), 2);
    // By http it is an honest redirect, and kept for those who come by http only.
    for hit in [false, true] {
        let response = get(&mut client, "/a?b", "");
        assert_eq!(
            (response.status(), response.cache_status().contains("larder; hit")),
            (301, hit)
        );
    }
    assert_eq!(get(&mut client, "/a?b", "X-Forwarded-Proto: https\r\n").status(), 301);
    assert_eq!(origin.request_count(), 4);
}

#[test]
fn a_reload_changes_whom_to_believe() {
    let origin = page();
    let server = serve(&origin, "");
    let mut client = connect(&server);
    let secure = "X-Forwarded-Proto: https\r\n";
    assert_eq!(get(&mut client, "/", secure).text(), "http");
    drop(server.apply(config(&origin, TRUSTED)).expect("applied"));
    assert_eq!(get(&mut client, "/", secure).text(), "https");
    drop(server.apply(config(&origin, "hosts = ['other.test']\n")).expect("applied"));
    assert_eq!(get(&mut client, "/", secure).status(), 421);
}

#[test]
fn a_trusted_proxys_target_may_name_either_scheme_and_decides_nothing() {
    let origin = page();
    let server = serve(&origin, TRUSTED);
    for (scheme, told, page) in
        [("https", "https", "https"), ("http", "https", "https"), ("https", "http", "http")]
    {
        let mut client = Http2::connect(server.addresses()[0]);
        let request =
            http2::Request::new("GET").with(":scheme", scheme).plus("x-forwarded-proto", told);
        client.request(1, &request);
        let expected = Outcome::Answered(200, page.into());
        assert_eq!(client.outcome(1), expected, "{scheme}, told {told}");
    }
}
