//! What does a balancer that only passes bytes on say of a connection? The PROXY protocol, versions 1 and 2, as its
//! specification of 2020 has them.
//!
//! Strict: a header that is not exactly as specified ends the connection, because whatever is made of it would be
//! somebody's address. The header is required where it is expected (§2: never guessed at), and nothing behind it is read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::scheme::Scheme;

/// §2.1: the longest line of version 1, with its line end.
const V1_BYTES_MAX: usize = 107;

/// §2.2: what version 2 begins with.
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// §2.2: signature, version and command, family, length.
const V2_HEAD_BYTES: usize = 16;

/// Longest header, bytes: room for the addresses and for what balancers say of TLS, not for a certificate.
pub const HEADER_BYTES_MAX: usize = 4096;

/// §2.2.5, `PP2_TYPE_SSL`.
const TYPE_SSL: u8 = 0x20;

/// §2.2.5, `PP2_CLIENT_SSL`: the client connected over TLS.
const CLIENT_SSL: u8 = 0x01;

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A header, and how long it is.
    Whole(Announced, usize),
    /// The beginning of one.
    Partial,
    /// None.
    Malformed,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Who connected to the balancer. `None`: the balancer itself (`LOCAL`), or it does not say (`UNKNOWN`, another family);
    /// then the connection's own peer counts.
    pub source: Option<SocketAddr>,
    /// How, if it says.
    pub scheme: Option<Scheme>,
}

impl Announced {
    const NOTHING: Self = Self { source: None, scheme: None };
}

/// Reads what is there of a header. Total; never looks behind the header's end.
#[must_use]
pub fn read(bytes: &[u8]) -> Header {
    let part = bytes.get(..V2_SIGNATURE.len()).unwrap_or(bytes);
    if V2_SIGNATURE.starts_with(part) {
        return v2(bytes);
    }
    v1(bytes)
}

/// §2.1: a line of text.
fn v1(bytes: &[u8]) -> Header {
    const BEGINNING: &[u8] = b"PROXY ";
    let part = bytes.get(..BEGINNING.len()).unwrap_or(bytes);
    if !BEGINNING.starts_with(part) {
        return Header::Malformed;
    }
    let within = bytes.get(..V1_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        // A line that is as long as may be and not over will never be.
        return if bytes.len() < V1_BYTES_MAX { Header::Partial } else { Header::Malformed };
    };
    let line = within.get(BEGINNING.len()..end).unwrap_or_default();
    let announced = std::str::from_utf8(line).ok().and_then(words);
    announced.map_or(Header::Malformed, |announced| Header::Whole(announced, end + 2))
}

fn words(line: &str) -> Option<Announced> {
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        // §2.1: the rest of the line says nothing.
        return Some(Announced::NOTHING);
    }
    // Exactly one space between words, and no more words than these.
    let words: Vec<&str> = line.splitn(6, ' ').collect();
    let [family, source, destination, source_port, destination_port] = words.as_slice() else {
        return None;
    };
    let address = |word: &str| -> Option<IpAddr> {
        match *family {
            "TCP4" => word.parse().ok().map(IpAddr::V4),
            "TCP6" => word.parse().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    address(destination)?;
    port(destination_port)?;
    let source = SocketAddr::new(address(source)?, port(source_port)?);
    Some(Announced { source: Some(source), scheme: None })
}

/// Digits, without a sign and without zeros in front.
fn port(word: &str) -> Option<u16> {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && (word == "0" || !word.starts_with('0'))).then(|| word.parse().ok()).flatten()
}

/// §2.2: binary.
fn v2(bytes: &[u8]) -> Header {
    let Some(head) = bytes.first_chunk::<V2_HEAD_BYTES>() else { return Header::Partial };
    let [.., version_command, family, high, low] = *head;
    let length = V2_HEAD_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if version_command >> 4 != 2 || version_command & 0xf > 1 || length > HEADER_BYTES_MAX {
        return Header::Malformed;
    }
    let Some(body) = bytes.get(V2_HEAD_BYTES..length) else { return Header::Partial };
    if version_command & 0xf == 0 {
        // §2.2: LOCAL, a health check of the balancer's own. What follows says nothing.
        return Header::Whole(Announced::NOTHING, length);
    }
    let announced = match family {
        0x11 => inet(body),
        0x21 => inet6(body),
        // §2.2: datagrams and Unix sockets do not come to a TCP listener as such; receivers take the
        // connection's own addresses. What else there is, the specification does not know.
        0x00 | 0x12 | 0x22 | 0x31 | 0x32 => Some(Announced::NOTHING),
        _ => None,
    };
    announced.map_or(Header::Malformed, |announced| Header::Whole(announced, length))
}

fn inet(body: &[u8]) -> Option<Announced> {
    let (addresses, rest) = body.split_first_chunk::<12>()?;
    let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses;
    with_extras(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), [high, low], rest)
}

