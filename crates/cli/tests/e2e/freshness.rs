//! How long a page answers, and what makes it answer longer.

use larder_testkit::{Origin, Script, Signal};

use crate::{assert_hit, connect, is_hit, numbered, serve, serve_with, until};

#[test]
fn a_targeted_field_outranks_cache_control_unless_that_is_switched_off() {
    let answer = |fields: &'static str| Script::answer("200 OK", fields, "page");
    let origin = Origin::paths([
        ("/kept", answer("Cache-Control: no-store\r\nCDN-Cache-Control: max-age=60\r\n")),
        ("/not", answer("Cache-Control: max-age=60\r\nCDN-Cache-Control: no-store\r\n")),
    ]);
    for (targeted, kept) in [("true", "/kept"), ("false", "/not")] {
        let set = format!("cache.targeted_fields={targeted}");
        let larder = serve_with(&origin, &["--set", &set]);
        let mut client = connect(&larder);
        for path in ["/kept", "/not"] {
            assert_eq!(client.get(path).text(), "page");
            let again = client.get(path);
            assert_eq!(is_hit(&again), path == kept, "{path} {set}: {}", again.cache_status());
        }
    }
}

#[test]
fn a_stale_page_answers_at_once_while_it_is_brought_up_to_date() {
    let go = Signal::new();
    let held = go.clone();
    let origin = numbered(move |_, number| {
        let script = if number == 0 { Script::new() } else { Script::new().wait(&held) };
        let fields = "Cache-Control: max-age=1, stale-while-revalidate=600\r\n";
        script.respond("200 OK", fields, if number == 0 { "old" } else { "new" })
    });
    let larder = serve(&origin);
    let mut client = connect(&larder);
    assert_eq!(client.get("/").text(), "old");
    let stale =
        until("stale", || client.get("/"), |seen| seen.cache_status().contains("stale-while"));
    assert_hit(&stale);
    assert_eq!(stale.text(), "old");
    let _requests = origin.wait_for_requests(2);
    // The application is being asked, and nobody waits for it.
    for _ in 0..20 {
        assert_eq!(client.get("/").text(), "old");
    }
    assert_eq!(origin.request_count(), 2);
    go.fire();
    let fresh = until("brought up to date", || client.get("/"), |seen| seen.text() == "new");
    assert_hit(&fresh);
}

#[test]
fn a_page_without_a_window_is_not_served_past_its_second() {
    let origin = numbered(|_, number| {
        let fields = "Cache-Control: max-age=1, must-revalidate\r\n";
        Script::answer("200 OK", fields, number.to_string())
    });
    let larder = serve(&origin);
    let mut client = connect(&larder);
    assert_eq!(client.get("/").text(), "0");
    let next = until("asked for again", || client.get("/"), |seen| seen.text() == "1");
    assert!(next.cache_status().contains("fwd=stale"), "{}", next.cache_status());
}

#[test]
fn must_understand_outranks_no_store_for_a_status_we_know() {
    let fields = "Cache-Control: no-store, must-understand, max-age=60\r\n";
    let origin = Origin::paths([
        ("/known", Script::answer("200 OK", fields, "page")),
        ("/unknown", Script::answer("299 New", fields, "page")),
    ]);
    let larder = serve(&origin);
    let mut client = connect(&larder);
    for (path, kept) in [("/known", true), ("/unknown", false)] {
        assert_eq!(client.get(path).text(), "page");
        let again = client.get(path);
        assert_eq!(is_hit(&again), kept, "{path}: {}", again.cache_status());
    }
}

/// A page that is stale after a second, and an answer to the HEAD that comes then.
fn with_head(head: &'static str) -> Origin {
    Origin::answering(move |request| match request.method.as_str() {
        "HEAD" => Script::answer("200 OK", head, "page"),
        _ if request.field("if-none-match").is_some() => {
            Script::answer("304 Not Modified", "ETag: \"1\"\r\nCache-Control: max-age=600\r\n", "")
        }
        _ => Script::answer("200 OK", "ETag: \"1\"\r\nCache-Control: max-age=1\r\n", "page"),
    })
}

#[test]
fn the_answer_to_a_head_freshens_the_page_that_it_describes() {
    let origin = with_head("ETag: \"1\"\r\nX-New: 1\r\nCache-Control: max-age=600\r\n");
    let larder = serve(&origin);
    let mut client = connect(&larder);
    assert_eq!(client.get("/").text(), "page");
    until("asked for", || client.request("HEAD", "/", ""), |seen| !is_hit(seen));
    assert_eq!(origin.requests()[1].method, "HEAD");
    let page = client.get("/");
    assert_hit(&page);
    assert_eq!((page.text(), page.field("x-new")), ("page".to_owned(), Some("1")));
    assert_eq!(origin.request_count(), 2);
}

#[test]
fn the_answer_to_a_head_about_other_bytes_makes_the_page_stale() {
    let origin = with_head("ETag: \"2\"\r\nCache-Control: max-age=600\r\n");
    let larder = serve(&origin);
    let mut client = connect(&larder);
    assert_eq!(client.get("/").text(), "page");
    until("asked for", || client.request("HEAD", "/", ""), |seen| !is_hit(seen));
    let page = client.get("/");
    assert!(page.cache_status().contains("fwd=stale"), "{}", page.cache_status());
    assert_eq!(origin.requests().last().and_then(|r| r.field("if-none-match")), Some("\"1\""));
}
