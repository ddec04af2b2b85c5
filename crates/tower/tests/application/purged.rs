//! Purging by the application: what goes, what stays, and what clients hear of tags.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use larder_testkit::{Answer, Signal};
use larder_tower::{Purger, Tags};
use tower::{Layer as _, service_fn};

use crate::world::{BLOG, World, get, seen};

const PAGES: [&str; 4] = ["/blog/a", "/blog/a?page=2", "/blog/b", "/other"];

async fn filled() -> World {
    let world = World::new(BLOG);
    for (path, tag) in [("/blog/a", "post-a"), ("/blog/b", "post-b"), ("/other", "other")] {
        let page = Answer::page("max-age=60, stale-while-revalidate=60", "a page");
        world.on(path, page.field("surrogate-key", tag).field("cache-groups", "\"posts\""));
    }
    for page in PAGES {
        let seen = world.get(page).await;
        assert!(!seen.headers.contains_key("surrogate-key"), "tags are for the cache");
    }
    world
}

/// Which pages are still there.
async fn left(world: &World) -> Vec<&'static str> {
    let mut left = Vec::new();
    for page in PAGES {
        let before = world.count();
        world.get(page).await;
        if world.count() == before {
            left.push(page);
        }
    }
    left
}

#[tokio::test]
async fn every_purge_takes_what_it_names_and_nothing_else() {
    type Order = fn(&Purger) -> u64;
    let orders: [(&str, Order, &[&str]); 10] = [
        ("url", |it| it.url("https://site.test/blog/a").unwrap().pages, &["/blog/b", "/other"]),
        (
            "exact url",
            |it| it.exact_url("http://SITE.test:80/blog/a").unwrap().pages,
            &["/blog/a?page=2", "/blog/b", "/other"],
        ),
        (
            "urls",
            |it| it.urls(["http://site.test/blog/a", "http://site.test/other"]).unwrap().pages,
            &["/blog/b"],
        ),
        ("prefix", |it| it.prefix("http://site.test/blog/").unwrap().pages, &["/other"]),
        ("prefix of any host", |it| it.prefix("/blog/").unwrap().pages, &["/other"]),
        ("host", |it| it.host("site.test").unwrap().pages, &[]),
        ("another host", |it| it.host("other.test").unwrap().pages, &PAGES),
        ("tags", |it| it.tags(["post-b", "other"]).pages, &["/blog/a", "/blog/a?page=2"]),
        ("groups", |it| it.groups("http://site.test", ["posts"]).unwrap().pages, &[]),
        ("all", |it| it.all().pages, &[]),
    ];
    for (name, order, expected) in orders {
        let world = filled().await;
        let purged = order(&world.cache.purger());
        let (all, expected_left) = (PAGES.len() as u64, expected.len() as u64);
        assert_eq!(purged, all - expected_left, "{name}");
        assert_eq!(world.cache.usage().pages, expected_left, "{name}: memory");
        assert_eq!(left(&world).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_soft_purge_leaves_what_may_be_served_stale() {
    let world = filled().await;
    let purged = world.cache.purger().soft().url("http://site.test/other").unwrap();
    assert_eq!((purged.pages, purged.counted), (1, true));
    let stale = world.get("/other").await;
    assert!(stale.status().contains("stale-while-revalidate"), "{}", stale.status());
}

#[tokio::test]
async fn a_fetch_that_was_begun_before_a_purge_is_not_stored_after_it() {
    let world = World::new(BLOG);
    let go = Signal::new();
    world.on("/blog/a", Answer::new(200).body("old").wait_before_head(&go));
    world.on("/blog/a", Answer::new(200).body("new"));
    let old = tokio::spawn(seen(world.service.clone(), get("/blog/a")));
    world.app.script.wait_for(1).await;
    // From a thread without a runtime.
    let purger = world.cache.purger();
    std::thread::spawn(move || purger.url("http://site.test/blog/a").unwrap()).join().unwrap();
    go.fire();
    assert_eq!(old.await.unwrap().body, "old");
    assert_eq!(world.get("/blog/a").await.body, "new");
}

#[tokio::test]
async fn tags_of_an_extension_count_beside_those_of_fields() {
    let world = World::new(BLOG);
    let service = service_fn(async |_: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::<Bytes>::from("a post"));
        response.headers_mut().insert("cache-tag", "field".parse().unwrap());
        response.extensions_mut().insert(Tags::new(["ext", "with a space"]).and("more"));
        Ok::<_, std::convert::Infallible>(response)
    });
    let service = world.cache.layer(service);
    let purger = world.cache.purger();
    for tag in ["ext", "with a space", "more", "field"] {
        assert!(!seen(service.clone(), get("/blog/a")).await.is_hit(), "{tag}");
        assert!(seen(service.clone(), get("/blog/a")).await.is_hit(), "{tag}");
        assert_eq!(purger.tags([tag]).pages, 1, "{tag}");
    }
    assert_eq!(purger.tags(["ext"]).pages, 0);
}

#[tokio::test]
async fn a_page_with_more_tags_than_are_kept_is_not_stored() {
    for (many, stored) in [(1000, true), (1001, false)] {
        let world = World::new(BLOG);
        let service = service_fn(move |_: Request<Full<Bytes>>| {
            let mut response = Response::new(Full::<Bytes>::from("a post"));
            let tags: Tags = (0..many).map(|number| format!("tag {number}")).collect();
            response.extensions_mut().insert(tags);
            std::future::ready(Ok::<_, std::convert::Infallible>(response))
        });
        let service = world.cache.layer(service);
        seen(service.clone(), get("/blog/a")).await;
        assert_eq!(seen(service, get("/blog/a")).await.is_hit(), stored, "{many}");
    }
}

#[tokio::test]
async fn where_many_pages_are_stored_a_task_gives_their_memory_back() {
    let world = World::new("");
    for number in 0..1500 {
        let path = format!("/{number}");
        world.on(&path, Answer::page("max-age=60", "a page").field("cache-tag", "many"));
        world.get(&path).await;
    }
    assert_eq!(world.cache.usage().pages, 1500);
    let purged = world.cache.purger().tags(["many"]);
    assert!(!purged.counted && purged.pages > 1000, "{purged:?}");
    // In force at once, whatever was swept so far.
    assert!(!world.get("/7").await.is_hit());
    while world.cache.usage().pages > 1 {
        tokio::task::yield_now().await;
    }
    assert!(world.get("/7").await.is_hit());
}

#[test]
fn what_can_not_be_purged_is_told_with_what_to_write() {
    let world = World::new("");
    let purger = world.cache.purger();
    for (fault, part) in [
        (purger.url("/blog/a"), "not a whole URL"),
        (purger.urls(["http://a/", "b"]), "not a whole URL"),
        (purger.prefix("blog/"), "the beginning of a path"),
        (purger.host("a b"), "not a host"),
        (purger.groups("http://a/b", ["c"]), "more than an origin"),
    ] {
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains(part), "{fault}");
    }
}
