//! Purges: what they reach, what they leave alone, and what was on its way when they came.

use larder_cache::purge::{Count, Mode, Pattern, Purge, Scope};
use larder_policy::Scheme;
use larder_testkit::Signal;
use tower_service::Service;

use crate::world::{Answer, World, request};

const HOST: &str = "site.example";

fn page(tags: &str, body: &'static str) -> Answer {
    Answer::page("max-age=600", body).field("surrogate-key", tags)
}

async fn is_hit(world: &World, path: &str) -> bool {
    world.get(path).await.cache_status().contains("hit")
}

fn scopes() -> Vec<(Scope, &'static [&'static str])> {
    let host = || HOST.into();
    let url = |target: &str| Scope::Url { host: host(), target: target.into() };
    let prefix = |prefix: &str| Scope::Prefix { host: Some(host()), prefix: prefix.into() };
    let tag = |tag: &str| Scope::Tags { tags: vec![tag.into()], host: None };
    let fits = |target: &str| Scope::Matching(Box::new(Pattern::new().target(target).unwrap()));
    vec![
        (url("/a/1"), &["/a/1"]),
        (url("/a/2"), &[]),
        (url("/a/2?q=1"), &["/a/2?q=1"]),
        (Scope::Url { host: "other.example".into(), target: "/a/1".into() }, &[]),
        (Scope::Path { host: host(), path: "/a/2".into() }, &["/a/2?q=1", "/a/2?q=2"]),
        (prefix("/a"), &["/a/1", "/a/2?q=1", "/a/2?q=2"]),
        (prefix("/a/2?q="), &["/a/2?q=1", "/a/2?q=2"]),
        (prefix("/c"), &[]),
        (Scope::Prefix { host: None, prefix: "/b".into() }, &["/b"]),
        (Scope::Prefix { host: Some("other.example".into()), prefix: "/".into() }, &[]),
        (Scope::Host(host()), &["/a/1", "/a/2?q=1", "/a/2?q=2", "/b"]),
        (Scope::Host("other.example".into()), &[]),
        (Scope::All, &["/a/1", "/a/2?q=1", "/a/2?q=2", "/b"]),
        (tag("odd"), &["/a/1", "/a/2?q=2"]),
        (tag("ODD"), &[]),
        (tag("nobody's"), &[]),
        (Scope::Tags { tags: vec!["even".into(), "b".into()], host: None }, &["/a/2?q=1", "/b"]),
        (Scope::Tags { tags: vec!["odd".into()], host: Some(host()) }, &["/a/1", "/a/2?q=2"]),
        (Scope::Tags { tags: vec!["odd".into()], host: Some("other.example".into()) }, &[]),
        (fits("^/a/[0-9]$"), &["/a/1"]),
        (fits("q=(1|7)"), &["/a/2?q=1"]),
        (Scope::Matching(Box::new(Pattern::new().content_type("^text/plain").unwrap())), &["/b"]),
        (
            Scope::Matching(Box::new(Pattern::new().host("^site").unwrap().target("2").unwrap())),
            &["/a/2?q=1", "/a/2?q=2"],
        ),
        (Scope::Matching(Box::new(Pattern::new().host("^other").unwrap())), &[]),
    ]
}

const PATHS: [&str; 4] = ["/a/1", "/a/2?q=1", "/a/2?q=2", "/b"];

/// Four pages, each asked for once; whatever is asked for afterwards has the body `after`.
async fn four_pages(lasts: &str) -> World {
    let world = World::new();
    let tags = ["odd", "even all", "odd all", "b"];
    let path_of = |path: &'static str| path.split('?').next().unwrap();
    for (path, tags) in PATHS.iter().zip(tags) {
        let kind = if *path == "/b" { "text/plain" } else { "text/html" };
        let answer = Answer::page(lasts, "before").field("surrogate-key", tags);
        world.app.push(path_of(path), answer.field("content-type", kind));
    }
    for path in PATHS {
        world.app.push(path_of(path), Answer::page(lasts, "after"));
    }
    for path in PATHS {
        world.get(path).await;
    }
    world
}

