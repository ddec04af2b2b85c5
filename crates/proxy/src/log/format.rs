//! What does a log line look like? Nothing a client sends may end a line, a quoted part, or look
//! like a terminal's control sequence.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use super::entry::Entry;

/// The combined log format, followed by host, handling, reason and milliseconds.
pub(crate) fn combined(line: &mut Vec<u8>, entry: &Entry, at: SystemTime) {
    let ending = &entry.ending;
    drop(write!(line, "{} - - [", ending.client));
    Moment::of(at).write_common(line);
    drop(write!(line, "] \"{} ", entry.method()));
    quoted(line, Some(entry.target().as_bytes()));
    drop(write!(line, " {}\" {} {} \"", entry.version(), ending.status.as_u16(), ending.bytes));
    quoted(line, entry.referer());
    line.extend_from_slice(b"\" \"");
    quoted(line, entry.user_agent());
    line.extend_from_slice(b"\" \"");
    quoted(line, entry.host());
    drop(writeln!(
        line,
        "\" {} {} {}",
        entry.handling(),
        ending.note.reason.token(),
        Millis(ending.took)
    ));
}

/// One JSON object.
pub(crate) fn json(line: &mut Vec<u8>, entry: &Entry, at: SystemTime) {
    let ending = &entry.ending;
    line.extend_from_slice(b"{\"time\":\"");
    Moment::of(at).write_rfc3339(line);
    drop(write!(line, "\",\"client\":\"{}\"", ending.client));
    text(line, "method", Some(entry.method().as_bytes()));
    text(line, "host", entry.host());
    text(line, "target", Some(entry.target().as_bytes()));
    text(line, "version", Some(entry.version().as_bytes()));
    drop(write!(
        line,
        ",\"status\":{},\"bytes\":{},\"duration_ms\":{}",
        ending.status.as_u16(),
        ending.bytes,
        Millis(ending.took)
    ));
    text(line, "referer", entry.referer());
    text(line, "user_agent", entry.user_agent());
    text(line, "cache", Some(entry.handling().as_bytes()));
    text(line, "reason", Some(ending.note.reason.token().as_bytes()));
    line.extend_from_slice(b"}\n");
}

/// `,"name":"value"`; nothing for what is absent.
fn text(line: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    let Some(value) = value else { return };
    drop(write!(line, ",\"{name}\":\""));
    // RFC 8259 §8.1: UTF-8. Bytes that are not are shown one by one, as Latin-1 would.
    let valid = std::str::from_utf8(value).is_ok();
    for &byte in value {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            0..=0x1f | 0x7f => drop(write!(line, "\\u{byte:04x}")),
            0x80.. if !valid => drop(write!(line, "\\u{byte:04x}")),
            _ => line.push(byte),
        }
    }
    line.push(b'"');
}

/// The inside of a quoted part; `-` for what is absent.
fn quoted(line: &mut Vec<u8>, value: Option<&[u8]>) {
    for &byte in value.filter(|value| !value.is_empty()).unwrap_or(b"-") {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => drop(write!(line, "\\x{byte:02X}")),
            _ => line.push(byte),
        }
    }
}

struct Millis(Duration);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0.as_millis(), self.0.subsec_micros() % 1000)
    }
}

/// A moment in UTC.
struct Moment {
    year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
    millis: u32,
}

