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
use larder_html::is_readable_charset;
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
    Rework(Orders),
}

/// What is to be made of one page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// What nobody sees is left out.
    pub minify: bool,
    /// Visitors get tokens of their own.
    pub csrf: bool,
    /// It is put together of several.
    pub esi: bool,
}

impl Orders {
    const fn is_any(self) -> bool {
        self.minify || self.csrf || self.esi
    }
}

impl Finish {
    /// What the head of an answer asks for.
    ///
    /// # Errors
    /// The reason why it can't be done, so that the answer is not to be stored.
    pub fn of(status: StatusCode, response: &HeaderMap, how: Rework) -> Result<Self, Reason> {
        let Some(html) = Html::of(response) else { return Ok(Self::AsItIs) };
        if !html.is_readable {
            return Err(Reason::HtmlEncoded);
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
        // What may be left out of HTML is not all that may be left out of XML.
        let orders = Orders {
            minify: how.minify && !html.is_xml,
            csrf: how.csrf,
            esi: how.templates.has(response),
        };
        if orders.esi && coding != Coding::Identity {
            return Err(Reason::HtmlEncoded);
        }
        let reworked = orders.is_any() && coding == Coding::Identity;
        Ok(if reworked { Self::Rework(orders) } else { Self::Inspect(coding) })
    }
}

/// What browsers take for a page, in which forms are forms.
struct Html {
    is_xml: bool,
    /// Whether a byte below 128 is the character that it looks like.
    is_readable: bool,
}

impl Html {
    fn of(response: &HeaderMap) -> Option<Self> {
        let line = response.get(header::CONTENT_TYPE)?.as_bytes();
        let mut parts = line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let media = parts.next().unwrap_or_default();
        let is_xml = media.eq_ignore_ascii_case(b"application/xhtml+xml");
        if !is_xml && !media.eq_ignore_ascii_case(b"text/html") {
            return None;
        }
        let charset = |part: &[u8]| {
            let (name, value) = part.split_at_checked(b"charset=".len())?;
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            name.eq_ignore_ascii_case(b"charset=").then(|| is_readable_charset(value))
        };
        Some(Self { is_xml, is_readable: parts.filter_map(charset).all(|readable| readable) })
    }
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
            (
                whole,
                &[("content-type", "text/html; charset=\"UTF-16LE\"")],
                Err(Reason::HtmlEncoded),
            ),
            (whole, &[html, ("content-length", "4194304")], identity),
            (whole, &[html, ("content-length", "4194305")], Err(Reason::HtmlTooLarge)),
            (StatusCode::PARTIAL_CONTENT, &[html], Err(Reason::HtmlPart)),
            (StatusCode::PARTIAL_CONTENT, &[], Ok(Finish::AsItIs)),
        ] {
            let plain = Finish::of(status, &fields(lines), Rework::default());
            assert_eq!(plain, expected, "{status} {lines:?}");
            let how = Rework { csrf: true, ..Rework::default() };
            let expected = if expected == identity {
                Ok(Finish::Rework(Orders { csrf: true, ..Orders::default() }))
            } else {
                expected
            };
            assert_eq!(Finish::of(status, &fields(lines), how), expected, "{status} {lines:?}");
        }
    }
}
