//! Who is told why, and where.

use larder_config::Config;
use larder_proxy::Server;
use larder_testkit::{Client, Origin, Response, Script};

use crate::{connect, eventually};

const RULES: &str = "
[identity]
session_cookies = ['sessionid']
[[rule]]
path = '/blog/*'
audience = 'all-users'
ttl = '10m'
[[rule]]
path = '/public'
audience = 'anonymous-only'
ttl = '1m'
[[rule]]
path = '/gone'
audience = 'all-users'
ttl = '1m'
";

fn application() -> Origin {
    Origin::answering(|request| match request.path() {
        "/gone" => Script::new().close(),
        _ => Script::answer("200 OK", "", "hello"),
    })
}

fn config(origin: &Origin, debug: &str) -> Config {
    let text = format!(
        "upstream = '{}'\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 1\n[admin]\nlisten = '127.0.0.1:0'\n\
         [debug]\ntrusted = [{debug}]\n{RULES}",
        origin.url()
    );
    Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn serve(origin: &Origin, debug: &str) -> Server {
    Server::start(config(origin, debug)).expect("a server")
}

fn admin(server: &Server, target: &str, fields: &str) -> Response {
    let mut client = Client::connect(server.admin_address().expect("an admin listener"));
    client.request("GET", target, fields)
}

/// The line of the rule that begins so.
fn line_of(path: &str) -> usize {
    let text = format!("upstream\n\n\n\n\n\n\n\n{RULES}");
    text.lines().position(|line| line.contains(path)).expect(path)
}

#[test]
fn the_rules_in_force_are_explained_to_whoever_asks_the_admin_listener() {
    let origin = application();
    let server = serve(&origin, "");
    let target = "/explain?url=https%3A%2F%2Fexample.com%2Fblog%2F1&header=Cookie:+sessionid%3Ds";
    let text = admin(&server, target, "");
    assert_eq!(text.status(), 200);
    let place = format!("larder.toml:{}", line_of("/blog/"));
    for part in ["GET https://example.com/blog/1\n", &place, "all-users, ttl 10m", "sessionid"] {
        assert!(text.text().contains(part), "{part} in\n{}", text.text());
    }
    let json = admin(&server, target, "Accept: application/json\r\n");
    assert_eq!(json.field("content-type"), Some("application/json"));
    assert!(json.text().contains("\"outcome\":\"shared\""), "{}", json.text());
    let post = admin(&server, "/explain?url=http://example.com/public&method=POST", "");
    assert!(post.text().contains("because       method: "), "{}", post.text());
    assert_eq!(origin.request_count(), 0, "nobody is asked");
    assert!(admin(&server, "/", "").text().contains("/explain?url="));
}

#[test]
fn what_can_not_be_explained_is_refused_in_a_line() {
    let origin = application();
    let server = serve(&origin, "");
    for (query, part) in [
        ("", "what is to be explained?"),
        ("?url=/blog/", "is not a whole URL"),
        ("?url=http://a/&page=2", "\"page\" is no parameter"),
        ("?url=http://a/&header=nonsense", "is not a field"),
        ("?url=%zz", "percent-encoded"),
    ] {
        let target = format!("/explain{query}");
        let text = admin(&server, &target, "");
        assert_eq!(text.status(), 400, "{target}");
        assert!(text.text().contains(part), "{target}: {}", text.text());
        assert_eq!(text.text().lines().count(), 1, "{target}");
        let json = admin(&server, &target, "Accept: application/json\r\n");
        assert_eq!(json.status(), 400, "{target}");
        assert_eq!(json.field("content-type"), Some("application/problem+json"));
        assert!(json.text().contains("\"status\":400"), "{}", json.text());
    }
}

#[test]
fn trusted_clients_are_told_all_and_others_a_word() {
    let origin = application();
    let server = serve(&origin, "'127.0.0.0/8'");
    let mut client = connect(&server);
    let fields = "Cookie: sessionid=secret; theme=dark\r\nAccept-Language: de\r\n";
    let miss = client.request("GET", "/blog/1", fields).cache_status();
    let place = format!("larder.toml:{}", line_of("/blog/"));
    for part in [
        "larder; fwd=uri-miss; stored; ttl=600; detail=\"uri-miss: ",
        &format!("; {place} all-users; visitor "),
        "fields not sent: accept-language",
        "cookies not sent: sessionid, theme",
    ] {
        assert!(miss.contains(part), "{part} in {miss}");
    }
    assert!(!miss.contains("secret") && !miss.contains("dark"), "{miss}");
    let hit = client.request("GET", "/blog/1", fields).cache_status();
    assert!(hit.starts_with("larder; hit; ttl=") && hit.contains("detail=\"fresh: "), "{hit}");
    let passed = client.request("GET", "/public", fields).cache_status();
    assert!(passed.contains("detail=\"session-cookie: "), "{passed}");
    let failed = client.request("GET", "/gone", "");
    assert_eq!(failed.status(), 502);
    assert!(failed.cache_status().contains("detail=\"closed-early: "), "{}", failed.cache_status());

    let other = serve(&origin, "'192.0.2.0/24'");
    let told = connect(&other).request("GET", "/blog/1", fields).cache_status();
    assert_eq!(told, "larder; fwd=uri-miss; stored; ttl=600; detail=uri-miss");
}

#[test]
fn whom_to_trust_changes_with_a_reload_and_stays_over_another() {
    let origin = application();
    let server = serve(&origin, "");
    let mut client = connect(&server);
    let word = client.get("/blog/1").cache_status();
    assert!(word.ends_with("detail=uri-miss"), "{word}");
    // The second changes the applications' side too, so the pipeline is built anew.
    for first_byte in [60, 59] {
        let mut next = config(&origin, "'127.0.0.1/32'");
        next.timeouts.first_byte = std::time::Duration::from_secs(first_byte);
        drop(server.apply(next).expect("applied"));
        eventually("told", || connect(&server).get("/blog/1").cache_status().contains("detail=\""));
        assert!(client.get("/blog/1").cache_status().contains("detail=\""), "an open connection");
    }
    drop(server.apply(config(&origin, "")).expect("applied"));
    assert!(client.get("/blog/1").cache_status().ends_with("detail=fresh"));
}
