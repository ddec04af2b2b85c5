//! What does a client see of something that went wrong? A status and one line with the reason, which
//! the log, the metrics and `Cache-Status` name as well.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use larder_semantics::Reason;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Whether the connection can be used after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The request was understood; only its answer is missing.
    KeepOpen,
    /// Where the request ends is in doubt, so is where the next one begins.
    Close,
}

/// The answer for `reason`: its head and its text. The text is empty for HEAD (RFC 9110 §9.3.2).
pub(crate) fn answer(
    reason: Reason,
    method: &Method,
    after: After,
) -> (http::response::Parts, Bytes) {
    // Reasons without a status of their own are never why a request fails.
    let status = reason.status().unwrap_or(StatusCode::BAD_GATEWAY);
    let text = format!("{}: {} ({reason}).\n", text(status), reason.text());
    let text = Bytes::from(text);
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = status;
    fill(&mut head.headers, reason, text.len());
    if after == After::Close {
        head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    (head, if *method == Method::HEAD { Bytes::new() } else { text })
}

fn fill(headers: &mut HeaderMap, reason: Reason, length: usize) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    // RFC 9111 §3: an answer of ours says nothing about the page.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // RFC 9211 §2.8: `detail` is a token here; all of the table's are.
    if let Ok(value) = HeaderValue::try_from(format!("larder; detail={}", reason.token())) {
        headers.append(CACHE_STATUS, value);
    }
}

/// The same as bytes for a connection on which no service can answer any more. It is closed after.
pub(crate) fn raw(status: StatusCode) -> String {
    message(status, &format!("{}.\n", text(status)))
}

/// The same, with the reason for those who could do something about it.
pub(crate) fn raw_because(reason: Reason) -> String {
    let status = reason.status().unwrap_or(StatusCode::BAD_REQUEST);
    message(status, &format!("{}: {} ({reason}).\n", text(status), reason.text()))
}

fn message(status: StatusCode, text: &str) -> String {
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nconnection: close\r\ndate: {}\r\n\r\n{text}",
        status.as_str(),
        status.canonical_reason().unwrap_or(""),
        text.len(),
        crate::clock::date().to_str().unwrap_or(""),
    )
}

/// For people, without the reason; nothing in it comes from a request, an application or a file.
const fn text(status: StatusCode) -> &'static str {
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
            let (head, text) = answer(*reason, &Method::GET, After::Close);
            assert_eq!(head.status, reason.status().unwrap_or(StatusCode::BAD_GATEWAY));
            assert_eq!(head.headers[CONTENT_LENGTH], text.len().to_string());
            assert_eq!(head.headers[CONNECTION], "close");
            assert_eq!(head.headers[CACHE_STATUS], format!("larder; detail={}", reason.token()));
        }
    }

    #[test]
    fn head_gets_the_length_but_not_the_text() {
        let (head, text) = answer(Reason::ConnectFailed, &Method::HEAD, After::KeepOpen);
        assert!(text.is_empty());
        assert_ne!(head.headers[CONTENT_LENGTH], "0");
        assert!(!head.headers.contains_key(CONNECTION));
    }

    #[test]
    fn a_raw_answer_is_a_whole_message() {
        let raw = raw(StatusCode::REQUEST_TIMEOUT);
        let (head, body) = raw.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
        assert!(head.contains("connection: close\r\n"));
    }
}
