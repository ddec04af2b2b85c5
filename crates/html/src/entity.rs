//! What an attribute's value says: character references decoded, as far as names and addresses need it.
//!
//! HTML §13.5 has over two thousand named references. Those that stand for ASCII characters in names and addresses are
//! known here; any other is left as it is written, so that it equals no name that is looked for.

use std::borrow::Cow;

/// The named references of ASCII characters that have a place in names, addresses and JSON.
const NAMED: [(&[u8], u8); 12] = [
    (b"amp;", b'&'),
    (b"apos;", b'\''),
    (b"colon;", b':'),
    (b"equals;", b'='),
    (b"gt;", b'>'),
    (b"lowbar;", b'_'),
    (b"lsqb;", b'['),
    (b"lt;", b'<'),
    (b"quest;", b'?'),
    (b"quot;", b'"'),
    (b"rsqb;", b']'),
    (b"sol;", b'/'),
];

/// `value` with its references decoded. Borrowed where it has none, as nearly all.
pub(crate) fn decode(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'&', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        match (byte == b'&').then(|| reference(after)).flatten() {
            Some((character, used)) => {
                let mut buffer = [0; 4];
                decoded.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                rest = after.get(used..).unwrap_or_default();
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    Cow::Owned(decoded)
}

/// The character that the reference after an ampersand stands for, and the bytes it takes.
fn reference(after: &[u8]) -> Option<(char, usize)> {
    if let Some(number) = after.strip_prefix(b"#") {
        return numeric(number).map(|(character, used)| (character, used + 1));
    }
    let (name, byte) = NAMED.iter().find(|(name, _)| after.starts_with(name))?;
    Some((char::from(*byte), name.len()))
}

/// HTML §13.2.5.76: decimal, or hexadecimal after an x; the semicolon may be missing.
pub(crate) fn numeric(after: &[u8]) -> Option<(char, usize)> {
    let hexadecimal = matches!(after.first(), Some(b'x' | b'X'));
    let (prefix, radix) = if hexadecimal { (1, 16) } else { (0, 10) };
    let digits = after.get(prefix..)?;
    let length =
        digits.iter().position(|&b| !char::from(b).is_digit(radix)).unwrap_or(digits.len());
    let mut value = 0_u32;
    for &digit in digits.get(..length).filter(|digits| !digits.is_empty())? {
        let digit = char::from(digit).to_digit(radix)?;
        value = value.saturating_mul(radix).saturating_add(digit);
    }
    let character = char::from_u32(value).filter(|&c| c != '\0')?;
    let semicolon = usize::from(digits.get(length) == Some(&b';'));
    Some((character, prefix + length + semicolon))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn references_of_ascii_are_decoded_and_others_left() {
        let cases: [(&[u8], &[u8]); 10] = [
            (b"plain", b"plain"),
            (b"&#99;srf", b"csrf"),
            (b"&#x63;&#X0073;rf", b"csrf"),
            (b"&#99srf", b"csrf"),
            (b"&lowbar;token", b"_token"),
            (b"a&amp;b=1", b"a&b=1"),
            (b"&nbsp;&unknown;", b"&nbsp;&unknown;"),
            (b"&", b"&"),
            (b"&#;&#x;&#0;", b"&#;&#x;&#0;"),
            (b"&#99999999999;", b"&#99999999999;"),
        ];
        for (written, meant) in cases {
            assert_eq!(decode(written).as_ref(), meant, "{}", String::from_utf8_lossy(written));
        }
    }
}
