//! Which cookie holds a visitor's secret for forms? `[csrf]`.

use std::time::Duration;

use larder_policy::CsrfCookie;
use larder_policy::csrf::{SameSite, Secure};

/// The options as they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct CsrfConfig {
    pub(crate) cookie: String,
    pub(crate) age: Duration,
    /// The index among [`CsrfConfig::SECURE`].
    pub(crate) secure: usize,
    /// The index among [`CsrfConfig::SAME_SITE`].
    pub(crate) same_site: usize,
    /// Empty: the host itself.
    pub(crate) domain: String,
    pub(crate) path: String,
    pub(crate) http_only: bool,
}

impl CsrfConfig {
    pub(crate) const SECURE: [&'static str; 3] = ["auto", "always", "never"];
    pub(crate) const SAME_SITE: [&'static str; 3] = ["lax", "strict", "none"];

    /// The policy's own.
    pub(crate) fn cookie(&self) -> CsrfCookie {
        CsrfCookie {
            name: self.cookie.clone(),
            lasts: self.age,
            secure: match self.secure {
                1 => Secure::Always,
                2 => Secure::Never,
                _ => Secure::Auto,
            },
            same_site: match self.same_site {
                1 => SameSite::Strict,
                2 => SameSite::None,
                _ => SameSite::Lax,
            },
            domain: (!self.domain.is_empty()).then(|| self.domain.clone()),
            path: self.path.clone(),
            http_only: self.http_only,
        }
    }
}
