//! How long a rule's pages last: its word, the application's, and what neither may do.

use http::StatusCode;
use larder_policy::{Audience, Share};
use larder_semantics::Reason;
use larder_testkit::Sent;

use crate::rules::{
    for_all, lines, of_a_browser, of_a_fill, owned, secs, share, site_of, statuses, tells,
};
use crate::world::{Answer, Lines, World};

/// A world whose every page is answered with these fields.
fn saying(share: Share, fields: Lines<'static>) -> World {
    World::under(site_of(share), move |sent| with(tells(sent), fields))
}

fn with(answer: Answer, fields: Lines<'_>) -> Answer {
    fields.iter().fold(answer, |answer, (name, value)| answer.field(name, value))
}

#[tokio::test]
async fn a_rules_ttl_wins_over_what_the_response_says_and_respecting_it_does_not() {
    let rows: [(Lines<'static>, bool, &str); 10] = [
        (&[], false, "ttl=60"),
        (&[("cache-control", "max-age=5")], false, "ttl=60"),
        (&[("cache-control", "max-age=0")], false, "ttl=60"),
        (&[("cache-control", "s-maxage=900, max-age=5")], false, "ttl=60"),
        (&[("cdn-cache-control", "max-age=5")], false, "ttl=60"),
        (&[("expires", "0")], false, "ttl=60"),
        (&[("cache-control", "max-age=5")], true, "ttl=5"),
        (&[("cache-control", "s-maxage=900, max-age=5")], true, "ttl=900"),
        (&[("cdn-cache-control", "max-age=7")], true, "ttl=7"),
        (&[], true, "ttl=60"),
    ];
    for (fields, respect_origin, ttl) in rows {
        let world = saying(Share { respect_origin, ..for_all() }, fields);
        world.get("/p").await.says("stored").says(&format!("; {ttl};"));
    }
}

#[tokio::test]
async fn a_page_is_stale_on_its_very_second() {
    let world = saying(for_all(), &[]);
    world.get("/p").await;
    world.clock.advance(secs(59));
    world.get("/p").await.is_hit().says("ttl=1");
    world.clock.advance(secs(1));
    world.get("/p").await.is_forwarded("stale").says("stored; ttl=60");
}

#[tokio::test]
async fn without_a_ttl_the_response_says() {
    let respecting = || Share { ttl: None, ..for_all() };
    saying(respecting(), &[("cache-control", "max-age=5")]).get("/p").await.says("stored; ttl=5");
    let none = saying(respecting(), &[]);
    none.page("/p", "a=1").await.says("detail=no-lifetime-nor-validator");
    assert_eq!(none.last_lines(), of_a_browser("a=1"));
}

#[tokio::test]
async fn what_the_response_forbids_stays_forbidden_unless_it_is_overridden_by_name() {
    let rows = [
        ("no-store", "no-store"),
        ("private", "private"),
        ("no-cache", "no-cache"),
        ("max-age=600, PRIVATE", "private"),
        ("No-Store , max-age=600", "no-store"),
        ("no-cache, no-store, must-revalidate, private", "no-store"),
    ];
    for (said, reason) in rows {
        for respect_origin in [false, true] {
            let share = Share { respect_origin, ..for_all() };
            let fields = Box::leak(Box::new([("cache-control", said)]));
            let world = saying(share.clone(), fields);
            let seen = world.page("/p", "a=1").await;
            assert_eq!(seen.cache_status(), format!("larder; fwd=uri-miss; detail={reason}"));
            assert_eq!(world.last_lines(), of_a_browser("a=1"), "{said}: their own");
            assert_eq!(seen.all("cache-control"), [said], "as the application said");
            world.page("/p", "a=1").await.says("known-uncacheable");
            assert_eq!(world.app.count(), 3);
            let overriding = saying(Share { override_no_store: true, ..share }, fields);
            overriding.page("/p", "a=1").await.says("stored");
            overriding.page("/p", "a=2").await.is_hit();
        }
    }
}

#[tokio::test]
async fn set_cookie_vary_any_and_authorization_are_never_overridden() {
    let overriding = || Share { override_no_store: true, ..for_all() };
    let cookie = saying(overriding(), &[("set-cookie", "a=1"), ("cache-control", "no-store")]);
    cookie.get("/p").await.says("detail=set-cookie");
    saying(overriding(), &[("vary", "*")]).get("/p").await.says("detail=vary-any");
    let world = saying(overriding(), &[("cache-control", "public")]);
    let authorized = [("authorization", "Bearer x")];
    world.get_with("/p", &authorized).await.says("fwd=bypass; detail=credentials");
    assert_eq!(world.app.last().field("authorization"), Some("Bearer x"));
}

#[tokio::test]
async fn only_the_statuses_of_the_rule_get_its_ttl() {
    let answers = |sent: &Sent| {
        let status = sent.uri.path().trim_start_matches('/').parse().unwrap();
        Answer::new(status).field("location", "/x").body("x")
    };
    let rows: [(&[u16], &str, &str); 8] = [
        (&[200], "/200", "stored; ttl=60"),
        (&[200], "/404", "detail=no-lifetime-nor-validator"),
        (&[200], "/301", "detail=no-lifetime-nor-validator"),
        (&[200, 404], "/404", "stored; ttl=10"),
        (&[200, 410], "/410", "stored; ttl=10"),
        (&[200, 301], "/301", "stored; ttl=60"),
        (&[404], "/200", "detail=no-lifetime-nor-validator"),
        (&[200, 401], "/401", "detail=status-not-cacheable"),
    ];
    for (codes, path, told) in rows {
        let world =
            World::under(site_of(Share { statuses: statuses(codes), ..for_all() }), answers);
        world.page(path, "a=1").await.says(told);
    }
}

#[tokio::test]
async fn urls_that_somebody_makes_up_do_not_make_the_application_work_twice() {
    let world = World::under(site_of(for_all()), |_| {
        Answer::new(404).field("vary", "accept-language").body("none")
    });
    for url in 0..5 {
        let seen = world.get(&format!("/made-up-{url}")).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND);
        seen.says("detail=no-lifetime-nor-validator");
    }
    assert_eq!(world.app.count(), 5, "once each: nothing tells one who has no cookie apart");
    world.get_with("/in-german", &[("accept-language", "de")]).await;
    assert_eq!(world.app.count(), 7, "whom it varies for gets their own");
    world.page("/members-only", "sessionid=1").await;
    assert_eq!(world.app.count(), 9, "who may be somebody gets their own");
}

