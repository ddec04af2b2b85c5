//! Which field governs a response here: `CDN-Cache-Control` (RFC 9213), then `Surrogate-Control` (W3C note
//! "Edge Architecture Specification" 1.0), then `Cache-Control`.
//!
//! The first of them that is valid and says something to a cache like us is used alone: RFC 9213 §2.2.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::cache_control::{self, Flags, Known, ResponseDirectives, delta_seconds};
use super::list::{self, Argument};
use super::names::{CDN_CACHE_CONTROL, SURROGATE_CONTROL};
use crate::{Settings, limits};

/// The directives that hold, and where they are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Governing {
    /// The directives.
    pub directives: ResponseDirectives,
    /// Whether they are from a targeted field: then `Cache-Control` and `Expires` say nothing.
    pub is_targeted: bool,
    /// Whether the lifetime is the site's rule's: then no field says anything of it.
    pub is_rules: bool,
}

impl Governing {
    /// Finds them.
    #[must_use]
    pub fn of(headers: &HeaderMap, settings: &Settings) -> Self {
        let targeted = settings.targeted.then(|| targeted(headers, settings)).flatten();
        let is_targeted = targeted.is_some();
        let mut directives = targeted.unwrap_or_else(|| ResponseDirectives::of(headers));
        let terms = settings.terms.as_ref();
        let is_rules =
            terms.is_some_and(|terms| terms.apply(&mut directives, is_targeted, headers));
        Self { directives, is_targeted, is_rules }
    }
}

fn targeted(headers: &HeaderMap, settings: &Settings) -> Option<ResponseDirectives> {
    if headers.contains_key(&CDN_CACHE_CONTROL)
        && let Some(directives) = cdn(headers)
    {
        return Some(directives);
    }
    if headers.contains_key(&SURROGATE_CONTROL) {
        return surrogate(headers, settings.surrogate_token);
    }
    None
}

/// RFC 9213 §2.1: a Dictionary; empty, unparsable or with a value of the wrong type it is ignored whole.
fn cdn(headers: &HeaderMap) -> Option<ResponseDirectives> {
    // RFC 9651 §4.2: several lines are one value.
    let lines = headers.get_all(&CDN_CACHE_CONTROL).iter().map(HeaderValue::as_bytes);
    let value = lines.collect::<Vec<_>>().join(&b","[..]);
    let dictionary = Parser::new(&value).parse::<Dictionary>().ok()?;
    let mut directives = ResponseDirectives::default();
    for (name, entry) in &dictionary {
        let ListEntry::Item(item) = entry else {
            // An inner list fits no directive we know; one we don't is ignored.
            if cache_control::known(name.as_str().as_bytes()).is_some() {
                return None;
            }
            continue;
        };
        let Some(known) = cache_control::known(name.as_str().as_bytes()) else { continue };
        match (known, &item.bare_item) {
            (Known::Flag(_) | Known::Qualified(_), BareItem::Boolean(false)) => {}
            (Known::Flag(flag), BareItem::Boolean(true))
            // A list of fields is taken for the whole response: nobody strips fields for it.
            | (Known::Qualified(flag), BareItem::Boolean(true) | BareItem::String(_)) => {
                directives.flags = directives.flags.and(flag);
            }
            (Known::MaxAge, BareItem::Integer(secs)) => {
                directives.max_age = Some(seconds(i64::from(*secs)).unwrap_or_default());
            }
            (Known::SMaxage, BareItem::Integer(secs)) => {
                directives.s_maxage = Some(seconds(i64::from(*secs)).unwrap_or_default());
            }
            (Known::StaleWhileRevalidate, BareItem::Integer(secs)) => {
                directives.stale_while_revalidate = seconds(i64::from(*secs));
            }
            (Known::StaleIfError, BareItem::Integer(secs)) => {
                directives.stale_if_error = seconds(i64::from(*secs));
            }
            (
                Known::Flag(_)
                | Known::Qualified(_)
                | Known::MaxAge
                | Known::SMaxage
                | Known::StaleWhileRevalidate
                | Known::StaleIfError,
                _,
            ) => return None,
        }
    }
    (!dictionary.is_empty()).then_some(directives)
}

fn seconds(secs: i64) -> Option<Duration> {
    let secs = u64::try_from(secs).ok()?;
    Some(Duration::from_secs(secs.min(limits::DELTA_SECONDS_MAX)))
}