#[tokio::test]
async fn a_purge_ends_what_it_is_about_and_nothing_else() {
    for (scope, gone) in scopes() {
        let world = four_pages("max-age=600").await;
        let purged = world.cache.purge(&Purge::hard(scope.clone()));
        assert_eq!((purged.pages, purged.count), (gone.len() as u64, Count::Exact), "{scope:?}");
        for path in PATHS {
            assert_eq!(is_hit(&world, path).await, !gone.contains(&path), "{scope:?} {path}");
            let body = if gone.contains(&path) { "after" } else { "before" };
            assert_eq!(world.get(path).await.is_hit().body, body, "{scope:?} {path}");
        }
    }
}

#[tokio::test]
async fn a_soft_purge_makes_stale_and_one_request_refreshes() {
    for (scope, stale) in scopes() {
        let world = four_pages("max-age=600, stale-while-revalidate=60").await;
        let purged = world.cache.purge(&Purge::soft(scope.clone()));
        assert_eq!(purged.pages, stale.len() as u64, "{scope:?}");
        for path in PATHS {
            let first = world.get(path).await;
            assert_eq!(first.is_hit().body, "before", "{scope:?} {path}");
            assert_eq!(
                first.cache_status().contains("stale-while-revalidate"),
                stale.contains(&path),
                "{scope:?} {path}: {}",
                first.cache_status()
            );
            world.settle().await;
            let body = if stale.contains(&path) { "after" } else { "before" };
            let second = world.get(path).await;
            assert_eq!(second.is_hit().body, body, "{scope:?} {path}");
            assert!(!second.cache_status().contains("stale"), "{scope:?} {path}");
        }
        assert_eq!(world.app.count(), 4 + stale.len());
    }
}

#[tokio::test]
async fn a_soft_purge_of_what_may_not_be_served_stale_waits_for_the_application() {
    let world = four_pages("max-age=600").await;
    world.cache.purge(&Purge::soft(Scope::All));
    let seen = world.get("/b").await;
    assert_eq!(seen.is_forwarded("stale").body, "after");
}

#[tokio::test]
async fn a_fetch_begun_before_a_purge_is_neither_stored_nor_joined_after_it() {
    for mode in [Mode::Hard, Mode::Soft] {
        for (scope, gone) in scopes() {
            let world = World::new();
            let go = Signal::new();
            let slow = Answer::new(200)
                .field("cache-control", "max-age=60")
                .field("content-type", "text/html")
                .field("surrogate-key", "odd")
                .chunk("be")
                .wait(&go)
                .chunk("fore");
            world.app.push("/a/1", slow);
            world.app.push("/a/1", page("odd", "after").field("content-type", "text/html"));
            let before = world.begin(request("GET", "/a/1", &[])).await.unwrap();
            world.cache.purge(&Purge { scope: scope.clone(), mode });
            let reached = gone.contains(&"/a/1");
            let world_of_another = world.clone();
            let during = tokio::spawn(async move { world_of_another.get("/a/1").await });
            world.settle().await;
            go.fire();
            let during = during.await.unwrap();
            assert_eq!(during.body, if reached { "after" } else { "before" }, "{scope:?} {mode:?}");
            assert_eq!(crate::world::read(before).await.unwrap().body, "before");
            world.settle().await;
            let body = if reached { "after" } else { "before" };
            assert_eq!(world.get("/a/1").await.is_hit().body, body, "{scope:?} {mode:?}");
        }
    }
}

