//! How is a text written so that nginx reads it as it is?
//!
//! Inside double quotes nginx takes `\"`, `\\`, `\t`, `\n` and `\r` for one character, leaves other backslashes alone, and
//! looks for variables only where its directive does.

/// A text in double quotes, for a place where nginx looks for no variables: a key of `map`, a name of `server`.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// A key of `map` that is this text in any case, quoted.
///
/// nginx keeps texts in a table whose places have 64 bytes unless `http` says otherwise; longer ones are written as expressions.
pub(super) fn key(text: &str) -> String {
    const TEXT_BYTES_MAX: usize = 40;
    if text.len() <= TEXT_BYTES_MAX {
        literal(text)
    } else {
        format!("\"~*^{}$\"", in_expression(text))
    }
}

/// The name of a field as people write it: each of its words with a capital.
pub(super) fn field_name(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|c| c.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect::<String>()
    };
    name.split('-').map(capital).collect::<Vec<_>>().join("-")
}

/// A text in double quotes, for a place where nginx puts variables in: `dollar` is one that is a `$`.
pub(super) fn value(text: &str, dollar: &str) -> String {
    literal(text).replace('$', &format!("${{{dollar}}}"))
}

/// A text as part of a regular expression of bytes: letters and digits as they are, everything else by its number.
pub(super) fn in_expression(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'-' | b'_' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        b'.' => "\\.".to_owned(),
        _ => format!("\\x{byte:02x}"),
    };
    text.bytes().map(escaped).collect()
}

/// Text for a comment: one line, whatever is in it.
pub(super) fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_text_early() {
        assert_eq!(literal(r#"a"b\c$d;"#), r#""a\"b\\c$d;""#);
        assert_eq!(value("a$b", "site_dollar"), r#""a${site_dollar}b""#);
        assert_eq!(in_expression("__Host-a.b[c"), r"__Host-a\.b\x5bc");
        assert_eq!(comment("a\nb"), "a b");
        assert_eq!(key("a.test"), r#""a.test""#);
        let long = format!("{}.test", "a".repeat(40));
        assert_eq!(key(&long), format!(r#""~*^{}\.test$""#, "a".repeat(40)));
        assert_eq!(field_name("x-frame-options"), "X-Frame-Options");
    }
}
