//! One fetch for everybody who asks for the same page, and for nobody else.

use larder_semantics::Reason;
use larder_testkit::Signal;
use tokio::task::JoinSet;

use crate::world::{Answer, Seen, World, read, request};

async fn many(world: &World, count: usize) -> JoinSet<Result<Seen, Reason>> {
    let mut all = JoinSet::new();
    for _ in 0..count {
        let world = world.clone();
        all.spawn(async move {
            let response =
                world.begin(request("GET", "/", &[])).await.map_err(|error| error.reason)?;
            read(response).await
        });
    }
    world.settle().await;
    all
}

#[tokio::test]
async fn five_hundred_requests_for_a_cold_page_are_one_for_the_application() {
    let go = Signal::new();
    let world = World::answering(Answer::page("max-age=60", "x").wait_before_head(&go));
    let mut all = many(&world, 500).await;
    go.fire();
    let mut collapsed = 0;
    while let Some(seen) = all.join_next().await {
        let seen = seen.unwrap().unwrap();
        assert_eq!(seen.body, "x");
        collapsed += usize::from(seen.cache_status().contains("collapsed"));
    }
    assert_eq!((world.app.count(), collapsed), (1, 499));
}

#[tokio::test]
async fn those_who_wait_get_bytes_while_the_application_is_still_sending() {
    use http_body_util::BodyExt;
    let go = Signal::new();
    let world = World::answering(
        Answer::new(200)
            .field("cache-control", "max-age=60")
            .chunk("early ")
            .wait(&go)
            .chunk("late"),
    );
    let mut first = world.begin(request("GET", "/", &[])).await.unwrap().into_body();
    let mut second = world.begin(request("GET", "/", &[])).await.unwrap().into_body();
    for body in [&mut first, &mut second] {
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "early ");
    }
    go.fire();
    for body in [first, second] {
        assert_eq!(body.collect().await.unwrap().to_bytes(), "late");
    }
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn a_hundred_requests_for_an_uncacheable_page_are_not_queued() {
    let go = Signal::new();
    let world = World::new();
    world.app.push("/", Answer::page("no-store", "x"));
    world.app.push("/", Answer::page("no-store", "x").wait_before_head(&go));
    world.get("/").await;
    let mut all = many(&world, 100).await;
    assert_eq!(world.app.count(), 101, "all are under way before any is answered");
    go.fire();
    while let Some(seen) = all.join_next().await {
        seen.unwrap().unwrap().is_forwarded("bypass");
    }
}

#[tokio::test]
async fn those_who_waited_for_an_uncacheable_page_all_ask_at_once() {
    let first = Signal::new();
    let rest = Signal::new();
    let world = World::new();
    world.app.push("/", Answer::page("private", "one").wait_before_head(&first));
    world.app.push("/", Answer::page("private", "own").wait_before_head(&rest));
    let mut all = many(&world, 50).await;
    assert_eq!(world.app.count(), 1);
    first.fire();
    world.settle().await;
    world.app.wait_for(50).await;
    rest.fire();
    let mut ones = 0;
    while let Some(seen) = all.join_next().await {
        ones += usize::from(seen.unwrap().unwrap().body == "one");
    }
    assert_eq!(ones, 1, "nobody got what was another's");
}