#[tokio::test]
async fn nobody_joins_a_fetch_whose_tags_are_not_known_yet_after_a_purge_by_tag() {
    let world = World::new();
    let go = Signal::new();
    world.app.push("/", page("blog", "before").wait_before_head(&go));
    world.app.push("/", page("blog", "after"));
    let ask = || {
        let world = world.clone();
        tokio::spawn(async move { world.get("/").await })
    };
    let before = ask();
    world.settle().await;
    let joined = ask();
    world.settle().await;
    world.cache.purge(&Purge::hard(Scope::Tags { tags: vec!["blog".into()], host: None }));
    assert_eq!(world.get("/").await.body, "after", "asked for after the purge");
    go.fire();
    assert_eq!(before.await.unwrap().body, "before");
    assert_eq!(joined.await.unwrap().body, "before", "asked before the purge");
    world.settle().await;
    assert_eq!(world.get("/").await.is_hit().body, "after");
}

#[tokio::test]
async fn a_validation_begun_before_a_purge_does_not_bring_the_page_back() {
    for mode in [Mode::Hard, Mode::Soft] {
        let world = World::new();
        let go = Signal::new();
        world.app.push("/", page("blog", "before").field("etag", "\"1\""));
        let confirmed =
            Answer::new(304).field("etag", "\"1\"").field("cache-control", "max-age=600");
        world.app.push("/", confirmed.wait_before_head(&go));
        world.app.push("/", page("blog", "after").field("etag", "\"2\""));
        world.get("/").await;
        world.clock.advance_secs(601);
        let asker = world.clone();
        let validating = tokio::spawn(async move { asker.get("/").await });
        world.settle().await;
        world.cache.purge(&Purge { scope: Scope::All, mode });
        go.fire();
        assert_eq!(validating.await.unwrap().body, "before");
        world.settle().await;
        assert_eq!(world.get("/").await.body, "after", "{mode:?}");
        assert_eq!(world.get("/").await.is_hit().body, "after", "{mode:?}");
    }
}

#[tokio::test]
async fn tags_never_reach_a_client_and_never_come_from_one() {
    let world = World::new();
    let answer = Answer::page("max-age=60", "x");
    let tagged = answer.field("cache-tag", "a,b").field("xkey", "c").field("larder-tags", "d");
    world.app.push("/", tagged);
    world.app.push("/private", Answer::page("private", "x").field("surrogate-key", "a"));
    let from_client = [("surrogate-key", "mine"), ("cache-tag", "mine")];
    let seen = [
        world.get_with("/", &from_client).await,
        world.get("/").await,
        world.get("/private").await,
    ];
    for seen in &seen {
        for name in ["surrogate-key", "cache-tag", "xkey", "larder-tags"] {
            assert_eq!(seen.field(name), None);
        }
    }
    let tag = |tag: &str| Purge::hard(Scope::Tags { tags: vec![tag.into()], host: None });
    assert_eq!(world.cache.purge(&tag("mine")).pages, 0);
    assert_eq!(world.cache.purge(&tag("c")).pages, 1);
}

#[tokio::test]
async fn a_page_with_too_many_tags_is_passed_on_and_not_stored_half_tagged() {
    let world = World::new();
    let tags = vec!["t"; larder_policy::limits::TAGS_MAX + 1].join(",");
    world.app.push("/", Answer::page("max-age=60", "x").field("cache-tag", &tags));
    let seen = world.get("/").await;
    assert!(seen.cache_status().ends_with("detail=too-many-tags"), "{}", seen.cache_status());
    assert_eq!((seen.body.as_str(), seen.field("cache-tag")), ("x", None));
    assert!(!is_hit(&world, "/").await);
}

#[tokio::test]
async fn a_304_adds_its_tags_to_those_of_the_body_that_it_confirms() {
    let world = World::new();
    world.app.push("/", page("old", "x").field("etag", "\"1\""));
    let confirmed = Answer::new(304).field("etag", "\"1\"").field("cache-control", "max-age=600");
    world.app.push("/", confirmed.field("surrogate-key", "new"));
    world.app.push("/", page("newer", "y").field("etag", "\"2\""));
    world.get("/").await;
    world.clock.advance_secs(601);
    world.get("/").await;
    for tag in ["old", "new"] {
        let scope = Scope::Tags { tags: vec![tag.into()], host: None };
        assert_eq!(world.cache.purge(&Purge::soft(scope)).pages, 1, "{tag}");
    }
    assert_eq!(world.get("/").await.body, "y");
    let scope = Scope::Tags { tags: vec!["old".into(), "new".into()], host: None };
    assert_eq!(world.cache.purge(&Purge::hard(scope)).pages, 0, "another body, other tags");
}

