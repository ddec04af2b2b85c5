//! Where a [`HttpsRedirectLayer`] sends whom, said in code.

use std::sync::Arc;
use std::time::Duration;

use larder_policy::Front;
use larder_policy::redirect::Ports;

use super::HttpsRedirectLayer;
use crate::{RulesBuilder, RulesError};

/// Makes a [`HttpsRedirectLayer`]. Where nothing is said, all requests by http go to the same host by https, and browsers are told
/// nothing for the future.
#[derive(Clone, Debug, Default)]
pub struct HttpsRedirectLayerBuilder {
    rules: RulesBuilder,
    https_port: Option<u16>,
    keeps: bool,
}

impl HttpsRedirectLayerBuilder {
    /// The one host that all are sent to, with a port if https has not its own there.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.rules = self.rules.https_host(host);
        self
    }

    /// The port of https, if it is not 443, for those who are sent to the host that they asked for.
    #[must_use]
    pub const fn https_port(mut self, port: u16) -> Self {
        self.https_port = Some(port);
        self
    }

    /// Paths that are answered by http too, or beginnings of them with a trailing `*`. The list replaces the default,
    /// `/.well-known/acme-challenge/*`.
    #[must_use]
    pub fn exempt<T: Into<String>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        self.rules = self.rules.https_exempt(paths);
        self
    }

    /// Tells browsers to come by https only, for so long from now on. Begin with minutes: it can't be taken back.
    #[must_use]
    pub fn hsts(mut self, lasts: Duration) -> Self {
        self.rules = self.rules.hsts(lasts);
        self
    }

    /// The same for all names below the host. One forgotten name that has no certificate is then out of reach.
    #[must_use]
    pub fn hsts_subdomains(mut self) -> Self {
        self.rules = self.rules.option("https.hsts_subdomains", true);
        self
    }

    /// Lets browsers' makers put the host on their lists, which it leaves only after months.
    #[must_use]
    pub fn hsts_preload(mut self) -> Self {
        self.rules = self.rules.option("https.hsts_preload", true);
        self
    }

    /// Sends nobody anywhere: only [`hsts`](Self::hsts) is told.
    #[must_use]
    pub const fn no_redirect(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// Everything that is wrong with what was said: a host or path that is none.
    pub fn build(self) -> Result<HttpsRedirectLayer, RulesError> {
        let mut rules = self.rules;
        if !self.keeps {
            // Whom to believe is the SchemeLayer's to know; its absence is not this one's to warn of.
            rules = rules.trusted_proxies(["127.0.0.1"]).https_redirect(true);
        }
        let mut front = Front::clone(&rules.build()?.front);
        if let Some(port) = self.https_port {
            front.https.ports = Ports { by_default: Some(port), by_other: Some(port) };
        }
        Ok(HttpsRedirectLayer::of_front(&Arc::new(front)))
    }
}
