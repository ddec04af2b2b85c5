//! RFC 9111 §4.2: what is fresh answers, what is stale does not.

use crate::world::{Answer, World, date};

#[tokio::test]
async fn the_second_request_is_a_hit_and_says_why() {
    let world = World::answering(Answer::page("max-age=60", "hello"));
    world.get("/").await.is_forwarded("uri-miss; stored; ttl=60");
    let second = world.get("/").await;
    assert_eq!(second.is_hit().body, "hello");
    assert_eq!(second.cache_status(), "larder; hit; ttl=60; detail=fresh");
    assert_eq!(second.field("age"), Some("0"));
    assert_eq!(second.field("content-length"), Some("5"));
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn a_page_is_fresh_up_to_its_last_second_and_stale_on_the_next() {
    let world = World::answering(Answer::page("max-age=60", "x"));
    world.get("/").await;
    world.clock.advance_secs(59);
    let last = world.get("/").await;
    assert_eq!(last.is_hit().field("age"), Some("59"));
    world.clock.advance_secs(1);
    world.get("/").await.is_forwarded("stale");
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn an_age_from_upstream_counts_against_the_lifetime() {
    let world = World::answering(Answer::page("max-age=60", "x").field("age", "50"));
    world.get("/").await;
    world.clock.advance_secs(5);
    assert_eq!(world.get("/").await.is_hit().field("age"), Some("55"));
    world.clock.advance_secs(5);
    world.get("/").await.is_forwarded("stale");
}

#[tokio::test]
async fn each_source_of_a_lifetime_outranks_the_next() {
    let world = World::new();
    let past = date(&world, -100);
    let cases: [(&str, Answer, bool); 6] = [
        (
            "CDN-Cache-Control over no-store",
            Answer::page("no-store", "x").field("cdn-cache-control", "max-age=60"),
            true,
        ),
        (
            "CDN-Cache-Control forbids what Cache-Control allows",
            Answer::page("max-age=60", "x").field("cdn-cache-control", "no-store"),
            false,
        ),
        (
            "a malformed CDN-Cache-Control is as if absent",
            Answer::page("max-age=60", "x").field("cdn-cache-control", "max-age=\"x"),
            true,
        ),
        (
            "Surrogate-Control over Cache-Control",
            Answer::page("max-age=0", "x").field("surrogate-control", "max-age=60;larder"),
            true,
        ),
        ("s-maxage over max-age", Answer::page("max-age=60, s-maxage=0", "x"), false),
        ("max-age over Expires", Answer::page("max-age=60", "x").field("expires", &past), true),
    ];
    for (number, (name, answer, hit)) in cases.into_iter().enumerate() {
        let path = format!("/{number}");
        world.app.push(&path, answer);
        world.get(&path).await;
        let second = world.get(&path).await;
        assert_eq!(second.cache_status().contains("hit"), hit, "{name}: {}", second.cache_status());
    }
}

#[tokio::test]
async fn a_clients_own_directives_are_no_lever_unless_the_site_honours_them() {
    let world = World::answering(Answer::page("max-age=60", "x"));
    world.get("/").await;
    for lever in ["no-cache", "max-age=0", "no-store", "only-if-cached", "min-fresh=1000"] {
        let fields = [("cache-control", lever), ("pragma", "no-cache")];
        world.get_with("/", &fields).await.is_hit();
    }
    let mut options = larder_cache::Options::default();
    options.semantics.honour_request_directives = true;
    world.cache.set_options(options);
    let asked = world.get_with("/", &[("cache-control", "no-cache")]).await;
    asked.is_forwarded("request");
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn only_if_cached_gets_504_when_nothing_usable_is_stored() {
    let mut options = larder_cache::Options::default();
    options.semantics.honour_request_directives = true;
    let world = World::with(options);
    let request = crate::world::request("GET", "/", &[("cache-control", "only-if-cached")]);
    let error = world.send(request).await.unwrap_err();
    assert_eq!(error.status, 504);
    assert_eq!(world.app.count(), 0);
}

#[tokio::test]
async fn errors_are_kept_ten_seconds_at_most() {
    let world =
        World::answering(Answer::new(404).field("cache-control", "max-age=3600").body("no"));
    world.get("/").await;
    world.clock.advance_secs(9);
    assert_eq!(world.get("/").await.is_hit().status, 404);
    world.clock.advance_secs(1);
    world.get("/").await.is_forwarded("stale");
}
