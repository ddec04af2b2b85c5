//! How an attempt is written down: `corpus/smuggling/NAME.http`.
//!
//! ```text
//! expect: either 400            what has to become of it
//! why: RFC 9112 §6.3 item 3     the rule
//! body: hello                   optional: the body the application must get
//! sending: ends                 optional: the client closes its side behind the bytes
//!
//! POST /a HTTP/1.1\r\n          the bytes: line ends of the file mean nothing,
//! X: \x00\{3*ab}\r\n            and these escapes are all there are
//! ```

use std::path::Path;

/// What has to become of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// `refused 400 501`: one of these statuses; the application sees nothing.
    Refused(Vec<u16>),
    /// `one`: the application sees exactly one canonical request.
    One,
    /// `either 400`: one of the two.
    Either(Vec<u16>),
    /// `broken`: an error, or no answer; the application sees at most a request that breaks off.
    Broken,
    /// `lenient`: as `one` or as `broken`.
    Lenient,
}

/// An attempt.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file's name without its ending.
    pub name: String,
    /// What has to become of it.
    pub expect: Expect,
    /// The rule that says so.
    pub why: String,
    /// The body the application must get, if it gets the request.
    pub body: Option<Vec<u8>>,
    /// Whether the client closes its side behind the bytes.
    pub sending_ends: bool,
    /// The bytes.
    pub raw: Vec<u8>,
}

/// The corpus, in the order of the names.
///
/// # Panics
/// When a file can't be read or understood.
#[must_use]
pub fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/smuggling");
    let files = std::fs::read_dir(&folder).expect("the smuggling corpus");
    let mut paths: Vec<_> = files.filter_map(|file| file.ok().map(|f| f.path())).collect();
    paths.sort();
    let cases = paths.iter().filter(|path| path.extension().is_some_and(|e| e == "http"));
    cases
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(path).expect("a corpus file");
            parse(&name, &text).unwrap_or_else(|why| panic!("{name}: {why}"))
        })
        .collect()
}

fn parse(name: &str, text: &str) -> Result<Case, String> {
    let (notes, raw) = text.split_once("\n\n").ok_or("no empty line")?;
    let note = |key: &str| {
        notes.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim))
    };
    Ok(Case {
        name: name.to_owned(),
        expect: expect(note("expect").ok_or("no expect")?)?,
        why: note("why").ok_or("no why")?.to_owned(),
        body: note("body").map(bytes).transpose()?,
        sending_ends: note("sending") == Some("ends"),
        raw: bytes(raw)?,
    })
}

fn expect(text: &str) -> Result<Expect, String> {
    let mut words = text.split(' ');
    let kind = words.next().unwrap_or_default();
    let statuses: Vec<u16> =
        words.map(|w| w.parse().map_err(|_| format!("status {w:?}"))).collect::<Result<_, _>>()?;
    match (kind, statuses.is_empty()) {
        ("refused", false) => Ok(Expect::Refused(statuses)),
        ("either", false) => Ok(Expect::Either(statuses)),
        ("one", true) => Ok(Expect::One),
        ("broken", true) => Ok(Expect::Broken),
        ("lenient", true) => Ok(Expect::Lenient),
        _ => Err(format!("expect {text:?}")),
    }
}

/// Turns the spelled form into bytes.
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (piece, after) = match rest.strip_prefix('\\') {
            Some(escaped) => escape(escaped).ok_or_else(|| format!("escape at {rest:.20?}"))?,
            None if first == '\n' => (Vec::new(), rest.strip_prefix('\n').unwrap_or_default()),
            None => rest
                .split_at_checked(first.len_utf8())
                .map_or_else(Default::default, |(a, b)| (a.into(), b)),
        };
        out.extend(piece);
        rest = after;
    }
    Ok(out)
}

/// One escape, without its backslash: its bytes and what follows.
fn escape(text: &str) -> Option<(Vec<u8>, &str)> {
    if let Some(rest) = text.strip_prefix('x') {
        let (digits, rest) = rest.split_at_checked(2)?;
        return Some((vec![u8::from_str_radix(digits, 16).ok()?], rest));
    }
    if let Some(rest) = text.strip_prefix('{') {
        let (inner, rest) = rest.split_once('}')?;
        let (count, repeated) = inner.split_once('*')?;
        return Some((bytes(repeated).ok()?.repeat(count.parse().ok()?), rest));
    }
    let plain = [('r', b'\r'), ('n', b'\n'), ('t', b'\t'), ('\\', b'\\')];
    plain.iter().find_map(|&(name, byte)| Some((vec![byte], text.strip_prefix(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_bytes_and_line_ends_vanish() {
        assert_eq!(bytes("a\\r\\n\nb\\x00\\\\\\{3*xy}\n").unwrap(), b"a\r\nb\0\\xyxyxy");
        assert!(bytes("\\q").is_err());
    }

    #[test]
    fn the_corpus_is_read_whole_and_every_case_tries_something() {
        let cases = cases();
        assert!(cases.len() >= 60, "{} cases", cases.len());
        for case in &cases {
            assert!(!case.raw.is_empty() && !case.why.is_empty(), "{}", case.name);
        }
    }
}
