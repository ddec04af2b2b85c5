//! One answer of the meta protocol, read from what has come so far: [protocol.txt], "Meta Commands".
//!
//! Strict, and total: whatever the bytes are, it is an answer, not yet one, or [`Garbage`]. Nothing is ever skipped to find the
//! next answer.
//!
//! [protocol.txt]: https://github.com/memcached/memcached/blob/master/doc/protocol.txt

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::limits::{LINE_MAX, SAID_MAX};

/// What a server says to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `HD`: done.
    Done,
    /// `NF`, `EN`: there is nothing under that key.
    Absent,
    /// `NS`, `EX`: not stored.
    NotStored,
    /// `VA`: a value.
    Value {
        /// The number stored with it; 0 where the answer has none.
        flags: u32,
        /// The value.
        bytes: Bytes,
    },
    /// `SERVER_ERROR`, in the server's words.
    Refused(String),
    /// `ERROR`, `CLIENT_ERROR`, in the server's words.
    Unknown(String),
}

/// An answer and the request's number that it repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The answer.
    pub answer: Answer,
    /// The number; errors have none, nor have misses of old servers.
    pub opaque: Option<u32>,
}

/// What no Memcached would say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// No end of the line within [`LINE_MAX`] bytes.
    LongLine,
    /// A line that is no answer.
    Line(String),
    /// A value longer than is taken.
    LongValue {
        /// Its length in bytes, as announced.
        bytes: u64,
    },
    /// A value that does not end with a line's end where it should.
    NoEnd,
}

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongLine => write!(f, "a line of more than {LINE_MAX} bytes"),
            Self::Line(line) => write!(f, "{line:?}"),
            Self::LongValue { bytes } => write!(f, "a value of {bytes} bytes"),
            Self::NoEnd => f.write_str("a value that is longer than was announced"),
        }
    }
}

/// Takes the first answer out of `buffer`. `None`: more has to come. Values of more than `value_max` bytes are garbage.
///
/// # Errors
/// When it is not, and can't become, an answer; `buffer` is of no use then.
pub fn read(buffer: &mut BytesMut, value_max: usize) -> Result<Option<Numbered>, Garbage> {
    let head = buffer.get(..buffer.len().min(LINE_MAX)).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', head) else {
        return if head.len() == LINE_MAX { Err(Garbage::LongLine) } else { Ok(None) };
    };
    let line = head.get(..end).and_then(|line| line.strip_suffix(b"\r"));
    let line = line.ok_or_else(|| garbage(head.get(..end).unwrap_or_default()))?;
    let line = Line::parse(line).ok_or_else(|| garbage(line))?;
    let value_length = match line.value_length {
        None => {
            drop(buffer.split_to(end + 1));
            return Ok(Some(Numbered { answer: line.answer, opaque: line.opaque }));
        }
        Some(length) => usize::try_from(length)
            .ok()
            .filter(|length| *length <= value_max)
            .ok_or(Garbage::LongValue { bytes: length })?,
    };
    let (start, stop) = (end + 1, end + 1 + value_length);
    match buffer.get(stop..stop + 2) {
        Some(b"\r\n") => {}
        Some(_) => return Err(Garbage::NoEnd),
        None if buffer.get(stop).is_some_and(|byte| *byte != b'\r') => return Err(Garbage::NoEnd),
        None => {
            buffer.reserve((stop + 2).saturating_sub(buffer.len()));
            return Ok(None);
        }
    }
    let mut whole = buffer.split_to(stop + 2).freeze();
    whole.truncate(stop);
    let bytes = whole.split_off(start);
    Ok(Some(Numbered { answer: Answer::Value { flags: line.flags, bytes }, opaque: line.opaque }))
}

fn garbage(line: &[u8]) -> Garbage {
    Garbage::Line(said(line))
}

