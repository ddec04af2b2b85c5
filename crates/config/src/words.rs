//! Is this text of the form that its option asks for?
//!
//! The small grammars of names in the file, for options and rules alike. Each says what to write instead.

use http::HeaderName;
use larder_memcached::Address;
use larder_policy::TagFields;
use larder_policy::cookies::CookieNames;
use larder_policy::forwarded_style::{Extra, field_name};
use larder_policy::hygiene::{self, Collision};
use larder_policy::published::{ContentType, KeyScheme};
use larder_policy::query::names;
use larder_policy::rule::{HostPattern, Pattern, PatternError};

use crate::kind::Words;
use crate::parse::Fault;
use crate::quantity::parse_rate;
use crate::secret::SecretSource;
use crate::suggest::closest;

/// Checks a text of an option.
pub(crate) fn parse(of: Words, text: &str) -> Result<String, Fault> {
    match of {
        Words::CookieName => cookie(text)?,
        Words::CookiePath => cookie_path(text)?,
        Words::CookieDomain => cookie_domain(text)?,
        Words::CookiePatterns => cookie_pattern(text)?,
        Words::Parameters => parameter(text)?,
        Words::Path => url_path(text)?,
        Words::Secrets => drop(SecretSource::parse(text)?),
        Words::Signs => crate::rules::sign(text).map(drop)?,
        Words::Hosts => HostPattern::parse(text).map(drop).map_err(|error| in_text(text, error))?,
        Words::Paths => path_pattern(text)?,
        Words::FieldName => scheme_field(text)?,
        Words::Extras => Extra::parse(text).map(drop).map_err(plain)?,
        Words::CertificateName => certificate_name(text)?,
        Words::TagFields => TagFields::field(text).map(drop).map_err(plain)?,
        Words::Secret => drop(SecretSource::place(text)?),
        Words::UnderscoredFields => underscored(text)?,
        Words::OverrideFields => override_field(text)?,
        Words::Rate => rate(text)?,
        Words::Lookup => lookup(text)?,
        Words::Memcached => memcached(text)?,
        Words::KeyPrefix => key_part(text)?,
        Words::SentFields => crate::publish::field(text).map(drop)?,
    }
    Ok(text.to_owned())
}

/// The URL of a database. It may hold a password, so it is not repeated.
fn lookup(text: &str) -> Result<(), Fault> {
    let place: Result<larder_lookup::Place, _> = text.parse();
    let wrong =
        |bad: larder_lookup::BadPlace| Fault::new(format!("`lookup` {}", bad.message), bad.hint);
    place.map(drop).map_err(wrong)
}

/// A server. Its message is whole: value, what is wrong, what to write.
fn memcached(text: &str) -> Result<(), Fault> {
    let address: Result<Address, _> = text.parse();
    address.map(drop).map_err(|error| {
        let said = error.to_string();
        let (message, hint) = said.split_once("; ").unwrap_or((&said, "name a server"));
        Fault::new(message, hint)
    })
}

/// What a key of Memcached is made of.
fn key_part(text: &str) -> Result<(), Fault> {
    KeyScheme::check_part(text)
        .map_err(|why| Fault::new(format!("{text:?} can't be in a key: {why}"), "as in \"larder\""))
}

/// What nginx sends as `Content-Type`.
pub(crate) fn content_type(text: &str) -> Result<(), Fault> {
    let hint = "a media type with at most a charset, as in \"text/html; charset=utf-8\"";
    let wrong =
        || Fault::new(format!("{text:?} is not a Content-Type that nginx can be told"), hint);
    ContentType::parse(text).map(drop).ok_or_else(wrong)
}

fn plain(error: PatternError) -> Fault {
    Fault::new(error.message, error.hint)
}

fn in_text(text: &str, error: PatternError) -> Fault {
    Fault::new(format!("{text:?}: {}", error.message), error.hint)
}

/// A path outside rules, which have expressions as well.
fn path_pattern(text: &str) -> Result<(), Fault> {
    Pattern::path(text).map(drop).map_err(|error| {
        let message = error.message.split(": ").next().unwrap_or_default();
        let hint = "write a path without its query, or the beginning of one, as in \"/feeds/*\"";
        Fault::new(format!("{text:?}: {message}"), hint)
    })
}