impl Moment {
    fn of(at: SystemTime) -> Self {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let days = since.as_secs() / 86_400;
        // Days are counted from 1 March of year 0, so that a leap day is a year's last.
        let days = days + 719_468;
        let era = days / 146_097;
        let of_era = days % 146_097;
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            second_of_day: since.as_secs() % 86_400,
            millis: since.subsec_millis(),
        }
    }

    fn clock(&self) -> (u64, u64, u64) {
        (self.second_of_day / 3600, self.second_of_day / 60 % 60, self.second_of_day % 60)
    }

    fn write_common(&self, line: &mut Vec<u8>) {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = usize::try_from(self.month - 1).ok().and_then(|index| MONTHS.get(index));
        let (hour, minute, second) = self.clock();
        drop(write!(
            line,
            "{:02}/{}/{:04}:{hour:02}:{minute:02}:{second:02} +0000",
            self.day,
            month.unwrap_or(&"???"),
            self.year
        ));
    }

    fn write_rfc3339(&self, line: &mut Vec<u8>) {
        let (hour, minute, second) = self.clock();
        drop(write!(
            line,
            "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
            self.year, self.month, self.day, self.millis
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Instant;

    use http::{HeaderValue, Request, StatusCode};
    use larder_cache::{Handling, Note};
    use larder_semantics::Reason;

    use super::super::entry::{Draft, Ending};
    use super::*;

    fn entry(user_agent: &[u8]) -> Entry {
        let request = Request::get("/a\"c\"?b")
            .header("host", "example.com")
            .header("user-agent", HeaderValue::from_bytes(user_agent).expect("allowed"))
            .body(())
            .expect("valid");
        Box::new(Draft::of(&request)).finish(Ending {
            client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
            begun: Instant::now(),
            took: Duration::from_micros(1_234_567),
            status: StatusCode::OK,
            bytes: 10,
            note: Note::new(Handling::Hit, Reason::Fresh),
            warms: false,
        })
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn lines_hold_everything_in_both_forms() {
        let entry = entry(b"curl/8");
        let mut line = Vec::new();
        combined(&mut line, &entry, at(951_782_400));
        assert_eq!(
            String::from_utf8(line).expect("ASCII"),
            "192.0.2.7 - - [29/Feb/2000:00:00:00 +0000] \"GET /a\\x22c\\x22?b HTTP/1.1\" 200 10 \
             \"-\" \"curl/8\" \"example.com\" hit fresh 1234.567\n"
        );
        let mut line = Vec::new();
        json(&mut line, &entry, at(951_782_399));
        assert_eq!(
            String::from_utf8(line).expect("UTF-8"),
            "{\"time\":\"2000-02-28T23:59:59.000Z\",\"client\":\"192.0.2.7\",\"method\":\"GET\",\
             \"host\":\"example.com\",\"target\":\"/a\\\"c\\\"?b\",\"version\":\"HTTP/1.1\",\
             \"status\":200,\"bytes\":10,\"duration_ms\":1234.567,\"user_agent\":\"curl/8\",\
             \"cache\":\"hit\",\"reason\":\"fresh\"}\n"
        );
    }

    #[test]
    fn nothing_sent_ends_a_line_or_a_quote_or_speaks_to_a_terminal() {
        for nasty in [&b"a\" 200 \"b"[..], b"tab\there", b"\\", b"\xff\xfe", "ä".as_bytes()] {
            let entry = entry(nasty);
            let mut line = Vec::new();
            combined(&mut line, &entry, at(0));
            let quotes = line.iter().filter(|byte| **byte == b'"').count();
            assert_eq!(quotes, 8, "{nasty:?}");
            assert!(line[..line.len() - 1].iter().all(|byte| (0x20..0x7f).contains(byte)));
            let mut line = Vec::new();
            json(&mut line, &entry, at(0));
            let text = String::from_utf8(line).expect("UTF-8");
            assert!(!text.trim_end().contains(|c: char| c.is_control()), "{nasty:?}");
        }
    }

    #[test]
    fn days_are_counted_right_around_leap_years() {
        let cases = [
            (0, "01/Jan/1970"),
            (1_709_164_800, "29/Feb/2024"),
            (1_709_251_200, "01/Mar/2024"),
            (1_735_603_200, "31/Dec/2024"),
            (4_107_542_400, "01/Mar/2100"),
        ];
        for (seconds, expected) in cases {
            let mut line = Vec::new();
            Moment::of(at(seconds)).write_common(&mut line);
            assert!(line.starts_with(expected.as_bytes()), "{expected}: {line:?}");
        }
    }
}
