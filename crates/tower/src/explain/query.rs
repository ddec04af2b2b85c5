//! What is asked in the query of a URL, and in which form is it to be answered?

use http::header::{ACCEPT, HeaderMap};

/// As forms and `curl --data-urlencode` write it: RFC 3986 §2.1, and `+` for a space. `None`: a `%` without two digits, or what
/// comes out is not UTF-8.
#[must_use]
pub fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = after.split_first_chunk::<2>()?;
            let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
            bytes.push(u8::try_from(high? << 4 | low?).ok()?);
            rest = after;
        } else {
            bytes.push(if byte == b'+' { b' ' } else { byte });
        }
    }
    String::from_utf8(bytes).ok()
}

/// RFC 9110 §12.5.1, as far as two types need it: JSON if it is named and not refused.
#[must_use]
pub fn wants_json(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        line.split(',').any(|range| {
            let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
            let refused = parameters.split(';').any(|each| each.trim().eq_ignore_ascii_case("q=0"));
            kind.trim().eq_ignore_ascii_case("application/json") && !refused
        })
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn values_are_decoded_and_what_is_not_encoded_is_refused() {
        let cases = [
            ("", Some("")),
            ("a%20b+c%2Bd", Some("a b c+d")),
            ("%c3%A9", Some("é")),
            ("%", None),
            ("%4", None),
            ("%4g", None),
            ("%ff", None),
            ("%+1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decoded(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn json_is_for_those_who_name_it() {
        for (accept, expected) in [
            ("application/json", true),
            ("text/plain, Application/JSON;q=0.9", true),
            ("*/*", false),
            ("application/json;q=0", false),
            ("text/html", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_json(&headers), expected, "{accept}");
        }
        assert!(!wants_json(&HeaderMap::new()));
    }
}
