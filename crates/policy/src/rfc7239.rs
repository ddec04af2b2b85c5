//! What a `Forwarded` field says of each hop: RFC 7239 §4.
//!
//! All of its lines are one list (RFC 9110 §5.3). One thing wrong anywhere and none of it is believed: a quote that somebody
//! further away left open would else swallow what the nearest hop wrote.

use crate::limits::FORWARDED_HOPS_MAX;
use http::{HeaderMap, HeaderValue, header};

/// One element: what one proxy says of the hop before it. Values are without their quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hop<'a> {
    /// `for`, as it was written: an address, `unknown`, or a name of the proxy's own.
    pub(crate) client: Option<&'a str>,
    /// `proto`.
    pub(crate) proto: Option<&'a str>,
}

/// The field is there and is not what RFC 7239 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The hops of all lines, the nearest last.
pub(crate) fn hops(headers: &HeaderMap) -> Result<Vec<Hop<'_>>, Malformed> {
    let mut hops = Vec::new();
    for line in headers.get_all(header::FORWARDED) {
        let mut rest = HeaderValue::to_str(line).map_err(|_| Malformed)?;
        loop {
            rest = space(rest);
            // RFC 9110 §5.6.1.2: empty elements of a list are skipped.
            if let Some(after) = rest.strip_prefix(',') {
                rest = after;
                continue;
            }
            if rest.is_empty() {
                break;
            }
            let (hop, after) = hop(rest)?;
            if hops.len() == FORWARDED_HOPS_MAX {
                return Err(Malformed);
            }
            hops.push(hop);
            rest = after;
        }
    }
    Ok(hops)
}

/// RFC 7239 §4: `[ pair ] *( ";" [ pair ] )`, up to the comma behind it.
fn hop(text: &str) -> Result<(Hop<'_>, &str), Malformed> {
    let mut hop = Hop::default();
    let mut rest = text;
    loop {
        rest = space(rest);
        if let Some(after) = rest.strip_prefix(';') {
            rest = after;
            continue;
        }
        if rest.is_empty() || rest.starts_with(',') {
            return Ok((hop, rest));
        }
        let (name, after) = token(rest)?;
        let (value, after) = value(after.strip_prefix('=').ok_or(Malformed)?)?;
        let place = match name {
            name if name.eq_ignore_ascii_case("for") => &mut hop.client,
            name if name.eq_ignore_ascii_case("proto") => &mut hop.proto,
            _ => &mut None,
        };
        // RFC 7239 §4: each parameter once in an element.
        if place.replace(value).is_some() {
            return Err(Malformed);
        }
        rest = space(after);
        if !(rest.is_empty() || rest.starts_with([';', ','])) {
            return Err(Malformed);
        }
    }
}

fn value(text: &str) -> Result<(&str, &str), Malformed> {
    let Some(quoted) = text.strip_prefix('"') else { return token(text) };
    let (value, after) = quoted.split_once('"').ok_or(Malformed)?;
    // No address needs an escape, and two parsers may take one for different things.
    if value.contains('\\') { Err(Malformed) } else { Ok((value, after)) }
}

/// RFC 9110 §5.6.2. The colon of a port or an address without quotes is taken too: many proxies leave the quotes out.
fn token(text: &str) -> Result<(&str, &str), Malformed> {
    let ends = |byte: u8| !(byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:[]".contains(&byte));
    let end = text.bytes().position(ends).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(token, _)| !token.is_empty()).ok_or(Malformed)
}

fn space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Owned = (Option<String>, Option<String>);

    fn read(lines: &[&str]) -> Result<Vec<Owned>, Malformed> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::FORWARDED, HeaderValue::from_str(line).unwrap());
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        hops(&headers)
            .map(|hops| hops.iter().map(|hop| (owned(hop.client), owned(hop.proto))).collect())
    }

    #[test]
    fn hops_are_read_in_order_over_all_lines() {
        let hop = |client: &str, proto: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            (some(client), some(proto))
        };
        let cases = [
            (&[][..], vec![]),
            (&[""], vec![]),
            (&["for=192.0.2.1"], vec![hop("192.0.2.1", "")]),
            (
                &["For=\"[2001:db8::1]:4711\"; PROTO=https"],
                vec![hop("[2001:db8::1]:4711", "https")],
            ),
            (&["for=192.0.2.1:80;proto=http"], vec![hop("192.0.2.1:80", "http")]),
            (
                &["for=a, for=b;proto=https", "for=c"],
                vec![hop("a", ""), hop("b", "https"), hop("c", "")],
            ),
            (&["by=x;host=\"a,b;c\";proto=http , ,for=_x"], vec![hop("", "http"), hop("_x", "")]),
            (&[";;for=unknown;"], vec![hop("unknown", "")]),
        ];
        for (lines, expected) in cases {
            assert_eq!(read(lines), Ok(expected), "{lines:?}");
        }
    }

    #[test]
    fn one_thing_wrong_spoils_all_of_it() {
        for lines in [
            &["for=\"192.0.2.1"][..],
            // Left open by the client, closed by nobody: the nearest hop's element is inside.
            &["for=\"evil", "for=192.0.2.1;proto=https"],
            &["for=\"a\\\"b\""],
            &["for=a;for=b"],
            &["proto=https;proto=http"],
            &["for"],
            &["for ="],
            &["for="],
            &["for=a b"],
            &["=a"],
            &["for=a/b"],
            &["for=\"a\"b"],
        ] {
            assert_eq!(read(lines), Err(Malformed), "{lines:?}");
        }
        let many = vec!["for=a"; FORWARDED_HOPS_MAX + 1].join(",");
        assert_eq!(read(&[&many]), Err(Malformed));
        let many = vec!["for=a"; FORWARDED_HOPS_MAX].join(",");
        assert_eq!(read(&[&many]).map(|hops| hops.len()), Ok(FORWARDED_HOPS_MAX));
    }

    proptest! {
        #[test]
        fn no_value_panics(lines in prop::collection::vec("[ -~\t]{0,30}|(for|proto)=[\"a:,; =]{0,8}", 0..4)) {
            let _hops = read(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
