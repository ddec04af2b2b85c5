//! Whom a [`SchemeLayer`] believes, said in code.

use std::sync::Arc;

use http::Extensions;
use larder_policy::Scheme;

use super::layer::PeerOf;
use super::{Peer, SchemeLayer};
use crate::{Rules, RulesBuilder, RulesError};

/// Makes a [`SchemeLayer`]. Where nothing is said, nobody is trusted.
#[derive(Clone, Debug)]
pub struct SchemeLayerBuilder {
    rules: RulesBuilder,
    peer: PeerOf,
    scheme: Scheme,
}

impl Default for SchemeLayerBuilder {
    fn default() -> Self {
        Self { rules: Rules::builder(), peer: PeerOf::Extension, scheme: Scheme::Http }
    }
}

impl SchemeLayerBuilder {
    /// Proxies whose word is taken: addresses, or networks in CIDR notation, as `["127.0.0.1", "10.0.0.0/8"]`. Name only what
    /// nobody else can connect from, and have these proxies *set* the fields.
    #[must_use]
    pub fn trusted_proxies<T: Into<String>>(
        mut self,
        networks: impl IntoIterator<Item = T>,
    ) -> Self {
        self.rules = self.rules.trusted_proxies(networks);
        self
    }

    /// The one field that says the scheme, as `X-Forwarded-Proto`. Say it where the proxy sets one and leaves the others as
    /// visitors send them, as nginx does. Otherwise all the usual ones are read, and have to agree.
    #[must_use]
    pub fn scheme_from(mut self, field: &str) -> Self {
        self.rules = self.rules.option("forwarded.scheme_from", field);
        self
    }

    /// Whose connection a request came on, found among its extensions. In axum, with `into_make_service_with_connect_info`:
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use axum::extract::ConnectInfo;
    /// use larder_tower::{Peer, SchemeLayer};
    ///
    /// let scheme = SchemeLayer::builder()
    ///     .trusted_proxies(["10.0.0.0/8"])
    ///     .peer_from(|extensions| {
    ///         extensions.get::<ConnectInfo<SocketAddr>>().map(|info| Peer::from(info.0))
    ///     })
    ///     .build()?;
    /// # Ok::<(), larder_tower::RulesError>(())
    /// ```
    #[must_use]
    pub fn peer_from(
        mut self,
        peer: impl Fn(&Extensions) -> Option<Peer> + Send + Sync + 'static,
    ) -> Self {
        self.peer = PeerOf::Closure(Arc::new(peer));
        self
    }

    /// The scheme of connections to this server. `Http`, unless it ends TLS itself.
    #[must_use]
    pub const fn connection(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// Everything that is wrong with what was said: a network that is none, a name that no field has.
    pub fn build(self) -> Result<SchemeLayer, RulesError> {
        Ok(SchemeLayer::made(&self.rules.build()?.front, self.peer, self.scheme))
    }
}
