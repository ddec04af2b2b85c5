//! What was entered into a form? `application/x-www-form-urlencoded`, read without ever failing.

/// The value of the first field of this name, decoded; what is no UTF-8 is replaced.
pub(super) fn field(body: &[u8], name: &str) -> Option<String> {
    body.split(|byte| *byte == b'&').find_map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let key = decode(halves.next()?);
        let value = halves.next().unwrap_or_default();
        (key == name).then(|| decode(value))
    })
}

/// `+` is a space, `%41` is `A`; a percent sign without two digits is itself.
fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                (None, _) | (_, None) => bytes.push(b'%'),
            },
            (other, _) => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_decoded_and_nonsense_stays_as_it_is() {
        let cases = [
            ("name=Ada", Some("Ada")),
            ("x=1&name=Ada+L%c3%A9on", Some("Ada Léon")),
            ("name=%", Some("%")),
            ("name=%4", Some("%4")),
            ("name=%zz", Some("%zz")),
            ("name=%ff", Some("\u{fffd}")),
            ("name", Some("")),
            ("n%61me=a=b&name=c", Some("a=b")),
            ("names=Ada", None),
            ("", None),
        ];
        for (body, expected) in cases {
            assert_eq!(field(body.as_bytes(), "name").as_deref(), expected, "{body}");
        }
    }
}
