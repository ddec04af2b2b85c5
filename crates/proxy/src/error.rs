//! What does a client see of something that went wrong where no service answers any more? The bytes of a whole answer. All other
//! answers of Larder's own are `larder_tower::answer`'s.

use http::StatusCode;
use larder_semantics::Reason;
use larder_tower::answer::text;

/// An answer on a connection on which no service can answer any more. It is closed after.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_answer_is_a_whole_message() {
        let raw = raw(StatusCode::REQUEST_TIMEOUT);
        let (head, body) = raw.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
        assert!(head.contains("connection: close\r\n"));
    }
}
