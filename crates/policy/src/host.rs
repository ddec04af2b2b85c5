//! Which site a request is for, in the one spelling that keys and applications see: RFC 9110 §4.2.3, §7.2.
//!
//! Lower case, no final dot, no default port, an IPv6 literal in its shortest form. Stricter than RFC 3986 §3.2.2: a name
//! is made of letters, digits, `-`, `_` and `.` only. Percent-encoding and sub-delimiters never occur in honest host
//! names, and frameworks disagree about them.

use crate::{limits::HOST_BYTES_MAX, scheme::Scheme};
use larder_semantics::Reason;
use std::{borrow::Cow, net::Ipv6Addr};

/// A host in canonical form, with its port unless that is the scheme's own. Borrowed when it was sent so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalHost<'a>(Cow<'a, str>);

impl CanonicalHost<'_> {
    /// The host of an HTTP/1.0 request that named none. No valid `Host` is empty, so it never shares a key with one.
    pub const UNNAMED: CanonicalHost<'static> = CanonicalHost(Cow::Borrowed(""));

    /// The host as text: `example.com`, `example.com:8080`, `[::1]`; empty if [unnamed](Self::UNNAMED).
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the request named no host.
    #[must_use]
    pub fn is_unnamed(&self) -> bool {
        self.0.is_empty()
    }

    /// The same, kept beyond the request.
    #[must_use]
    pub fn into_owned(self) -> CanonicalHost<'static> {
        CanonicalHost(Cow::Owned(self.0.into_owned()))
    }
}

/// Makes the canonical form of a `Host` value or an authority. Total; allocates only if the form differs.
///
/// # Errors
/// [`Reason::BadHost`]: empty, too long, userinfo, path, space, other characters than a name has, an empty label, a port
/// that is no number up to 65535, a bracket without an IPv6 address in it.
pub fn canonical(host: &[u8], scheme: Scheme) -> Result<CanonicalHost<'_>, Reason> {
    let (name, port) = split_port(host).ok_or(Reason::BadHost)?;
    if name.is_empty() || host.len() > HOST_BYTES_MAX {
        return Err(Reason::BadHost);
    }
    let port = parse_port(port)?.filter(|port| port.number != scheme.default_port());
    if name.first() == Some(&b'[') {
        return literal(host, name, port);
    }
    let name = name.strip_suffix(b".").unwrap_or(name);
    let spelling = spelling(name).ok_or(Reason::BadHost)?;
    let len = name.len() + port.as_ref().map_or(0, |port| 1 + port.text.len());
    let as_sent = host.get(..len).unwrap_or_default();
    // What was dropped (a final dot before a port, zeros) leaves the kept bytes apart: write them anew then.
    let contiguous = port.as_ref().is_none_or(|port| as_sent.ends_with(port.text));
    match spelling {
        Spelling::Canonical if contiguous => text(as_sent).map(Cow::Borrowed),
        Spelling::Canonical | Spelling::UpperCase => {
            text(name).map(|name| join(name.to_ascii_lowercase(), port))
        }
    }
    .map(CanonicalHost)
}

enum Spelling {
    Canonical,
    UpperCase,
}

/// A port that must be named, as sent without leading zeros.
struct Port<'a> {
    number: u16,
    text: &'a [u8],
}

/// `None`: more than one colon outside brackets, or something else than a port after a bracket.
fn split_port(host: &[u8]) -> Option<(&[u8], &[u8])> {
    let name_len = if host.first() == Some(&b'[') {
        memchr::memchr(b']', host)? + 1
    } else {
        memchr::memchr(b':', host).unwrap_or(host.len())
    };
    let (name, rest) = host.split_at_checked(name_len)?;
    match rest {
        [] => Some((name, rest)),
        [b':', port @ ..] => Some((name, port)),
        _ => None,
    }
}

