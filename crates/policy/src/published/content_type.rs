//! Which `Content-Type` nginx gives a page, and whether that is the page's own: RFC 9110 §8.3.
//!
//! Memcached keeps bytes and no fields. nginx says the type of the rule, so a page of another one is not published.

use std::fmt;

/// What is published where a rule says nothing else.
pub const HTML: &str = "text/html; charset=utf-8";

/// A media type with at most a charset, in lower case: what nginx can be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentType {
    media: String,
    charset: Option<String>,
}

impl ContentType {
    /// Reads one. `None`: none, malformed, or with another parameter than `charset`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let (kind, of) = media.split_once('/')?;
        if !is_token(kind) || !is_token(of) {
            return None;
        }
        let mut charset = None;
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            let value =
                value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
            // RFC 9110 §8.3.2: a charset's name is the same in any case.
            let value = value.to_ascii_lowercase();
            if !name.eq_ignore_ascii_case("charset") || !is_token(&value) {
                return None;
            }
            if charset.replace(value).is_some() {
                return None;
            }
        }
        Some(Self { media, charset })
    }

    /// The media type, as `text/html`.
    #[must_use]
    pub fn media(&self) -> &str {
        &self.media
    }

    /// The charset, if it has one.
    #[must_use]
    pub fn charset(&self) -> Option<&str> {
        self.charset.as_deref()
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.media)?;
        self.charset.iter().try_for_each(|charset| write!(out, "; charset={charset}"))
    }
}

/// Letters, digits and what occurs in registered names: nothing that a configuration would have to quote.
fn is_token(text: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_');
    !text.is_empty() && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_type_are_one() {
        for text in [
            HTML,
            "text/html;charset=utf-8",
            "Text/HTML; Charset=\"UTF-8\"",
            " text/html ; charset=utf-8 ; ",
        ] {
            assert_eq!(ContentType::parse(text).unwrap().to_string(), HTML, "{text}");
        }
        let feed = ContentType::parse("application/atom+xml").unwrap();
        assert_eq!((feed.media(), feed.charset()), ("application/atom+xml", None));
    }

    #[test]
    fn what_nginx_can_not_be_told_is_none() {
        for text in [
            "",
            "html",
            "text/",
            "/html",
            "text/html; charset",
            "text/html; charset=",
            "text/html; charset=\"utf-8",
            "text/html; charset=utf-8; charset=utf-8",
            "text/html; profile=x",
            "multipart/mixed; boundary=a",
            "text/html; charset=a b",
            "text/h$tml",
            "text/html, text/plain",
        ] {
            assert_eq!(ContentType::parse(text), None, "{text}");
        }
    }
}
