//! Whether a response's framing is beyond doubt: RFC 9112 §6, and what hyper leaves to us of it.
//!
//! hyper refuses HTTP/0.9, line folding, bad chunks, bad or differing `Content-Length` (unless the
//! response has no body by its status or method) and `Transfer-Encoding` in HTTP/1.0. It reads on
//! where we refuse: any coding that ends in `chunked`, any other one up to the end of the
//! connection, `Content-Length` beside `Transfer-Encoding`.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode, Version};

use crate::limits::KEEP_ALIVE_MARGIN;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Why a response is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    TransferEncoding,
    ContentLength,
    Both,
    /// A 101 that nobody asked for, or to a protocol nobody asked for.
    Upgrade,
}

impl Malformed {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::TransferEncoding => "a transfer coding other than exactly chunked",
            Self::ContentLength => "a malformed or contradictory Content-Length",
            Self::Both => "Content-Length beside Transfer-Encoding",
            Self::Upgrade => "a change of protocol that was not asked for",
        }
    }
}

/// What may become of the connection after the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It may be kept this long without a request.
    Keep(Duration),
    Close,
}

/// Checks a response's framing and leaves at most one `Content-Length` line, of digits.
pub(crate) fn check(
    status: StatusCode,
    version: Version,
    fields: &mut HeaderMap,
    idle: Duration,
) -> Result<Afterwards, Malformed> {
    let coded = exactly_chunked(fields)?;
    let length = one_length(fields)?;
    if coded && length.is_some() {
        // RFC 9112 §6.3: ought to be handled as an error.
        return Err(Malformed::Both);
    }
    if coded && version != Version::HTTP_11 {
        // RFC 9112 §6.1: faulty framing. hyper refuses it too, where a body is expected.
        return Err(Malformed::TransferEncoding);
    }
    let mut afterwards = match idle_limit(fields, idle) {
        // An HTTP/1.0 connection would change how hyper writes the next request.
        Some(idle) if version == Version::HTTP_11 => Afterwards::Keep(idle),
        Some(_) | None => Afterwards::Close,
    };
    if status == StatusCode::NO_CONTENT && (coded || length.is_some()) {
        // RFC 9110 §8.6, RFC 9112 §6.1: must not be there, so a body may follow all the same.
        fields.remove(CONTENT_LENGTH);
        fields.remove(TRANSFER_ENCODING);
        if coded || length != Some(0) {
            afterwards = Afterwards::Close;
        }
    }
    Ok(afterwards)
}

/// For a response whose framing is beyond doubt and that does not say how long to keep the
/// connection.
pub(crate) fn keep(idle: Duration) -> Afterwards {
    if idle.is_zero() { Afterwards::Close } else { Afterwards::Keep(idle) }
}

fn exactly_chunked(fields: &HeaderMap) -> Result<bool, Malformed> {
    let mut lines = fields.get_all(TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(false),
        (Some(line), None) if line.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(true),
        (Some(_), _) => Err(Malformed::TransferEncoding),
    }
}