/// Edge Architecture §2.3: directives between commas, each perhaps for one device (`;target`). One for us
/// wins over one for everybody.
fn surrogate(headers: &HeaderMap, token: &str) -> Option<ResponseDirectives> {
    let mut found = Surrogate::default();
    for line in headers.get_all(&SURROGATE_CONTROL) {
        for directive in list::directives(line.as_bytes()) {
            found.add(directive.name, directive.argument, token);
        }
    }
    found.directives()
}

#[derive(Clone, Copy, Default)]
struct Surrogate {
    max_age: Addressed<(Duration, Option<Duration>)>,
    no_store: Addressed<()>,
}

/// What was said to everybody and what to us.
#[derive(Clone, Copy, Default)]
struct Addressed<T> {
    to_us: Option<T>,
    to_all: Option<T>,
}

impl<T> Addressed<T> {
    /// The first of several counts.
    fn add(&mut self, value: T, audience: Audience) {
        match audience {
            Audience::Us => self.to_us.get_or_insert(value),
            Audience::All => self.to_all.get_or_insert(value),
            Audience::Others => return,
        };
    }
}

#[derive(Clone, Copy)]
enum Audience {
    Us,
    All,
    Others,
}

impl Surrogate {
    fn add(&mut self, name: &[u8], argument: Argument<'_>, token: &str) {
        // `no-store;larder` has its target behind the name, `max-age=3600;larder` behind the argument.
        let (name, of_name) = split_target(name);
        let (argument, of_argument) = match argument {
            Argument::Token(text) => {
                let (text, target) = split_target(text);
                (Argument::Token(text), target)
            }
            Argument::None | Argument::Quoted(_) | Argument::Malformed => (argument, None),
        };
        let audience = match of_argument.or(of_name) {
            None => Audience::All,
            Some(target) if target.eq_ignore_ascii_case(token.as_bytes()) => Audience::Us,
            Some(_) => Audience::Others,
        };
        if name.eq_ignore_ascii_case(b"no-store") {
            self.no_store.add((), audience);
        } else if name.eq_ignore_ascii_case(b"max-age") {
            self.max_age.add(max_age(argument), audience);
        }
    }

    /// None when nothing here is for us: then `Cache-Control` governs.
    fn directives(self) -> Option<ResponseDirectives> {
        let to_us = self.no_store.to_us.is_some() || self.max_age.to_us.is_some();
        let (no_store, max_age) = if to_us {
            (self.no_store.to_us, self.max_age.to_us)
        } else {
            (self.no_store.to_all, self.max_age.to_all)
        };
        if no_store.is_none() && max_age.is_none() {
            return None;
        }
        let extension = max_age.and_then(|(_, extension)| extension);
        Some(ResponseDirectives {
            flags: no_store.map_or_else(Flags::default, |()| Flags::NO_STORE),
            max_age: max_age.map(|(lifetime, _)| lifetime),
            s_maxage: None,
            stale_while_revalidate: extension,
            stale_if_error: extension,
        })
    }
}

/// Cuts `text;target`.
fn split_target(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b';', text) {
        Some(at) => {
            let target = text.get(at.saturating_add(1)..).unwrap_or_default();
            (text.get(..at).unwrap_or_default().trim_ascii_end(), Some(target.trim_ascii()))
        }
        None => (text, None),
    }
}