#[tokio::test]
async fn groups_end_with_a_change_of_the_same_origin_that_says_so() {
    let cases = [
        ("POST", 200, "\"cart\"", true),
        ("POST", 200, "\"other\", \"cart\"", true),
        ("POST", 200, "\"other\"", false),
        ("POST", 500, "\"cart\"", false),
        ("OPTIONS", 200, "\"cart\"", false),
        ("POST", 200, "cart", false),
    ];
    for (method, status, named, ends) in cases {
        let world = World::new();
        let grouped = Answer::page("max-age=60", "x").field("cache-groups", "\"cart\", \"shop\"");
        world.app.push("/list", grouped.clone());
        world.app.push("/list", grouped);
        world.app.push("/add", Answer::new(status).field("cache-group-invalidation", named));
        let seen = world.get("/list").await;
        assert!(seen.field("cache-groups").is_some(), "other caches need it too");
        world.method(method, "/add").await;
        assert_eq!(is_hit(&world, "/list").await, !ends, "{method} {status} {named}");
    }
    let world = World::new();
    world.app.push("/", Answer::page("max-age=60", "x").field("cache-groups", "\"g\""));
    world.get("/").await;
    let of = |scheme, host: &str| {
        let groups = vec!["g".into()];
        Purge::hard(Scope::Groups { scheme, host: host.into(), groups })
    };
    assert_eq!(world.cache.purge(&of(Scheme::Https, HOST)).pages, 0, "another origin");
    assert_eq!(world.cache.purge(&of(Scheme::Http, "other.example")).pages, 0, "another origin");
    assert_eq!(world.cache.purge(&of(Scheme::Http, HOST)).pages, 1);
}

#[tokio::test]
async fn all_variants_go_and_are_counted() {
    let world = World::new();
    for language in ["en", "de", "fr"] {
        let answer = page("blog", "x").field("vary", "accept-language");
        world.app.push("/", answer);
        world.get_with("/", &[("accept-language", language)]).await;
    }
    let soft = world.cache.purge(&Purge::soft(Scope::Host(HOST.into())));
    assert_eq!((soft.pages, soft.variants), (1, 3));
    let url = Scope::Url { host: HOST.into(), target: "/".into() };
    let hard = world.cache.purge(&Purge::hard(url));
    assert_eq!((hard.pages, hard.variants), (1, 3));
    let again = world.cache.purge(&Purge::hard(Scope::All));
    assert_eq!((again.pages, again.variants), (0, 0), "nothing to purge is no failure");
}

#[tokio::test]
async fn a_sweep_gives_memory_back_and_lets_purges_be_forgotten() {
    let world = World::new();
    for number in 0..5000 {
        let path = format!("/{number}");
        world.app.push(&path, page(if number % 2 == 0 { "even" } else { "odd" }, "x"));
        world.get(&path).await;
    }
    let entries = world.cache.usage().entries;
    let tag = |tag: &str| Scope::Tags { tags: vec![tag.into()], host: None };
    let purged = world.cache.purge(&Purge::hard(tag("even")));
    assert_eq!(purged.count, Count::Estimate);
    assert!((2000..=3000).contains(&purged.pages), "{purged:?}");
    let swept = world.cache.sweep(|| {});
    assert!(swept.complete);
    assert_eq!(world.cache.usage().entries, entries - 2500);
    assert_eq!(world.cache.purges_remembered(), 1);
    world.cache.forget_purges(swept.number);
    assert_eq!(world.cache.purges_remembered(), 0);
    world.get("/1").await.is_hit();
    assert!(!is_hit(&world, "/2").await);
    let next = world.cache.purge(&Purge::hard(tag("odd")));
    assert!(next.pages > 2000);
    assert!(!is_hit(&world, "/1").await);
}

