//! A change of a URL ends every audience's page of it: stored, on its way, and with whatever query is ignored.

use larder_policy::query::Query;
use larder_policy::{Audience, Class, Rule};
use larder_testkit::Signal;

use crate::rules::{
    PER_SESSION, by_marker, confirms, custom, for_all, member, owned, rule, share, site, site_of,
    tells,
};
use crate::world::{Answer, World, request};

#[tokio::test]
async fn a_change_ends_every_audiences_page_of_the_url_and_no_other() {
    for audience in [
        Audience::AllUsers,
        Audience::AnonymousAndAuthenticated,
        PER_SESSION,
        custom(&["cookie:theme", "segment", "header:x-country"]),
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "PURGE-LIKE"] {
            let site = by_marker(site_of(share(audience.clone())), &["k1"]);
            let world = World::under(site, confirms);
            let staff = member(Class::Authenticated, Some("1"), Some("staff"));
            let cookies = [
                String::new(),
                "theme=dark".to_owned(),
                world.marked("s1", &staff, &["k1"]),
                format!("theme=light; {}", world.marked("s2", &staff, &["k1"])),
            ];
            for cookie in &cookies {
                world.page("/p", cookie).await;
                world.page("/p", cookie).await.is_hit();
                world.page("/other", cookie).await;
            }
            world.visit(method, "/p", &cookies[1]).await;
            for cookie in &cookies {
                let before = world.app.count();
                world.page("/other", cookie).await.is_hit();
                assert_eq!(world.app.count(), before);
            }
            let before = world.app.count();
            let mut pages = std::collections::HashSet::new();
            for cookie in &cookies {
                pages.insert(world.page("/p", cookie).await.body);
            }
            assert_eq!(world.app.count() - before, pages.len(), "{audience:?} {method}");
        }
    }
}

#[tokio::test]
async fn a_change_that_failed_and_a_safe_request_end_nothing() {
    let world = World::under(site_of(for_all()), |sent| {
        if sent.method == "POST" { Answer::new(422) } else { tells(sent) }
    });
    world.page("/p", "").await;
    world.visit("POST", "/p", "").await;
    world.visit("OPTIONS", "/p", "").await;
    world.page("/p", "").await.is_hit();
}

#[tokio::test]
async fn a_page_that_was_on_its_way_while_the_url_changed_is_not_kept() {
    for audience in [Audience::AllUsers, PER_SESSION, custom(&["cookie:theme"])] {
        let go = Signal::new();
        let world = World::under(site_of(share(audience)), tells);
        world.app.push("/p", Answer::new(200).body("old").wait_before_head(&go));
        world.app.push("/p", Answer::new(204));
        world.app.push("/p", Answer::new(200).body("new"));
        let cookie = "theme=dark; sessionid=a";
        let early = {
            let world = world.clone();
            tokio::spawn(async move { world.page("/p", cookie).await })
        };
        world.app.wait_for(1).await;
        world.visit("POST", "/p", "sessionid=b").await;
        go.fire();
        assert_eq!(early.await.unwrap().body, "old", "whoever waited gets it");
        world.settle().await;
        assert_eq!(world.page("/p", cookie).await.body, "new");
        world.page("/p", cookie).await.is_hit();
    }
}

#[tokio::test]
async fn a_validation_that_was_on_its_way_does_not_bring_a_changed_page_back() {
    let go = Signal::new();
    let world = World::under(site_of(share(PER_SESSION)), tells);
    world.app.push("/p", Answer::new(200).field("etag", "\"1\"").body("old"));
    world.app.push("/p", Answer::new(304).field("etag", "\"1\"").wait_before_head(&go));
    world.app.push("/p", Answer::new(204));
    world.app.push("/p", Answer::new(200).body("new"));
    world.page("/p", "sessionid=a").await;
    world.clock.advance(crate::rules::secs(60));
    let early = {
        let world = world.clone();
        tokio::spawn(async move { world.page("/p", "sessionid=a").await })
    };
    world.app.wait_for(2).await;
    world.visit("POST", "/p", "sessionid=b").await;
    go.fire();
    early.await.unwrap();
    assert_eq!(world.page("/p", "sessionid=a").await.body, "new");
}

#[tokio::test]
async fn what_is_ignored_of_the_query_does_not_hide_the_page_from_a_change() {
    let query = Query { ignore: owned(&["utm_*"]), sort: true, ..Query::default() };
    let site = site(vec![Rule { query, ..rule("/*", share(PER_SESSION)) }]);
    let world = World::under(site, tells);
    world.page("/p?a=1&b=2", "sessionid=a").await;
    world.visit("POST", "/p?utm_source=x&b=2&a=1", "sessionid=b").await;
    assert_eq!(world.app.last().uri, "/p?utm_source=x&b=2&a=1");
    world.page("/p?a=1&b=2", "sessionid=a").await.is_forwarded("uri-miss");
}

#[tokio::test]
async fn where_location_and_content_location_point_goes_for_all_audiences() {
    let world = World::under(site_of(share(PER_SESSION)), tells);
    world.app.push(
        "/form",
        Answer::new(303).field("location", "/list").field("content-location", "/item"),
    );
    for path in ["/list", "/item", "/else"] {
        world.page(path, "sessionid=a").await;
        world.page(path, "").await;
    }
    world.visit("POST", "/form", "sessionid=b").await;
    for cookie in ["sessionid=a", ""] {
        world.page("/list", cookie).await.is_forwarded("uri-miss");
        world.page("/item", cookie).await.is_forwarded("uri-miss");
        world.page("/else", cookie).await.is_hit();
    }
}

#[tokio::test]
async fn a_change_counts_whoever_makes_it_and_however_it_is_let_through() {
    let mut site = site_of(share(PER_SESSION));
    site.identity.bypass_cookies = crate::rules::names(&["messages"]);
    site.xhr.never = true;
    let world = World::under(site, tells);
    let ways: [&[(&str, &str)]; 4] = [
        &[("cookie", "messages=1")],
        &[("x-requested-with", "XMLHttpRequest")],
        &[("authorization", "Bearer x")],
        &[("cookie", "sessionid=1; sessionid=2")],
    ];
    for way in ways {
        world.page("/p", "sessionid=a").await;
        world.page("/p", "sessionid=a").await.is_hit();
        world.send(request("POST", "/p", way)).await.unwrap();
        world.page("/p", "sessionid=a").await.is_forwarded("uri-miss");
    }
}

#[tokio::test]
async fn a_change_ends_the_pages_of_a_rule_for_gets_only() {
    let mut by_get = rule("/p", share(PER_SESSION));
    by_get.when.methods = vec![http::Method::GET, http::Method::HEAD];
    by_get.query.ignore = owned(&["x"]);
    let world = World::under(site(vec![by_get]), tells);
    world.page("/p?a=1", "sessionid=a").await;
    world.visit("POST", "/p?x=2&a=1", "").await;
    world.page("/p?a=1", "sessionid=a").await.is_forwarded("uri-miss");
}

#[tokio::test]
async fn a_script_and_a_navigation_both_lose_their_page() {
    let world = World::under(site_of(for_all()), tells);
    let script = [("hx-request", "true")];
    world.get("/p").await;
    world.get_with("/p", &script).await;
    world.method("POST", "/p").await;
    world.get("/p").await.is_forwarded("uri-miss");
    world.get_with("/p", &script).await.is_forwarded("uri-miss");
}
