//! Parts of pages: asked for, refused, put together.

use larder_testkit::{Origin, Script};

use crate::{assert_hit, connect, is_hit, serve, until};

const DIGITS: &str = "0123456789";

fn digits() -> Origin {
    let fields = "Cache-Control: max-age=60\r\nETag: \"1\"\r\n";
    Origin::paths([("/", Script::answer("200 OK", fields, DIGITS))])
}

#[test]
fn a_range_past_the_end_is_416_with_the_length_and_asks_nobody() {
    let origin = digits();
    let larder = serve(&origin);
    let mut client = connect(&larder);
    assert_eq!(client.get("/").text(), DIGITS);
    let past = client.request("GET", "/", "Range: bytes=10-\r\n");
    assert_eq!((past.status(), past.field("content-range")), (416, Some("bytes */10")));
    assert_eq!(past.text(), "");
    let inside = client.request("GET", "/", "Range: bytes=8-99\r\n");
    assert_eq!((inside.status(), inside.field("content-range")), (206, Some("bytes 8-9/10")));
    assert_eq!((inside.text(), origin.request_count()), ("89".to_owned(), 1));
}

#[test]
fn if_range_gives_the_part_of_what_the_client_has_and_else_the_whole() {
    let origin = digits();
    let larder = serve(&origin);
    let mut client = connect(&larder);
    assert_eq!(client.get("/").text(), DIGITS);
    for (tag, status, body) in
        [("\"1\"", 206, "23"), ("\"2\"", 200, DIGITS), ("W/\"1\"", 200, DIGITS)]
    {
        let fields = format!("Range: bytes=2-3\r\nIf-Range: {tag}\r\n");
        let seen = client.request("GET", "/", &fields);
        assert_eq!((seen.status(), seen.text()), (status, body.to_owned()), "{tag}");
        assert_hit(&seen);
    }
}

#[test]
fn two_parts_under_one_strong_tag_answer_for_the_whole() {
    for (tag, joins) in [("\"1\"", true), ("W/\"1\"", false)] {
        let origin = Origin::answering(move |request| {
            let (place, body) = match request.field("range") {
                Some("bytes=0-4") => ("Content-Range: bytes 0-4/10\r\n", "01234"),
                Some("bytes=5-9") => ("Content-Range: bytes 5-9/10\r\n", "56789"),
                _ => return Script::answer("200 OK", "Cache-Control: no-store\r\n", "asked again"),
            };
            let fields = format!("Cache-Control: max-age=60\r\nETag: {tag}\r\n{place}");
            Script::answer("206 Partial Content", &fields, body)
        });
        let larder = serve(&origin);
        let mut client = connect(&larder);
        for part in ["Range: bytes=0-4\r\n", "Range: bytes=5-9\r\n"] {
            until("stored", || client.request("GET", "/", part), is_hit);
        }
        let whole = client.get("/");
        assert_eq!(whole.status(), 200, "{tag}");
        assert_eq!(whole.text(), if joins { DIGITS } else { "asked again" }, "{tag}");
        assert_eq!(is_hit(&whole), joins, "{tag}: {}", whole.cache_status());
    }
}
