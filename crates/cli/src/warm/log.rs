//! Which pages do visitors ask for most? From access logs: Larder's own in either form, nginx's and Apache's combined and common.
//!
//! Only what a warmed page can be counts: GET, answered with a success, a redirect or a 304, and no warming. Lines that are
//! none are skipped and counted.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, BufRead, Read as _};

use serde_json::Value;

use super::limits::{COUNTED_MAX, LINE_BYTES_MAX};

/// A page that a line tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    /// As the visitor named it, if the log says it.
    pub(super) host: Option<String>,
    /// Path and query.
    pub(super) target: String,
}

/// What a line tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Visit(Visit),
    /// A request for no page that could be warmed.
    Other,
    /// No line of an access log.
    Nonsense,
}

/// How often each page was asked for.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// With the place of the first.
    by_page: HashMap<(Option<String>, String), (u64, usize)>,
    pub(super) lines: u64,
    /// Lines that could not be read.
    pub(super) skipped: u64,
}

impl Counts {
    /// Takes a log in.
    pub(super) fn take(&mut self, mut log: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if log.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let whole = line.last() == Some(&b'\n') || (line.len() as u64) < LINE_BYTES_MAX;
            if !whole {
                log.skip_until(b'\n')?;
            }
            self.lines += 1;
            match if whole { read(&String::from_utf8_lossy(&line)) } else { Line::Nonsense } {
                Line::Visit(Visit { host, target }) => self.count(host, target),
                Line::Other => {}
                Line::Nonsense => self.skipped += 1,
            }
        }
    }

    fn count(&mut self, host: Option<String>, target: String) {
        let place = self.by_page.len();
        let page = (host, target);
        if let Some((count, _)) = self.by_page.get_mut(&page) {
            *count += 1;
        } else if place < COUNTED_MAX {
            self.by_page.insert(page, (1, place));
        }
    }

    /// The most asked pages, first those that came first.
    pub(super) fn top(self, most: usize) -> Vec<Visit> {
        let mut pages: Vec<_> = self.by_page.into_iter().collect();
        pages.sort_unstable_by_key(|(_, (count, place))| (Reverse(*count), *place));
        pages.truncate(most);
        pages.into_iter().map(|((host, target), _)| Visit { host, target }).collect()
    }
}

/// Reads one line.
pub(super) fn read(line: &str) -> Line {
    let line = line.trim();
    if line.starts_with('{') { json(line) } else { combined(line) }
}

fn json(line: &str) -> Line {
    let Ok(entry) = serde_json::from_str::<Value>(line) else { return Line::Nonsense };
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let status = entry.get("status").and_then(Value::as_u64);
    let (Some(method), Some(target), Some(status)) = (text("method"), text("target"), status)
    else {
        return Line::Nonsense;
    };
    visit(method, target, status, text("host"), text("cache"))
}

/// `CLIENT - USER [TIME] "METHOD TARGET VERSION" STATUS BYTES "REFERER" "AGENT"`, and of ours `"HOST" HANDLING REASON MS`.
fn combined(line: &str) -> Line {
    // Quotes inside quoted parts are written \x22 by Larder and nginx, \" by Apache.
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = line;
    while let Some(at) = end_of_part(rest) {
        let (part, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        parts.push(part);
        rest = after.get(1..).unwrap_or_default();
    }
    let (Some(request), Some(numbers)) = (parts.get(1), parts.get(2).or(Some(&rest))) else {
        return Line::Nonsense;
    };
    let status = numbers.split_whitespace().next().and_then(|status| status.parse().ok());
    let mut words = request.split(' ');
    let (Some(method), Some(target), Some(status)) = (words.next(), words.next(), status) else {
        return Line::Nonsense;
    };
    // Ours has a third quoted part behind the referer and the agent.
    let host = parts.get(7).copied().filter(|host| *host != "-");
    let handling = host.and_then(|_| rest.split_whitespace().next());
    visit(method, target, status, host, handling)
}

/// Where the next quote is that is not escaped.
fn end_of_part(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    })
}

