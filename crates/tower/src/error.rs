//! A request that could not be answered: no stored response, and none from the application.

use http::{HeaderValue, StatusCode};
use larder_cache::respond::Account;
use larder_cache::{Handling, Note};
use larder_semantics::{Reason, Timestamp};

/// Why there is no response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchError {
    /// The row of the table of reasons; it knows its status.
    pub(crate) reason: Reason,
    forwarded: Option<Reason>,
}

impl FetchError {
    /// The application was asked because of `why` and failed with `reason`.
    #[must_use]
    pub(crate) const fn application(why: Reason, reason: Reason) -> Self {
        Self { reason, forwarded: Some(why) }
    }

    /// The client wanted only what is stored, and nothing usable is (RFC 9111 §5.2.1.7).
    #[must_use]
    pub(crate) const fn unsatisfiable() -> Self {
        Self { reason: Reason::OnlyIfCached, forwarded: None }
    }

    /// The status to answer with.
    #[must_use]
    pub(crate) fn status(&self) -> StatusCode {
        self.reason.status().unwrap_or(StatusCode::GATEWAY_TIMEOUT)
    }

    /// What to note of it.
    #[must_use]
    pub(crate) const fn note(&self) -> Note {
        Note::new(Handling::Refused, self.reason)
    }

    /// Our line of `Cache-Status`.
    #[must_use]
    pub(crate) fn cache_status(&self) -> HeaderValue {
        let why = self.forwarded.unwrap_or(self.reason);
        let account = Account::forwarded(Handling::Refused, why).not_stored(self.reason);
        // Nothing is stored, so there is no time to tell.
        account.cache_status(None, Timestamp::default())
    }
}

impl std::fmt::Display for FetchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.reason.text())
    }
}

impl std::error::Error for FetchError {}
