//! RFC 9111 §3: what may be kept, and that what may not is never shared.

use crate::world::{Answer, Lines, World};

#[tokio::test]
async fn what_may_not_be_stored_is_not_and_the_reason_is_told() {
    let cases: [(&str, Answer, Lines<'_>); 8] = [
        ("no-store", Answer::page("no-store", "x"), &[]),
        ("private", Answer::page("private, max-age=60", "x"), &[]),
        ("set-cookie", Answer::page("max-age=60", "x").field("set-cookie", "sid=1"), &[]),
        ("vary-any", Answer::page("max-age=60", "x").field("vary", "*"), &[]),
        ("authorization", Answer::page("max-age=60", "x"), &[("authorization", "Basic eA==")]),
        ("no-lifetime-nor-validator", Answer::new(200).body("x"), &[]),
        (
            "not-understood",
            Answer::new(299).field("cache-control", "max-age=60, must-understand"),
            &[],
        ),
        ("bad-content-range", Answer::new(206).field("cache-control", "max-age=60").body("x"), &[]),
    ];
    let world = World::new();
    for (reason, answer, fields) in cases {
        let path = format!("/{reason}");
        world.app.push(&path, answer);
        let before = world.app.count();
        for _ in 0..2 {
            let seen = world.get_with(&path, fields).await;
            let told = seen.cache_status();
            assert!(!told.contains("hit") && !told.contains("stored"), "{reason}: {told}");
            assert!(told.ends_with(&format!("detail={reason}")), "{reason}: {told}");
        }
        assert_eq!(world.app.count(), before + 2, "{reason}");
    }
}

#[tokio::test]
async fn must_understand_outranks_no_store_for_a_status_that_is_understood() {
    let world = World::answering(Answer::page("max-age=60, must-understand, no-store", "x"));
    world.get("/").await;
    world.get("/").await.is_hit();
}

#[tokio::test]
async fn authorization_is_shared_only_by_permission() {
    for permission in ["public", "s-maxage=60", "must-revalidate"] {
        let world = World::answering(Answer::page(&format!("max-age=60, {permission}"), "x"));
        let fields = [("authorization", "Basic eA==")];
        world.get_with("/", &fields).await;
        world.get("/").await.is_hit();
        assert_eq!(world.app.count(), 1, "{permission}");
    }
}

#[tokio::test]
async fn hop_by_hop_fields_and_those_that_connection_lists_are_not_kept() {
    let answer = Answer::page("max-age=60", "x")
        .field("connection", "x-private")
        .field("x-private", "1")
        .field("keep-alive", "timeout=5")
        .field("proxy-authenticate", "Basic")
        .field("te", "trailers")
        .field("upgrade", "h2c")
        .field("x-kept", "1")
        .field("link", "</a>")
        .field("link", "</b>");
    let world = World::answering(answer);
    for _ in 0..2 {
        let seen = world.get("/").await;
        for gone in ["connection", "x-private", "keep-alive", "proxy-authenticate", "te", "upgrade"]
        {
            assert_eq!(seen.field(gone), None, "{gone}");
        }
        assert_eq!(seen.field("x-kept"), Some("1"));
        assert_eq!(seen.headers.get_all("link").iter().count(), 2);
    }
}

#[tokio::test]
async fn fields_that_no_cache_names_reach_the_one_who_asked_and_nobody_else() {
    let answer = Answer::page("max-age=60, no-cache=\"x-one\"", "x").field("x-one", "1");
    let world = World::answering(answer);
    assert_eq!(world.get("/").await.field("x-one"), Some("1"));
    let second = world.get("/").await;
    assert_eq!(second.is_hit().field("x-one"), None);
}

#[tokio::test]
async fn a_date_is_added_where_the_application_sends_none_and_kept_where_it_does() {
    let world = World::answering(Answer::page("max-age=60", "x"));
    let stamped = world.get("/").await.field("date").map(str::to_owned);
    assert!(stamped.is_some());
    world.clock.advance_secs(30);
    assert_eq!(world.get("/").await.field("date").map(str::to_owned), stamped);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_for_its_reader_and_is_not_stored() {
    let cut = Answer::new(200)
        .field("cache-control", "max-age=60")
        .chunk("half")
        .fail(larder_semantics::Reason::Truncated);
    let world = World::new();
    world.app.push("/", cut);
    world.app.push("/", Answer::page("max-age=60", "whole"));
    let response = world.begin(crate::world::request("GET", "/", &[])).await.unwrap();
    assert_eq!(
        crate::world::read(response).await.unwrap_err(),
        larder_semantics::Reason::Truncated
    );
    assert_eq!(world.get("/").await.is_forwarded("uri-miss").body, "whole");
}

#[tokio::test]
async fn a_body_that_is_too_large_passes_and_is_remembered_as_such() {
    let options = larder_cache::Options { object_bytes_max: 10, ..Default::default() };
    let world = World::with(options);
    let sized = Answer::page("max-age=60", "0123456789a").field("content-length", "11");
    world.app.push("/known", sized);
    world.app.push(
        "/unknown",
        Answer::new(200).field("cache-control", "max-age=60").chunk("01234").chunk("56789a"),
    );
    let known = world.get("/known").await;
    assert!(known.cache_status().ends_with("detail=too-large"), "{}", known.cache_status());
    world.get("/known").await.is_forwarded("bypass");
    for fwd in ["uri-miss; stored", "bypass; detail=too-large"] {
        assert_eq!(world.get("/unknown").await.is_forwarded(fwd).body, "0123456789a");
        world.settle().await;
    }
}

#[tokio::test]
async fn a_post_with_freshness_and_its_own_content_location_answers_later_gets() {
    let answer = Answer::page("max-age=60", "made").field("content-location", "/");
    let world = World::answering(answer);
    world.method("POST", "/").await;
    world.settle().await;
    assert_eq!(world.get("/").await.is_hit().body, "made");
    let elsewhere = Answer::page("max-age=60", "made").field("content-location", "/other");
    world.app.push("/b", elsewhere);
    world.method("POST", "/b").await;
    world.settle().await;
    world.get("/b").await.is_forwarded("uri-miss");
}

#[tokio::test]
async fn a_get_with_a_body_is_passed() {
    let world = World::answering(Answer::page("max-age=60", "x"));
    for _ in 0..2 {
        let mut request = crate::world::request("GET", "/", &[]);
        *request.body_mut() = http_body_util::Full::from("fat");
        world.send(request).await.unwrap().is_forwarded("bypass");
    }
    assert_eq!(world.app.last().body.unwrap(), "fat");
}

#[tokio::test]
async fn hosts_and_queries_are_pages_apart_and_spellings_of_a_host_are_not() {
    let world = World::answering(Answer::page("max-age=60", "x"));
    world.get("/?a=1").await;
    world.get("/?a=2").await.is_forwarded("uri-miss");
    world.get("/?a=1").await.is_hit();
    for (host, hit) in
        [("SITE.example:80", true), ("site.example.", true), ("other.example", false)]
    {
        let mut request = crate::world::request("GET", "/?a=1", &[]);
        request.headers_mut().insert("host", host.parse().unwrap());
        let seen = world.send(request).await.unwrap();
        assert_eq!(seen.cache_status().contains("hit"), hit, "{host}");
    }
}
