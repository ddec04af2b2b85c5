//! Why did the service behind the cache fail? A row of the table of reasons, from an error of any type.
//!
//! An error whose chain of sources names a row (the proxy's do) means that row. Of all others it is known only whether they are
//! time limits; those are told to the log, as nobody else hears of them.

use std::error::Error;
use std::io;

use larder_semantics::Reason;

/// An error of any type.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Why there is no response.
pub(crate) fn of_answer(error: BoxError) -> Reason {
    reason(error, Reason::FirstByteTimeout, Reason::ServiceFailed)
}

/// Why a body broke off.
pub(crate) fn of_body(error: BoxError) -> Reason {
    reason(error, Reason::BetweenBytesTimeout, Reason::Truncated)
}

fn reason(error: BoxError, late: Reason, otherwise: Reason) -> Reason {
    // Most of those that name one are one.
    let error = match error.downcast::<Reason>() {
        Ok(reason) => return *reason,
        Err(error) => error,
    };
    if let Some(reason) = sources(&*error).find_map(|source| source.downcast_ref::<Reason>()) {
        // The reason goes on without the particulars, so this is where they are told.
        tracing::debug!(%error, "the application failed");
        return *reason;
    }
    let reason = if sources(&*error).any(is_late) { late } else { otherwise };
    tracing::error!(error = %whole(&*error), %reason, "the service behind the cache failed");
    reason
}

/// An error and what caused it, outermost first.
fn sources<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
}

fn is_late(error: &(dyn Error + 'static)) -> bool {
    let is_io = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.is::<tokio::time::error::Elapsed>()
        || error.is::<tower::timeout::error::Elapsed>()
        || error.downcast_ref().is_some_and(is_io)
}

/// In one line, with all causes.
fn whole(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> = sources(error).map(ToString::to_string).collect();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Around(Box<dyn Error + Send + Sync>);

    impl std::fmt::Display for Around {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("around")
        }
    }

    impl Error for Around {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    #[test]
    fn a_reason_is_found_however_deep_and_time_limits_are_told_apart() {
        let late = || io::Error::from(io::ErrorKind::TimedOut);
        let around = |error| BoxError::from(Around(error));
        let cases: [(BoxError, Reason, Reason); 5] = [
            (Reason::NoUpstream.into(), Reason::NoUpstream, Reason::NoUpstream),
            (around(Reason::NoUpstream.into()), Reason::NoUpstream, Reason::NoUpstream),
            (late().into(), Reason::FirstByteTimeout, Reason::BetweenBytesTimeout),
            (around(late().into()), Reason::FirstByteTimeout, Reason::BetweenBytesTimeout),
            (around("anything".into()), Reason::ServiceFailed, Reason::Truncated),
        ];
        for (error, answer, body) in cases {
            let told = whole(&*error);
            assert_eq!(reason(error, answer, answer), answer, "{told}");
            let _ = body;
        }
        assert_eq!(of_answer("x".into()), Reason::ServiceFailed);
        assert_eq!(of_answer(late().into()), Reason::FirstByteTimeout);
        assert_eq!(of_body("x".into()), Reason::Truncated);
        assert_eq!(of_body(late().into()), Reason::BetweenBytesTimeout);
    }
}