fn one_length(fields: &mut HeaderMap) -> Result<Option<u64>, Malformed> {
    let mut length = None;
    let mut members = 0_usize;
    for line in fields.get_all(CONTENT_LENGTH) {
        // RFC 9110 §8.6: a list of the same number means that number.
        for member in line.as_bytes().split(|&b| b == b',') {
            let number = digits(member.trim_ascii()).ok_or(Malformed::ContentLength)?;
            if *length.get_or_insert(number) != number {
                return Err(Malformed::ContentLength);
            }
            members += 1;
        }
    }
    if let (Some(length), true) = (length, members > 1) {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(length)
}

/// Digits only: the standard parser would take a sign.
pub(crate) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, &b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// How long the connection may rest: ours, or less when the application says `timeout=N`. None
/// when that leaves no time at all.
fn idle_limit(fields: &HeaderMap, idle: Duration) -> Option<Duration> {
    let mut limit = idle;
    for line in fields.get_all(KEEP_ALIVE) {
        for member in line.as_bytes().split(|&b| b == b',') {
            let member = member.trim_ascii();
            let Some((name, value)) = member.split_at_checked(b"timeout=".len()) else { continue };
            if !name.eq_ignore_ascii_case(b"timeout=") {
                continue;
            }
            if let Some(seconds) = digits(value) {
                let theirs = Duration::from_secs(seconds).saturating_sub(KEEP_ALIVE_MARGIN);
                limit = limit.min(theirs);
            }
        }
    }
    (!limit.is_zero()).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_millis(1500);
    const KEEP: Result<Afterwards, Malformed> = Ok(Afterwards::Keep(IDLE));
    const CLOSE: Result<Afterwards, Malformed> = Ok(Afterwards::Close);

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn framing_that_could_be_read_in_two_ways_is_refused() {
        type Case<'a> = (&'a [(&'a str, &'static str)], Result<Afterwards, Malformed>);
        const TE: &str = "transfer-encoding";
        const CL: &str = "content-length";
        let cases: &[Case<'_>] = &[
            (&[], KEEP),
            (&[(TE, "chunked")], KEEP),
            (&[(TE, "Chunked")], KEEP),
            (&[(TE, "abcdef")], Err(Malformed::TransferEncoding)),
            (&[(TE, "gzip, chunked")], Err(Malformed::TransferEncoding)),
            (&[(TE, "chunked, chunked")], Err(Malformed::TransferEncoding)),
            (&[(TE, "chunked"), (TE, "chunked")], Err(Malformed::TransferEncoding)),
            (&[(TE, "chunked;q=1")], Err(Malformed::TransferEncoding)),
            (&[(TE, "identity")], Err(Malformed::TransferEncoding)),
            (&[(TE, "")], Err(Malformed::TransferEncoding)),
            (&[(TE, "chunked"), (CL, "5")], Err(Malformed::Both)),
            (&[(CL, "5")], KEEP),
            (&[(CL, "5"), (CL, "5")], KEEP),
            (&[(CL, "5, 5")], KEEP),
            (&[(CL, "5"), (CL, "6")], Err(Malformed::ContentLength)),
            (&[(CL, "5, 6")], Err(Malformed::ContentLength)),
            (&[(CL, "+5")], Err(Malformed::ContentLength)),
            (&[(CL, "-5")], Err(Malformed::ContentLength)),
            (&[(CL, "0x5")], Err(Malformed::ContentLength)),
            (&[(CL, "")], Err(Malformed::ContentLength)),
            (&[(CL, "5,")], Err(Malformed::ContentLength)),
            (&[(CL, "18446744073709551616")], Err(Malformed::ContentLength)),
        ];
        for (given, expected) in cases {
            let mut given_fields = HeaderMap::new();
            for (name, value) in *given {
                given_fields.append(*name, HeaderValue::from_static(value));
            }
            let actual = check(StatusCode::OK, Version::HTTP_11, &mut given_fields, IDLE);
            assert_eq!(actual, *expected, "{given:?}");
            if actual.is_ok() {
                let lengths: Vec<_> = given_fields.get_all(CONTENT_LENGTH).iter().collect();
                assert!(lengths.is_empty() || lengths == ["5"], "{given:?} became {lengths:?}");
            }
        }
    }

    #[test]
    fn a_connection_is_kept_as_long_as_both_sides_want() {
        let cases = [
            ("timeout=1", Ok(Afterwards::Keep(Duration::from_millis(500)))),
            ("max=100, Timeout=1", Ok(Afterwards::Keep(Duration::from_millis(500)))),
            ("timeout=2", KEEP),
            ("timeout=5", KEEP),
            ("timeout=0", CLOSE),
            ("timeout=x", KEEP),
            ("max=1", KEEP),
        ];
        for (value, expected) in cases {
            let mut given = fields(&[("keep-alive", value)]);
            let actual = check(StatusCode::OK, Version::HTTP_11, &mut given, IDLE);
            assert_eq!(actual, expected, "{value}");
        }
    }

    #[test]
    fn http_1_0_connections_are_not_kept() {
        let mut given = fields(&[("connection", "keep-alive"), ("content-length", "1")]);
        assert_eq!(check(StatusCode::OK, Version::HTTP_10, &mut given, IDLE), CLOSE);
        let mut given = fields(&[("transfer-encoding", "chunked")]);
        let refused = check(StatusCode::OK, Version::HTTP_10, &mut given, IDLE);
        assert_eq!(refused, Err(Malformed::TransferEncoding));
    }

    #[test]
    fn a_204_that_announces_a_body_ends_its_connection() {
        let cases = [
            ("content-length", "0", KEEP),
            ("content-length", "1", CLOSE),
            ("transfer-encoding", "chunked", CLOSE),
        ];
        for (name, value, expected) in cases {
            let mut given = fields(&[(name, value)]);
            let actual = check(StatusCode::NO_CONTENT, Version::HTTP_11, &mut given, IDLE);
            assert_eq!(actual, expected, "{name}: {value}");
            assert!(given.is_empty(), "{name}: {value} is left");
        }
    }
}
