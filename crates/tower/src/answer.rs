//! What does a client see that is answered here and not further in? A status and one line of text with the reason, which
//! `Cache-Status` names as well, and a log or counter of whoever uses the layers can.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use larder_semantics::Reason;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Whether the connection can be used after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The request was understood; only its answer is missing.
    KeepOpen,
    /// Where the request ends is in doubt, so is where the next one begins.
    Close,
}

/// The answer for `reason`: its head and its text. The text is empty for HEAD (RFC 9110 §9.3.2).
#[must_use]
pub fn refusal(reason: Reason, method: &Method, after: After) -> (Parts, Bytes) {
    // Reasons without a status of their own are never why a request fails.
    let status = reason.status().unwrap_or(StatusCode::BAD_GATEWAY);
    let line = format!("{}: {} ({reason}).\n", text(status), reason.text());
    let (mut head, line) = line_of(status, HeaderMap::new(), line, reason, method);
    if after == After::Close {
        head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    (head, line)
}

/// An answer of this status with a line of text and these fields besides.
#[must_use]
pub fn line_of(
    status: StatusCode,
    mut headers: HeaderMap,
    line: String,
    reason: Reason,
    method: &Method,
) -> (Parts, Bytes) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(line.len()));
    // RFC 9111 §3: an answer of ours says nothing about the page. RFC 9110 §15.4.2: a 301 would be kept by heuristic; a cache in
    // front that does not tell the schemes apart would then send those in a circle who came by https.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // RFC 9211 §2.8: `detail` is a token here; all of the table's are.
    if let Ok(value) = HeaderValue::try_from(format!("larder; detail={}", reason.token())) {
        headers.insert(CACHE_STATUS, value);
    }
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = status;
    head.headers = headers;
    (head, if *method == Method::HEAD { Bytes::new() } else { Bytes::from(line) })
}

/// For people, without the reason; nothing in it comes from a request, an application or a file.
#[must_use]
pub const fn text(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "The request could not be understood",
        405 => "That is not for everybody",
        408 => "The request took too long",
        414 => "The address is too long",
        421 => "There is no such site here",
        417 => "The expectation can not be met",
        431 => "The request's header is too large",
        501 => "The request's method is not supported",
        502 => "The application gave no valid answer",
        503 => "The site is too busy or not available at the moment",
        504 => "The application did not answer in time",
        _ => "The request could not be answered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_with_a_status_gives_it_and_names_itself() {
        for reason in Reason::ALL {
            let (head, text) = refusal(*reason, &Method::GET, After::Close);
            assert_eq!(head.status, reason.status().unwrap_or(StatusCode::BAD_GATEWAY));
            assert_eq!(head.headers[CONTENT_LENGTH], text.len().to_string());
            assert_eq!(head.headers[CONNECTION], "close");
            assert_eq!(head.headers[CACHE_STATUS], format!("larder; detail={}", reason.token()));
        }
    }

    #[test]
    fn head_gets_the_length_but_not_the_text() {
        let (head, text) = refusal(Reason::ConnectFailed, &Method::HEAD, After::KeepOpen);
        assert!(text.is_empty());
        assert_ne!(head.headers[CONTENT_LENGTH], "0");
        assert!(!head.headers.contains_key(CONNECTION));
    }
}
