//! Does the application do what its pages say, over a socket?

use std::net::SocketAddr;

use larder_testkit::{Client, Response};

use super::app;

/// A form sent with POST.
fn post(client: &mut Client, target: &str, fields: &str, body: &str) -> Response {
    let head = format!(
        "{fields}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
        body.len()
    );
    client.send(format!("POST {target} HTTP/1.1\r\nHost: site.test\r\n{head}\r\n{body}"));
    client.read_response()
}

fn start() -> SocketAddr {
    app::start().expect("the application starts")
}

#[test]
fn pages_say_how_long_they_may_be_kept() {
    let mut client = Client::connect(start());
    let cases = [
        ("/", 200, "max-age=60"),
        ("/slow", 200, "max-age=30, stale-while-revalidate=60"),
        ("/hello", 200, "max-age=5, stale-if-error=3600"),
        ("/form", 200, "max-age=60"),
        ("/login", 200, "no-store"),
        ("/switch", 200, "no-store"),
        ("/me", 303, "no-store"),
        ("/nothing", 404, "no-store"),
    ];
    for (path, status, policy) in cases {
        let response = client.get(path);
        assert_eq!((response.status(), response.field("cache-control")), (status, Some(policy)));
    }
}

#[test]
fn a_page_is_numbered_and_names_the_cookies_of_its_request_but_not_their_values() {
    let mut client = Client::connect(start());
    let first = client.request("GET", "/", "Cookie: theme=dark; a<b=secret\r\n").text();
    assert!(first.contains("page number 1 "), "{first}");
    assert!(first.contains("theme, a&lt;b."), "{first}");
    assert!(!first.contains("dark") && !first.contains("secret"), "{first}");
    assert!(client.get("/").text().contains("page number 2 "));
}

#[test]
fn me_belongs_to_who_logged_in_until_the_logout() {
    let mut client = Client::connect(start());
    let login = post(&mut client, "/login", "", "name=%3CAda%3E");
    assert_eq!((login.status(), login.field("location")), (303, Some("/me")));
    let cookie = login.field("set-cookie").expect("a session").split(';').next().unwrap();
    let fields = format!("Cookie: {cookie}\r\n");

    let me = client.request("GET", "/me", &fields);
    assert!(me.text().contains("Welcome, &lt;Ada&gt;"), "{}", me.text());
    assert_eq!(me.field("cache-control"), Some("private, no-cache"));
    let forged = client.request("GET", "/me", "Cookie: session=0000\r\n");
    assert_eq!(forged.field("location"), Some("/login"));

    assert_eq!(post(&mut client, "/logout", &fields, "").status(), 303);
    assert_eq!(client.request("GET", "/me", &fields).field("location"), Some("/login"));
    let too_long = format!("name={}", "x".repeat(41));
    for bad in ["", "name=", "name=+", &too_long] {
        assert_eq!(post(&mut client, "/login", "", bad).status(), 422, "{bad}");
    }
}

#[test]
fn the_guest_book_shows_what_was_written_as_text() {
    let mut client = Client::connect(start());
    let written = post(&mut client, "/form", "", "message=a+%26+%3Cb%3E");
    assert_eq!((written.status(), written.field("location")), (303, Some("/form")));
    assert!(client.get("/form").text().contains("<li>a &amp; &lt;b&gt;"));
    let huge = format!("message={}", "x".repeat(9000));
    assert_eq!(post(&mut client, "/form", "", &huge).status(), 413);
}

#[test]
fn hello_speaks_the_language_and_says_that_it_does() {
    let mut client = Client::connect(start());
    let german = client.request("GET", "/hello", "Accept-Language: de-AT, en;q=0.5\r\n");
    assert!(german.text().contains("<h1>Guten Tag</h1>"));
    assert_eq!(german.field("content-language"), Some("de"));
    assert_eq!(german.field("vary"), Some("Accept-Language"));
}

#[test]
fn other_methods_are_refused_with_the_ones_that_work() {
    let mut client = Client::connect(start());
    for (method, path, allow) in [
        ("PUT", "/slow", "GET, HEAD"),
        ("GET", "/logout", "POST"),
        ("DELETE", "/form", "GET, HEAD, POST"),
    ] {
        let response = client.request(method, path, "");
        assert_eq!(
            (response.status(), response.field("allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
    }
    let head = client.request("HEAD", "/", "");
    assert_eq!((head.status(), head.text().as_str()), (200, ""));
}

#[test]
fn the_stream_sends_its_first_line_at_once() {
    let mut client = Client::connect(start());
    client.send("GET /stream HTTP/1.1\r\nHost: site.test\r\n\r\n");
    assert_eq!(client.read_head().expect("a head").field("content-length"), None);
    let piece = client.read_piece().expect("a piece").expect("not the end");
    assert!(String::from_utf8_lossy(&piece).starts_with("line 1, sent at "));
}

#[test]
fn the_switch_breaks_every_page_but_itself_and_repairs_them() {
    let address = start();
    let mut client = Client::connect(address);
    assert_eq!(post(&mut client, "/switch", "", "").status(), 303);
    assert_eq!(client.get("/hello").status(), 500);
    assert!(client.get("/switch").text().contains("answers everything with 500"));

    assert_eq!(post(&mut client, "/switch", "", "mode=closed").status(), 303);
    client.send("GET /hello HTTP/1.1\r\nHost: site.test\r\n\r\n");
    assert!(client.try_read_response().is_err(), "closed without an answer");

    let mut client = Client::connect(address);
    assert_eq!(post(&mut client, "/switch", "", "mode=sideways").status(), 422);
    assert_eq!(post(&mut client, "/switch", "", "").status(), 303);
    assert_eq!(client.get("/hello").status(), 200);
}