/// `Ok(None)`: no port. RFC 3986 §3.2.3: a colon with nothing after it means the default one.
fn parse_port(digits: &[u8]) -> Result<Option<Port<'_>>, Reason> {
    if digits.is_empty() {
        return Ok(None);
    }
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let text = digits.get(zeros..).unwrap_or_default();
    if text.is_empty() || text.len() > 5 || !text.iter().all(u8::is_ascii_digit) {
        return Err(Reason::BadHost);
    }
    let number = text.iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let number = u16::try_from(number).map_err(|_| Reason::BadHost)?;
    Ok(Some(Port { number, text }))
}

#[derive(Clone, Copy)]
enum Class {
    InLabel,
    UpperCase,
    Dot,
    Other,
}

/// What each byte is to a name. A table, because every request's host goes through it.
static CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => Class::InLabel,
            b'A'..=b'Z' => Class::UpperCase,
            b'.' => Class::Dot,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// `None`: not a name. One pass, as nearly every host is canonical already.
fn spelling(name: &[u8]) -> Option<Spelling> {
    let mut spelling = Spelling::Canonical;
    let mut label_is_empty = true;
    for byte in name {
        match CLASSES.get(usize::from(*byte)) {
            Some(Class::InLabel) => label_is_empty = false,
            Some(Class::UpperCase) => {
                spelling = Spelling::UpperCase;
                label_is_empty = false;
            }
            Some(Class::Dot) if !label_is_empty => label_is_empty = true,
            Some(Class::Dot | Class::Other) | None => return None,
        }
    }
    (!label_is_empty).then_some(spelling)
}

/// RFC 3986 §3.2.2 IP-literal. Zone identifiers and future versions have no place in a request.
fn literal<'a>(
    host: &'a [u8],
    name: &'a [u8],
    port: Option<Port<'_>>,
) -> Result<CanonicalHost<'a>, Reason> {
    let inside = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]"));
    let address: Ipv6Addr =
        text(inside.ok_or(Reason::BadHost)?)?.parse().or(Err(Reason::BadHost))?;
    let canonical = join(format!("[{address}]"), port);
    let host = text(host)?;
    Ok(CanonicalHost(if host == canonical { Cow::Borrowed(host) } else { canonical }))
}

