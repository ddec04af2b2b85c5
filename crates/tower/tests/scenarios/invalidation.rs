//! RFC 9111 §4.4: what changes a page makes its stored responses unusable, those on their way too.

use larder_testkit::Signal;

use crate::world::{Answer, World, request};

#[tokio::test]
async fn unsafe_and_unknown_methods_invalidate_when_they_succeed() {
    let cases = [
        ("POST", 200, true),
        ("PUT", 204, true),
        ("DELETE", 303, true),
        ("M-SEARCH", 200, true),
        ("POST", 500, false),
        ("PUT", 404, false),
        ("OPTIONS", 200, false),
    ];
    for (method, status, invalidated) in cases {
        let world = World::new();
        world.app.push("/", Answer::page("max-age=60", "x"));
        world.app.push("/", Answer::new(status));
        world.app.push("/", Answer::page("max-age=60", "y"));
        world.get("/").await;
        world.method(method, "/").await.is_forwarded("method");
        let hit = world.get("/").await.cache_status().contains("hit");
        assert_eq!(hit, !invalidated, "{method} {status}");
    }
}

#[tokio::test]
async fn what_location_and_content_location_of_the_same_origin_name_goes_as_well() {
    let cases = [
        ("location", "/other", true),
        ("content-location", "http://SITE.example:80/other", true),
        ("location", "other", true),
        ("location", "http://elsewhere.example/other", false),
        ("content-location", "https://site.example/other", false),
    ];
    for (field, value, invalidated) in cases {
        let world = World::new();
        world.app.push("/other", Answer::page("max-age=60", "x"));
        world.app.push("/", Answer::new(201).field(field, value));
        world.get("/other").await;
        world.method("POST", "/").await;
        let hit = world.get("/other").await.cache_status().contains("hit");
        assert_eq!(hit, !invalidated, "{field}: {value}");
    }
}

#[tokio::test]
async fn a_fetch_begun_before_an_invalidation_is_not_stored_after_it() {
    let world = World::new();
    let go = Signal::new();
    let slow =
        Answer::new(200).field("cache-control", "max-age=60").chunk("be").wait(&go).chunk("fore");
    world.app.push("/", slow);
    world.app.push("/", Answer::new(204));
    world.app.push("/", Answer::page("max-age=60", "after"));
    let before = world.begin(request("GET", "/", &[])).await.unwrap();
    world.method("POST", "/").await;
    let during = world.get("/").await;
    assert_eq!(during.is_forwarded("uri-miss").body, "after", "nobody joins the outdated fetch");
    go.fire();
    assert_eq!(crate::world::read(before).await.unwrap().body, "before");
    world.settle().await;
    assert_eq!(world.get("/").await.is_hit().body, "after");
}

#[tokio::test]
async fn an_answer_asked_for_alone_before_a_change_is_not_stored_after_it() {
    let world = World::new();
    let go = Signal::new();
    let slow = Answer::page("public, max-age=60, must-revalidate", "before").wait_before_head(&go);
    world.app.push("/", slow);
    world.app.push("/", Answer::new(204));
    world.app.push("/", Answer::page("max-age=60", "after"));
    let alone = tokio::spawn({
        let world = world.clone();
        async move { world.get_with("/", &[("authorization", "Bearer t")]).await }
    });
    world.settle().await;
    world.method("POST", "/").await;
    go.fire();
    let before = alone.await.unwrap();
    assert_eq!(before.body, "before");
    assert!(before.cache_status().ends_with("detail=invalidated-meanwhile"));
    assert_eq!(world.get("/").await.is_forwarded("uri-miss").body, "after");
}