/// A field that may say the scheme: those of every proxy, too.
fn scheme_field(text: &str) -> Result<(), Fault> {
    const KNOWN: [&str; 2] = ["forwarded", "x-forwarded-proto"];
    if KNOWN.iter().any(|known| text.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    field_name(text).map(drop).map_err(plain)
}

/// What a certificate can be for.
fn certificate_name(text: &str) -> Result<(), Fault> {
    let hint = "write the name that the application's certificate has, as in \"app.example\"";
    let wrong = || Fault::new(format!("no certificate is for {text:?}"), hint);
    is_certified(text).then_some(()).ok_or_else(wrong)
}

#[cfg(feature = "tls")]
fn is_certified(text: &str) -> bool {
    larder_tls::client::Name::parse(text).is_some()
}

#[cfg(not(feature = "tls"))]
fn is_certified(text: &str) -> bool {
    is_certified_by_form(text)
}

/// The same without TLS: an address, or a name whose last label is no number (RFC 1123 §2.1).
#[cfg(any(test, not(feature = "tls")))]
fn is_certified_by_form(text: &str) -> bool {
    let is_label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len())
            && label.bytes().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.parse::<std::net::IpAddr>().is_ok()
        || (name.len() <= 253
            && name.split('.').all(is_label)
            && !last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A path as a cookie's attribute, which ends at a semicolon.
fn cookie_path(text: &str) -> Result<(), Fault> {
    if text.contains(';') {
        return Err(Fault::new(format!("{text:?} is no path of a cookie"), "write \"/\""));
    }
    url_path(text)
}

/// A domain as a cookie's attribute: RFC 6265 §5.2.3 ignores a dot before it.
fn cookie_domain(text: &str) -> Result<(), Fault> {
    let is_label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(fits)
    };
    if text.len() <= 253 && text.split('.').all(is_label) {
        return Ok(());
    }
    let hint = "write a name of hosts, without a dot before it, as in \"example.com\"";
    Err(Fault::new(format!("{text:?} is not a domain"), hint))
}

/// A field that may go on although its name has an underscore.
fn underscored(text: &str) -> Result<(), Fault> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| no_field(text))?;
    match hygiene::collision(&name, &[]) {
        None => Ok(()),
        Some(Collision::NoUnderscore) => Err(Fault::new(
            format!("{text:?} has no underscore, and goes to the application in any case"),
            "leave it out",
        )),
        Some(Collision::Taken) => Err(taken(text, &name)),
    }
}

/// An application would take the field for one that is not a visitor's to send.
pub(crate) fn taken(text: &str, name: &HeaderName) -> Fault {
    let dashed = hygiene::with_dashes(name);
    let message = format!("applications take {text:?} for `{dashed}`, which visitors may not set");
    Fault::new(message, "leave it out: no setting lets it through")
}

fn no_field(text: &str) -> Fault {
    Fault::new(format!("{text:?} is not the name of a field"), "as in \"X-Tenant\"")
}

/// A field that changes what a request asks for.
fn override_field(text: &str) -> Result<(), Fault> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| no_field(text))?;
    if hygiene::is_override(&name) {
        return Ok(());
    }
    let known = hygiene::OVERRIDE_FIELDS.iter().map(|field| field.name);
    let hint = match closest(name.as_str(), known) {
        Some(known) => format!("did you mean \"{known}\"?"),
        None => "leave it out; docs/behind-a-proxy.md lists those that are kept back".to_owned(),
    };
    Err(Fault::new(format!("{text:?} is not kept back from the application"), hint))
}

fn rate(text: &str) -> Result<(), Fault> {
    let hint =
        "write a number and a span, as in \"20/s\", \"100/m\" or \"1000/h\"; from 1/h to 10000/s";
    let wrong = || Fault::new(format!("{text:?} is not a rate"), hint);
    parse_rate(text).map(drop).ok_or_else(wrong)
}

/// RFC 9110 §5.6.2: the characters of a token, of which media types are made.
fn is_token(text: &str) -> bool {
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_char)
}