#[tokio::test]
async fn a_client_that_leaves_does_not_end_the_fetch_for_the_others() {
    let go = Signal::new();
    let world = World::answering(Answer::page("max-age=60", "x").wait_before_head(&go));
    let leaver = tokio::spawn({
        let world = world.clone();
        async move { world.get("/").await }
    });
    world.settle().await;
    let mut others = many(&world, 10).await;
    leaver.abort();
    assert!(leaver.await.unwrap_err().is_cancelled());
    go.fire();
    while let Some(seen) = others.join_next().await {
        assert_eq!(seen.unwrap().unwrap().body, "x");
    }
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn an_application_that_dies_in_the_middle_fails_every_reader_and_nothing_is_stored() {
    let go = Signal::new();
    let world = World::new();
    let dying = Answer::new(200)
        .field("cache-control", "max-age=60")
        .chunk("half")
        .wait(&go)
        .fail(Reason::Truncated);
    world.app.push("/", dying);
    world.app.push("/", Answer::page("max-age=60", "whole"));
    let mut all = many(&world, 20).await;
    go.fire();
    while let Some(seen) = all.join_next().await {
        assert_eq!(seen.unwrap().unwrap_err(), Reason::Truncated);
    }
    assert_eq!(world.app.count(), 1);
    assert_eq!(world.get("/").await.is_forwarded("uri-miss").body, "whole");
}

#[tokio::test]
async fn an_application_that_can_not_be_reached_fails_all_who_wait_at_once() {
    let go = Signal::new();
    let world = World::answering(
        Answer::new(200).wait_before_head(&go).fail_before_head(Reason::ConnectFailed),
    );
    let mut all = many(&world, 50).await;
    go.fire();
    while let Some(seen) = all.join_next().await {
        assert_eq!(seen.unwrap().unwrap_err(), Reason::ConnectFailed);
    }
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn a_stale_page_is_validated_once_for_all() {
    let go = Signal::new();
    let world = World::new();
    world.app.push("/", Answer::page("max-age=10", "x").field("etag", "\"1\""));
    world.app.push("/", Answer::new(304).field("etag", "\"1\"").wait_before_head(&go));
    world.get("/").await;
    world.clock.advance_secs(10);
    let mut all = many(&world, 100).await;
    go.fire();
    while let Some(seen) = all.join_next().await {
        assert_eq!(seen.unwrap().unwrap().body, "x");
    }
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn those_who_wait_for_another_variant_get_their_own() {
    let go = Signal::new();
    let world = World::new();
    let page = |body| Answer::page("max-age=60", body).field("vary", "accept-language");
    world.app.push("/", page("de").wait_before_head(&go));
    world.app.push("/", page("en"));
    let ask = |language: &'static str| {
        let world = world.clone();
        tokio::spawn(async move { world.get_with("/", &[("accept-language", language)]).await })
    };
    let german = ask("de");
    world.settle().await;
    let english: Vec<_> = (0..5).map(|_| ask("en")).collect();
    world.settle().await;
    go.fire();
    assert_eq!(german.await.unwrap().body, "de");
    for one in english {
        assert_eq!(one.await.unwrap().body, "en");
    }
    assert_eq!(world.app.count(), 2, "one fetch for each variant");
}

#[tokio::test]
async fn what_must_be_validated_for_each_use_is_not_shared_by_those_who_wait() {
    let go = Signal::new();
    let world = World::new();
    world
        .app
        .push("/", Answer::page("no-cache", "one").field("etag", "\"1\"").wait_before_head(&go));
    world.app.push("/", Answer::page("no-cache", "own").field("etag", "\"2\""));
    let mut all = many(&world, 3).await;
    go.fire();
    let mut ones = 0;
    while let Some(seen) = all.join_next().await {
        ones += usize::from(seen.unwrap().unwrap().body == "one");
    }
    assert_eq!(ones, 1);
}

#[tokio::test]
async fn requests_with_authorization_do_not_wait_for_one_another() {
    let go = Signal::new();
    let world = World::answering(Answer::page("private", "x").wait_before_head(&go));
    let mut all = JoinSet::new();
    for _ in 0..10 {
        let world = world.clone();
        all.spawn(async move { world.get_with("/", &[("authorization", "Bearer t")]).await });
    }
    world.settle().await;
    assert_eq!(world.app.count(), 10);
    go.fire();
    while let Some(seen) = all.join_next().await {
        assert_eq!(seen.unwrap().body, "x");
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_and_that_is_not_kept_is_given_up() {
    let gone = Signal::new();
    let go = Signal::new();
    let options = larder_cache::Options { object_bytes_max: 4, ..Default::default() };
    let world = World::with(options);
    let endless = Answer::new(200)
        .field("cache-control", "max-age=60")
        .chunk("01234567")
        .wait(&go)
        .chunk("more")
        .when_dropped(&gone);
    world.app.push("/", endless);
    let response = world.begin(request("GET", "/", &[])).await.unwrap();
    world.settle().await;
    drop(response);
    go.fire();
    world.settle().await;
    assert!(gone.is_fired());
    assert!(world.cache.flights().is_empty());
}
