//! Rules through a whole server: what reaches the application, and how rules change while it runs.

use larder_config::Config;
use larder_proxy::Server;
use larder_testkit::{Origin, Script};

use crate::connect;

fn config(origin: &Origin, rules: &str) -> Config {
    let text = format!(
        "upstream = '{}'\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 1\n[admin]\nlisten = 'off'\n{rules}",
        origin.url()
    );
    Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

const SHARED: &str = "[[rule]]\npath = '/*'\naudience = 'anonymous-only'\nttl = '1h'\n";

#[test]
fn a_page_for_all_is_asked_for_without_anything_of_the_one_who_came_first() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let server = Server::start(config(&origin, SHARED)).expect("a server");
    let mut client = connect(&server);
    let first = client.request(
        "GET",
        "/",
        "Cookie: _ga=1; theme=dark\r\nUser-Agent: Mozilla\r\nAccept-Language: de\r\n\
         X-Forwarded-For: 192.0.2.1\r\nReferer: http://site.test/private\r\n",
    );
    assert_eq!((first.status(), first.text()), (200, "page".to_owned()));
    let asked = origin.requests();
    let head = String::from_utf8_lossy(&asked[0].raw).to_ascii_lowercase();
    for word in
        ["_ga", "theme", "mozilla", "accept-language", "192.0.2.1", "referer", "x-forwarded-for"]
    {
        assert!(!head.contains(word), "{word} in {head}");
    }
    assert!(head.contains("user-agent: larder\r\n"), "{head}");
    assert!(head.contains("x-forwarded-proto: http\r\n"), "{head}");
    let second = connect(&server).get("/");
    assert!(second.field("cache-status").unwrap_or_default().contains("hit"));
}

#[test]
fn a_visitor_s_own_request_reaches_the_application_as_it_was() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let rules = format!("[identity]\nsession_cookies = ['sid']\n{SHARED}");
    let server = Server::start(config(&origin, &rules)).expect("a server");
    let cookie = "Cookie: _ga=1; sid=secret\r\nUser-Agent: Mozilla\r\n";
    let answer = connect(&server).request("GET", "/?utm_source=x", cookie);
    let told = answer.field("cache-status").unwrap_or_default();
    assert!(told.contains("detail=session-cookie"), "{told}");
    let asked = origin.requests();
    let head = String::from_utf8_lossy(&asked[0].raw).into_owned();
    for line in ["GET /?utm_source=x HTTP/1.1", "_ga=1; sid=secret", "Mozilla", "127.0.0.1"] {
        assert!(head.contains(line), "{line} not in {head}");
    }
}

#[test]
fn other_rules_are_in_force_at_once_and_pages_of_before_are_not_taken_for_theirs() {
    let origin = Origin::paths([("/", Script::answer("200 OK", "", "page"))]);
    let server = Server::start(config(&origin, SHARED)).expect("a server");
    let told = |fields: &str| {
        let answer = connect(&server).request("GET", "/", fields);
        answer.field("cache-status").unwrap_or_default().to_owned()
    };
    assert!(told("").contains("stored"));
    assert!(told("").contains("hit"));
    let never = "[[rule]]\npath = '/*'\nnever = true\n";
    server.apply(config(&origin, never)).expect("applied");
    assert!(told("").contains("rule-never"));
    let users = SHARED.replace("anonymous-only", "all-users");
    server.apply(config(&origin, &users)).expect("applied");
    assert!(told("").contains("uri-miss"), "another audience has another page");
    server.apply(config(&origin, SHARED)).expect("applied");
    assert!(told("").contains("hit"), "and the first one its own");
}
