//! In which fields the application expects to be told of the client: `[forwarded]` of the file.

use crate::rule::PatternError;
use http::header::{HeaderName, HeaderValue};

/// Which family of fields is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// `X-Forwarded-For`, `-Host`, `-Proto`, `-Port`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// Both.
    Both,
}

/// How the application is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// The family.
    pub names: Names,
    /// Fields besides it.
    pub extras: Box<[Extra]>,
}

/// A field besides the family's, as in `X-Forwarded-SSL: $on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    name: HeaderName,
    say: Say,
}

/// What an [`Extra`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// `$scheme`: `https` or `http`.
    Scheme,
    /// `$on`: `on` or `off`.
    On,
    /// `$https`: `on`; the field is left out for http, as applications want that ask whether it is there.
    Https,
    /// `$host`: the site, with its port unless that is the scheme's own.
    Host,
    /// `$port`: the site's port.
    Port,
    /// `$client`: the visitor's address.
    Client,
    /// The same for every request.
    Text(HeaderValue),
}

const VARIABLES: [(&str, Say); 6] = [
    ("$scheme", Say::Scheme),
    ("$on", Say::On),
    ("$https", Say::Https),
    ("$host", Say::Host),
    ("$port", Say::Port),
    ("$client", Say::Client),
];

impl Extra {
    /// Reads `Name: $variable`, or `Name: text`.
    ///
    /// # Errors
    /// No such form; a name that is none, has an underscore, or is Larder's own or HTTP's to write; an unknown variable.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let fault = |message: String, hint: &str| Err(PatternError::new(message, hint));
        let Some((name, value)) = text.split_once(':') else {
            return fault(
                format!("{text:?} is not a field with a value"),
                "write \"X-Forwarded-SSL: $on\"",
            );
        };
        let (name, value) = (name.trim(), value.trim());
        let name = field_name(name)?;
        let variable = VARIABLES.into_iter().find(|(variable, _)| *variable == value);
        if let Some((_, say)) = variable {
            return Ok(Self { name, say });
        }
        if value.contains('$') {
            return fault(
                format!("{value:?} is none of the values there are"),
                "write $scheme, $on, $https, $host, $port or $client alone, or a text without `$`",
            );
        }
        match HeaderValue::from_str(value) {
            Ok(text) if !value.is_empty() && value.is_ascii() => {
                Ok(Self { name, say: Say::Text(text) })
            }
            Ok(_) | Err(_) => fault(
                format!("{value:?} can't be a field's value"),
                "write a variable such as $scheme, or ASCII text",
            ),
        }
    }

    /// The field's name.
    #[must_use]
    pub const fn name(&self) -> &HeaderName {
        &self.name
    }

    /// What it says.
    #[must_use]
    pub const fn say(&self) -> &Say {
        &self.say
    }
}

/// The name of a field that a proxy may be said to send or to be sent.
///
/// # Errors
/// It is none; it has an underscore; it means something to HTTP, to the visitor's session, or is written by `style`.
pub fn field_name(text: &str) -> Result<HeaderName, PatternError> {
    let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
        return Err(PatternError::new(
            format!("{text:?} is not the name of a field"),
            "as in \"X-Forwarded-SSL\"",
        ));
    };
    if name.as_str().contains('_') {
        return Err(PatternError::new(
            format!("{text:?} has an underscore, and no such field reaches the application"),
            "write the name as it is sent, with dashes",
        ));
    }
    if OURS.contains(&name.as_str()) {
        return Err(PatternError::new(
            format!("{text} is written by `forwarded.style`"),
            "leave it out",
        ));
    }
    if RESERVED.contains(&name.as_str()) {
        return Err(PatternError::new(
            format!("{text} has a meaning of its own"),
            "take a name that nothing else uses",
        ));
    }
    Ok(name)
}

/// Whether a field is HTTP's, the session's, or written by `style`: nobody else's to give another meaning.
pub(crate) fn is_reserved(name: &str) -> bool {
    OURS.contains(&name) || RESERVED.contains(&name)
}

/// What a family writes.
const OURS: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"];

/// Fields that mean something to HTTP, to caches or to the visitor's session.
const RESERVED: [&str; 27] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "via",
    "cookie",
    "authorization",
    "proxy-authorization",
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "cache-control",
    "accept",
    "accept-encoding",
    "keep-alive",
    "larder-identity",
    "larder-identity-proof",
    "surrogate-capability",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_is_a_name_with_a_variable_or_a_text() {
        for (text, name, say) in [
            ("X-Forwarded-Protocol: $scheme", "x-forwarded-protocol", Say::Scheme),
            ("X-Forwarded-SSL:$on", "x-forwarded-ssl", Say::On),
            (" Front-End-Https : $https ", "front-end-https", Say::Https),
            ("X-Real-IP: $client", "x-real-ip", Say::Client),
            ("X-Site: $host", "x-site", Say::Host),
            ("X-Port: $port", "x-port", Say::Port),
            ("X-Behind: larder 1:2", "x-behind", Say::Text(HeaderValue::from_static("larder 1:2"))),
        ] {
            let extra = Extra::parse(text).unwrap();
            assert_eq!((extra.name().as_str(), extra.say()), (name, &say), "{text}");
        }
    }

    #[test]
    fn a_wrong_extra_comes_with_the_remedy() {
        for (text, expected) in [
            ("X-Forwarded-SSL", "not a field with a value"),
            ("", "not a field with a value"),
            (": $on", "not the name of a field"),
            ("X Y: $on", "not the name of a field"),
            ("X_SSL: $on", "underscore"),
            ("X-Forwarded-Proto: $scheme", "written by `forwarded.style`"),
            ("Forwarded: $client", "written by `forwarded.style`"),
            ("Host: $host", "a meaning of its own"),
            ("Cookie: a=b", "a meaning of its own"),
            ("X-SSL: $ssl", "none of the values"),
            ("X-SSL: $scheme!", "none of the values"),
            ("X-SSL:", "can't be a field's value"),
            ("X-SSL: é", "can't be a field's value"),
        ] {
            let error = Extra::parse(text).expect_err(text);
            assert!(error.message.contains(expected), "{text}: {error}");
            assert!(!error.hint.is_empty(), "{text}");
        }
    }
}
