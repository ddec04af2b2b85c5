//! RFC 9110 §14, RFC 9111 §3.3, §3.4: ranges out of whole and partial responses.

use larder_testkit::Signal;

use crate::world::{Answer, World, request};

const DIGITS: &str = "0123456789";

fn part(range: &str, body: &'static str) -> Answer {
    Answer::new(206)
        .field("cache-control", "max-age=60")
        .field("etag", "\"1\"")
        .field("content-range", range)
        .body(body)
}

#[tokio::test]
async fn a_whole_page_answers_single_ranges() {
    let world = World::answering(Answer::page("max-age=60", DIGITS).field("etag", "\"1\""));
    world.get("/").await;
    let cases = [
        ("bytes=0-1", 206, "01", Some("bytes 0-1/10")),
        ("bytes=1-", 206, "123456789", Some("bytes 1-9/10")),
        ("bytes=-1", 206, "9", Some("bytes 9-9/10")),
        ("bytes=5-100", 206, "56789", Some("bytes 5-9/10")),
        ("bytes=10-", 416, "", Some("bytes */10")),
        ("bytes=5-2", 200, DIGITS, None),
        ("lines=1-2", 200, DIGITS, None),
        ("bytes=0-1,4-5", 200, DIGITS, None),
    ];
    for (range, status, body, content_range) in cases {
        let seen = world.get_with("/", &[("range", range)]).await;
        assert_eq!((seen.status.as_u16(), seen.body.as_str()), (status, body), "{range}");
        assert_eq!(seen.field("content-range"), content_range, "{range}");
        assert_eq!(seen.field("content-length"), Some(body.len().to_string().as_str()), "{range}");
        seen.is_hit();
    }
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn if_range_decides_between_the_part_and_the_whole() {
    let world = World::answering(Answer::page("max-age=60", DIGITS).field("etag", "\"1\""));
    world.get("/").await;
    for (condition, status) in [("\"1\"", 206), ("\"2\"", 200), ("W/\"1\"", 200)] {
        let fields = [("range", "bytes=0-1"), ("if-range", condition)];
        assert_eq!(
            world.get_with("/", &fields).await.is_hit().status.as_u16(),
            status,
            "{condition}"
        );
    }
}

#[tokio::test]
async fn a_part_answers_what_lies_within_it_and_only_that() {
    let world = World::new();
    world.app.push("/", part("bytes 4-9/10", "456789"));
    let first = world.get_with("/", &[("range", "bytes=-6")]).await;
    assert_eq!((first.status.as_u16(), first.body.as_str()), (206, "456789"));
    assert_eq!(world.app.last().field("range"), Some("bytes=-6"));
    world.settle().await;
    for (range, body) in
        [("bytes=4-9", "456789"), ("bytes=6-8", "678"), ("bytes=8-", "89"), ("bytes=-1", "9")]
    {
        let seen = world.get_with("/", &[("range", range)]).await;
        assert_eq!((seen.is_hit().status.as_u16(), seen.body.as_str()), (206, body), "{range}");
    }
    world.get_with("/", &[("range", "bytes=3-5")]).await.is_forwarded("partial");
}

#[tokio::test]
async fn parts_of_one_representation_become_the_whole() {
    let world = World::new();
    world.app.push("/", part("bytes 0-4/10", "01234"));
    world.app.push("/", part("bytes 5-9/10", "56789"));
    world.get_with("/", &[("range", "bytes=0-4")]).await;
    world.settle().await;
    world.get_with("/", &[("range", "bytes=5-9")]).await.is_forwarded("partial");
    world.settle().await;
    let whole = world.get("/").await;
    assert_eq!((whole.is_hit().status.as_u16(), whole.body.as_str()), (200, DIGITS));
    assert_eq!(whole.field("content-range"), None);
    assert_eq!(whole.field("content-length"), Some("10"));
}

#[tokio::test]
async fn parts_are_not_joined_without_a_shared_strong_validator() {
    for (a, b) in [("\"1\"", "\"2\""), ("W/\"1\"", "W/\"1\"")] {
        let world = World::new();
        let page = |tag: &str, range: &str, body: &'static str| {
            Answer::new(206)
                .field("cache-control", "max-age=60")
                .field("etag", tag)
                .field("content-range", range)
                .body(body)
        };
        world.app.push("/", page(a, "bytes 0-4/10", "01234"));
        world.app.push("/", page(b, "bytes 5-9/10", "56789"));
        world.app.push("/", Answer::page("max-age=60", "fresh copy"));
        world.get_with("/", &[("range", "bytes=0-4")]).await;
        world.settle().await;
        world.get_with("/", &[("range", "bytes=5-9")]).await;
        world.settle().await;
        assert_eq!(world.get("/").await.body, "fresh copy", "{a} {b}");
    }
}

