//! An inner service that fails: what visitors see of it.

use larder_testkit::Answer;

use crate::world::{BLOG, Failure, World, get, seen};

#[tokio::test]
async fn an_error_is_502_or_504_with_its_reason_and_never_an_error_of_the_service() {
    let world = World::new("");
    for (path, failure, status, reason) in [
        ("/broken", Failure::Broken, 502, "service-failed"),
        ("/late", Failure::Late, 504, "first-byte-timeout"),
    ] {
        world.on(path, Answer::failure(failure));
        let answer = world.get(path).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.status(), format!("larder; fwd=uri-miss; detail={reason}"));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.body.contains(reason) && !answer.body.contains("database"));
        let mut head = get(path);
        *head.method_mut() = http::Method::HEAD;
        let head = seen(world.service.clone(), head).await;
        assert_eq!((head.status.as_u16(), head.body.as_str()), (status, ""));
        assert_eq!(head.headers["content-length"], answer.body.len().to_string());
    }
}

#[tokio::test]
async fn a_stored_page_stands_in_for_5xx_as_long_as_its_rule_lets_it_and_for_errors_longer() {
    for (failing, then) in [
        (Answer::failure(Failure::Broken), "stale-disconnected"),
        (Answer::new(503).body("sorry"), "larder; fwd=stale; detail="),
    ] {
        let world = World::new(BLOG);
        world.on("/blog/a", Answer::new(200).body("a post"));
        world.get("/blog/a").await;
        world.app.script.replace("/blog/a", failing);
        world.time.advance(700);
        let stale = world.get("/blog/a").await;
        assert_eq!((stale.status.as_u16(), stale.body.as_str()), (200, "a post"));
        assert!(stale.status().contains("stale-if-error"), "{}", stale.status());
        world.time.advance(3600);
        let later = world.get("/blog/a").await;
        assert!(later.status().contains(then), "{}", later.status());
    }
}

#[tokio::test]
async fn time_limits_of_tower_are_504() {
    let world = World::new("");
    let go = larder_testkit::Signal::new();
    world.on("/slow", Answer::page("no-store", "late").wait_before_head(&go));
    let limit = tower::timeout::TimeoutLayer::new(std::time::Duration::ZERO);
    let service = tower::Layer::layer(&world.cache, tower::Layer::layer(&limit, world.app.clone()));
    assert_eq!(seen(service, get("/slow")).await.status, 504);
}

#[tokio::test]
async fn only_what_is_stored_is_wanted_and_nothing_is() {
    let world = World::new("cache.honour_request_directives = true");
    let mut request = get("/x");
    request.headers_mut().insert("cache-control", "only-if-cached".parse().unwrap());
    let answer = seen(world.service.clone(), request).await;
    assert_eq!(answer.status, 504);
    assert!(answer.status().contains("only-if-cached"));
    assert_eq!(world.count(), 0);
}
