//! RFC 9111 §4.3: validation, towards the application and for the client.

use crate::world::{Answer, Lines, World, date};

fn tagged(tag: &str, body: &'static str) -> Answer {
    Answer::page("max-age=10", body).field("etag", tag)
}

#[tokio::test]
async fn a_stale_page_is_validated_and_renewed_by_a_304() {
    let world = World::new();
    world.app.push("/", tagged("\"1\"", "body").field("x-a", "old").field("x-b", "kept"));
    let valid = Answer::new(304)
        .field("etag", "\"1\"")
        .field("cache-control", "max-age=100")
        .field("x-a", "new")
        .field("content-encoding", "nonsense");
    world.app.push("/", valid);
    world.get("/").await;
    world.clock.advance_secs(10);
    let seen = world.get("/").await;
    assert_eq!(seen.is_forwarded("stale; fwd-status=304; stored").body, "body");
    assert_eq!(world.app.last().field("if-none-match"), Some("\"1\""));
    assert_eq!((seen.field("x-a"), seen.field("x-b")), (Some("new"), Some("kept")));
    assert_eq!(seen.field("content-encoding"), None, "a 304 can't relabel a stored body");
    world.clock.advance_secs(99);
    assert_eq!(world.get("/").await.is_hit().field("x-a"), Some("new"));
}

#[tokio::test]
async fn a_304_confirms_what_was_asked_about_whatever_tag_it_shows() {
    let world = World::new();
    world.app.push("/", tagged("\"1\"", "one"));
    // Compression filters rewrite the tag on the way out; the condition they were sent held.
    world.app.push("/", Answer::new(304).field("etag", "\"1-gzip\""));
    world.get("/").await;
    world.clock.advance_secs(10);
    let seen = world.get("/").await;
    assert_eq!((seen.body.as_str(), seen.field("etag")), ("one", Some("\"1\"")));
}

#[tokio::test]
async fn a_304_that_forbids_storing_ends_the_sharing() {
    let world = World::new();
    world.app.push("/", tagged("\"1\"", "one"));
    world.app.push("/", Answer::new(304).field("etag", "\"1\"").field("cache-control", "private"));
    world.app.push("/", Answer::page("no-store", "two"));
    world.get("/").await;
    world.clock.advance_secs(10);
    assert_eq!(world.get("/").await.body, "one");
    assert_eq!(world.get("/").await.body, "two");
    assert_eq!(world.app.last().field("if-none-match"), None);
}

#[tokio::test]
async fn no_cache_is_validated_for_each_request() {
    let world = World::new();
    world.app.push("/", Answer::page("no-cache", "body").field("etag", "\"1\""));
    world.app.push("/", Answer::new(304).field("etag", "\"1\""));
    world.get("/").await;
    for count in 2..5 {
        assert_eq!(world.get("/").await.is_forwarded("stale").body, "body");
        assert_eq!(world.app.count(), count);
    }
}

#[tokio::test]
async fn a_clients_condition_is_answered_from_the_cache() {
    let world = World::new();
    let modified = date(&world, -1000);
    let answer =
        Answer::page("max-age=60", "body").field("etag", "\"1\"").field("last-modified", &modified);
    world.app.push("/", answer);
    let earlier = date(&world, -2000);
    let later = date(&world, -500);
    let cases: [(&str, Lines<'_>, u16); 8] = [
        ("same tag", &[("if-none-match", "\"1\"")], 304),
        ("weak comparison", &[("if-none-match", "W/\"1\"")], 304),
        ("a list", &[("if-none-match", "\"0\", \"1\"")], 304),
        ("any", &[("if-none-match", "*")], 304),
        ("another tag", &[("if-none-match", "\"2\"")], 200),
        (
            "the tag outranks the date",
            &[("if-none-match", "\"2\""), ("if-modified-since", &later)],
            200,
        ),
        ("not modified since", &[("if-modified-since", &later)], 304),
        ("modified since", &[("if-modified-since", &earlier)], 200),
    ];
    for cold in [true, false] {
        for (name, fields, status) in cases {
            if cold {
                world.cache.clear();
            }
            let seen = world.get_with("/", fields).await;
            assert_eq!(seen.status.as_u16(), status, "{name}, cold: {cold}");
            if status == 304 {
                assert_eq!(seen.field("etag"), Some("\"1\""), "{name}");
                assert!(seen.body.is_empty() && seen.field("content-type").is_none(), "{name}");
            }
            world.settle().await;
        }
    }
    assert_eq!(
        world.app.sent().iter().filter(|sent| sent.field("if-none-match").is_some()).count(),
        0
    );
}

#[tokio::test]
async fn without_last_modified_a_date_condition_is_compared_with_date() {
    let world = World::answering(Answer::page("max-age=60", "body"));
    world.get("/").await;
    let before = date(&world, -10);
    let after = date(&world, 10);
    assert_eq!(world.get_with("/", &[("if-modified-since", &before)]).await.status, 200);
    assert_eq!(world.get_with("/", &[("if-modified-since", &after)]).await.status, 304);
}

#[tokio::test]
async fn preconditions_that_are_meant_for_the_application_reach_it() {
    let world = World::answering(tagged("\"1\"", "x"));
    world.get("/").await;
    world.get_with("/", &[("if-match", "\"0\"")]).await.is_forwarded("bypass");
    assert_eq!(world.app.last().field("if-match"), Some("\"0\""));
}

#[tokio::test]
async fn conditions_of_a_request_that_passes_reach_the_application() {
    let world = World::answering(Answer::page("no-store", "x"));
    world.get("/").await;
    world.get_with("/", &[("if-none-match", "\"9\"")]).await.is_forwarded("bypass");
    assert_eq!(world.app.last().field("if-none-match"), Some("\"9\""));
}
