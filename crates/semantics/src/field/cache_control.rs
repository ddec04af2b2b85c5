//! What a response's cache directives say: `Cache-Control`, RFC 9111 §5.2.2, with RFC 5861.

use std::time::Duration;

use http::{HeaderMap, header::CACHE_CONTROL};

use super::list::{self, Argument, Directive};
use crate::limits;

/// The directives without a value, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// RFC 9111 §5.2.2.5
    pub const NO_STORE: Self = Self(1);
    /// RFC 9111 §5.2.2.4, without a list of fields
    pub const NO_CACHE: Self = Self(1 << 1);
    /// RFC 9111 §5.2.2.7, without a list of fields
    pub const PRIVATE: Self = Self(1 << 2);
    /// RFC 9111 §5.2.2.9
    pub const PUBLIC: Self = Self(1 << 3);
    /// RFC 9111 §5.2.2.2
    pub const MUST_REVALIDATE: Self = Self(1 << 4);
    /// RFC 9111 §5.2.2.8
    pub const PROXY_REVALIDATE: Self = Self(1 << 5);
    /// RFC 9111 §5.2.2.3
    pub const MUST_UNDERSTAND: Self = Self(1 << 6);
    /// RFC 8246 §2
    pub const IMMUTABLE: Self = Self(1 << 7);

    /// Whether any of `others` is set.
    #[must_use]
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These, less `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

/// A response's directives that have a meaning for a shared cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseDirectives {
    /// Those without a value.
    pub flags: Flags,
    /// `max-age`. Unreadable is zero: stale, never absent.
    pub max_age: Option<Duration>,
    /// `s-maxage`. Unreadable is zero.
    pub s_maxage: Option<Duration>,
    /// `stale-while-revalidate`. Unreadable is absent: no window.
    pub stale_while_revalidate: Option<Duration>,
    /// `stale-if-error`. Unreadable is absent: no window.
    pub stale_if_error: Option<Duration>,
}

impl ResponseDirectives {
    /// Reads all lines of `Cache-Control`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            list::directives(line.as_bytes()).for_each(|directive| directives.add(directive));
        }
        directives
    }

    fn add(&mut self, directive: Directive<'_>) {
        match known(directive.name) {
            Some(Known::Flag(flag)) => self.flags = self.flags.and(flag),
            Some(Known::Qualified(flag)) if fields(directive.argument).is_none() => {
                self.flags = self.flags.and(flag);
            }
            // The listed fields are taken out by `strip_for_storing`.
            Some(Known::Qualified(_)) | None => {}
            // RFC 9111 §4.2.1: of several values the first, and an invalid one means stale.
            Some(Known::MaxAge) => set_lifetime(&mut self.max_age, directive.argument),
            Some(Known::SMaxage) => set_lifetime(&mut self.s_maxage, directive.argument),
            Some(Known::StaleWhileRevalidate) => {
                set_window(&mut self.stale_while_revalidate, directive.argument);
            }
            Some(Known::StaleIfError) => set_window(&mut self.stale_if_error, directive.argument),
        }
    }
}

/// The directives that mean something here.
#[derive(Clone, Copy)]
pub(super) enum Known {
    /// An argument, if there is one, changes nothing.
    Flag(Flags),
    /// A list of fields restricts it to them.
    Qualified(Flags),
    MaxAge,
    SMaxage,
    StaleWhileRevalidate,
    StaleIfError,
}

/// Looks a name up, without case.
pub(super) fn known(name: &[u8]) -> Option<Known> {
    let table: [(&str, Known); 12] = [
        ("max-age", Known::MaxAge),
        ("s-maxage", Known::SMaxage),
        ("public", Known::Flag(Flags::PUBLIC)),
        ("private", Known::Qualified(Flags::PRIVATE)),
        ("no-cache", Known::Qualified(Flags::NO_CACHE)),
        ("no-store", Known::Flag(Flags::NO_STORE)),
        ("must-revalidate", Known::Flag(Flags::MUST_REVALIDATE)),
        ("proxy-revalidate", Known::Flag(Flags::PROXY_REVALIDATE)),
        ("must-understand", Known::Flag(Flags::MUST_UNDERSTAND)),
        ("stale-while-revalidate", Known::StaleWhileRevalidate),
        ("stale-if-error", Known::StaleIfError),
        ("immutable", Known::Flag(Flags::IMMUTABLE)),
    ];
    table.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())).map(|row| row.1)
}

fn set_lifetime(place: &mut Option<Duration>, argument: Argument<'_>) {
    place.get_or_insert_with(|| seconds(argument).unwrap_or(Duration::ZERO));
}

fn set_window(place: &mut Option<Duration>, argument: Argument<'_>) {
    if place.is_none() {
        *place = seconds(argument);
    }
}

/// RFC 9111 §5.2: both the token and the quoted-string form are accepted, whatever the definition says.
pub(crate) fn seconds(argument: Argument<'_>) -> Option<Duration> {
    match argument {
        Argument::Token(digits) | Argument::Quoted(digits) => delta_seconds(digits),
        Argument::None | Argument::Malformed => None,
    }
}

/// RFC 9111 §1.2.2: digits only; what is too large is 2^31.
#[must_use]
pub fn delta_seconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_u64, |value, digit| {
        value.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    Some(Duration::from_secs(value.min(limits::DELTA_SECONDS_MAX)))
}

/// The fields that a qualified `no-cache` or `private` names; none when it is not qualified, or when any
/// name is not a field name: then it holds for the whole response.
fn fields(argument: Argument<'_>) -> Option<&[u8]> {
    // RFC 9111 §5.2.2.4: the token form is accepted for a single field.
    let (Argument::Quoted(listed) | Argument::Token(listed)) = argument else {
        return None;
    };
    let mut names = list::tokens(listed).peekable();
    names.peek()?;
    names.all(|name| http::HeaderName::from_bytes(name).is_ok()).then_some(listed)
}

/// Every field listed by a qualified `no-cache` or `private` of `Cache-Control`.
pub fn listed_fields(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(CACHE_CONTROL)
        .iter()
        .flat_map(|line| list::directives(line.as_bytes()))
        .filter(|directive| matches!(known(directive.name), Some(Known::Qualified(_))))
        .filter_map(|directive| fields(directive.argument))
        .flat_map(list::tokens)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(lines: &[&str]) -> ResponseDirectives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_str(line).unwrap());
        }
        ResponseDirectives::of(&headers)
    }

    #[test]
    fn an_unreadable_max_age_is_stale_and_never_absent() {
        let cases = [
            ("max-age=3600", Some(3600)),
            ("MaX-aGe=3600", Some(3600)),
            ("foobar, max-age=3600", Some(3600)),
            (r#"max-age="3600""#, Some(3600)),
            ("max-age=003600", Some(3600)),
            ("max-age=2147483647", Some(2_147_483_647)),
            ("max-age=2147483649", Some(2_147_483_648)),
            ("max-age=99999999999", Some(2_147_483_648)),
            ("max-age=99999999999999999999999", Some(2_147_483_648)),
            ("max-age=0", Some(0)),
            ("max-age", Some(0)),
            ("max-age=", Some(0)),
            ("max-age=-3600", Some(0)),
            ("max-age='3600'", Some(0)),
            ("max-age=3600.0", Some(0)),
            ("max-age=a3600", Some(0)),
            ("max-age=3600a", Some(0)),
            ("max-age =3600", Some(0)),
            ("max-age= 3600", Some(0)),
            (r#"max-age="3600"#, Some(0)),
            (r#"extension="max-age=3600""#, None),
            (r#"extension="max-age=3600", max-age=1"#, Some(1)),
            (r#"max-age="1", extension="max-age=3600""#, Some(1)),
            ("x-max-age=3600", None),
            ("", None),
        ];
        for (line, secs) in cases {
            assert_eq!(read(&[line]).max_age, secs.map(Duration::from_secs), "{line}");
        }
    }

    #[test]
    fn of_several_values_the_first_counts() {
        for lines in [&["max-age=1, max-age=1800"][..], &["max-age=1", "max-age=1800"]] {
            assert_eq!(read(lines).max_age, Some(Duration::from_secs(1)), "{lines:?}");
        }
    }

    #[test]
    fn an_unreadable_window_is_no_window() {
        let cases = [("60", Some(60)), ("0", Some(0)), ("-1", None), ("x", None), ("", None)];
        for (value, secs) in cases {
            let read = read(&[&format!("stale-while-revalidate={value}, stale-if-error={value}")]);
            assert_eq!(read.stale_while_revalidate, secs.map(Duration::from_secs), "{value}");
            assert_eq!(read.stale_if_error, secs.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn only_a_proper_list_of_fields_qualifies() {
        let cases = [
            ("no-cache", true, &[][..]),
            (r#"no-cache="""#, true, &[]),
            (r#"no-cache="a b""#, true, &[]),
            (r#"no-cache="a"#, true, &[]),
            (r#"No-Cache="a, B""#, false, &["a", "B"]),
            ("no-cache=a", false, &["a"]),
            (r#"no-cache="a", no-cache"#, true, &["a"]),
        ];
        for (line, whole, listed) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_str(line).unwrap());
            let flags = ResponseDirectives::of(&headers).flags;
            assert_eq!(flags.has(Flags::NO_CACHE), whole, "{line}");
            let fields: Vec<_> = listed_fields(&headers).map(String::from_utf8_lossy).collect();
            assert_eq!(fields, listed, "{line}");
        }
    }

    proptest! {
        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([(CACHE_CONTROL, value)]);
                let _read = ResponseDirectives::of(&headers);
                let _fields = listed_fields(&headers).count();
            }
        }

        #[test]
        fn no_store_is_seen_whatever_stands_before_it(before in "[ -~]{0,24}") {
            let line = format!("{before}, no-store");
            prop_assert!(read(&[&line]).flags.has(Flags::NO_STORE), "{}", line);
        }
    }
}
