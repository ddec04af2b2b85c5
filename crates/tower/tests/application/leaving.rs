//! Clients that leave, bodies that break off, and waiting until somebody is ready.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use larder_testkit::{Answer, Signal};
use tower::{Layer as _, Service};

use crate::world::{BLOG, Failure, Login, World, get, seen};

#[tokio::test]
async fn a_client_that_leaves_ends_nothing_that_others_wait_for() {
    let world = World::new(BLOG);
    let go = Signal::new();
    world.on("/blog/a", Answer::new(200).body("a post").wait_before_head(&go));
    let mut service = world.service.clone();
    let first = service.call(get("/blog/a"));
    let mut first = Box::pin(first);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut cx).is_pending());
    let second = tokio::spawn(seen(world.service.clone(), get("/blog/a")));
    tokio::task::yield_now().await;
    drop(first);
    go.fire();
    let second = second.await.unwrap();
    assert_eq!((second.status.as_u16(), second.body.as_str()), (200, "a post"));
    assert!(second.status().contains("collapsed"), "{}", second.status());
    assert_eq!(world.count(), 1);
}

#[tokio::test]
async fn what_everybody_left_is_stored_all_the_same() {
    let world = World::new(BLOG);
    let (head, rest) = (Signal::new(), Signal::new());
    let answer = Answer::new(200).chunk("a ").wait(&rest).chunk("post").wait_before_head(&head);
    world.on("/blog/a", answer);
    let mut left = Box::pin(world.service.clone().call(get("/blog/a")));
    assert!(left.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(left);
    head.fire();
    rest.fire();
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    let hit = world.get("/blog/a").await;
    assert!(hit.is_hit() && hit.body == "a post", "{}", hit.status());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_stored_and_all_who_read_it_see_it() {
    let world = World::new(BLOG);
    let cut = Signal::new();
    world.on("/blog/a", Answer::new(200).chunk("a ").wait(&cut).fail(Failure::Broken));
    world.on("/blog/a", Answer::new(200).body("a post"));
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let response = world.service.clone().call(get("/blog/a")).await.unwrap();
        bodies.push(response.into_body());
    }
    assert_eq!(world.count(), 1, "both read along");
    cut.fire();
    for body in bodies {
        let error = body.collect().await.expect_err("it broke off");
        assert_eq!(error.token(), "truncated");
    }
    let whole = world.get("/blog/a").await;
    assert!(!whole.is_hit() && whole.body == "a post");
}

/// A service that is ready when the test lets it be.
#[derive(Clone)]
struct Gated {
    open: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    ready: bool,
}

impl Service<Request<Full<Bytes>>> for Gated {
    type Response = Response<Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if !self.open.load(Ordering::Relaxed) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called before it was ready");
        self.calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(Response::new(Full::from("a post"))))
    }
}

#[tokio::test]
async fn a_hit_needs_nobody_and_a_fetch_waits_until_the_service_is_ready() {
    let world = World::new(BLOG);
    let open = Arc::new(AtomicBool::new(true));
    let gated = Gated { open: Arc::clone(&open), calls: Arc::default(), ready: false };
    let service = world.cache.layer(gated.clone());
    seen(service.clone(), get("/blog/a")).await;
    open.store(false, Ordering::Relaxed);
    let mut hit = service.clone();
    poll_fn(|cx| hit.poll_ready(cx)).await.unwrap();
    assert!(seen(hit, get("/blog/a")).await.is_hit());
    let mut waits = pin!(seen(service, get("/blog/b")));
    assert!(Pin::new(&mut waits).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(gated.calls.load(Ordering::Relaxed), 1);
    open.store(true, Ordering::Relaxed);
    assert_eq!(waits.await.body, "a post");
}

#[test]
fn many_threads_ask_once() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_all().build().unwrap();
    let world = World::new(BLOG);
    let go = Signal::new();
    world.on("/blog/a", Answer::new(200).body("a post").wait_before_head(&go));
    runtime.block_on(async {
        let mut all = tokio::task::JoinSet::new();
        let begun = Arc::new(AtomicUsize::new(0));
        for _ in 0..64 {
            let mut request = get("/blog/a");
            request.extensions_mut().insert(Login("somebody"));
            let (service, begun) = (world.service.clone(), Arc::clone(&begun));
            all.spawn(async move {
                let mut seen = Box::pin(seen(service, request));
                // Now it waits with the others.
                assert!(poll_fn(|cx| Poll::Ready(seen.as_mut().poll(cx))).await.is_pending());
                begun.fetch_add(1, Ordering::Relaxed);
                seen.await
            });
        }
        while begun.load(Ordering::Relaxed) < 64 {
            tokio::task::yield_now().await;
        }
        go.fire();
        while let Some(seen) = all.join_next().await {
            assert_eq!(seen.unwrap().body, "a post");
        }
    });
    assert_eq!(world.count(), 1);
}

#[tokio::test]
async fn a_service_that_panics_leaves_nobody_waiting_and_nothing_stored() {
    let world = World::new(BLOG);
    let go = Signal::new();
    let (asked, panics) = (go.clone(), Arc::new(AtomicBool::new(true)));
    let still = Arc::clone(&panics);
    let service = world.cache.layer(tower::service_fn(move |_: Request<Full<Bytes>>| {
        let (asked, still) = (asked.clone(), Arc::clone(&still));
        async move {
            asked.fired().await;
            assert!(!still.load(Ordering::Relaxed), "a handler that panics");
            Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from("a post")))
        }
    }));
    let first = tokio::spawn(seen(service.clone(), get("/blog/a")));
    tokio::task::yield_now().await;
    let second = tokio::spawn(seen(service.clone(), get("/blog/a")));
    tokio::task::yield_now().await;
    go.fire();
    assert!(first.await.unwrap_err().is_panic(), "as without the cache");
    assert_eq!(second.await.unwrap().status, 502);
    panics.store(false, Ordering::Relaxed);
    assert_eq!(seen(service, get("/blog/a")).await.body, "a post");
}
