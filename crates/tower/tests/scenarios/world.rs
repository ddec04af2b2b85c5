//! A cache over a scripted application, in virtual time.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use larder_cache::{Cache, Clock, Handling, Options};
use larder_policy::Scheme;
use larder_semantics::{Reason, Timestamp};
use larder_testkit::{FakeClock, ScriptedBody, ScriptedService};
use larder_tower::{CacheBody, CacheService, internals};
use tower_service::Service;

pub(crate) type Script = ScriptedService<Reason>;
pub(crate) type Answer = larder_testkit::Answer<Reason>;

/// A request's fields.
pub(crate) type Lines<'a> = &'a [(&'a str, &'a str)];

/// Everything a scenario needs.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) clock: FakeClock,
    pub(crate) app: Script,
    pub(crate) cache: Arc<Cache>,
    pub(crate) service: CacheService<Script>,
}

struct Now(FakeClock);

impl Clock for Now {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// An answer of the cache's own: there is none of the application's.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Our line of `Cache-Status`.
    pub(crate) fn cache_status(&self) -> &str {
        let lines: Vec<_> = self.headers.get_all("cache-status").iter().collect();
        lines.last().expect("every response has a Cache-Status").to_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn is_hit(&self) -> &Self {
        assert!(self.cache_status().starts_with("larder; hit"), "{}", self.cache_status());
        self
    }

    #[track_caller]
    pub(crate) fn is_forwarded(&self, fwd: &str) -> &Self {
        let expected = format!("larder; fwd={fwd}");
        assert!(self.cache_status().starts_with(&expected), "{}", self.cache_status());
        self
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        Self::asking(options, Script::new())
    }

    pub(crate) fn asking(options: Options, app: Script) -> Self {
        let clock = FakeClock::default();
        let cache = Cache::new(64 << 20, options, Arc::new(Now(clock.clone())));
        let cache = Arc::new(cache);
        let service = internals::service(Arc::clone(&cache), Scheme::Http, app.clone());
        Self { clock, app, cache, service }
    }

    /// A world whose application answers `/` with this, again and again.
    pub(crate) fn answering(answer: Answer) -> Self {
        let world = Self::new();
        world.app.push("/", answer);
        world
    }

    pub(crate) async fn begin(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<CacheBody<ScriptedBody<Reason>>>, Refused> {
        let response = self.service.clone().call(request).await.unwrap();
        let note = response.body().note();
        if note.handling != Handling::Refused {
            return Ok(response);
        }
        let Seen { status, headers, body } = read(response).await.unwrap();
        assert!(body.contains(note.reason.token()), "{body}");
        Err(Refused { reason: note.reason, status, headers })
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Seen, Refused> {
        Ok(read(self.begin(request).await?).await.expect("a complete body"))
    }

    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        self.send(request("GET", path, fields)).await.expect("a response")
    }

    pub(crate) async fn method(&self, method: &str, path: &str) -> Seen {
        self.send(request(method, path, &[])).await.expect("a response")
    }

    /// Lets the tasks that the cache spawned run until they wait for something.
    pub(crate) async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

/// Reads a response to its end.
pub(crate) async fn read(
    response: Response<CacheBody<ScriptedBody<Reason>>>,
) -> Result<Seen, Reason> {
    let (parts, body) = response.into_parts();

    let bytes = body.collect().await.map_err(|incomplete| incomplete.reason())?.to_bytes();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    Ok(Seen { status: parts.status, headers: parts.headers, body })
}

pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::default());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().insert("host", HeaderValue::from_static("site.example"));
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

/// The application's clock as a field value.
pub(crate) fn date(world: &World, secs_from_now: i64) -> String {
    let now = i64::try_from(world.clock.now().as_secs()).unwrap();
    let then = Timestamp::from_secs(u64::try_from(now + secs_from_now).unwrap());
    larder_semantics::field::date::write(then).to_str().unwrap().to_owned()
}
