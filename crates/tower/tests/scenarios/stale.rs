//! RFC 5861, RFC 9111 §4.2.4: when a stale page answers, and when no more.

use larder_semantics::Reason;

use crate::world::{Answer, World, request};

#[tokio::test]
async fn inside_its_window_a_stale_page_answers_while_one_refresh_runs() {
    let world = World::new();
    world.app.push("/", Answer::page("max-age=10, stale-while-revalidate=20", "old"));
    world.app.push("/", Answer::page("max-age=10, stale-while-revalidate=20", "new"));
    world.get("/").await;
    world.clock.advance_secs(30);
    for _ in 0..5 {
        let seen = world.get("/").await;
        assert_eq!(seen.is_hit().body, "old", "the refresh has not run yet");
        assert!(seen.cache_status().contains("detail=stale-while-revalidate"));
    }
    world.settle().await;
    assert_eq!(world.app.count(), 2, "one refresh for all");
    assert_eq!(world.get("/").await.is_hit().body, "new");
}

#[tokio::test]
async fn after_its_window_a_stale_page_waits_for_the_application() {
    let world = World::new();
    world.app.push("/", Answer::page("max-age=10, stale-while-revalidate=20", "old"));
    world.app.push("/", Answer::page("max-age=10", "new"));
    world.get("/").await;
    world.clock.advance_secs(31);
    assert_eq!(world.get("/").await.is_forwarded("stale").body, "new");
}

#[tokio::test]
async fn a_background_refresh_repeats_the_fields_that_selected_the_page() {
    let world = World::answering(
        Answer::page("max-age=10, stale-while-revalidate=20", "x").field("vary", "HX-Request"),
    );
    world.get_with("/", &[("hx-request", "true")]).await;
    world.clock.advance_secs(15);
    world.get_with("/", &[("hx-request", "true")]).await.is_hit();
    world.settle().await;
    assert_eq!(world.app.last().field("hx-request"), Some("true"));
}

#[tokio::test]
async fn when_the_application_fails_a_stale_page_answers_if_that_is_allowed() {
    let fail = || Answer::failure(Reason::ConnectFailed);
    let error = || Answer::new(503).body("down");
    let cases: [(&str, &str, Answer, u64, Option<&str>); 8] = [
        ("disconnected, by default", "max-age=10", fail(), 60, Some("stale-disconnected")),
        ("disconnected, forbidden", "max-age=10, must-revalidate", fail(), 60, None),
        ("disconnected, proxies forbidden", "max-age=10, proxy-revalidate", fail(), 60, None),
        ("disconnected, s-maxage", "s-maxage=10", fail(), 60, None),
        ("an error, not allowed", "max-age=10", error(), 60, None),
        (
            "an error, last second",
            "max-age=10, stale-if-error=60",
            error(),
            70,
            Some("stale-if-error"),
        ),
        ("an error, window closed", "max-age=10, stale-if-error=60", error(), 71, None),
        (
            "disconnected, window",
            "max-age=10, stale-if-error=60",
            fail(),
            70,
            Some("stale-if-error"),
        ),
    ];
    for (name, cache_control, failure, at, expected) in cases {
        let world = World::new();
        world.app.push("/", Answer::page(cache_control, "old"));
        world.app.push("/", failure);
        world.get("/").await;
        world.clock.advance_secs(at);
        let seen = world.send(request("GET", "/", &[])).await;
        match expected {
            Some(reason) => {
                let seen = seen.unwrap();
                assert_eq!(seen.is_hit().body, "old", "{name}");
                let told = seen.cache_status();
                assert!(told.ends_with(&format!("detail={reason}")), "{name}: {told}");
            }
            None => {
                let old = seen.is_ok_and(|seen| seen.body == "old");
                assert!(!old, "{name}: the stale page was served");
            }
        }
    }
}

#[tokio::test]
async fn what_always_had_to_be_validated_is_not_served_when_the_application_is_gone() {
    let world = World::new();
    world.app.push("/", Answer::new(200).field("etag", "\"1\"").body("somebody's"));
    world.app.push("/", Answer::failure(Reason::ConnectFailed));
    world.get("/").await;
    world.clock.advance_secs(1);
    assert!(world.send(request("GET", "/", &[])).await.is_err());
}

#[tokio::test]
async fn an_application_that_has_just_failed_is_left_in_peace_for_a_moment() {
    let world = World::new();
    world.app.push("/", Answer::page("max-age=10", "old"));
    world.app.push("/", Answer::failure(Reason::ConnectTimeout));
    world.get("/").await;
    world.clock.advance_secs(20);
    for _ in 0..10 {
        assert_eq!(world.get("/").await.is_hit().body, "old");
    }
    assert_eq!(world.app.count(), 2, "nine requests did not wait for a time-out");
    world.clock.advance_secs(3);
    world.get("/").await;
    assert_eq!(world.app.count(), 3, "then it is asked again");
}

#[tokio::test]
async fn without_anything_stored_a_failure_is_told_with_its_reason() {
    let world = World::answering(Answer::failure(Reason::ConnectTimeout));
    let error = world.send(request("GET", "/", &[])).await.unwrap_err();
    assert_eq!((error.status.as_u16(), error.reason), (504, Reason::ConnectTimeout));
    let told = &error.headers["cache-status"];
    assert_eq!(told, "larder; fwd=uri-miss; detail=connect-timeout");
}