/// The name of one cookie.
pub(crate) fn cookie(text: &str) -> Result<(), Fault> {
    if text.contains('*') {
        let message = format!("{text:?} is not the name of one cookie");
        return Err(Fault::new(message, "write each name in full, without *"));
    }
    cookie_pattern(text)
}

/// The name of a cookie, perhaps with one `*`.
pub(crate) fn cookie_pattern(text: &str) -> Result<(), Fault> {
    if let Some((name, _)) = text.split_once('=') {
        let message = format!("{text:?} is a cookie with a value");
        return Err(Fault::new(message, format!("write its name alone, {name:?}")));
    }
    CookieNames::check(text)
        .map_err(|message| Fault::new(message, "write it as browsers show it, as in \"sessionid\""))
}

/// The name of a parameter of a query, or its beginning with a trailing `*`, or `@tracking`.
pub(crate) fn parameter(text: &str) -> Result<(), Fault> {
    let Err(faults) = names(&[text.to_owned()]) else { return Ok(()) };
    let Some((_, error)) = faults.into_iter().next() else { return Ok(()) };
    Err(Fault::new(format!("{text:?} is not a parameter: {}", error.message), error.hint))
}

/// The name of one parameter of a query.
pub(crate) fn parameter_name(text: &str) -> Result<(), Fault> {
    if text.contains('*') || text.starts_with('@') {
        let message = format!("{text:?} is not the name of one parameter");
        return Err(Fault::new(message, "write each name in full"));
    }
    parameter(text)
}

/// An absolute path without a query.
fn url_path(text: &str) -> Result<(), Fault> {
    if !text.starts_with('/') {
        let message = format!("{text:?} is not a path of the application");
        let path = text.rsplit_once("://").map_or(text, |(_, rest)| {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
        });
        let hint = format!("write \"/{}\"", path.trim_start_matches('/'));
        return Err(Fault::new(message, hint));
    }
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    if !text.bytes().all(fits) {
        let hint = "write a path as it stands in URLs, without ?, # and spaces";
        return Err(Fault::new(format!("{text:?} is not a path"), hint));
    }
    Ok(())
}

/// `text/html`, or `text/*`.
pub(crate) fn media_type(text: &str) -> Result<String, Fault> {
    let message = || format!("{text:?} is not a media type");
    if text == "*/*" {
        return Err(Fault::new(message(), "leave it out: without it, all types count"));
    }
    if let Some((name, _)) = text.split_once(';') {
        return Err(Fault::new(
            message(),
            format!("write it without parameters, {:?}", name.trim()),
        ));
    }
    let lower = text.to_ascii_lowercase();
    match lower.split_once('/') {
        Some((kind, sub)) if is_token(kind) && !kind.contains('*') && is_token(sub) => {
            if sub == "*" || !sub.contains('*') {
                return Ok(lower);
            }
            Err(Fault::new(message(), format!("write \"{kind}/*\" for all of them")))
        }
        _ => Err(Fault::new(message(), "as in \"text/html\" or \"text/*\"")),
    }
}

/// A tag of pages.
pub(crate) fn tag(text: &str) -> Result<(), Fault> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b",\"\\".contains(&byte);
    if text.is_empty() || !text.bytes().all(fits) {
        let hint = "a tag is ASCII without spaces, commas, quotes and backslashes";
        return Err(Fault::new(format!("{text:?} is not a tag"), hint));
    }
    if text.len() > crate::limits::TAG_BYTES_MAX {
        let hint = format!("at most {} bytes", crate::limits::TAG_BYTES_MAX);
        return Err(Fault::new(format!("a tag of {} bytes is too long", text.len()), hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "tls")]
    proptest::proptest! {
        #[test]
        fn names_of_certificates_are_the_same_with_tls_and_without(text in "[a-z0-9A-Z_.:\\-]{0,12}|[a0.-]{0,80}|::[0-9a-f]{1,4}|[0-9]{1,3}(\\.[0-9]{1,3}){3}") {
            proptest::prop_assert_eq!(super::is_certified(&text), super::is_certified_by_form(&text), "{}", text);
        }
    }
}
