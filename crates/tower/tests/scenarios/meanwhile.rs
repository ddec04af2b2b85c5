//! Between a request's look at what is stored and its turn to fetch, the fetch of another can end.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::Request;
use http_body_util::Full;
use larder_cache::Purpose;
use larder_policy::Scheme;
use larder_semantics::Reason;
use larder_tower::internals;
use tower_service::Service;

use crate::world::{Answer, Lines, Script, Seen, World, read, request};

type Act = Box<dyn FnOnce() + Send>;

/// Something to do when the cache is about to fetch: when it clones its application.
#[derive(Clone, Default)]
struct Before(Arc<Mutex<Option<Act>>>);

impl Before {
    fn set(&self, what: impl FnOnce() + Send + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(what));
    }
}

/// The application of a world, cloned with something done before.
struct Watched(Script, Before);

impl Clone for Watched {
    fn clone(&self) -> Self {
        let what = self.1.0.lock().unwrap().take();
        what.into_iter().for_each(|what| what());
        Self(self.0.clone(), self.1.clone())
    }
}

impl Service<Request<Full<Bytes>>> for Watched {
    type Response = <Script as Service<Request<Full<Bytes>>>>::Response;
    type Error = Reason;
    type Future = <Script as Service<Request<Full<Bytes>>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Reason>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        self.0.call(request)
    }
}

/// A request that has looked, and whose answer another asks for before its turn comes.
async fn after(world: &World, fields: Lines<'_>, meanwhile: impl Future<Output = Seen>) -> Seen {
    let late = world.service.clone().call(request("GET", "/", fields));
    let _other = meanwhile.await;
    read(late.await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_page_that_has_just_been_fetched_is_not_fetched_again() {
    let world = World::answering(Answer::page("max-age=60", "x"));
    let late = after(&world, &[], world.get("/")).await;
    assert_eq!(late.is_hit().body, "x");
    assert_eq!(world.app.count(), 1);
    assert!(world.cache.flights().is_empty());
}

#[tokio::test]
async fn a_page_that_has_just_been_validated_is_not_validated_again() {
    let world = World::answering(Answer::page("max-age=10", "x").field("etag", "\"1\""));
    world.app.push("/", Answer::new(304).field("etag", "\"1\""));
    world.get("/").await;
    world.clock.advance_secs(10);
    after(&world, &[], world.get("/")).await.is_hit();
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn a_variant_is_fetched_though_another_has_just_been() {
    let world = World::new();
    let page = |body| Answer::page("max-age=60", body).field("vary", "accept-language");
    world.app.push("/", page("de"));
    world.app.push("/", page("en"));
    let other = world.get_with("/", &[("accept-language", "de")]);
    assert_eq!(after(&world, &[("accept-language", "en")], other).await.body, "en");
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn a_page_that_was_fetched_and_changed_meanwhile_is_fetched_again() {
    let world = World::new();
    for answer in ["old", "changed", "new"] {
        world.app.push("/", Answer::page("max-age=60", answer));
    }
    let others = async {
        world.get("/").await;
        world.method("POST", "/").await
    };
    let late = after(&world, &[], others).await;
    assert_eq!(late.is_forwarded("uri-miss").body, "new");
}

/// A stale page that may be served while it is refreshed, and what another request has brought about before that begins.
async fn refreshed_after(of_the_other: Answer) -> World {
    let world = World::new();
    let lasts = "max-age=10, stale-while-revalidate=60";
    world.app.push("/", Answer::page(lasts, "x").field("etag", "\"1\""));
    world.app.push("/", of_the_other);
    world.get("/").await;
    world.clock.advance_secs(20);
    let before = Before::default();
    let watched = Watched(world.app.clone(), before.clone());
    let mut service = internals::service(Arc::clone(&world.cache), Scheme::Http, watched);
    let mut other = world.service.clone();
    before.set(move || {
        // Who fetches in advance waits for the application where a visitor would get what is stale.
        let mut request = request("GET", "/", &[]);
        request.extensions_mut().insert(Purpose::Warm);
        other.call(request).now_or_never().expect("an answer at once").unwrap();
    });
    let late = service.call(request("GET", "/", &[])).await.unwrap();
    let late = late.into_body();
    assert_eq!(late.note().reason, Reason::StaleWhileRevalidate);
    world.settle().await;
    assert!(world.cache.flights().is_empty());
    world
}

#[tokio::test]
async fn a_page_that_has_just_been_refreshed_is_not_refreshed_again() {
    let world = refreshed_after(Answer::new(304).field("etag", "\"1\"")).await;
    assert_eq!(world.app.count(), 2);
    assert!(world.get("/").await.is_hit().cache_status().contains("detail=fresh"));
}

#[tokio::test]
async fn an_application_that_has_just_failed_is_not_asked_to_refresh() {
    let world = refreshed_after(Answer::new(503)).await;
    assert_eq!(world.app.count(), 2);
}
