//! How HTTP/1.1 bytes are cut into heads, bodies and trailers for a test: [RFC 9112], read strictly.
//!
//! Independent of the parsers under test, and it never repairs: what is not exactly in the
//! canonical form is an error that names what was seen.
//!
//! [RFC 9112]: https://www.rfc-editor.org/rfc/rfc9112

/// Field lines in the order they came, names as sent.
pub type Fields = Vec<(String, String)>;

/// All values of the field called `name`, in order.
#[must_use]
pub fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
}

/// The length of the head at the start of `bytes`, its empty line included.
#[must_use]
pub fn head_len(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

/// A head: its start line and its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The request line or status line, without its line end.
    pub start: String,
    /// The field lines.
    pub fields: Fields,
}

impl Head {
    /// Reads a complete head, its empty line included.
    ///
    /// # Errors
    /// Says what is not canonical: a bare CR or LF, a folded line, a space before the colon, a
    /// control character, an empty or odd name.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text =
            bytes.strip_suffix(b"\r\n\r\n").ok_or("the head does not end with an empty line")?;
        let mut lines = split_lines(text);
        let start = checked_text(lines.next().unwrap_or_default(), "start line")?;
        let fields = lines.map(field).collect::<Result<_, _>>()?;
        Ok(Self { start, fields })
    }

    /// The first value of the field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        values(&self.fields, name).first().copied()
    }

    /// All values of the field called `name`.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        values(&self.fields, name)
    }
}

fn split_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let now = rest?;
        let Some(at) = now.windows(2).position(|w| w == b"\r\n") else {
            rest = None;
            return Some(now);
        };
        rest = now.get(at + 2..);
        now.get(..at)
    })
}

fn field(line: &[u8]) -> Result<(String, String), String> {
    let shown = String::from_utf8_lossy(line).into_owned();
    let at =
        line.iter().position(|&b| b == b':').ok_or_else(|| format!("no colon in {shown:?}"))?;
    let (name, value) = line.split_at(at);
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    if name.is_empty() || !name.iter().all(token) {
        return Err(format!("not a field name: {shown:?}"));
    }
    let value = checked_text(value.get(1..).unwrap_or_default(), "field value")?;
    Ok((checked_text(name, "field name")?, value.trim_matches([' ', '\t']).to_owned()))
}

/// Bytes beyond ASCII are shown as Latin-1, as old parsers do.
fn checked_text(bytes: &[u8], what: &str) -> Result<String, String> {
    match bytes.iter().find(|&&b| (b < 0x20 && b != b'\t') || b == 0x7f) {
        Some(b) => Err(format!("byte {b:#04x} in a {what}")),
        None => Ok(bytes.iter().map(|&b| char::from(b)).collect()),
    }
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunked coding.
    Chunked,
    /// All there is until the connection closes. Only for responses.
    UntilClose,
}

impl Framing {
    /// Of a request.
    ///
    /// # Errors
    /// Says what two parsers could read differently.
    pub fn of_request(head: &Head) -> Result<Self, String> {
        Ok(Self::declared(head)?.unwrap_or(Self::None))
    }

    /// Of a final response to a request whose method is `HEAD` or not.
    ///
    /// # Errors
    /// Says what two parsers could read differently.
    pub fn of_response(head: &Head, status: u16, method: &str) -> Result<Self, String> {
        let declared = Self::declared(head)?;
        if method == "HEAD" || status == 204 || status == 304 || status < 200 {
            return Ok(Self::None);
        }
        Ok(declared.unwrap_or(Self::UntilClose))
    }

    fn declared(head: &Head) -> Result<Option<Self>, String> {
        match (head.all("transfer-encoding").as_slice(), head.all("content-length").as_slice()) {
            ([], []) => Ok(None),
            ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(Some(Self::Chunked)),
            ([], [length]) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
                length.parse().map(|n| Some(Self::Length(n))).map_err(|e| e.to_string())
            }
            (codings, lengths) => {
                Err(format!("Transfer-Encoding {codings:?} with Content-Length {lengths:?}"))
            }
        }
    }
}

