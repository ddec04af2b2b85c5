//! How is the application asked as `larder serve` would ask it? The cache's own service over an empty cache, two equal
//! requests one after the other, everything written down.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CACHE_STATUS;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use larder_cache::{Cache, Handling, SystemClock};
use larder_config::Config;
use larder_policy::explain::Peer;
use larder_policy::{Explanation, Question};
use larder_semantics::Reason;
use larder_tower::{CacheService, internals};
use larder_upstream::{Balancer, Upstream};
use tower_service::Service as _;

use super::recorder::{Record, Recorder};
use super::report::Live;
use super::verdict;

/// How long a body is read. Some never end, and nobody waits for the end of this command that long.
const BODY_MAX: Duration = Duration::from_secs(30);

/// How long it may take to store what was read: a copy in memory.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// Why there is nothing to tell.
#[derive(Debug)]
pub(super) enum Fault {
    /// It can't be asked for.
    Question(String),
    /// The application did not answer.
    Application(String),
}

/// One of the two requests, answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    /// Larder's line.
    pub(super) cache_status: String,
    /// The reason that it gives.
    pub(super) reason: Reason,
    /// Fields that the visitor sees.
    pub(super) fields: http::HeaderMap,
    /// Bytes of the body, as far as it was read.
    pub(super) body_bytes: u64,
    /// Why the body was not read to its end.
    pub(super) cut: Option<String>,
}

/// Asks twice. The explanation is of the moment after the first: what a look-up brought is known by then. Nothing but an
/// explanation where Larder answers itself.
pub(super) fn ask(
    config: &Config,
    question: &Question,
    client: IpAddr,
) -> Result<(Explanation, Option<Live>), Fault> {
    if !matches!(question.method, Method::GET | Method::HEAD) {
        let method = &question.method;
        return Err(Fault::Question(format!(
            "--live asks twice, and {method} may change something: use GET or HEAD"
        )));
    }
    let known = super::explain(config, question);
    if known.door.is_some() {
        return Ok((known, None));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::Application(error.to_string()))?;
    let outcome = runtime.block_on(twice(config, question, client));
    // Whatever still runs has nothing to tell any more.
    runtime.shutdown_background();
    let (explanation, live) = outcome?;
    Ok((explanation, Some(live)))
}

async fn twice(
    config: &Config,
    question: &Question,
    client: IpAddr,
) -> Result<(Explanation, Live), Fault> {
    // At the door a request may become one for another host.
    let asked = &config.front.let_in(question);
    let targets = larder_proxy::targets(config).map_err(Fault::Application)?;
    let balancer =
        Balancer::resolve(targets).await.map_err(|error| Fault::Application(error.to_string()))?;
    let options = larder_proxy::cache_options(config);
    let memory = config.cache.memory_bytes as u64;
    let cache = Arc::new(Cache::new(memory, options, Arc::new(SystemClock)));
    let record = Arc::new(Record::default());
    let recorder = Recorder {
        upstream: Upstream::new(balancer, larder_proxy::upstream_settings(config)),
        record: Arc::clone(&record),
        scheme: asked.scheme,
        host: asked.host.clone(),
        client,
        front: Arc::clone(&config.front),
        policy: Arc::clone(&config.policy),
    };
    let mut service = internals::service(Arc::clone(&cache), asked.scheme, recorder);
    let first = once(&mut service, asked, &record, BODY_MAX).await?;
    settle(&cache).await;
    record.next_round();
    // Of the next one, how it is answered is known by its head.
    let next = once(&mut service, asked, &record, Duration::ZERO).await?;
    let front = &config.front;
    let explanation = larder_proxy::explain(&cache, front, Peer::Anybody, &question.visit());
    let exchanges = record.exchanges();
    let case = verdict::Case { cache: &cache, question: asked, explanation: &explanation };
    let live = case.report(&exchanges, &first, &next);
    Ok((explanation, live))
}

async fn once(
    service: &mut CacheService<Recorder>,
    question: &Question,
    record: &Record,
    body_max: Duration,
) -> Result<Answered, Fault> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = question.method.clone();
    *request.headers_mut() = question.headers.clone();
    *request.uri_mut() = question
        .target
        .parse()
        .map_err(|error| Fault::Question(format!("{:?}: {error}", question.target)))?;
    let response = service.call(request).await.unwrap_or_else(|never| match never {});
    let (head, mut body) = response.into_parts();
    let note = body.note();
    if note.handling == Handling::Refused {
        // The application's side says it with the particulars.
        let reason = note.reason;
        let last = record.exchanges().into_iter().rev().find_map(|each| each.answer.err());
        let told = last.filter(|failed| failed.reason == reason);
        return Err(Fault::Application(told.map_or_else(
            || format!("{reason}: {}", reason.text()),
            |failed| format!("{}: {}", failed.reason, failed.text),
        )));
    }
    let line = head.headers.get_all(CACHE_STATUS).iter().next_back();
    let cache_status = line.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    let reason = note.reason;
    let mut body_bytes = 0;
    let reading = async {
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => body_bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
                Err(error) => return Some(error.to_string()),
            }
        }
        None
    };
    let cut = tokio::time::timeout(body_max, reading)
        .await
        .unwrap_or_else(|_| Some(format!("it did not end within {} seconds", body_max.as_secs())));
    Ok(Answered {
        status: head.status,
        cache_status: cache_status.unwrap_or_default(),
        reason,
        fields: head.headers,
        body_bytes,
        cut,
    })
}

/// Waits until what was read is stored.
async fn settle(cache: &Cache) {
    let settled = async {
        while !cache.flights().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // What takes longer is not stored yet, and the next request shows it.
    drop(tokio::time::timeout(SETTLE_MAX, settled).await);
}
