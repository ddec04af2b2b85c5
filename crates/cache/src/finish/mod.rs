//! What has to happen to an answer's body before it is anybody else's?
//!
//! An HTML page may embed a token of the one who asked for it: it is looked through, whole, before others get any of it
//! ([`Inspector`]). One whose rule says so is made otherwise first ([`Reworked`]). Everything else is shared as it comes.

mod decode;
mod inspect;
mod rework;

pub use inspect::Inspector;
pub(crate) use rework::FILLING_BYTES;
pub use rework::Reworked;

use http::StatusCode;
use http::header::{self, HeaderMap};
use larder_policy::Rework;
use larder_semantics::Reason;

use crate::limits::HTML_BYTES_MAX;
use crate::receive::content_length;
pub use decode::Coding;

/// What has to happen to a body that is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Nothing: others may read it as it comes.
    AsItIs,
    /// It is looked through for tokens.
    Inspect(Coding),
    /// It is made otherwise.
    Rework(Rework),
}

impl Finish {
    /// What the head of an answer asks for.
    ///
    /// # Errors
    /// The reason why it can't be done, so that the answer is not to be stored.
    pub fn of(status: StatusCode, response: &HeaderMap, how: Rework) -> Result<Self, Reason> {
        if !is_html(response) {
            return Ok(Self::AsItIs);
        }
        if status == StatusCode::PARTIAL_CONTENT {
            // A token may lie across the border of two parts.
            return Err(Reason::HtmlPart);
        }
        if content_length(response).is_some_and(|length| length > HTML_BYTES_MAX) {
            return Err(Reason::HtmlTooLarge);
        }
        let coding = Coding::of(response).ok_or(Reason::HtmlEncoded)?;
        // It was asked for in none. An application that knows better gets its page passed on as it is.
        let reworked = how.is_any() && coding == Coding::Identity;
        Ok(if reworked { Self::Rework(how) } else { Self::Inspect(coding) })
    }
}

/// Whether browsers take it for a page, in which forms are forms.
fn is_html(response: &HeaderMap) -> bool {
    let Some(line) = response.get(header::CONTENT_TYPE) else { return false };
    let media = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let media = media.trim_ascii();
    [&b"text/html"[..], b"application/xhtml+xml"]
        .iter()
        .any(|known| media.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        lines.collect()
    }

    #[test]
    fn html_is_looked_through_whole_and_readable_or_not_stored() {
        let html = ("content-type", "Text/HTML; charset=utf-8");
        let whole = StatusCode::OK;
        let identity = Ok(Finish::Inspect(Coding::Identity));
        for (status, lines, expected) in [
            (whole, &[][..], Ok(Finish::AsItIs)),
            (whole, &[("content-type", "text/htmlx")], Ok(Finish::AsItIs)),
            (whole, &[("content-type", "application/json")], Ok(Finish::AsItIs)),
            (whole, &[html], identity),
            (whole, &[("content-type", "application/xhtml+xml")], identity),
            (StatusCode::NOT_FOUND, &[html], identity),
            (whole, &[html, ("content-encoding", "GZIP")], Ok(Finish::Inspect(Coding::Gzip))),
            (whole, &[html, ("content-encoding", "gzip, br")], Err(Reason::HtmlEncoded)),
            (whole, &[html, ("content-encoding", "dcb")], Err(Reason::HtmlEncoded)),
            (whole, &[html, ("content-length", "4194304")], identity),
            (whole, &[html, ("content-length", "4194305")], Err(Reason::HtmlTooLarge)),
            (StatusCode::PARTIAL_CONTENT, &[html], Err(Reason::HtmlPart)),
            (StatusCode::PARTIAL_CONTENT, &[], Ok(Finish::AsItIs)),
        ] {
            let plain = Finish::of(status, &fields(lines), Rework::default());
            assert_eq!(plain, expected, "{status} {lines:?}");
            let how = Rework { csrf: true, ..Rework::default() };
            let expected = if expected == identity { Ok(Finish::Rework(how)) } else { expected };
            assert_eq!(Finish::of(status, &fields(lines), how), expected, "{status} {lines:?}");
        }
    }
}
