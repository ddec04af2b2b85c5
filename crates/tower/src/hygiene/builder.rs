//! What a [`HygieneLayer`] refuses and takes off, said in code.

use super::HygieneLayer;
use crate::{RulesBuilder, RulesError};

/// Makes a [`HygieneLayer`]. Where nothing is said, every host is the site's, and nothing is let through.
#[derive(Clone, Debug, Default)]
pub struct HygieneLayerBuilder {
    rules: RulesBuilder,
}

impl HygieneLayerBuilder {
    /// The site's hosts, as `["example.com", "*.example.com"]`. A request for any other gets 421.
    #[must_use]
    pub fn hosts<T: Into<String>>(mut self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.rules = self.rules.hosts(hosts);
        self
    }

    /// The host, one of [`hosts`](Self::hosts), that a request for any other counts as being for, instead of being refused.
    #[must_use]
    pub fn default_host(mut self, host: &str) -> Self {
        self.rules = self.rules.option("default_host", host);
        self
    }

    /// Refuses requests with a name that has an underscore (400), instead of taking the field off.
    #[must_use]
    pub fn reject_underscores(mut self) -> Self {
        self.rules = self.rules.underscores("reject");
        self
    }

    /// Lets these names through although they have an underscore, whoever sends them. None that could be taken for a field of
    /// HTTP, of the session, or about the visitor.
    #[must_use]
    pub fn pass_underscores<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.rules = self.rules.underscores("pass").underscores_pass(names);
        self
    }

    /// Lets these fields through everywhere although they ask for another method or URL, as `X-HTTP-Method-Override`. A cache
    /// may then store an answer for a page that it is not.
    #[must_use]
    pub fn danger_override_fields<T: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = T>,
    ) -> Self {
        self.rules = self.rules.danger_override_fields(names);
        self
    }

    /// The field of the proxy's own that says the scheme (the one of
    /// [`SchemeLayerBuilder::scheme_from`](crate::SchemeLayerBuilder::scheme_from)), so that it is taken off where nobody believes it.
    #[must_use]
    pub fn scheme_from(mut self, field: &str) -> Self {
        self.rules = self.rules.option("forwarded.scheme_from", field);
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// Everything that is wrong with what was said.
    pub fn build(self) -> Result<HygieneLayer, RulesError> {
        Ok(HygieneLayer::of_front(&self.rules.build()?.front))
    }
}
