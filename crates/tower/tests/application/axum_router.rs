//! axum: around a router, and by `Router::layer`.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::{get, post};
use http::Request;
use larder_tower::CacheLayer;
use tower::Layer as _;

use crate::world::{BLOG, Time, World, rules, seen};

fn router() -> Router {
    Router::new()
        .route("/blog/{slug}", get(async |Path(slug): Path<String>| format!("post {slug}")))
        .route(
            "/open/{slug}",
            get(async |Path(slug): Path<String>| {
                ([("cache-control", "max-age=60")], format!("open {slug}"))
            }),
        )
        .route("/form", post(async |body: String| body))
}

fn ask(path: &str) -> Request<Body> {
    Request::get(path).header("host", "site.test").body(Body::default()).unwrap()
}

#[tokio::test]
async fn a_router_in_the_cache_is_a_router_again() {
    let world = World::new(BLOG);
    let site: Router = Router::new().fallback_service(world.cache.layer(router()));
    for is_hit in [false, true] {
        for (path, text) in [("/blog/a", "post a"), ("/open/b", "open b")] {
            let seen = seen(site.clone(), ask(path)).await;
            assert_eq!((seen.body.as_str(), seen.is_hit()), (text, is_hit), "{path}");
        }
    }
    let form = Request::post("/form").header("host", "site.test").body(Body::from("sent")).unwrap();
    assert_eq!(seen(site.clone(), form).await.body, "sent");
    assert_eq!(seen(site, ask("/nowhere")).await.status, 404);
}

/// Where what routing found out is lost: pages that a rule shares, and no other.
#[tokio::test]
async fn by_the_routers_layer_shared_pages_have_no_path_parameters_unless_extensions_are_kept() {
    let world = World::new(BLOG);
    let layered = router().layer(world.cache.clone());
    assert_eq!(seen(layered.clone(), ask("/open/b")).await.body, "open b");
    assert!(seen(layered.clone(), ask("/open/b")).await.is_hit());
    assert_eq!(seen(layered, ask("/blog/a")).await.status, 500, "axum misses its own extension");

    let kept = Time::new().on(CacheLayer::builder(&rules(BLOG)).keeps_extensions());
    let layered = router().layer(kept);
    for is_hit in [false, true] {
        let seen = seen(layered.clone(), ask("/blog/a")).await;
        assert_eq!((seen.body.as_str(), seen.is_hit()), ("post a", is_hit));
    }
}
