//! HEAD: answered from a stored GET, and what its answer says about one (RFC 9111 §4.3.5).

use crate::world::{Answer, World};

#[tokio::test]
async fn a_fresh_page_answers_head_without_its_body() {
    let world = World::answering(Answer::page("max-age=60", "hello"));
    world.get("/").await;
    let seen = world.method("HEAD", "/").await;
    assert_eq!(seen.is_hit().body, "");
    assert_eq!(seen.field("content-length"), Some("5"));
}

#[tokio::test]
async fn a_head_goes_on_as_a_head_and_is_not_stored() {
    let world = World::answering(Answer::new(200).field("cache-control", "max-age=60"));
    world.method("HEAD", "/").await.is_forwarded("uri-miss");
    assert_eq!(world.app.last().method, "HEAD");
    world.get("/").await.is_forwarded("uri-miss");
}

#[tokio::test]
async fn the_answer_to_a_head_freshens_expires_or_leaves_the_stored_page() {
    let cases: [(&str, Answer, bool, Option<&str>); 4] = [
        (
            "same validator and length: freshened",
            Answer::new(200)
                .field("etag", "\"1\"")
                .field("content-length", "5")
                .field("x-a", "new")
                .field("cache-control", "max-age=100"),
            true,
            Some("new"),
        ),
        (
            "another validator: stale at once",
            Answer::new(200).field("etag", "\"2\"").field("cache-control", "max-age=100"),
            false,
            None,
        ),
        (
            "another length: stale at once",
            Answer::new(200)
                .field("etag", "\"1\"")
                .field("content-length", "6")
                .field("cache-control", "max-age=100"),
            false,
            None,
        ),
        (
            "not a 200: no effect",
            Answer::new(410).field("x-a", "new").field("cache-control", "max-age=100"),
            false,
            None,
        ),
    ];
    for (name, head, hit, field) in cases {
        let world = World::new();
        let page = Answer::page("max-age=10", "hello").field("etag", "\"1\"").field("x-a", "old");
        world.app.push("/", page.clone());
        world.app.push("/", head);
        world.app.push("/", page);
        world.get("/").await;
        world.clock.advance_secs(10);
        world.method("HEAD", "/").await;
        let seen = world.get("/").await;
        assert_eq!(seen.cache_status().contains("hit"), hit, "{name}: {}", seen.cache_status());
        assert_eq!(seen.body, "hello", "{name}");
        if let Some(value) = field {
            assert_eq!(seen.field("x-a"), Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn the_answer_to_a_head_that_forbids_sharing_ends_it_and_another_status_is_another_page() {
    let cases = [
        ("private", 200, "private, max-age=100"),
        ("no-store", 200, "no-store, max-age=100"),
        ("of another status", 410, "max-age=100"),
    ];
    for (name, status, cache_control) in cases {
        let world = World::new();
        let page = Answer::new(status).field("cache-control", "max-age=10").body("hello");
        world.app.push("/", page.clone());
        world.app.push("/", Answer::new(200).field("cache-control", cache_control));
        world.app.push("/", Answer::page("max-age=60", "newer"));
        world.get("/").await;
        world.clock.advance_secs(10);
        world.method("HEAD", "/").await;
        let seen = world.get("/").await;
        assert!(!seen.cache_status().contains("hit"), "{name}: {}", seen.cache_status());
        assert_eq!(seen.body, "newer", "{name}");
    }
}