#[tokio::test]
async fn a_fetch_older_than_what_is_forgotten_is_not_stored() {
    let world = World::new();
    let go = Signal::new();
    world.app.push("/", page("blog", "before").wait_before_head(&go));
    world.app.push("/", page("blog", "after"));
    let asker = world.clone();
    let slow = tokio::spawn(async move { asker.get("/").await });
    world.settle().await;
    world.cache.purge(&Purge::hard(Scope::Tags { tags: vec!["blog".into()], host: None }));
    let swept = world.cache.sweep(|| {});
    world.cache.forget_purges(swept.number);
    go.fire();
    assert_eq!(slow.await.unwrap().body, "before");
    world.settle().await;
    assert_eq!(world.get("/").await.body, "after");
}

#[tokio::test]
async fn an_expression_that_is_none_is_refused_with_what_is_wrong() {
    for (source, says) in [("(", "unclosed"), ("[z-a]", "range"), ("a{1000}{1000}", "size")] {
        let error = Pattern::new().target(source).unwrap_err().to_string();
        assert!(error.contains(says), "{source}: {error}");
    }
    let long = "a".repeat(10_000);
    assert!(Pattern::new().target(&long).unwrap_err().to_string().contains("10000 bytes"));
}

#[tokio::test]
async fn a_head_answered_after_a_soft_purge_does_not_make_the_page_fresh_again() {
    let url = Scope::Url { host: HOST.into(), target: "/".into() };
    for scope in [url, Scope::All] {
        let world = World::new();
        let go = Signal::new();
        world.app.push("/", page("blog", "before").field("etag", "\"1\""));
        let head = Answer::new(200).field("etag", "\"1\"").field("cache-control", "max-age=600");
        world.app.push("/", head.wait_before_head(&go));
        world.app.push("/", page("blog", "after").field("etag", "\"2\""));
        world.get("/").await;
        world.clock.advance_secs(601);
        let asker = world.clone();
        let asking = tokio::spawn(async move { asker.method("HEAD", "/").await });
        world.settle().await;
        world.cache.purge(&Purge::soft(scope.clone()));
        go.fire();
        asking.await.unwrap();
        assert_eq!(world.get("/").await.is_forwarded("stale").body, "after", "{scope:?}");
    }
}

#[tokio::test]
async fn a_page_purged_before_its_validation_is_sent_is_not_validated_for_others() {
    let url = Scope::Url { host: HOST.into(), target: "/".into() };
    for scope in [url, Scope::All] {
        let world = World::new();
        world.app.push("/", page("blog", "before").field("etag", "\"1\""));
        world.get("/").await;
        world.clock.advance_secs(601);
        let go = Signal::new();
        let confirmed = Answer::new(304).field("etag", "\"1\"").field("cache-control", "max-age=9");
        world.app.replace("/", confirmed.wait_before_head(&go));
        // It is decided that the page is validated, and nothing more.
        let validating = world.service.clone().call(request("GET", "/", &[]));
        world.cache.purge(&Purge::hard(scope.clone()));
        let validating = tokio::spawn(validating);
        world.settle().await;
        let asker = world.clone();
        let asking = tokio::spawn(async move { asker.get("/").await });
        world.settle().await;
        assert_eq!(world.app.count(), 2, "{scope:?}: asked for once, for both");
        assert_eq!(world.app.last().field("if-none-match"), None, "{scope:?}");
        go.fire();
        drop((validating.await, asking.await));
    }
}

