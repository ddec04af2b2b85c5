//! What is answered from the cache, and what the inner service gets to see.

use http::Request;
use http_body_util::Full;
use larder_testkit::Answer;
use larder_tower::{CacheLayer, Peer, SchemeLayer};
use tower::Layer as _;

use crate::world::{App, BLOG, Login, Time, World, get, rules, seen};

#[tokio::test]
async fn what_a_rule_shares_is_asked_for_once_and_again_when_it_is_old() {
    let world = World::new(BLOG);
    world.on("/blog/a", Answer::new(200).body("a post"));
    assert!(!world.get("/blog/a").await.is_hit());
    let hit = world.get("/blog/a").await;
    assert!(hit.is_hit() && hit.body == "a post", "{}", hit.status());
    world.time.advance(599);
    assert!(world.get("/blog/a").await.is_hit());
    assert_eq!(world.count(), 1);
    world.time.advance(1);
    assert!(!world.get("/blog/a").await.is_hit());
    assert_eq!(world.count(), 2);
}

#[tokio::test]
async fn what_no_rule_is_about_is_the_responses_to_decide() {
    let world = World::new("");
    world.on("/fresh", Answer::page("max-age=60", "kept"));
    world.on("/mine", Answer::page("private, max-age=60", "mine"));
    for path in ["/fresh", "/fresh", "/mine", "/mine"] {
        world.get(path).await;
    }
    assert_eq!(world.count(), 3);
}

#[tokio::test]
async fn what_a_rule_says_never_of_is_stored_nowhere() {
    let world = World::new(BLOG);
    world.on("/account/me", Answer::page("max-age=60", "me"));
    for _ in 0..2 {
        let seen = world.get("/account/me").await;
        let said = seen.headers["cache-control"].to_str().unwrap();
        assert!(said.contains("no-store"), "{said}");
    }
    assert_eq!(world.count(), 2);
}

#[tokio::test]
async fn a_page_for_all_is_asked_for_without_what_is_one_visitors() {
    let world = World::new(BLOG);
    world.on("/blog/a", Answer::new(200).body("a post"));
    let mut request = get("/blog/a");
    request.headers_mut().insert("cookie", "sid=secret".parse().unwrap());
    request.headers_mut().insert("x-real-ip", "192.0.2.1".parse().unwrap());
    request.extensions_mut().insert(Login("ada"));
    seen(world.service.clone(), request).await;
    let sent = world.app.script.last();
    assert_eq!((sent.field("cookie"), sent.field("x-real-ip")), (None, None));
    assert_eq!(world.app.extensions.lock().unwrap()[0].get("login"), None);
}

#[tokio::test]
async fn a_request_that_is_not_shared_keeps_its_extensions() {
    let world = World::new(BLOG);
    for path in ["/account/me", "/other"] {
        world.on(path, Answer::page("private", "me"));
        let mut request = get(path);
        request.extensions_mut().insert(Login("ada"));
        seen(world.service.clone(), request).await;
        let all = world.app.extensions.lock().unwrap();
        assert_eq!(all.last().unwrap()["login"], "ada", "{path}");
    }
}

#[tokio::test]
async fn extensions_are_kept_for_shared_pages_where_that_was_asked_for() {
    let time = Time::new();
    let cache = time.on(CacheLayer::builder(&rules(BLOG)).keeps_extensions());
    let world = World::of(time, cache);
    world.on("/blog/a", Answer::new(200).body("a post"));
    let mut request = get("/blog/a");
    request.extensions_mut().insert(Login("ada"));
    seen(world.service.clone(), request).await;
    assert_eq!(world.app.extensions.lock().unwrap()[0]["login"], "ada");
}

#[tokio::test]
async fn the_scheme_is_the_arrivals_and_its_client_is_told_for_nobodys_page() {
    let world = World::new(BLOG);
    world.on("/blog/a", Answer::new(200).body("a post"));
    world.on("/other", Answer::page("private", "me"));
    let scheme = SchemeLayer::builder().trusted_proxies(["10.0.0.1"]).build().unwrap();
    let service = scheme.layer(world.service.clone());
    let by = |proto: &str, path: &str| {
        Request::get(path)
            .header("host", "site.test")
            .header("x-forwarded-proto", proto)
            .header("x-forwarded-for", "192.0.2.7")
            .extension(Peer("10.0.0.1".parse().unwrap()))
            .body(Full::default())
            .unwrap()
    };
    assert!(!seen(service.clone(), by("https", "/blog/a")).await.is_hit());
    assert!(!seen(service.clone(), by("http", "/blog/a")).await.is_hit(), "another page");
    assert!(seen(service.clone(), by("https", "/blog/a")).await.is_hit());
    seen(service, by("https", "/other")).await;
    let all = world.app.extensions.lock().unwrap();
    let clients: Vec<_> = all.iter().map(|each| each["client"].as_str()).collect();
    assert_eq!(clients, ["0.0.0.0", "0.0.0.0", "192.0.2.7"]);
}

#[tokio::test]
async fn requests_that_could_be_read_in_two_ways_are_refused_and_go_nowhere() {
    let world = World::new(BLOG);
    let build = |path: &str, hosts: &[&str]| {
        let mut request = Request::get(path);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(Full::default()).unwrap()
    };
    for (path, hosts, reason) in [
        ("/blog/a", &["site.test", "evil.test"][..], "repeated-host"),
        ("http://site.test/blog/a", &["evil.test"], "host-mismatch"),
        ("/blog/a", &["site.test/../evil"], "bad-host"),
    ] {
        let refused = seen(world.service.clone(), build(path, hosts)).await;
        assert_eq!(refused.status, 400, "{hosts:?}");
        assert!(refused.status().contains(reason), "{}", refused.status());
        assert_eq!(refused.headers["connection"], "close");
    }
    assert_eq!(world.count(), 0);
    // As tests of an application are often written: no site's page.
    world.on("/blog/a", Answer::new(200).body("a post"));
    assert_eq!(seen(world.service.clone(), build("/blog/a", &[])).await.status, 200);
    assert!(!world.get("/blog/a").await.is_hit());
}

#[tokio::test]
async fn all_services_of_a_layer_share_what_is_stored() {
    let world = World::new(BLOG);
    world.on("/blog/a", Answer::new(200).body("a post"));
    world.get("/blog/a").await;
    let other = world.cache.clone().layer(App::default());
    assert!(seen(other, get("/blog/a")).await.is_hit());
    assert_eq!(world.cache.usage().pages, 1);
}
