//! What do the layers go by? The site's rules, from the file that `larder serve` reads.
//!
//! Read and checked by `larder-config`, as the proxy's configuration is: a file that means something there means the same here.

mod builder;
mod error;
mod rule;
#[cfg(test)]
mod tests;
mod written;

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use larder_config::{CacheConfig, Config, ConfigBuilder, Problems};
use larder_policy::{Front, Policy};
use larder_semantics::Settings;

pub use builder::RulesBuilder;
pub use error::RulesError;
pub use rule::Rule;
pub use written::Setting;

/// The site's rules, checked: what every layer is made with.
///
/// They are those of `larder.toml`, as `larder serve` reads it. What only the proxy needs (`upstream`, listeners, certificates,
/// tokens, servers of published pages) may stand in the file or not: it is checked for itself, and neither opened nor required.
/// The keys of the signed marker are read. An option that is unknown or wrong is an error, as it is for the proxy.
///
/// Clones share what was checked.
///
/// ```
/// use larder_tower::Rules;
///
/// let rules = Rules::from_toml(
///     "larder.toml",
///     r#"
///     [[rule]]
///     path = "/blog/*"
///     audience = "all-users"
///     ttl = "10m"
///     "#,
/// )?;
/// assert_eq!(rules.warnings(), "");
///
/// let wrong = Rules::from_toml("larder.toml", "[[rule]]\npath = '/blog/*'\naudiense = 'all-users'");
/// let told = wrong.expect_err("a key is misspelt").to_string();
/// assert!(told.starts_with("larder.toml:3:1: unknown option `audiense`"), "{told}");
/// # Ok::<(), larder_tower::RulesError>(())
/// ```
#[derive(Clone)]
pub struct Rules {
    /// Whose page a request is for, who a visitor is, in which fields tags are ([`Policy::tags`]).
    pub(crate) policy: Arc<Policy>,
    /// Whom to believe, and what is refused, taken off or redirected before a page is looked for.
    pub(crate) front: Arc<Front>,
    /// How the responses' fields are read.
    pub(crate) semantics: Settings,
    /// How much is kept.
    pub(crate) cache: CacheConfig,
    warnings: Arc<str>,
}

impl Rules {
    /// Reads and checks a file. Paths in it count from the working directory.
    ///
    /// # Errors
    /// The file can't be read, or everything that is wrong with it.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, RulesError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => Self::from_toml(&name, &text),
            Err(cause) => Err(RulesError::of_file(Problems::unreadable(&name, &cause))),
        }
    }

    /// Checks a text; `name` is what problems call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, not only the first thing.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, RulesError> {
        let checked = ConfigBuilder::new().file(name, text).for_application().build();
        checked.map(Self::of).map_err(RulesError::of_file)
    }

    /// Rules in code, to begin with none: then the responses decide, as RFC 9111 says.
    pub fn builder() -> RulesBuilder {
        RulesBuilder::default()
    }

    /// What is allowed but hardly meant, one line each: a rule that no request comes to, an audience that no rule names.
    /// Empty where there is nothing to say.
    #[must_use]
    pub fn warnings(&self) -> &str {
        &self.warnings
    }

    fn of(config: Config) -> Self {
        let Config { policy, front, semantics, cache, warnings, .. } = config;
        Self { policy, front, semantics, cache, warnings: warnings.to_string().into() }
    }
}

impl fmt::Debug for Rules {
    /// What was chosen, in short: expressions and keys are not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("rules", &self.policy.rules.iter().len())
            .field("hosts", &self.front.hosts.len())
            .field("semantics", &self.semantics)
            .field("cache", &self.cache)
            .field("warnings", &self.warnings.lines().count())
            .finish_non_exhaustive()
    }
}