fn join(mut name: String, port: Option<Port<'_>>) -> Cow<'static, str> {
    if let Some(port) = port {
        name.push(':');
        name.push_str(&port.number.to_string());
    }
    Cow::Owned(name)
}

fn text(bytes: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(bytes).or(Err(Reason::BadHost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_host_has_one_spelling() {
        use Scheme::{Http, Https};
        let cases = [
            ("plain", "example.com", Http, "example.com"),
            ("upper case", "EXAMPLE.Com", Http, "example.com"),
            ("final dot", "example.com.", Http, "example.com"),
            ("default port of http", "example.com:80", Http, "example.com"),
            ("default port of https", "example.com:443", Https, "example.com"),
            ("other scheme's port stays", "example.com:443", Http, "example.com:443"),
            ("http's port stays on https", "example.com:80", Https, "example.com:80"),
            ("own port", "example.com:8080", Http, "example.com:8080"),
            ("empty port", "example.com:", Http, "example.com"),
            ("zeros before the port", "example.com:0080", Http, "example.com"),
            ("zeros before an own port", "example.com:008080", Http, "example.com:8080"),
            ("dot and port", "example.com.:8080", Http, "example.com:8080"),
            ("dot, case and default port", "Example.COM.:80", Http, "example.com"),
            ("case and port", "A:1", Http, "a:1"),
            ("digit before dot and same port", "a8.:8", Http, "a8:8"),
            ("largest port", "a:65535", Http, "a:65535"),
            ("underscore", "my_app.local", Http, "my_app.local"),
            ("one label", "localhost", Http, "localhost"),
            ("IPv4", "127.0.0.1:8000", Http, "127.0.0.1:8000"),
            ("IPv6", "[::1]", Http, "[::1]"),
            ("IPv6 with port", "[::1]:8080", Http, "[::1]:8080"),
            ("IPv6 with default port", "[::1]:443", Https, "[::1]"),
            ("IPv6 written out", "[0:0:0:0:0:0:0:1]", Http, "[::1]"),
            ("IPv6 upper case", "[2001:DB8::A]:81", Http, "[2001:db8::a]:81"),
            ("punycode", "xn--bcher-kva.example", Http, "xn--bcher-kva.example"),
        ];
        for (name, host, scheme, expected) in cases {
            let actual = canonical(host.as_bytes(), scheme);
            assert_eq!(actual.as_ref().map(CanonicalHost::as_str), Ok(expected), "{name}: {host}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = "a".repeat(HOST_BYTES_MAX + 1);
        let cases = [
            ("empty", ""),
            ("only a dot", "."),
            ("only a port", ":80"),
            ("userinfo", "user@example.com"),
            ("userinfo and password", "user:pass@example.com"),
            ("path", "example.com/path"),
            ("query", "example.com?x"),
            ("fragment", "example.com#x"),
            ("backslash", "example.com\\x"),
            ("space inside", "exa mple.com"),
            ("space before", " example.com"),
            ("tab after", "example.com\t"),
            ("two hosts", "a.example,b.example"),
            ("percent-encoding", "ex%61mple.com"),
            ("quote", "\"example.com\""),
            ("angle", "<script>"),
            ("not ASCII", "bücher.example"),
            ("NUL", "example.com\0"),
            ("empty label", "example..com"),
            ("leading dot", ".example.com"),
            ("two final dots", "example.com.."),
            ("port zero", "example.com:0"),
            ("port too large", "example.com:65536"),
            ("port with sign", "example.com:+80"),
            ("port with letters", "example.com:80x"),
            ("six digits", "example.com:100000"),
            ("two ports", "example.com:80:80"),
            ("IPv6 without brackets", "::1"),
            ("bracket not closed", "[::1"),
            ("bracket not opened", "::1]"),
            ("text after bracket", "[::1]x"),
            ("dot after bracket", "[::1]."),
            ("text before bracket", "x[::1]"),
            ("empty brackets", "[]"),
            ("zone", "[fe80::1%25eth0]"),
            ("IPv4 in brackets", "[127.0.0.1]"),
            ("future version", "[v1.x]"),
            ("bad address", "[1::2::3]"),
            ("too long", long.as_str()),
        ];
        for (name, host) in cases {
            assert_eq!(canonical(host.as_bytes(), Scheme::Http), Err(Reason::BadHost), "{name}");
        }
    }

    #[test]
    fn a_canonical_host_is_not_copied() {
        for host in ["example.com", "example.com:80", "example.com.", "a:8080", "[::1]:81"] {
            let actual = canonical(host.as_bytes(), Scheme::Http).unwrap();
            let borrowed = matches!(actual.0, Cow::Borrowed(_));
            assert!(borrowed, "{host}");
        }
    }

    #[test]
    fn the_longest_host_passes() {
        let host = format!("{}.:65535", "a".repeat(253));
        assert_eq!(host.len(), HOST_BYTES_MAX);
        assert!(canonical(host.as_bytes(), Scheme::Http).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(host in prop::collection::vec(any::<u8>(), 0..40)) {
            drop(canonical(&host, Scheme::Http));
        }

        #[test]
        fn canonical_is_idempotent(
            host in "([A-Za-z0-9_.-]{1,12}|\\[[0-9a-fA-F:.]{2,20}\\])(:[0-9]{0,6})?",
            https in any::<bool>(),
        ) {
            let scheme = if https { Scheme::Https } else { Scheme::Http };
            if let Ok(once) = canonical(host.as_bytes(), scheme) {
                let twice = canonical(once.as_str().as_bytes(), scheme);
                prop_assert_eq!(twice.as_ref(), Ok(&once));
                prop_assert!(!once.is_unnamed());
                prop_assert!(!once.as_str().bytes().any(|byte| byte.is_ascii_uppercase()));
            }
        }
    }
}