fn visit(
    method: &str,
    target: &str,
    status: u64,
    host: Option<&str>,
    handling: Option<&str>,
) -> Line {
    let is_page = method == "GET"
        && matches!(status, 200..=203 | 300 | 301 | 302 | 304 | 307 | 308)
        && handling != Some("warm")
        && handling != Some("own")
        && target.starts_with('/')
        // What was escaped in the log was no URL of ours.
        && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_page {
        Line::Visit(Visit { host: host.map(str::to_owned), target: target.to_owned() })
    } else {
        Line::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(host: Option<&str>, target: &str) -> Line {
        Line::Visit(Visit { host: host.map(str::to_owned), target: target.to_owned() })
    }

    #[test]
    fn lines_of_every_form_are_read() {
        let cases = [
            (
                r#"192.0.2.7 - - [29/Feb/2000:00:00:00 +0000] "GET /a?b HTTP/1.1" 200 10 "-" "curl/8" "example.com" hit fresh 1234.567"#,
                page(Some("example.com"), "/a?b"),
            ),
            (
                r#"192.0.2.7 - - [29/Feb/2000:00:00:00 +0000] "GET /a HTTP/1.1" 200 10 "-" "Larder" "example.com" warm uri-miss 1.5"#,
                Line::Other,
            ),
            (
                r#"192.0.2.7 - bob [10/Oct/2026:13:55:36 +0200] "GET /nginx HTTP/2.0" 304 0 "https://a/" "Mozilla \x22quoted\x22""#,
                page(None, "/nginx"),
            ),
            (
                r#"192.0.2.7 - - [10/Oct/2026:13:55:36 +0200] "GET /apache HTTP/1.1" 200 5 "-" "say \"hi\" now""#,
                page(None, "/apache"),
            ),
            (
                r#"192.0.2.7 - - [10/Oct/2026:13:55:36 +0200] "GET /common HTTP/1.0" 200 5"#,
                page(None, "/common"),
            ),
            (r#"192.0.2.7 - - [x] "POST /a HTTP/1.1" 200 10 "-" "-""#, Line::Other),
            (r#"192.0.2.7 - - [x] "GET /a HTTP/1.1" 404 10 "-" "-""#, Line::Other),
            (r#"192.0.2.7 - - [x] "GET /a\x22b HTTP/1.1" 200 10 "-" "-""#, Line::Other),
            (r#"192.0.2.7 - - [x] "GET http://other/ HTTP/1.1" 200 10 "-" "-""#, Line::Other),
            (r#"192.0.2.7 - - [x] "\x16\x03\x01" 400 150 "-" "-""#, Line::Nonsense),
            (
                r#"{"method":"GET","host":"a.test","target":"/j","status":200,"cache":"hit"}"#,
                page(Some("a.test"), "/j"),
            ),
            (
                r#"{"method":"GET","host":"a.test","target":"/j","status":200,"cache":"warm"}"#,
                Line::Other,
            ),
            (r#"{"method":"GET","target":"/j","status":200}"#, page(None, "/j")),
            (r#"{"method":"GET""#, Line::Nonsense),
            ("hello", Line::Nonsense),
            ("", Line::Nonsense),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn the_most_asked_come_first_and_lines_that_are_none_are_counted() {
        let line =
            |target: &str| format!("a - - [x] \"GET {target} HTTP/1.1\" 200 1 \"-\" \"-\"\n");
        let mut log: String = ["/c", "/a", "/b", "/a", "/b", "/d"].map(line).concat();
        log.push_str("nonsense\n");
        log.push_str(&"x".repeat(200_000));
        log.push('\n');
        log.push_str(&line("/a"));
        let mut counts = Counts::default();
        counts.take(log.as_bytes()).expect("bytes");
        assert_eq!((counts.lines, counts.skipped), (9, 2));
        let top: Vec<_> = counts.top(3).into_iter().map(|visit| visit.target).collect();
        assert_eq!(top, ["/a", "/b", "/c"]);
    }
}