/// What a piece of a chunked body turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// A chunk's data and how many bytes of input it took.
    Data(Vec<u8>, usize),
    /// The last chunk with its trailer section, and how many bytes of input it took.
    Last(Fields, usize),
    /// The input ends within it.
    NeedMore,
}

impl Chunk {
    /// Reads the chunk at the start of `bytes`. Extensions are refused: nobody should pass them on.
    ///
    /// # Errors
    /// Says what is not canonical.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let Some(line_len) = bytes.windows(2).position(|w| w == b"\r\n") else {
            return Ok(Self::NeedMore);
        };
        let (line, rest) = bytes.split_at(line_len);
        let digits = String::from_utf8_lossy(line).into_owned();
        if digits.is_empty() || !line.iter().all(u8::is_ascii_hexdigit) {
            return Err(format!("not a plain chunk size: {digits:?}"));
        }
        let size = usize::from_str_radix(&digits, 16).map_err(|e| format!("{digits:?}: {e}"))?;
        if size == 0 {
            return Self::last(rest, line_len);
        }
        let Some(data) = rest.get(2..2 + size) else { return Ok(Self::NeedMore) };
        match rest.get(2 + size..4 + size) {
            Some(b"\r\n") => Ok(Self::Data(data.to_vec(), line_len + 4 + size)),
            Some(other) => Err(format!("a chunk of {size} is followed by {other:?}")),
            None => Ok(Self::NeedMore),
        }
    }

    fn last(after_size: &[u8], line_len: usize) -> Result<Self, String> {
        if after_size.starts_with(b"\r\n\r\n") {
            return Ok(Self::Last(Fields::new(), line_len + 4));
        }
        let Some(len) = head_len(after_size) else { return Ok(Self::NeedMore) };
        let lines = after_size.get(2..len - 4).unwrap_or_default();
        let fields = split_lines(lines).map(field).collect::<Result<_, _>>()?;
        Ok(Self::Last(fields, line_len + len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_head_is_cut_into_fields() {
        let head = Head::parse(b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n").unwrap();
        assert_eq!(head.start, "GET / HTTP/1.1");
        assert_eq!(head.field("host"), Some("a"));
        assert_eq!(head.field("x"), Some(""));
        assert_eq!(head.field("y"), None);
    }

    #[test]
    fn what_parsers_read_differently_is_refused() {
        let heads: [&[u8]; 6] = [
            b"GET / HTTP/1.1\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            b"GET / HTTP/1.1\r\n: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        ];
        for head in heads {
            assert!(Head::parse(head).is_err(), "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn only_one_plain_framing_is_accepted() {
        let cases = [
            ("Content-Length: 3", Ok(Framing::Length(3))),
            ("Transfer-Encoding: chunked", Ok(Framing::Chunked)),
            ("X: y", Ok(Framing::None)),
            ("Content-Length: +3", Err(())),
            ("Content-Length: 3\r\nContent-Length: 3", Err(())),
            ("Transfer-Encoding: gzip, chunked", Err(())),
            ("Transfer-Encoding: chunked\r\nContent-Length: 3", Err(())),
        ];
        for (fields, expected) in cases {
            let raw = format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n");
            let head = Head::parse(raw.as_bytes()).unwrap();
            assert_eq!(Framing::of_request(&head).map_err(|_| ()), expected, "{fields}");
        }
    }

    #[test]
    fn chunks_are_taken_one_at_a_time() {
        assert_eq!(Chunk::parse(b"3\r\nab"), Ok(Chunk::NeedMore));
        assert_eq!(Chunk::parse(b"3\r\nabc\r\n0"), Ok(Chunk::Data(b"abc".to_vec(), 8)));
        assert_eq!(Chunk::parse(b"0\r\n\r\nGET"), Ok(Chunk::Last(vec![], 5)));
        let trailer = vec![("X".to_owned(), "y".to_owned())];
        assert_eq!(Chunk::parse(b"0\r\nX: y\r\n\r\n"), Ok(Chunk::Last(trailer, 11)));
        assert!(Chunk::parse(b"3;a=b\r\nabc\r\n").is_err());
        assert!(Chunk::parse(b"3\r\nabcd\r\n").is_err());
    }
}
