//! How are sizes and durations written?
//!
//! One whole number and one unit, nothing between: `256MiB`, `1500ms`. A number without a unit is
//! refused, because every reader of a file guesses another one.

use std::time::Duration;

const BYTES: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

const MILLISECONDS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Number and unit multiplied out. `None` for anything else, overflow included.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(digits_end)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A size in bytes.
pub(crate) fn parse_bytes(text: &str) -> Option<usize> {
    parse(text, &BYTES).and_then(|bytes| usize::try_from(bytes).ok())
}

/// A duration, to the millisecond.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    parse(text, &MILLISECONDS).map(Duration::from_millis)
}

/// How long one of `20/s`, `100/m`, `1000/h` takes. `None` for anything else, for none at all, and for more than 10,000 a
/// second.
#[must_use]
pub fn parse_rate(text: &str) -> Option<Duration> {
    const SPANS: [(&str, u32); 3] = [("s", 1), ("m", 60), ("h", 3600)];
    let (count, span) = text.split_once('/')?;
    let (_, secs) = SPANS.iter().find(|(name, _)| *name == span)?;
    let count = Some(count).filter(|count| count.bytes().all(|byte| byte.is_ascii_digit()))?;
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    let each = Duration::from_secs(u64::from(*secs)) / count;
    (each >= Duration::from_micros(100)).then_some(each)
}

/// The number in the largest of `units` that divides it.
fn show(value: u64, units: &[(&str, u64)]) -> String {
    let unit = units.iter().rev().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    unit.or_else(|| units.first())
        .map_or_else(String::new, |(name, factor)| format!("{}{name}", value / factor))
}

/// A size as it is written in the file: `268435456` is `256MiB`.
#[must_use]
pub fn show_bytes(bytes: usize) -> String {
    let binary = [BYTES[0], BYTES[2], BYTES[4], BYTES[6]];
    show(u64::try_from(bytes).unwrap_or(u64::MAX), &binary)
}

/// A duration as it is written in the file, to the millisecond.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &MILLISECONDS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{parse_bytes, parse_duration, show_bytes, show_duration};

    #[test]
    fn sizes_have_one_number_and_one_unit() {
        let cases = [
            ("0B", Some(0)),
            ("17B", Some(17)),
            ("1kB", Some(1000)),
            ("1KiB", Some(1024)),
            ("256MiB", Some(256 << 20)),
            ("3GB", Some(3_000_000_000)),
            ("99999999999GiB", None),
            ("256", None),
            ("256M", None),
            ("256mib", None),
            ("256 MiB", None),
            ("1.5GiB", None),
            ("-1B", None),
            ("MiB", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_bytes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn durations_have_one_number_and_one_unit() {
        let cases = [
            ("300ms", Some(300)),
            ("10s", Some(10_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("0s", Some(0)),
            ("10", None),
            ("1m30s", None),
            ("1w", None),
            ("18446744073709551615d", None),
            ("٣s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text), expected.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same() {
        for bytes in [0, 1, 1023, 1024, 1025, 256 << 20, 3 << 30] {
            assert_eq!(parse_bytes(&show_bytes(bytes)), Some(bytes));
        }
        for millis in [0, 1, 999, 1500, 60_000, 90_000, 86_400_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
        }
        assert_eq!(show_bytes(256 << 20), "256MiB");
        assert_eq!(show_duration(Duration::from_secs(90)), "90s");
    }

    #[test]
    fn rates_have_a_number_and_a_span() {
        let cases = [
            ("20/s", Some(50_000)),
            ("1/m", Some(60_000_000)),
            ("3600/h", Some(1_000_000)),
            ("10000/s", Some(100)),
            ("10001/s", None),
            ("0/s", None),
            ("20", None),
            ("20/sec", None),
            ("+2/s", None),
            ("/s", None),
            ("1.5/s", None),
        ];
        for (text, micros) in cases {
            assert_eq!(super::parse_rate(text), micros.map(Duration::from_micros), "{text}");
        }
    }
}
