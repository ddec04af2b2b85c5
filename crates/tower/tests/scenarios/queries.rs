//! What is ignored of a query is neither in the key nor sent, unless the request goes through as it came.

use larder_policy::query::{Query, TRACKING};
use larder_policy::{Action, Audience, PolicyParts, Rule};

use crate::rules::{acting, for_all, owned, rule, share, site, tells};
use crate::world::{Answer, Lines, World, request};

fn querying(rule: Rule, query: Query) -> PolicyParts {
    site(vec![Rule { query, ..rule }])
}

fn ignoring(names: &[&str]) -> Query {
    Query { ignore: owned(names), ..Query::default() }
}

/// What the application is asked for, in order.
fn asked(world: &World) -> Vec<String> {
    world.app.sent().iter().map(|sent| sent.uri.to_string()).collect()
}

#[tokio::test]
async fn ignored_parameters_make_one_page_and_are_not_sent() {
    let world = World::under(querying(rule("/*", for_all()), ignoring(&["utm_*", "ref"])), tells);
    for target in [
        "/p?utm_source=mail&b=2&ref=x&a=1",
        "/p?b=2&a=1",
        "/p?b=2&utm_x&a=1&ref=",
        "/p?b=2&a=1&utm_source=<script>",
    ] {
        if let Ok(uri) = target.parse::<http::Uri>() {
            let seen = world.get(&uri.to_string()).await;
            assert!(!seen.body.contains("utm") && !seen.body.contains("ref="), "{}", seen.body);
        }
    }
    world.get("/p?reference=1").await;
    world.get("/p?utm_source=x").await;
    world.get("/p").await.is_hit();
    assert_eq!(asked(&world), ["/p?b=2&a=1", "/p?reference=1", "/p"]);
}

#[tokio::test]
async fn only_what_is_kept_counts() {
    let keep = Query { keep: Some(owned(&["page", "q"])), ..Query::default() };
    let world = World::under(querying(rule("/*", for_all()), keep), tells);
    for target in ["/p?page=2&evil=1", "/p?page=2", "/p?x=1&page=2&y=2", "/p?evil=1", "/p"] {
        world.get(target).await;
    }
    assert_eq!(asked(&world), ["/p?page=2", "/p"]);
    let none = Query { keep: Some(Vec::new()), ..Query::default() };
    let world = World::under(querying(rule("/*", for_all()), none), tells);
    for target in ["/p?a", "/p", "/p?", "/p?a=1&b=2", "/p?&&"] {
        world.get(target).await;
    }
    assert_eq!(asked(&world), ["/p"]);
}

#[tokio::test]
async fn sorted_parameters_make_one_page_and_several_of_one_name_keep_their_order() {
    let sort = Query { sort: true, ..Query::default() };
    let world = World::under(querying(rule("/*", for_all()), sort), tells);
    for target in ["/p?b=2&a=1", "/p?a=1&b=2", "/p?a=1&a=2", "/p?a=2&a=1", "/p?a=1&a=2"] {
        world.get(target).await;
    }
    assert_eq!(asked(&world), ["/p?a=1&b=2", "/p?a=1&a=2", "/p?a=2&a=1"]);
}

#[tokio::test]
async fn the_known_trackers_are_ignored_where_asked_for_only() {
    let world = World::under(querying(rule("/*", for_all()), ignoring(TRACKING)), tells);
    world.get("/p?gclid=1&utm_source=x&fbclid=2").await;
    assert_eq!(asked(&world), ["/p"]);
    let world = World::under(site(vec![rule("/*", for_all())]), tells);
    world.get("/p?gclid=1").await;
    world.get("/p?gclid=2").await;
    assert_eq!(asked(&world), ["/p?gclid=1", "/p?gclid=2"]);
}

#[tokio::test]
async fn a_request_that_goes_through_unshared_keeps_its_query_whole() {
    let target = "/p?utm_source=x&b=2&a=1";
    let query = || Query { sort: true, ..ignoring(&["utm_*"]) };
    let shared = || querying(rule("/*", share(Audience::AnonymousOnly)), query());
    let rows: [(&str, PolicyParts, &str, Lines<'_>); 7] = [
        ("a session", shared(), "GET", &[("cookie", "sessionid=a")]),
        ("a HEAD that finds nothing", shared(), "HEAD", &[]),
        ("a change", shared(), "POST", &[]),
        ("credentials", shared(), "GET", &[("authorization", "Bearer x")]),
        ("a precondition", shared(), "GET", &[("if-match", "\"x\"")]),
        ("pass", querying(acting("/*", Action::Pass), query()), "GET", &[]),
        ("never", querying(acting("/*", Action::Never), query()), "GET", &[]),
    ];
    for (name, site, method, fields) in rows {
        let world = World::under(site, tells);
        world.send(request(method, target, fields)).await.unwrap();
        assert_eq!(asked(&world), [target], "{name}");
    }
}

#[tokio::test]
async fn a_request_that_is_asked_again_for_its_own_sake_has_its_query_whole() {
    let site = querying(rule("/*", for_all()), ignoring(&["utm_*"]));
    let world = World::under(site, |sent| tells(sent).field("set-cookie", "a=1"));
    world.get("/p?utm_source=x&a=1").await.says("set-cookie");
    world.get("/p?utm_source=y&a=1").await.says("known-uncacheable");
    assert_eq!(asked(&world), ["/p?a=1", "/p?utm_source=x&a=1", "/p?utm_source=y&a=1"]);
}

#[tokio::test]
async fn where_no_rule_matches_the_sites_word_on_queries_holds() {
    let query = ignoring(&["utm_*"]);
    let world = World::under(PolicyParts { query, ..site(Vec::new()) }, |sent| {
        tells(sent).field("cache-control", "max-age=60")
    });
    world.get("/p?utm_source=x").await.says("stored");
    world.get("/p?utm_medium=y").await.is_hit();
    assert_eq!(asked(&world), ["/p"]);
}

#[tokio::test]
async fn a_rule_sees_the_query_as_it_was_sent() {
    use larder_policy::rule::Pattern;
    let mut tracked = Rule { query: ignoring(&["utm_*"]), ..rule("/x", for_all()) };
    tracked.when.pattern = Pattern::regex(r"/p\?.*utm_").unwrap();
    let world = World::under(site(vec![tracked]), |_| Answer::new(200).body("x"));
    world.get("/p?utm_source=x").await.says("stored");
    world.get("/p").await.says("no-lifetime-nor-validator");
}
