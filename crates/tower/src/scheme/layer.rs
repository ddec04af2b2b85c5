//! The layer: whom to believe, for all the services that it makes.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::{Extensions, Request};
use larder_policy::{Arrival, Front, Scheme};
use tower_layer::Layer;

use super::{Believed, Peer, SchemeLayerBuilder, SchemeService, Untold};
use crate::Rules;
use crate::notice::{Logs, Once, Watch};

/// Writes by which scheme a request came, and from whom, onto it: an [`Arrival`] extension. The module says how it is decided.
///
/// ```
/// use http::{Request, Response};
/// use larder_tower::{Arrival, Peer, Scheme, SchemeLayer};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # futures_util::future::FutureExt::now_or_never(async {
/// let scheme = SchemeLayer::builder()
///     .trusted_proxies(["127.0.0.1"])
///     .scheme_from("X-Forwarded-Proto")
///     .build()?;
/// let service = scheme.layer(service_fn(|request: Request<String>| async move {
///     let arrival = request.extensions().get::<Arrival>().expect("decided");
///     assert_eq!(arrival.scheme, Scheme::Https);
///     assert_eq!(arrival.client, "192.0.2.7".parse::<std::net::IpAddr>().unwrap());
///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
/// }));
///
/// let request = Request::get("/")
///     .header("x-forwarded-proto", "https")
///     .header("x-forwarded-for", "192.0.2.7")
///     // In a server, whoever accepts connections puts it there.
///     .extension(Peer("127.0.0.1".parse().unwrap()))
///     .body(String::new())
///     .unwrap();
/// service.oneshot(request).await.unwrap();
/// # Ok::<(), larder_tower::RulesError>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct SchemeLayer {
    /// None where there is nothing to be decided.
    asks: Option<Arc<Asks>>,
}

/// What a decision is made from, apart from the request.
#[derive(Clone, Debug)]
pub(super) struct Asks {
    front: Arc<Front>,
    peer: PeerOf,
    scheme: Scheme,
    writes: Writes,
    watch: Arc<dyn Watch>,
    complaints: Arc<Complaints>,
}

type Find = dyn Fn(&Extensions) -> Option<Peer> + Send + Sync;

/// How it is known whose connection it is.
#[derive(Clone)]
pub(super) enum PeerOf {
    Extension,
    Closure(Arc<Find>),
    Known(IpAddr),
}

impl fmt::Debug for PeerOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension => f.write_str("Extension"),
            Self::Closure(_) => f.write_str("Closure"),
            Self::Known(peer) => f.debug_tuple("Known").field(peer).finish(),
        }
    }
}

/// On which requests an [`Arrival`] is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writes {
    All,
    /// Those of which something else is known than of their connection.
    Others,
}

/// What is wrong with how the layers were put together: said once.
#[derive(Debug, Default)]
struct Complaints {
    nobody: Once,
    too_late: Once,
}

impl SchemeLayer {
    /// Says whom to believe in code.
    #[must_use]
    pub fn builder() -> SchemeLayerBuilder {
        SchemeLayerBuilder::default()
    }

    pub(super) fn made(front: &Arc<Front>, peer: PeerOf, scheme: Scheme) -> Self {
        let asks = Asks {
            front: Arc::clone(front),
            peer,
            scheme,
            writes: Writes::All,
            watch: Arc::new(Logs::default()),
            complaints: Arc::default(),
        };
        Self { asks: Some(Arc::new(asks)) }
    }

    /// By what was decided at the door of a site.
    #[doc(hidden)]
    #[must_use]
    pub fn of_front(front: &Arc<Front>) -> Self {
        Self::made(front, PeerOf::Extension, Scheme::Http)
    }

    /// For all requests of one connection, by whoever accepts connections: no extension is needed then.
    #[must_use]
    pub fn for_connection(&self, peer: IpAddr, scheme: Scheme) -> Self {
        let may_say_more = |asks: &&Arc<Asks>| asks.may_say_more_than(peer);
        let asks = self.asks.as_ref().filter(may_say_more);
        let layer = Self { asks: asks.cloned() };
        layer.with(|asks| (asks.peer, asks.scheme) = (PeerOf::Known(peer), scheme))
    }