#[tokio::test]
async fn a_304_that_gives_a_tag_which_was_purged_meanwhile_ends_the_page() {
    let world = World::new();
    let go = Signal::new();
    world.app.push("/", page("old", "before").field("etag", "\"1\""));
    let confirmed = Answer::new(304).field("etag", "\"1\"").field("cache-control", "max-age=600");
    world.app.push("/", confirmed.clone().field("surrogate-key", "new").wait_before_head(&go));
    world.app.push("/", confirmed);
    world.get("/").await;
    world.clock.advance_secs(601);
    let asker = world.clone();
    let asking = tokio::spawn(async move { asker.get("/").await });
    world.settle().await;
    let scope = Scope::Tags { tags: vec!["new".into()], host: None };
    world.cache.purge(&Purge::hard(scope));
    go.fire();
    asking.await.unwrap();
    world.settle().await;
    world.get("/").await;
    assert_eq!(
        world.app.last().field("if-none-match"),
        None,
        "the application said that it is new"
    );
}

#[tokio::test]
async fn a_head_that_ends_a_page_does_so_also_after_purges_are_forgotten() {
    let options = larder_cache::Options::default();
    let semantics = larder_semantics::Settings {
        honour_request_directives: true,
        ..larder_semantics::Settings::default()
    };
    let world = World::with(larder_cache::Options { semantics, ..options });
    world.app.push("/", page("blog", "before").field("etag", "\"1\""));
    world.app.push("/", Answer::page("max-age=600", "").field("etag", "\"2\""));
    world.get("/").await;
    world.cache.purge(&Purge::hard(Scope::Host("other.example".into())));
    world.cache.forget_purges(world.cache.sweep(|| {}).number);
    world.get("/").await.is_hit();
    let head = request("HEAD", "/", &[("cache-control", "no-cache")]);
    assert_eq!(world.send(head).await.unwrap().field("etag"), Some("\"2\""));
    world.get("/").await.is_forwarded("stale");
}

#[tokio::test]
async fn a_page_purged_softly_and_asked_for_late_is_stale_since_the_purge() {
    // Nothing is looked at when it is purged.
    let options = larder_cache::Options { counted_max: 0, ..larder_cache::Options::default() };
    for (later, waits) in [(59, false), (61, true)] {
        let world = World::with(options.clone());
        world.app.push("/", Answer::page("max-age=600, stale-while-revalidate=60", "before"));
        world.get("/").await;
        world.cache.purge(&Purge::soft(Scope::All));
        world.clock.advance_secs(later);
        let seen = world.get("/").await;
        assert_eq!(seen.cache_status().starts_with("larder; fwd=stale"), waits, "{later}");
    }
}

#[tokio::test]
async fn expressions_do_not_pile_up() {
    let world = four_pages("max-age=600").await;
    let fits = |target: &str| Scope::Matching(Box::new(Pattern::new().target(target).unwrap()));
    for _ in 0..3 {
        world.cache.purge(&Purge::hard(fits("^/b")));
        assert_eq!(world.cache.purges_remembered(), 1, "the same again takes the place of itself");
    }
    for number in 0..=larder_cache::limits::PATTERNS_MAX {
        world.cache.purge(&Purge::hard(fits(&format!("^/none/{number}"))));
    }
    assert!(world.cache.purges_remembered() < 10);
    for path in PATHS {
        assert_eq!(is_hit(&world, path).await, path != "/b");
    }
}

#[tokio::test]
async fn each_purge_counts_its_own_pages() {
    let world = four_pages("max-age=600").await;
    let prefix = |prefix: &str| Scope::Prefix { host: None, prefix: prefix.into() };
    assert_eq!(world.cache.purge(&Purge::soft(prefix("/a"))).pages, 3);
    assert_eq!(
        world.cache.purge(&Purge::hard(prefix("/a"))).pages,
        3,
        "stale ones are still there"
    );
    assert_eq!(world.cache.purge(&Purge::soft(prefix("/a"))).pages, 0);
    assert_eq!(world.cache.purge(&Purge::soft(prefix("/"))).pages, 1);
}