fn inet6(body: &[u8]) -> Option<Announced> {
    let (addresses, rest) = body.split_first_chunk::<36>()?;
    let (source, others) = addresses.split_first_chunk::<16>()?;
    let [high, low] = *others.get(16..18)?.first_chunk::<2>()?;
    with_extras(IpAddr::V6(Ipv6Addr::from(*source)), [high, low], rest)
}

fn with_extras(ip: IpAddr, port: [u8; 2], extras: &[u8]) -> Option<Announced> {
    let source = Some(SocketAddr::new(ip, u16::from_be_bytes(port)));
    scheme(extras).ok().map(|scheme| Announced { source, scheme })
}

/// An extra that is not as long as it says.
struct CutOff;

/// §2.2.5: the scheme, if the extras have it.
fn scheme(mut extras: &[u8]) -> Result<Option<Scheme>, CutOff> {
    let mut scheme = None;
    while let Some((kind, rest)) = extras.split_first() {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(CutOff)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (value, rest) = rest.split_at_checked(length).ok_or(CutOff)?;
        if *kind == TYPE_SSL {
            // Flags, the result of the verification, and extras within, which say nothing here.
            let ([flags, ..], _) = value.split_first_chunk::<5>().ok_or(CutOff)?;
            let is_tls = flags & CLIENT_SSL != 0;
            scheme = Some(if is_tls { Scheme::Https } else { Scheme::Http });
        }
        extras = rest;
    }
    Ok(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2_header(version_command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut header = V2_SIGNATURE.to_vec();
        header.extend([version_command, family]);
        header.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        header.extend(body);
        header
    }

    const INET: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x1f, 0x90, 0x01, 0xbb];

    fn inet6_body() -> Vec<u8> {
        let address: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let mut body = address.octets().to_vec();
        body.extend(Ipv6Addr::LOCALHOST.octets());
        body.extend([0x1f, 0x90, 0x01, 0xbb]);
        body
    }

    fn with(body: &[u8], extras: &[&[u8]]) -> Vec<u8> {
        let mut all = body.to_vec();
        for extra in extras {
            all.extend(*extra);
        }
        all
    }

    fn announced(source: &str, scheme: Option<Scheme>) -> Option<Announced> {
        let source = (!source.is_empty()).then(|| source.parse().unwrap());
        Some(Announced { source, scheme })
    }

    #[test]
    fn lines_of_version_1_are_exactly_as_specified() {
        let cases: &[(&str, Option<Announced>)] = &[
            ("PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\r\n", announced("192.0.2.7:8080", None)),
            ("PROXY TCP6 2001:db8::7 ::1 8080 443\r\n", announced("[2001:db8::7]:8080", None)),
            (
                "PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n",
                announced("255.255.255.255:65535", None),
            ),
            ("PROXY UNKNOWN\r\n", announced("", None)),
            ("PROXY UNKNOWN ::1 ::2 1 2\r\n", announced("", None)),
            ("PROXY UNKNOWNS\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 8080 443 5\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 8080\r\n", None),
            ("PROXY TCP4  192.0.2.7 198.51.100.1 8080 443\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 8080 443 \r\n", None),
            ("PROXY TCP4 2001:db8::7 ::1 8080 443\r\n", None),
            ("PROXY TCP6 192.0.2.7 198.51.100.1 8080 443\r\n", None),
            ("PROXY TCP4 192.0.2.07 198.51.100.1 8080 443\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 +80 443\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 080 443\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1  443\r\n", None),
            ("PROXY TCP4 host 198.51.100.1 80 443\r\n", None),
            ("PROXY tcp4 192.0.2.7 198.51.100.1 80 443\r\n", None),
            ("PROXY UDP4 192.0.2.7 198.51.100.1 80 443\r\n", None),
            ("PROXY \r\n", None),
            ("proxy UNKNOWN\r\n", None),
            ("GET / HTTP/1.1\r\n", None),
            ("PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\n\r\n", None),
            ("PROXY TCP4 192.0.2.7\u{e9} 198.51.100.1 8080 443\r\n", None),
        ];
        for (text, expected) in cases {
            let expected = expected
                .map_or(Header::Malformed, |announced| Header::Whole(announced, text.len()));
            assert_eq!(read(text.as_bytes()), expected, "{text:?}");
            let followed = format!("{text}GET / HTTP/1.1\r\n\r\n");
            if expected != Header::Malformed {
                assert_eq!(read(followed.as_bytes()), expected, "what follows is not looked at");
            }
        }
    }

    #[test]
    fn a_line_of_version_1_has_107_bytes_at_most() {
        let fits = format!("PROXY UNKNOWN {}\r\n", "x".repeat(V1_BYTES_MAX - 16));
        assert_eq!(fits.len(), V1_BYTES_MAX);
        assert_eq!(read(fits.as_bytes()), Header::Whole(Announced::NOTHING, V1_BYTES_MAX));
        assert_eq!(read(&fits.as_bytes()[..V1_BYTES_MAX - 1]), Header::Partial);
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(V1_BYTES_MAX - 15));
        assert_eq!(read(long.as_bytes()), Header::Malformed);
        assert_eq!(read(&long.as_bytes()[..V1_BYTES_MAX]), Header::Malformed, "no need to wait");
    }

    #[test]
    fn every_beginning_of_a_header_is_partial() {
        let ssl: &[u8] = &[TYPE_SSL, 0, 5, CLIENT_SSL, 0, 0, 0, 0];
        let headers = [
            b"PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\r\n".to_vec(),
            v2_header(0x21, 0x11, &INET),
            v2_header(0x21, 0x21, &with(&inet6_body(), &[ssl])),
            v2_header(0x20, 0x00, &[]),
        ];
        for header in headers {
            for length in 0..header.len() {
                assert_eq!(read(&header[..length]), Header::Partial, "{length} of {header:?}");
            }
            assert!(matches!(read(&header), Header::Whole(_, length) if length == header.len()));
        }
    }

    #[test]
    fn headers_of_version_2_are_exactly_as_specified() {
        let tls: &[u8] = &[TYPE_SSL, 0, 5, CLIENT_SSL, 0, 0, 0, 0];
        let plain: &[u8] = &[TYPE_SSL, 0, 5, 0, 0, 0, 0, 0];
        let certificate_only: &[u8] = &[TYPE_SSL, 0, 5, 0x02, 0, 0, 0, 0];
        let named: &[u8] = &[0x02, 0, 3, b'a', b'.', b'b'];
        let empty: &[u8] = &[0x04, 0, 0];
        let v6 = inet6_body();
        let four = "192.0.2.7:8080";
        let cases: &[(&str, Vec<u8>, Option<Announced>)] = &[
            ("TCP over IPv4", v2_header(0x21, 0x11, &INET), announced(four, None)),
            ("TCP over IPv6", v2_header(0x21, 0x21, &v6), announced("[2001:db8::7]:8080", None)),
            (
                "by TLS",
                v2_header(0x21, 0x11, &with(&INET, &[named, tls, empty])),
                announced(four, Some(Scheme::Https)),
            ),
            (
                "not by TLS",
                v2_header(0x21, 0x11, &with(&INET, &[plain])),
                announced(four, Some(Scheme::Http)),
            ),
            (
                "a flag of another meaning",
                v2_header(0x21, 0x11, &with(&INET, &[certificate_only])),
                announced(four, Some(Scheme::Http)),
            ),
            ("LOCAL", v2_header(0x20, 0x00, &[]), announced("", None)),
            ("LOCAL with addresses", v2_header(0x20, 0x11, &INET), announced("", None)),
            ("LOCAL with anything", v2_header(0x20, 0xff, &[1, 2, 3]), announced("", None)),
            ("unspecified", v2_header(0x21, 0x00, &[9]), announced("", None)),
            ("UDP", v2_header(0x21, 0x12, &INET), announced("", None)),
            ("Unix", v2_header(0x21, 0x31, &[0; 216]), announced("", None)),
            ("another family", v2_header(0x21, 0x41, &INET), None),
            ("another version", v2_header(0x11, 0x11, &INET), None),
            ("another command", v2_header(0x22, 0x11, &INET), None),
            ("too short for its family", v2_header(0x21, 0x11, &INET[..11]), None),
            ("too short for IPv6", v2_header(0x21, 0x21, &v6[..35]), None),
            ("an extra without its length", v2_header(0x21, 0x11, &with(&INET, &[&[1, 0]])), None),
            ("an extra cut off", v2_header(0x21, 0x11, &with(&INET, &[&[1, 0, 2, 0]])), None),
            (
                "TLS too short",
                v2_header(0x21, 0x11, &with(&INET, &[&[TYPE_SSL, 0, 1, CLIENT_SSL]])),
                None,
            ),
            (
                "as long as may be",
                v2_header(0x20, 0x00, &[0; HEADER_BYTES_MAX - V2_HEAD_BYTES]),
                announced("", None),
            ),
            ("longer", v2_header(0x20, 0x00, &[0; HEADER_BYTES_MAX - V2_HEAD_BYTES + 1]), None),
        ];
        for (name, header, expected) in cases {
            let expected = expected
                .map_or(Header::Malformed, |announced| Header::Whole(announced, header.len()));
            assert_eq!(read(header), expected, "{name}");
        }
        let mut wrong = v2_header(0x21, 0x11, &INET);
        wrong[11] = b'X';
        assert_eq!(read(&wrong), Header::Malformed, "not the signature");
    }
}
