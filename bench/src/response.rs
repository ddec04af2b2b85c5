//! Reads one response as it arrives and says whether it is the one that was asked for: status 200,
//! the promised length, the body's first and last bytes.

use memchr::memmem;

use crate::content::{Page, SUFFIX};

const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A response in progress. One is kept per connection and used again.
#[derive(Debug, Default)]
pub struct Reading {
    head: Vec<u8>,
    prefix: Vec<u8>,
    length: u64,
    seen: u64,
    stage: Stage,
    closing: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Head,
    Body,
}

/// What a run of bytes led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    More,
    /// The response is complete and right; the connection can be used again.
    Complete,
    /// The response is complete and right; the server wants to close.
    CompleteAndClosing,
}

impl Reading {
    /// Forgets the last response and expects `page`.
    pub fn expect(&mut self, page: Page) {
        self.head.clear();
        self.prefix.clear();
        page.write_prefix(&mut self.prefix);
        self.length = page.body_bytes();
        self.seen = 0;
        self.stage = Stage::Head;
        self.closing = false;
    }

    /// Whether nothing of the response has come.
    #[must_use]
    pub const fn is_untouched(&self) -> bool {
        self.head.is_empty() && matches!(self.stage, Stage::Head)
    }

    /// Takes the next bytes of the connection.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the response.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Progress, String> {
        if self.stage == Stage::Body {
            return self.body(bytes);
        }
        // Nearly always the head comes in one piece, and needs no copy.
        if self.head.is_empty() {
            let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
                self.head.extend_from_slice(bytes);
                return Ok(Progress::More);
            };
            let (head, rest) = bytes.split_at(end + 4);
            self.check_head(head)?;
            return self.body(rest);
        }
        self.head.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.head, b"\r\n\r\n") else {
            return if self.head.len() > HEAD_BYTES_MAX {
                Err("the head is larger than 16 KiB".into())
            } else {
                Ok(Progress::More)
            };
        };
        let all = std::mem::take(&mut self.head);
        let (head, rest) = all.split_at(end + 4);
        self.check_head(head)?;
        self.body(rest)
    }

    fn check_head(&mut self, head: &[u8]) -> Result<(), String> {
        let told = || String::from_utf8_lossy(head).into_owned();
        if !head.starts_with(b"HTTP/1.1 200 ") {
            return Err(format!("not a 200:\n{}", told()));
        }
        let mut length = None;
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = line.split_at(colon);
            let value = value.get(1..).unwrap_or(&[]).trim_ascii();
            if name.eq_ignore_ascii_case(b"content-length") {
                length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            } else if name.eq_ignore_ascii_case(b"connection") {
                self.closing = value.eq_ignore_ascii_case(b"close");
            }
        }
        if length != Some(self.length) {
            return Err(format!("expected Content-Length: {}:\n{}", self.length, told()));
        }
        self.stage = Stage::Body;
        Ok(())
    }

    fn body(&mut self, bytes: &[u8]) -> Result<Progress, String> {
        if !agrees(bytes, self.seen, &self.prefix, 0) {
            return Err("the body does not begin as it must".into());
        }
        if !agrees(bytes, self.seen, SUFFIX, self.length - SUFFIX.len() as u64) {
            return Err("the body does not end as it must".into());
        }
        self.seen += bytes.len() as u64;
        match self.seen.cmp(&self.length) {
            std::cmp::Ordering::Less => Ok(Progress::More),
            std::cmp::Ordering::Equal if self.closing => Ok(Progress::CompleteAndClosing),
            std::cmp::Ordering::Equal => Ok(Progress::Complete),
            std::cmp::Ordering::Greater => Err("bytes after the body".into()),
        }
    }
}

/// Whether `bytes`, which lie at `offset` of the body, agree with `expected` at `position` where they overlap.
fn agrees(bytes: &[u8], offset: u64, expected: &[u8], position: u64) -> bool {
    let start = offset.max(position);
    let end = (offset + bytes.len() as u64).min(position + expected.len() as u64);
    if start >= end {
        return true;
    }
    part(bytes, start - offset, end - offset) == part(expected, start - position, end - position)
}

fn part(all: &[u8], from: u64, to: u64) -> Option<&[u8]> {
    all.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{Progress, Reading};
    use crate::content::Page;
    use crate::origin::response;

    fn read_in_steps(bytes: &[u8], step: usize) -> Result<Progress, String> {
        let mut reading = Reading::default();
        reading.expect(Page::Miss(12));
        let mut last = Ok(Progress::More);
        for part in bytes.chunks(step) {
            last = reading.take(part);
            if last != Ok(Progress::More) {
                break;
            }
        }
        last
    }

    #[test]
    fn a_right_response_is_complete_however_it_is_cut() {
        let bytes = response(Page::Miss(12), "Thu, 01 Jan 1970 00:00:00 GMT");
        for step in [1, 3, 7, 100, 1000, bytes.len()] {
            assert_eq!(read_in_steps(&bytes, step), Ok(Progress::Complete), "step {step}");
        }
    }

    #[test]
    fn another_page_a_cut_end_and_excess_bytes_are_errors() {
        let other = response(Page::Miss(13), "");
        let mut cut = response(Page::Miss(12), "");
        let end = cut.len() - 3;
        cut[end] ^= 1;
        let mut excess = response(Page::Miss(12), "");
        excess.push(b'x');
        for (name, bytes) in [("other", other), ("cut", cut), ("excess", excess)] {
            for step in [5, 4096] {
                // In small steps the excess byte is only seen with the next response.
                let seen = read_in_steps(&bytes, step);
                assert!(
                    seen.is_err() || (name == "excess" && step == 5),
                    "{name}/{step}: {seen:?}"
                );
            }
        }
    }

    #[test]
    fn an_error_page_is_an_error() {
        let seen = read_in_steps(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2048\r\n\r\n", 4096);
        assert!(seen.is_err());
    }
}