    /// Writes nothing where only that could be written which is known of the connection. For whoever tells the layers behind this
    /// one the connection's scheme (their `connection`), and has no handler that asks for an [`Arrival`].
    ///
    /// On a connection whose peer is not trusted the layer then does nothing at all.
    #[must_use]
    pub fn sparing(&self) -> Self {
        let sparing = self.with(|asks| asks.writes = Writes::Others);
        let may_say_more = |asks: &Arc<Asks>| match asks.peer {
            PeerOf::Known(peer) => asks.may_say_more_than(peer),
            PeerOf::Extension | PeerOf::Closure(_) => true,
        };
        Self { asks: sparing.asks.filter(may_say_more) }
    }

    /// Tells `watch` what is noticed, instead of `tracing`.
    #[must_use]
    pub fn watched_by(&self, watch: Arc<dyn Watch>) -> Self {
        self.with(|asks| asks.watch = watch)
    }

    fn with(&self, change: impl FnOnce(&mut Asks)) -> Self {
        let changed = self.asks.as_deref().map(|asks| {
            let mut asks = asks.clone();
            change(&mut asks);
            Arc::new(asks)
        });
        Self { asks: changed }
    }
}

impl From<&Rules> for SchemeLayer {
    /// By `trusted_proxies` and `forwarded.scheme_from`. The peer is that of the [`Peer`] extension, or of
    /// [`for_connection`](Self::for_connection).
    fn from(rules: &Rules) -> Self {
        Self::of_front(&rules.front)
    }
}

impl SchemeLayer {
    /// Finds the connection's peer by a closure, as [`SchemeLayerBuilder::peer_from`] does.
    #[must_use]
    pub fn peer_from(
        &self,
        peer: impl Fn(&Extensions) -> Option<Peer> + Send + Sync + 'static,
    ) -> Self {
        self.with(|asks| asks.peer = PeerOf::Closure(Arc::new(peer)))
    }

    /// The scheme of connections to this server, as [`SchemeLayerBuilder::connection`] says it.
    #[must_use]
    pub fn connection(&self, scheme: Scheme) -> Self {
        self.with(|asks| asks.scheme = scheme)
    }
}

impl<S> Layer<S> for SchemeLayer {
    type Service = SchemeService<S>;

    fn layer(&self, inner: S) -> SchemeService<S> {
        SchemeService::new(inner, self.asks.clone())
    }
}

impl Asks {
    /// Decides, and writes the decision onto the request.
    pub(super) fn arrive<B>(&self, request: &mut Request<B>) {
        let Some(peer) = self.peer(request.extensions()) else {
            self.complaints.nobody.warn(
                "it is not known whose connection requests come on: put a Peer into their extensions, or say peer_from",
            );
            return;
        };
        let decided = self.front.trust.decide(peer, self.scheme, request.headers());
        for unclear in [decided.unclear_scheme, decided.unclear_client].into_iter().flatten() {
            self.watch.unclear(peer, unclear);
        }
        let its_own = Arrival { scheme: self.scheme, client: peer.to_canonical() };
        if self.writes == Writes::Others {
            if decided.arrival != its_own {
                request.extensions_mut().insert(decided.arrival);
            }
            return;
        }
        if self.front.trust.trusts(peer) {
            if request.extensions().get::<Untold>().is_some() {
                self.complaints.too_late.warn(
                    "what a trusted proxy said was taken off before it was read: put the SchemeLayer outside of the HygieneLayer",
                );
                return;
            }
            request.extensions_mut().insert(Believed);
        }
        request.extensions_mut().insert(decided.arrival);
    }

    /// Whether anything is written on a connection of this peer's.
    fn may_say_more_than(&self, peer: IpAddr) -> bool {
        self.writes == Writes::All || self.front.trust.trusts(peer)
    }

    fn peer(&self, extensions: &Extensions) -> Option<IpAddr> {
        let peer = match &self.peer {
            PeerOf::Known(peer) => return Some(*peer),
            PeerOf::Extension => extensions.get::<Peer>().copied(),
            PeerOf::Closure(peer) => peer(extensions),
        };
        peer.map(|Peer(address)| address)
    }
}