#[tokio::test]
async fn a_404_that_states_a_lifetime_follows_the_response_up_to_ten_seconds() {
    let world = World::under(site_of(for_all()), |_| {
        Answer::new(404).field("cache-control", "max-age=600").body("none")
    });
    world.page("/p", "a=1").await.says("stored; ttl=10");
    assert_eq!(world.app.count(), 1);
    assert_eq!(world.last_lines(), of_a_fill(&[]));
    world.clock.advance(secs(9));
    assert_eq!(world.page("/p", "a=2").await.is_hit().status, StatusCode::NOT_FOUND);
    world.clock.advance(secs(1));
    world.page("/p", "a=2").await.is_forwarded("stale");
}

#[tokio::test]
async fn only_the_media_types_of_the_rule_get_its_ttl() {
    let rows = [
        ("text/html", "text/html; charset=utf-8", true),
        ("text/html", "Text/HTML", true),
        ("text/*", "text/css", true),
        ("text/html", "text/htmlx", false),
        ("text/html", "application/json", false),
        ("text/html", "", false),
    ];
    for (wanted, sent, covered) in rows {
        let share = Share { content_types: owned(&[wanted]), ..for_all() };
        let fields = Box::leak(Box::new([("content-type", sent), ("cache-control", "max-age=5")]));
        let ttl = if covered { "ttl=60" } else { "ttl=5" };
        saying(share, fields).page("/p", "a=1").await.says(&format!("stored; {ttl};"));
    }
}

#[tokio::test]
async fn what_the_rules_ttl_is_not_for_keeps_its_audience() {
    let share = Share { content_types: owned(&["text/html"]), ..share(Audience::AnonymousOnly) };
    let world = saying(share, &[("content-type", "text/css"), ("cache-control", "max-age=5")]);
    world.page("/p", "a=1").await.says("stored; ttl=5").tells_nothing_of(&["a=1"]);
    world.page("/p", "sessionid=x").await.says("detail=session-cookie");
}