/// A server's words, as far as they can be shown.
fn said(words: &[u8]) -> String {
    let shown = words.get(..words.len().min(SAID_MAX)).unwrap_or_default();
    String::from_utf8_lossy(shown).chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A line, read.
struct Line {
    answer: Answer,
    flags: u32,
    opaque: Option<u32>,
    value_length: Option<u64>,
}

impl Line {
    fn plain(answer: Answer) -> Self {
        Self { answer, flags: 0, opaque: None, value_length: None }
    }

    fn parse(line: &[u8]) -> Option<Self> {
        if line == b"ERROR" || line.starts_with(b"CLIENT_ERROR ") {
            return Some(Self::plain(Answer::Unknown(said(line))));
        }
        if let Some(words) = line.strip_prefix(b"SERVER_ERROR ") {
            return Some(Self::plain(Answer::Refused(said(words))));
        }
        let mut words = line.split(|byte| *byte == b' ');
        let mut parsed = Self::plain(match words.next()? {
            b"HD" => Answer::Done,
            b"NF" | b"EN" => Answer::Absent,
            b"NS" | b"EX" => Answer::NotStored,
            b"VA" => Answer::Value { flags: 0, bytes: Bytes::new() },
            _ => return None,
        });
        if matches!(parsed.answer, Answer::Value { .. }) {
            parsed.value_length = Some(number(words.next()?)?);
        }
        for word in words {
            match word.split_first() {
                // Memcached ends some lines with a space.
                None => {}
                Some((b'O', token)) => {
                    let repeated = parsed.opaque.replace(number(token)?.try_into().ok()?);
                    repeated.is_none().then_some(())?;
                }
                Some((b'f', token)) => parsed.flags = number(token)?.try_into().ok()?,
                // What else it tells of the item was not asked for, but does no harm.
                Some((letter, token)) => {
                    let fine =
                        letter.is_ascii_alphabetic() && token.iter().all(u8::is_ascii_graphic);
                    fine.then_some(())?;
                }
            }
        }
        Some(parsed)
    }
}

/// One to twenty digits and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    let fine = (1..=20).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| fine)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> (Result<Option<Numbered>, Garbage>, usize) {
        let mut buffer = BytesMut::from(bytes);
        let read = read(&mut buffer, 10);
        (read, buffer.len())
    }

    fn value(flags: u32, bytes: &'static [u8]) -> Answer {
        Answer::Value { flags, bytes: Bytes::from_static(bytes) }
    }

    #[test]
    fn every_answer_is_read_to_its_end_and_no_further() {
        let refused = || Answer::Refused("out of memory storing object".to_owned());
        let cases: [(&[u8], Answer, Option<u32>); 12] = [
            (b"HD\r\n", Answer::Done, None),
            (b"HD O7\r\n", Answer::Done, Some(7)),
            (b"HD s2 O7 \r\n", Answer::Done, Some(7)),
            (b"NF O4294967295\r\n", Answer::Absent, Some(u32::MAX)),
            (b"EN\r\n", Answer::Absent, None),
            (b"NS O1\r\n", Answer::NotStored, Some(1)),
            (b"VA 2 f5 O1\r\n\r\n\r\n", value(5, b"\r\n"), Some(1)),
            (b"VA 0 O1\r\n\r\n", value(0, b""), Some(1)),
            (b"VA 10 W s10\r\n0123456789\r\n", value(0, b"0123456789"), None),
            (b"SERVER_ERROR out of memory storing object\r\n", refused(), None),
            (b"ERROR\r\n", Answer::Unknown("ERROR".to_owned()), None),
            (b"CLIENT_ERROR bad\r\n", Answer::Unknown("CLIENT_ERROR bad".to_owned()), None),
        ];
        for (bytes, answer, opaque) in cases {
            let shown = bytes.escape_ascii();
            let expected = Ok(Some(Numbered { answer, opaque }));
            assert_eq!(read_all(bytes), (expected.clone(), 0), "{shown}");
            let followed = [bytes, b"HD O9\r\n"].concat();
            assert_eq!(read_all(&followed), (expected, 7), "{shown} and another");
            for cut in 0..bytes.len() {
                let (read, left) = read_all(&bytes[..cut]);
                assert_eq!((read, left), (Ok(None), cut), "{shown} cut at {cut}");
            }
        }
    }

    #[test]
    fn whatever_else_comes_is_garbage() {
        let long = vec![b'x'; LINE_MAX];
        let cases: [&[u8]; 20] = [
            b"\r\n",
            b"HD\n",
            b"hd\r\n",
            b"STORED\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"HD Ox\r\n",
            b"HD O\r\n",
            b"HD O4294967296\r\n",
            b"HD O1 O1\r\n",
            b"HD \x01\r\n",
            b"HD O-1\r\n",
            b"VA\r\n",
            b"VA x\r\n",
            b"VA -1\r\n",
            b"VA 11\r\n",
            b"VA 99999999999999999999\r\n",
            b"VA 1 O1\r\nabc",
            b"VA 1 O1\r\nab",
            b"VALUE a 0 1\r\n",
            &long,
        ];
        for bytes in cases {
            let (read, _) = read_all(bytes);
            assert!(read.is_err(), "{}: {read:?}", bytes.escape_ascii());
        }
        assert_eq!(read_all(&long[1..]).0, Ok(None), "a byte below the limit may still end");
    }

    #[test]
    fn a_servers_words_are_shown_without_control_characters_and_not_without_end() {
        let line = [b"SERVER_ERROR \x1b[31m".as_slice(), &[b'x'; 900], b"\r\n"].concat();
        let (read, _) = read_all(&line);
        let Ok(Some(Numbered { answer: Answer::Refused(said), .. })) = read else {
            panic!("{read:?}");
        };
        assert!(said.starts_with("?[31mxx"), "{said}");
        assert_eq!(said.len(), SAID_MAX);
    }
}
