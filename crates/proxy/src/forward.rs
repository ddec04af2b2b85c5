//! What does the application get to see of a request? The service between the cache and the
//! application's side.
//!
//! RFC 9110 §7.6.1 (fields of the connection), §7.6.3 (`Via`), §7.8 (Upgrade), §10.1.1 (Expect),
//! §15.2 (1xx). The decisions are `larder-policy`'s.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CONNECTION, HOST, HeaderMap, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::upgrade::OnUpgrade;
use larder_cache::Cache;
use larder_policy::front::Telling;
use larder_policy::hygiene::{self, Route};
use larder_policy::{Arrival, Front, Scheme, forwarded};
use larder_tower::ForNobody;
use larder_tower::internals::AsItIs;
use larder_upstream::{Interim, Upstream, UpstreamBody, UpstreamError};
use parking_lot::Mutex;
use tower_service::Service;

use crate::context::{ConnContext, Protocol};
use crate::dropped;
use crate::inbound::Inbound;
use crate::listen::InterimSink;
use crate::metrics::Metrics;
use crate::pipeline::Kept;
use crate::purge::strike_helpers;

/// Sends requests of one connection to the application.
#[derive(Debug)]
pub(crate) struct Forward {
    context: Arc<ConnContext>,
    /// Whose fetches are its own.
    cache: Arc<Cache>,
    told: Arc<Told>,
    upstream: Upstream,
    interim: Bound,
}

/// What the application is told of all requests of one connection.
#[derive(Debug)]
struct Told {
    front: Arc<Front>,
    metrics: Arc<Metrics>,
    /// Who is connected.
    client: forwarded::Client,
    /// The last `Host` that was sent in canonical form, and of which scheme: nearly always the next one too.
    host: Mutex<Option<(Scheme, HeaderValue)>>,
}

impl Told {
    /// The request's site; nothing where an HTTP/1.0 client named none. It was checked before.
    fn site(&self, uri: &Uri, headers: &HeaderMap, scheme: Scheme) -> Option<HeaderValue> {
        if let Some(authority) = uri.authority() {
            return canonical(authority.as_str().as_bytes(), scheme);
        }
        let sent = headers.get(HOST)?.as_bytes();
        let mut last = self.host.lock();
        if let Some((_, last)) = last.as_ref().filter(|(of, last)| *of == scheme && last == sent) {
            return Some(last.clone());
        }
        let site = canonical(sent, scheme)?;
        if site == sent {
            *last = Some((scheme, site.clone()));
        }
        Some(site)
    }
}

fn canonical(named: &[u8], scheme: Scheme) -> Option<HeaderValue> {
    let host = larder_policy::host::canonical(named, scheme).ok()?;
    let host = Some(host.as_str()).filter(|host| !host.is_empty())?;
    HeaderValue::from_str(host).ok()
}

/// Whose 1xx responses are passed on.
#[derive(Clone, Debug)]
enum Bound {
    /// The connection's own service: of whichever request is in progress.
    Connection,
    /// A clone: of the request that was in progress when it was made, if that may have any.
    Request(Option<InterimSink>),
}

impl Forward {
    /// For one connection.
    #[must_use]
    pub(crate) fn new(
        context: &Arc<ConnContext>,
        upstream: Upstream,
        front: &Arc<Front>,
        kept: &Kept,
    ) -> Self {
        let peer = context.peer.ip();
        let told = Told {
            client: forwarded::Client::new(peer, context.scheme, &front.style),
            front: Arc::clone(front),
            metrics: Arc::clone(&kept.metrics),
            host: Mutex::default(),
        };
        let (context, cache) = (Arc::clone(context), Arc::clone(&kept.cache));
        Self { context, cache, told: Arc::new(told), upstream, interim: Bound::Connection }
    }

    /// For a page that is fetched in advance: for nobody, whoever connects.
    #[must_use]
    pub(crate) fn for_nobody(
        context: &Arc<ConnContext>,
        upstream: Upstream,
        front: &Arc<Front>,
        kept: &Kept,
    ) -> Self {
        let told = Told {
            client: forwarded::Client::nobody(context.scheme, &front.style),
            front: Arc::clone(front),
            metrics: Arc::clone(&kept.metrics),
            host: Mutex::default(),
        };
        let (context, cache) = (Arc::clone(context), Arc::clone(&kept.cache));
        Self { context, cache, told: Arc::new(told), upstream, interim: Bound::Request(None) }
    }

    fn sink(&self) -> Option<InterimSink> {
        match &self.interim {
            Bound::Connection => self.context.interim.sink(),
            Bound::Request(sink) => sink.clone(),
        }
    }
}

impl Clone for Forward {
    /// The clone belongs to the request in progress: a fetch that goes on after that request's
    /// answer must not send 1xx responses into the next one.
    fn clone(&self) -> Self {
        Self {
            context: Arc::clone(&self.context),
            cache: Arc::clone(&self.cache),
            told: Arc::clone(&self.told),
            upstream: self.upstream.clone(),
            interim: Bound::Request(self.sink()),
        }
    }
}

impl Service<Request<Inbound>> for Forward {
    type Response = Response<UpstreamBody>;
    type Error = UpstreamError;
    type Future = <Upstream as Service<Request<Inbound>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        Service::<Request<Inbound>>::poll_ready(&mut self.upstream, cx)
    }

    fn call(&mut self, mut request: Request<Inbound>) -> Self::Future {
        // What is asked for nobody in particular tells nothing of whoever happened to be the first.
        let for_nobody = request.extensions().get::<ForNobody>().is_some();
        // A fetch of the cache's own has the version it is sent with, not the one the client spoke.
        let received = match self.context.protocol {
            _ if for_nobody => Version::HTTP_11,
            Protocol::H1 => request.version(),
            Protocol::H2 => Version::HTTP_2,
        };
        let arrival = request.extensions().get::<Arrival>().copied();
        let scheme = arrival.map_or(self.context.scheme, |arrival| arrival.scheme);
        let site = self.told.site(request.uri(), request.headers(), scheme);
        let can_upgrade = request.extensions().get::<OnUpgrade>().is_some();
        let as_it_is = request.extensions().get::<AsItIs>().is_some();
        let route = if as_it_is { Route::Passed } else { Route::of(request.method()) };
        let front = &self.told.front;
        let other = match arrival {
            _ if for_nobody => Some(forwarded::Client::nobody(scheme, &front.style)),
            Some(Arrival { scheme, client }) => {
                Some(forwarded::Client::new(client, scheme, &front.style))
            }
            None => None,
        };
        let client = other.as_ref().unwrap_or(&self.told.client);
        let telling = Telling { client, host: site.as_ref(), received, route };
        let headers = request.headers_mut();
        strike_helpers(headers);
        let cleaned = front.hand_on(headers, &telling);
        if cleaned.is_of_note() {
            dropped::count(&self.told.metrics, front, &self.context, &cleaned);
        }
        if for_nobody {
            self.cache.options().policy.identity.prove(headers, self.cache.now());
        }
        if let Some(protocols) =
            cleaned.upgrade.filter(|wish| can_upgrade && !hygiene::is_http(wish))
        {
            headers.insert(UPGRADE, protocols);
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        self.upstream.ask(request, self.sink().map(pass_on))
    }
}

fn pass_on(sink: InterimSink) -> Interim {
    Interim::new(move |status: StatusCode, headers: &HeaderMap| {
        let mut headers = headers.clone();
        larder_semantics::strip_hop_by_hop(&mut headers);
        sink.send(status, &headers);
    })
}
