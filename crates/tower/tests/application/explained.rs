//! What the cache says of itself.

use http::Request;
use tower::Layer as _;

use crate::world::{BLOG, World, get, seen};

#[tokio::test]
async fn a_request_is_explained_by_the_rules() {
    let world = World::new(BLOG);
    let (parts, _) = get("/blog/a").into_parts();
    let told = world.cache.explain(&parts);
    assert!(told.to_string().contains("larder.toml:2"), "{told}");
    assert!(told.to_json().contains("\"outcome\":\"shared\""), "{}", told.to_json());
    let (parts, _) = get("/account/me").into_parts();
    assert!(world.cache.explain(&parts).to_json().contains("\"outcome\":\"never\""));
    assert_eq!(world.count(), 0, "nobody is asked");
}

#[tokio::test]
async fn a_route_explains_to_those_who_write_the_application() {
    let world = World::new(BLOG);
    let service: axum::Router = axum::Router::new()
        .route_service("/_explain", world.cache.explain_service())
        .fallback_service(world.cache.layer(axum::Router::new()));
    let ask = |query: &str| {
        Request::get(format!("/_explain?{query}"))
            .header("host", "site.test")
            .body(axum::body::Body::default())
            .unwrap()
    };
    for _ in 0..2 {
        let told = seen(service.clone(), ask("url=/blog/a&cookie=sid%3Dsecret")).await;
        assert_eq!(told.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(told.headers["cache-control"], "no-store");
        assert!(told.body.contains("http://site.test/blog/a"), "{}", told.body);
        assert!(told.body.contains("larder.toml:2"), "{}", told.body);
    }
    let mut json = ask("url=/blog/a");
    json.headers_mut().insert("accept", "application/json".parse().unwrap());
    let told = seen(service.clone(), json).await;
    assert_eq!(told.headers["content-type"], "application/json");
    assert!(told.body.starts_with('{'));
    let told = seen(service, ask("page=/blog/a")).await;
    assert_eq!(told.status, 400);
    assert!(told.body.contains("\"page\" is no parameter"), "{}", told.body);
}
