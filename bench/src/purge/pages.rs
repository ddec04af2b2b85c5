//! A cache full of pages.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Empty;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use larder_cache::collapse::{Joined, Wanted};
use larder_cache::receive::Answer;
use larder_cache::{Cache, Clock, Options};
use larder_policy::{KeyBuf, Scheme, Visit};
use larder_semantics::freshness::Timing;
use larder_semantics::{Reason, Timestamp};
use larder_tower::{CacheService, internals};
use tower_service::Service;

use crate::process::memory;

pub(super) const HOSTS: [&str; 2] = ["a.example", "b.example"];

/// Sections of the site, each a prefix and a tag.
const SECTIONS: u64 = 100;

/// Time stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_767_225_600)
    }
}

/// An application that is not there.
#[derive(Clone)]
struct Nobody;

impl<B> Service<Request<B>> for Nobody {
    type Response = Response<UnsyncBoxBody<Bytes, Reason>>;
    type Error = Reason;
    type Future = Ready<Result<Self::Response, Reason>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Reason>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Err(Reason::ConnectFailed))
    }
}

/// A full cache.
pub(super) struct Pages {
    pub(super) cache: Arc<Cache>,
    service: CacheService<Nobody>,
    count: u64,
    resident: u64,
}

/// The host and target of a page.
fn url(number: u64) -> (&'static str, String) {
    let host = HOSTS[usize::from(number % 10 == 9)];
    (host, format!("/section-{}/page-{number}", number % SECTIONS))
}

/// A number for a number, far from that of its neighbour.
pub(super) fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

impl Pages {
    /// So many pages with so many tags each: its section's, and some that few others have.
    pub(super) fn new(count: u64, tags: u64, counted: Option<u64>) -> anyhow::Result<Self> {
        let before = memory(std::process::id()).resident_bytes;
        let mut options = Options::default();
        options.counted_max = counted.unwrap_or(options.counted_max);
        // Twice what a page takes: none is to be pushed out.
        let cache = Arc::new(Cache::new(count * 4096 + (64 << 20), options, Arc::new(Still)));
        let service = internals::service(Arc::clone(&cache), Scheme::Http, Nobody);
        let mut pages = Self { cache, service, count, resident: 0 };
        let mut key = KeyBuf::new();
        for number in 0..count {
            pages.store(number, tags, &mut key)?;
        }
        anyhow::ensure!(pages.cache.usage().entries == count, "not all pages are stored");
        pages.resident = memory(std::process::id()).resident_bytes.saturating_sub(before);
        Ok(pages)
    }

    fn store(&self, number: u64, tags: u64, key: &mut KeyBuf) -> anyhow::Result<()> {
        let (host, target) = url(number);
        let (request, options) = (HeaderMap::new(), self.cache.options());
        let (method, target, headers) = (&Method::GET, &*target, &request);
        options.policy.url_key(&Visit { scheme: Scheme::Http, host, method, target, headers }, key);
        let mut response = HeaderMap::new();
        let mut put = |name, value: &str| {
            response.insert(name, HeaderValue::from_str(value)?);
            anyhow::Ok(())
        };
        put("content-type", "text/html; charset=utf-8")?;
        put("cache-control", "public, max-age=86400, stale-while-revalidate=86400")?;
        put("etag", &format!("\"{number:032x}\""))?;
        if tags > 0 {
            let of = |place| match place {
                0 => format!("section-{}", number % SECTIONS),
                place => format!("item-{place}-{}", scattered(number + place) % 100_000),
            };
            put("surrogate-key", &(0..tags).map(of).collect::<Vec<_>>().join(" "))?;
        }
        let birth = self.cache.birth(
            self.cache.purge_number(),
            key.as_bytes(),
            larder_cache::purge::Naming::ByNumber,
            (&mut response).into(),
        );
        let now = self.cache.now();
        let answer = Answer {
            method: &Method::GET,
            request: &request,
            status: StatusCode::OK,
            response: &response,
            timing: Timing { request_time: now, response_time: now },
            sharing: None,
            birth: &birth,
        };
        let not_kept = |reason: Reason| anyhow::anyhow!("not kept: {reason:?}");
        let draft = answer.draft(&options).map_err(not_kept)?;
        let shared: Arc<[u8]> = key.as_bytes().into();
        let wanted = Wanted { key: &shared, request: &request, recipe: None, range: None };
        let Joined::Lead(lead) = self.cache.flights().join_or_lead(&wanted) else {
            anyhow::bail!("somebody else fetches")
        };
        let body = [Bytes::from(vec![b'x'; 400])];
        let kept = self.cache.keep(key.as_bytes(), lead.flight(), &draft, &body);
        kept.map_err(not_kept).map(drop).context("storing")
    }

    /// Bytes that the store says it holds.
    pub(super) fn weighed(&self) -> u64 {
        self.cache.usage().bytes
    }

    /// Bytes that the process grew by.
    pub(super) const fn resident(&self) -> u64 {
        self.resident
    }

    /// Looks so many pages up, as a hit begins, `which` after which.
    pub(super) fn look_ups(&self, count: u64, which: impl Fn(u64) -> u64) {
        let policy = Arc::clone(&self.cache.options().policy);
        let (mut key, request) = (KeyBuf::new(), HeaderMap::new());
        for number in 0..count {
            let (host, target) = url(which(number) % self.count);
            let (method, target, headers) = (&Method::GET, &*target, &request);
            policy
                .url_key(&Visit { scheme: Scheme::Http, host, method, target, headers }, &mut key);
            drop(self.cache.look_up(key.as_bytes()));
        }
    }

    /// Asks for so many pages, `which` after which. Returns how many were no hits.
    pub(super) fn hits(&self, count: u64, which: impl Fn(u64) -> u64) -> u64 {
        let mut service = self.service.clone();
        let mut missed = 0;
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for number in 0..count {
            let (host, target) = url(which(number) % self.count);
            let mut request = Request::new(Empty::<Bytes>::new());
            *request.uri_mut() = target.parse().unwrap_or_default();
            request.headers_mut().insert("host", HeaderValue::from_static(host));
            let mut answer = service.call(request);
            let answered = std::pin::Pin::new(&mut answer).poll(&mut cx);
            missed += u64::from(!matches!(answered, Poll::Ready(Ok(_))));
        }
        missed
    }
}
