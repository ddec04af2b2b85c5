//! What went wrong at the application's side: a reason for the machine, one line for people.

use std::error::Error;
use std::fmt;

use http::StatusCode;
use larder_semantics::Reason;

use crate::Target;

pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// A failed exchange with an application. Boxed, because results are moved around a lot and
/// almost all of them are fine.
pub struct UpstreamError(Box<Inner>);

struct Inner {
    reason: Reason,
    target: Option<Target>,
    cause: Option<Cause>,
}

impl UpstreamError {
    pub(crate) fn new(reason: Reason, target: &Target) -> Self {
        Self(Box::new(Inner { reason, target: Some(target.clone()), cause: None }))
    }

    /// An error before a target was chosen.
    pub(crate) fn nowhere(reason: Reason) -> Self {
        Self(Box::new(Inner { reason, target: None, cause: None }))
    }

    pub(crate) fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Why, as a value for the log, the metrics and `Cache-Status`.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The target that was asked, when one had been chosen.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        self.0.target.as_ref()
    }

    /// The status that tells a client, when nothing of a response has been sent to it yet.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.reason.status().unwrap_or(StatusCode::BAD_GATEWAY)
    }
}

impl From<UpstreamError> for Reason {
    fn from(error: UpstreamError) -> Self {
        // The reason goes on without the particulars, so this is where they are told.
        tracing::debug!(%error, "the application failed");
        error.0.reason
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.target {
            Some(target) => write!(f, "application {target}: {}", self.0.reason.text())?,
            None => write!(f, "application: {}", self.0.reason.text())?,
        }
        // hyper's errors name their cause only as a source, and that is the part that helps.
        let mut cause: Option<&(dyn Error + 'static)> =
            self.0.cause.as_deref().map(|cause| cause as _);
        while let Some(one) = cause {
            write!(f, ": {one}")?;
            cause = one.source();
        }
        Ok(())
    }
}

impl fmt::Debug for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpstreamError({self})")
    }
}

impl Error for UpstreamError {
    /// The reason: what caused it is told in its text.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0.reason)
    }
}