#[tokio::test]
async fn within_the_grace_a_page_answers_while_it_is_made_anew_for_nobody() {
    let world = saying(Share { grace: Some(secs(30)), ..for_all() }, &[]);
    world.page("/p", "sessionid=alice").await;
    world.clock.advance(secs(89));
    world.page("/p", "sessionid=bob").await.is_hit().says("detail=stale-while-revalidate");
    world.settle().await;
    assert_eq!(world.app.count(), 2);
    assert_eq!(world.last_lines(), of_a_fill(&[]));
    world.page("/p", "").await.is_hit().says("ttl=60");
    world.clock.advance(secs(91));
    world.page("/p", "").await.is_forwarded("stale");
}

#[tokio::test]
async fn while_the_application_fails_a_stale_page_answers_for_as_long_as_the_rule_says() {
    let failures = [Answer::new(503), Answer::failure(Reason::FirstByteTimeout)];
    for failure in failures {
        let share = Share { stale_if_error: Some(secs(100)), ..for_all() };
        let world = World::under(site_of(share), |_| Answer::new(500));
        world.app.push("/p", Answer::new(200).body("page").field("etag", "\"1\""));
        world.app.push("/p", failure.clone());
        world.page("/p", "a=1").await.says("stored");
        world.clock.advance(secs(160));
        let seen = world.page("/p", "a=1").await;
        seen.is_hit().says("detail=stale");
        assert_eq!(seen.body, "page");
        let mut expected = of_a_fill(&["if-none-match: \"1\""]);
        expected.sort();
        assert_eq!(world.last_lines(), expected);
    }
    let share = Share { stale_if_error: Some(secs(100)), ..for_all() };
    let world = World::under(site_of(share), |_| Answer::new(500));
    world.app.push("/p", Answer::new(200).body("page"));
    world.app.push("/p", Answer::new(503));
    world.page("/p", "").await;
    world.clock.advance(secs(161));
    assert_eq!(world.page("/p", "").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn an_error_is_not_kept_going() {
    let share = Share {
        statuses: statuses(&[200, 404]),
        grace: Some(secs(100)),
        stale_if_error: Some(secs(100)),
        ..for_all()
    };
    let world = World::under(site_of(share), |_| Answer::new(404).body("none"));
    world.page("/p", "").await.says("stored; ttl=10");
    world.clock.advance(secs(10));
    world.page("/p", "").await.is_forwarded("stale");
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn an_application_in_trouble_is_not_asked_twice_for_one_visitor() {
    let world = World::under(site_of(for_all()), |_| Answer::new(503).body("down"));
    let seen = world.page("/p", "sessionid=alice").await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.app.count(), 1);
    assert_eq!(lines(&world.app.last()), of_a_fill(&[]));
    seen.says("fwd=uri-miss");
    world.app.replace("/p", Answer::new(200).body("up"));
    world.page("/p", "").await.says("stored");
}

#[tokio::test]
async fn a_validated_page_lasts_again_and_is_asked_for_with_our_condition_only() {
    let world = World::under(site_of(for_all()), |sent| {
        let same = sent.field("if-none-match") == Some("\"1\"");
        if same {
            Answer::new(304).field("etag", "\"1\"")
        } else {
            tells(sent).field("etag", "\"1\"")
        }
    });
    world.page("/p", "sessionid=alice").await;
    world.clock.advance(secs(60));
    let seen = world.page("/p", "sessionid=bob").await;
    seen.says("fwd=stale; fwd-status=304; stored; ttl=60");
    let mut expected = of_a_fill(&["if-none-match: \"1\""]);
    expected.sort();
    assert_eq!(world.last_lines(), expected);
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(seen.field("cache-control"), Some("max-age=0"));
}

#[tokio::test]
async fn a_page_that_says_private_now_is_stored_no_more() {
    let world = World::under(site_of(for_all()), |_| Answer::new(500));
    world.app.push("/p", Answer::new(200).body("for all"));
    world.app.push("/p", Answer::page("private", "alice's"));
    world.page("/p", "").await.says("stored");
    world.clock.advance(secs(60));
    world.page("/p", "sessionid=alice").await.says("detail=private");
    world.page("/p", "sessionid=bob").await.says("known-uncacheable");
}