/// Edge Architecture §2.3: `lifetime` or `lifetime+extension`, where the extension is a time in which the
/// response may be served stale while it is being fetched again. Unreadable is stale.
fn max_age(argument: Argument<'_>) -> (Duration, Option<Duration>) {
    let (Argument::Token(text) | Argument::Quoted(text)) = argument else {
        return (Duration::ZERO, None);
    };
    let (lifetime, extension) = match memchr::memchr(b'+', text) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at.saturating_add(1)..)),
        None => (text, None),
    };
    match (delta_seconds(lifetime), extension.map(delta_seconds)) {
        (None, _) | (Some(_), Some(None)) => (Duration::ZERO, None),
        (Some(lifetime), extension) => (lifetime, extension.flatten()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(secs: u64) -> Option<Duration> {
        Some(Duration::from_secs(secs))
    }

    fn governing(fields: &[(&'static str, &str)]) -> Governing {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Governing::of(&headers, &Settings::default())
    }

    #[test]
    fn cdn_cache_control_governs_when_it_parses() {
        let cases = [
            ("max-age=3600", true, secs(3600), Flags::default()),
            ("max-age=3600;a=1, x=(1 2)", true, secs(3600), Flags::default()),
            ("max-age=-1", true, secs(0), Flags::default()),
            ("max-age=999999999999999", true, secs(1 << 31), Flags::default()),
            ("no-store", true, None, Flags::NO_STORE),
            ("no-store=?0, max-age=5", true, secs(5), Flags::default()),
            (r#"no-cache="a""#, true, None, Flags::NO_CACHE),
            ("unknown", true, None, Flags::default()),
            ("max-age=3, max-age=5", true, secs(5), Flags::default()),
            // Ignored whole, so that Cache-Control's 7 holds.
            ("", false, secs(7), Flags::default()),
            ("max-age", false, secs(7), Flags::default()),
            ("max-age=3.5", false, secs(7), Flags::default()),
            (r#"max-age="60""#, false, secs(7), Flags::default()),
            ("max-age=(60)", false, secs(7), Flags::default()),
            ("Max-Age=60", false, secs(7), Flags::default()),
            ("max-age=60,", false, secs(7), Flags::default()),
            ("max-age =60", false, secs(7), Flags::default()),
            ("no-store=1", false, secs(7), Flags::default()),
            ("no-store, &", false, secs(7), Flags::default()),
        ];
        for (value, is_targeted, max_age, flags) in cases {
            let governing =
                governing(&[("cache-control", "max-age=7"), ("cdn-cache-control", value)]);
            assert_eq!(governing.is_targeted, is_targeted, "{value}");
            assert_eq!(governing.directives.max_age, max_age, "{value}");
            assert_eq!(governing.directives.flags, flags, "{value}");
        }
    }

    #[test]
    fn surrogate_control_governs_when_it_speaks_to_us() {
        let cases = [
            ("max-age=3600", true, secs(3600), false),
            ("MaX-aGe=3600", true, secs(3600), false),
            ("max-age=99999999999", true, secs(1 << 31), false),
            ("max-age=3600;larder", true, secs(3600), false),
            ("max-age=3600; LARDER", true, secs(3600), false),
            ("max-age=3600;other", false, secs(7), false),
            ("max-age=5, max-age=3600;larder", true, secs(3600), false),
            ("max-age=3600;larder, max-age=5", true, secs(3600), false),
            ("max-age=5, max-age=3600;other", true, secs(5), false),
            ("foobar, max-age=3600", true, secs(3600), false),
            ("no-store", true, None, true),
            ("No-Store;larder", true, None, true),
            ("no-store;other", false, secs(7), false),
            ("no-store, max-age=60;larder", true, secs(60), false),
            ("foo", false, secs(7), false),
            (r#"content="ESI/1.0""#, false, secs(7), false),
            (r#"content="ESI/1.0, max-age=1", max-age=60"#, true, secs(60), false),
            ("max-age =100", true, secs(0), false),
            ("max-age= 100", true, secs(0), false),
            ("max-age=x", true, secs(0), false),
            ("max-age=60+x", true, secs(0), false),
        ];
        for (value, is_targeted, max_age, no_store) in cases {
            let governing =
                governing(&[("cache-control", "max-age=7"), ("surrogate-control", value)]);
            assert_eq!(governing.is_targeted, is_targeted, "{value}");
            assert_eq!(governing.directives.max_age, max_age, "{value}");
            assert_eq!(governing.directives.flags.has(Flags::NO_STORE), no_store, "{value}");
        }
    }

    #[test]
    fn the_freshness_extension_opens_both_stale_windows() {
        let directives = governing(&[("surrogate-control", "max-age=60+30")]).directives;
        assert_eq!(directives.max_age, secs(60));
        assert_eq!(directives.stale_while_revalidate, secs(30));
        assert_eq!(directives.stale_if_error, secs(30));
    }

    #[test]
    fn cdn_wins_over_surrogate_and_switched_off_neither_counts() {
        let fields = [
            ("cache-control", "max-age=7"),
            ("surrogate-control", "max-age=8"),
            ("cdn-cache-control", "max-age=9"),
        ];
        assert_eq!(governing(&fields).directives.max_age, secs(9));
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let off = Settings { targeted: false, ..Settings::default() };
        assert_eq!(Governing::of(&headers, &off).directives.max_age, secs(7));
    }

    proptest! {
        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([
                    (CDN_CACHE_CONTROL.clone(), value.clone()),
                    (SURROGATE_CONTROL.clone(), value),
                ]);
                let _governing = Governing::of(&headers, &Settings::default());
            }
        }
    }
}
