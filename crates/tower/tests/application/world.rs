//! An application of a few lines, a cache around it, and a clock that the test moves.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use larder_testkit::{Answer, ScriptedBody, ScriptedService};
use larder_tower::{CacheLayer, CacheLayerBuilder, CacheService, Rules};
use tower::{BoxError, Layer, Service};

/// Shared by all, ten minutes, and an hour more while the application fails.
pub(crate) const BLOG: &str = r#"
[[rule]]
path = "/blog/*"
audience = "all-users"
ttl = "10m"
stale_if_error = "1h"

[[rule]]
path = "/account/*"
never = true
"#;

/// Failures as an application may have them.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    Late,
    Broken,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database is away")
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for std::io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Late => Self::new(std::io::ErrorKind::TimedOut, failure),
            Failure::Broken => Self::other(failure),
        }
    }
}

/// A scripted service whose errors are those of the system.
#[derive(Clone, Debug, Default)]
pub(crate) struct App {
    pub(crate) script: ScriptedService<Failure>,
    /// What it saw of extensions: the names of those that the tests know.
    pub(crate) extensions: Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>,
}

/// Something about a visitor that the server knows.
#[derive(Clone, Debug)]
pub(crate) struct Login(pub(crate) &'static str);

impl Service<Request<Full<Bytes>>> for App {
    type Response = Response<ScriptedBody<Failure>>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, std::io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), std::io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let mut seen = BTreeMap::new();
        if let Some(Login(name)) = request.extensions().get() {
            seen.insert("login", (*name).to_owned());
        }
        if let Some(arrival) = request.extensions().get::<larder_tower::Arrival>() {
            seen.insert("client", arrival.client.to_string());
        }
        self.extensions.lock().unwrap().push(seen);
        let answer = self.script.call(request);
        Box::pin(async move { answer.await.map_err(Into::into) })
    }
}

/// A clock.
#[derive(Clone, Debug)]
pub(crate) struct Time(Arc<AtomicU64>);

impl Time {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_800_000_000)))
    }

    pub(crate) fn advance(&self, secs: u64) {
        self.0.fetch_add(secs, Ordering::Relaxed);
    }

    pub(crate) fn on(&self, builder: CacheLayerBuilder) -> CacheLayer {
        let time = self.clone();
        let now = move || UNIX_EPOCH + Duration::from_secs(time.0.load(Ordering::Relaxed));
        builder.clock(now).build()
    }
}

pub(crate) struct World {
    pub(crate) time: Time,
    pub(crate) app: App,
    pub(crate) cache: CacheLayer,
    pub(crate) service: CacheService<App>,
}

pub(crate) fn rules(text: &str) -> Rules {
    Rules::from_toml("larder.toml", text).unwrap()
}

impl World {
    pub(crate) fn new(text: &str) -> Self {
        let time = Time::new();
        let cache = time.on(CacheLayer::builder(&rules(text)));
        Self::of(time, cache)
    }

    pub(crate) fn of(time: Time, cache: CacheLayer) -> Self {
        let app = App::default();
        let service = cache.layer(app.clone());
        Self { time, app, cache, service }
    }

    pub(crate) fn on(&self, path: &str, answer: Answer<Failure>) {
        self.app.script.push(path, answer);
    }

    pub(crate) fn count(&self) -> usize {
        self.app.script.count()
    }

    pub(crate) async fn get(&self, path: &str) -> Seen {
        seen(self.service.clone(), get(path)).await
    }
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).header("host", "site.test").body(Full::default()).unwrap()
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn status(&self) -> &str {
        self.headers["cache-status"].to_str().unwrap()
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.status().starts_with("larder; hit")
    }
}

/// Has a service answer, whatever its body is.
pub(crate) async fn seen<S, B, U>(mut service: S, request: Request<B>) -> Seen
where
    S: Service<Request<B>, Response = Response<U>>,
    S::Error: std::fmt::Debug,
    U: http_body::Body,
    U::Error: Into<BoxError>,
{
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let (parts, body) = service.call(request).await.unwrap().into_parts();
    let body = body.collect().await.map_err(Into::into).expect("a complete body").to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Seen { status: parts.status, headers: parts.headers, body }
}