#[tokio::test]
async fn a_part_never_answers_a_request_for_the_whole() {
    let world = World::new();
    world.app.push("/", part("bytes 0-4/10", "01234"));
    world.app.push("/", Answer::page("max-age=60", DIGITS).field("etag", "\"1\""));
    world.get_with("/", &[("range", "bytes=0-4")]).await;
    world.settle().await;
    assert_eq!(world.get("/").await.body, DIGITS);
    assert_eq!(world.app.last().field("range"), None);
}

#[tokio::test]
async fn an_answer_that_contradicts_its_content_range_answers_the_identical_request_only() {
    let world = World::new();
    // Five bytes that are said to be six: nobody can tell which byte is which.
    let off_by_one = Answer::new(206)
        .field("cache-control", "max-age=60")
        .field("content-range", "bytes 4-9/10")
        .field("content-length", "5")
        .body("01234");
    world.app.push("/", off_by_one);
    world.app.push("/", Answer::page("no-store", DIGITS));
    world.get_with("/", &[("range", "bytes=-5")]).await;
    world.settle().await;
    let same = world.get_with("/", &[("range", "bytes=-5")]).await;
    assert_eq!((same.is_hit().status.as_u16(), same.body.as_str()), (206, "01234"));
    for other in ["bytes=4-8", "bytes=6-8", "bytes=-1"] {
        let seen = world.get_with("/", &[("range", other)]).await;
        assert!(!seen.cache_status().contains("hit"), "{other}");
    }
    assert_eq!(world.get("/").await.body, DIGITS);
}

#[tokio::test]
async fn several_ranges_in_one_body_pass_and_are_not_stored() {
    let multipart = Answer::new(206)
        .field("cache-control", "max-age=60")
        .field("content-type", "multipart/byteranges; boundary=x")
        .body("--x…");
    let world = World::answering(multipart);
    for _ in 0..2 {
        let seen = world.get_with("/", &[("range", "bytes=0-1,4-5")]).await;
        assert_eq!((seen.status.as_u16(), seen.body.as_str()), (206, "--x…"));
        assert!(seen.cache_status().ends_with("detail=bad-content-range"));
    }
}

#[tokio::test]
async fn a_stale_page_is_validated_whole_and_then_answers_the_range() {
    let world = World::new();
    world.app.push("/", Answer::page("max-age=10", DIGITS).field("etag", "\"1\""));
    world.app.push("/", Answer::new(304).field("etag", "\"1\""));
    world.get("/").await;
    world.clock.advance_secs(10);
    let seen = world.get_with("/", &[("range", "bytes=2-3")]).await;
    assert_eq!((seen.status.as_u16(), seen.body.as_str()), (206, "23"));
    assert_eq!(world.app.last().field("range"), None);
}

#[tokio::test]
async fn a_part_that_is_on_its_way_is_for_those_only_who_can_use_it() {
    let go = Signal::new();
    let world = World::new();
    world.app.push("/", part("bytes 0-4/10", "01234").wait_before_head(&go));
    world.app.push("/", Answer::page("no-store", DIGITS));
    let ask = |fields: &'static [(&'static str, &'static str)]| {
        let world = world.clone();
        tokio::spawn(async move { world.get_with("/", fields).await })
    };
    let first = ask(&[("range", "bytes=0-4")]);
    world.settle().await;
    let same = ask(&[("range", "bytes=0-4")]);
    let has_it = ask(&[("range", "bytes=0-4"), ("if-range", "\"1\"")]);
    let has_other = ask(&[("range", "bytes=0-4"), ("if-range", "\"0\"")]);
    let whole = ask(&[]);
    world.settle().await;
    go.fire();
    for part in [first, same, has_it] {
        assert_eq!(part.await.unwrap().body, "01234");
    }
    for all in [has_other, whole] {
        assert_eq!(all.await.unwrap().body, DIGITS);
    }
}

#[tokio::test]
async fn a_part_asked_for_alone_is_not_for_those_who_wait_for_the_whole() {
    let rest = Signal::new();
    let world = World::new();
    world.app.push("/", Answer::page("no-store", "x"));
    let slow = Answer::new(206)
        .field("cache-control", "max-age=60")
        .field("content-range", "bytes 0-4/10")
        .chunk("01")
        .wait(&rest)
        .chunk("234");
    world.app.push("/", slow);
    world.app.push("/", Answer::page("max-age=60", DIGITS));
    world.get("/").await;
    // The page is known to be uncacheable, so this is asked alone; and its answer is one to keep.
    let first = world.begin(request("GET", "/", &[("range", "bytes=0-4")])).await.unwrap();
    // What was known of the page is forgotten.
    world.clock.advance_secs(121);
    let whole = world.get("/").await;
    assert_eq!((whole.status.as_u16(), whole.body.as_str()), (200, DIGITS));
    rest.fire();
    assert_eq!(crate::world::read(first).await.unwrap().body, "01234");
}
