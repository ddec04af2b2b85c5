//! How old a response says it is: `Age`, RFC 9111 §5.1.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header::AGE};

use super::cache_control::delta_seconds;

/// What `Age` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Nothing: no cache on the way, as far as we know.
    Absent,
    /// This long.
    Known(Duration),
    /// Something that is not one age. The response has been stored somewhere, nobody knows for how long.
    Unreadable,
}

/// Reads `Age`.
///
/// RFC 9111 §5.1: of a list the first member counts, and an invalid field should be ignored.
/// Deviates from RFC 9111 §5.1: ignoring it would take a response of unknown age for a new one, so an
/// invalid value, several field lines, or one value given twice (a fault of whatever copied it) is
/// [`Age::Unreadable`], which makes the response stale.
#[must_use]
pub fn of(headers: &HeaderMap) -> Age {
    let mut lines = headers.get_all(AGE).iter();
    let Some(line) = lines.next() else {
        return Age::Absent;
    };
    let mut members = line.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let first = members.next().unwrap_or_default();
    if lines.next().is_some() || members.any(|member| member == first) {
        return Age::Unreadable;
    }
    delta_seconds(first).map_or(Age::Unreadable, Age::Known)
}

/// The field for a response from the cache.
#[must_use]
pub fn write(age: Duration) -> HeaderValue {
    HeaderValue::from(age.as_secs().min(crate::limits::DELTA_SECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_number_is_an_age() {
        let known = |secs| Age::Known(Duration::from_secs(secs));
        let cases: [(&[&'static str], Age); 16] = [
            (&[], Age::Absent),
            (&["0"], known(0)),
            (&["7200"], known(7200)),
            (&["007"], known(7)),
            (&["99999999999999999999"], known(1 << 31)),
            (&["0,7200"], known(0)),
            (&["7200,0"], known(7200)),
            (&[""], Age::Unreadable),
            (&["abc"], Age::Unreadable),
            (&["-7200"], Age::Unreadable),
            (&["7200.0"], Age::Unreadable),
            (&["7200;foo=bar"], Age::Unreadable),
            (&["7200", "0"], Age::Unreadable),
            (&["0", "7200"], Age::Unreadable),
            (&["0, 0"], Age::Unreadable),
            (&["0", "0"], Age::Unreadable),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(AGE, HeaderValue::from_static(line));
            }
            assert_eq!(of(&headers), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_is_written_is_whole_seconds() {
        assert_eq!(write(Duration::from_millis(2999)), "2");
        assert_eq!(write(Duration::MAX), "2147483648");
    }
}
