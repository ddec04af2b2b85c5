//! Under which key does a page lie in Memcached, so that nginx finds it?
//!
//! ```text
//! larder                  PREFIX ":" [ PAGE-VERSION ":" ] SCHEME "://" HOST TARGET
//! django-nginx-memcache   PREFIX ":" VERSION ":" md5( HOST TARGET "&" COOKIE "=" PAGE-VERSION )
//! ```
//!
//! `TARGET` is path and query as they were sent: nginx's `$request_uri`. The first style takes nothing but nginx itself. On the
//! wire its keys are escaped as `ngx_http_memcached_module` escapes them (control characters, space and `%`, in capitals), while
//! `hash $memcached_key consistent` sees them unescaped: [`KeyScheme::hashed`].
//!
//! The second is byte for byte that of the package whose name it has. It does not tell the schemes apart, so pages of
//! [one](KeyScheme::scheme) only are published with it.
//!
//! Both are unambiguous: no prefix, version or page version has a character of what follows it, a host has no `/`, a target
//! begins with one, and page versions have no `&`. For the second that holds up to the strength of MD5 (whose collisions somebody
//! can make who chooses targets: they get a page of this site that is public anyway).

use crate::scheme::Scheme;
use larder_semantics::Reason;
use md5::{Digest as _, Md5};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Memcached's own limit, in bytes on the wire.
pub const KEY_BYTES_MAX: usize = 250;

/// Longest target of the second style, whose keys are short whatever they are made of: nginx tries expressions on it that may take
/// time in proportion to its square.
pub const TARGET_BYTES_MAX: usize = 1024;

/// Longest page version: a number, a word, a hash.
const PAGE_VERSION_BYTES_MAX: usize = 64;

/// How keys are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyStyle {
    /// Readable, with the scheme, and what nginx can write without another module.
    #[default]
    Larder,
    /// As django-nginx-memcache made them.
    DjangoNginxMemcache,
}

/// How a site's keys are made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyScheme {
    /// How.
    pub style: KeyStyle,
    /// With what they begin; may be empty, as Django's `KEY_PREFIX` is.
    pub prefix: String,
    /// Django's `VERSION`.
    pub version: String,
    /// The name of the cookie of page versions.
    pub cookie: String,
    /// The only scheme whose pages are published in a style that does not tell them apart.
    pub scheme: Scheme,
}

impl Default for KeyScheme {
    fn default() -> Self {
        Self {
            style: KeyStyle::Larder,
            prefix: "larder".to_owned(),
            version: "1".to_owned(),
            cookie: "pv".to_owned(),
            scheme: Scheme::Https,
        }
    }
}

impl KeyScheme {
    /// The key of a page on the wire. `host` is canonical, `raw_target` as it was sent; `page_version` is empty for the one
    /// page that all have who have none.
    ///
    /// # Errors
    /// Why nginx could not find it: too long, no origin-form, an unnamed host, a page version that no cookie can carry, the other scheme.
    pub fn key(
        &self,
        scheme: Scheme,
        host: &str,
        raw_target: &str,
        page_version: &str,
    ) -> Result<String, Reason> {
        let hashed = self.hashed(scheme, host, raw_target, page_version)?;
        let key = escaped(&hashed).into_owned();
        if key.len() > KEY_BYTES_MAX { Err(Reason::PublishKey) } else { Ok(key) }
    }

    /// The same as nginx's `hash` sees it.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub fn hashed(
        &self,
        scheme: Scheme,
        host: &str,
        raw_target: &str,
        page_version: &str,
    ) -> Result<String, Reason> {
        let is_plain = |byte: u8| byte > b' ' && byte != 0x7f && byte != b'#';
        if host.is_empty()
            || !raw_target.starts_with('/')
            || raw_target.len() > TARGET_BYTES_MAX
            || !raw_target.bytes().all(is_plain)
        {
            return Err(Reason::PublishKey);
        }
        if !page_version.is_empty() && !is_page_version(page_version) {
            return Err(Reason::PublishVersion);
        }
        if !self.tells(scheme) {
            return Err(Reason::PublishScheme);
        }
        let Self { prefix, version, cookie, .. } = self;
        Ok(match self.style {
            KeyStyle::Larder => {
                let end = if page_version.is_empty() { "" } else { ":" };
                format!("{prefix}:{page_version}{end}{}://{host}{raw_target}", scheme.as_str())
            }
            KeyStyle::DjangoNginxMemcache => {
                let page = django_nginx_memcache_key(host, raw_target, page_version, cookie);
                format!("{prefix}:{version}:{page}")
            }
        })
    }

    /// Whether pages of a scheme are published at all.
    #[must_use]
    pub fn tells(&self, scheme: Scheme) -> bool {
        self.style == KeyStyle::Larder || scheme == self.scheme
    }

    /// The longest target that a page of this host can have and be published. Shorter ones may be too long too, for their escapes.
    #[must_use]
    pub fn target_bytes_max(&self, scheme: Scheme, host: &str) -> usize {
        match self.style {
            KeyStyle::Larder => {
                let before = self.prefix.len() + ":".len() + scheme.as_str().len() + "://".len();
                KEY_BYTES_MAX.saturating_sub(before + host.len())
            }
            KeyStyle::DjangoNginxMemcache => TARGET_BYTES_MAX,
        }
    }

    /// Whether a text can be a prefix or a version: what neither nginx nor Memcached reads anything into.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check_part(text: &str) -> Result<(), String> {
        const PART_BYTES_MAX: usize = 64;
        if text.len() > PART_BYTES_MAX {
            return Err(format!(
                "longer than {PART_BYTES_MAX} bytes, which would leave little of a key's {KEY_BYTES_MAX}"
            ));
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        match text.chars().find(|&c| !is_part(c)) {
            Some(bad) => Err(format!(
                "a {bad:?} in it: letters, digits, `-`, `_`, `.` and `:` are what nginx writes into a key as they are"
            )),
            None => Ok(()),
        }
    }
}

/// Whether a text can be a page version: what a cookie carries unquoted and nothing reads anything into.
#[must_use]
pub fn is_page_version(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=PAGE_VERSION_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_part)
}

/// As nginx's `NGX_ESCAPE_MEMCACHED` does it: nothing else is escaped, bytes that are not ASCII least of all.
fn escaped(key: &str) -> Cow<'_, str> {
    let is_escaped = |c: char| c <= ' ' || c == '%';
    if !key.contains(is_escaped) {
        return Cow::Borrowed(key);
    }
    let mut out = String::with_capacity(key.len() + 16);
    for c in key.chars() {
        if is_escaped(c) {
            // Writing to a string does not fail.
            let _written = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The sum that stands for a page in keys of django-nginx-memcache. Whatever it is made of, it can be made.
#[must_use]
pub fn django_nginx_memcache_key(
    host: &str,
    full_path: &str,
    page_version: &str,
    cookie: &str,
) -> String {
    md5(&format!("{host}{full_path}&{cookie}={page_version}"))
}

fn md5(text: &str) -> String {
    let mut out = String::with_capacity(32);
    for byte in Md5::digest(text.as_bytes()) {
        let _written = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn django(prefix: &str) -> KeyScheme {
        KeyScheme {
            style: KeyStyle::DjangoNginxMemcache,
            prefix: prefix.to_owned(),
            ..KeyScheme::default()
        }
    }

    #[test]
    fn keys_of_django_nginx_memcache_are_those_of_the_package() {
        // Made by its formula with Python's hashlib.
        let cases = [
            ("", "example1.com", "/", "", ":1:099af28184a42902e921c1b4c5d9db8b"),
            ("ps", "example1.com", "/", "", "ps:1:099af28184a42902e921c1b4c5d9db8b"),
            ("", "example.com", "/list/?page=2", "", ":1:c974f527bdf792f89fb0896ad112a315"),
            (
                "",
                "example.com:8000",
                "/caf%C3%A9/",
                "authed",
                ":1:f78ac23173f27c643a766678ad6789a8",
            ),
        ];
        for (prefix, host, target, version, expected) in cases {
            let key = django(prefix).key(Scheme::Https, host, target, version);
            assert_eq!(key.as_deref(), Ok(expected), "{host}{target}");
            assert_eq!(key, django(prefix).hashed(Scheme::Https, host, target, version));
        }
        let other = KeyScheme { version: "7".into(), cookie: "seg".into(), ..django("") };
        assert_eq!(
            other.key(Scheme::Https, "example1.com", "/", "a").as_deref(),
            Ok(":7:9dbbc939febe86a6d95447b9aca6e3be")
        );
    }

    #[test]
    fn keys_of_larder_are_what_nginx_makes_of_its_variables() {
        let larder = KeyScheme::default();
        let cases = [
            ("/", "larder:https://a.test/", "larder:https://a.test/"),
            ("/?", "larder:https://a.test/?", "larder:https://a.test/?"),
            (
                "/a//b/../c?x=1&y",
                "larder:https://a.test/a//b/../c?x=1&y",
                "larder:https://a.test/a//b/../c?x=1&y",
            ),
            ("/a%2fb", "larder:https://a.test/a%252fb", "larder:https://a.test/a%2fb"),
            ("/caf\u{e9}", "larder:https://a.test/caf\u{e9}", "larder:https://a.test/caf\u{e9}"),
        ];
        for (target, key, hashed) in cases {
            assert_eq!(larder.key(Scheme::Https, "a.test", target, "").as_deref(), Ok(key));
            assert_eq!(larder.hashed(Scheme::Https, "a.test", target, "").as_deref(), Ok(hashed));
        }
        let key = larder.key(Scheme::Http, "a.test:81", "/", "v2");
        assert_eq!(key.as_deref(), Ok("larder:v2:http://a.test:81/"));
    }

    #[test]
    fn what_nginx_could_not_find_has_no_key() {
        let larder = KeyScheme::default();
        let django = django("");
        let long = format!("/{}", "a".repeat(TARGET_BYTES_MAX));
        let cases = [
            (&larder, Scheme::Http, "", "/", "", Reason::PublishKey),
            (&larder, Scheme::Http, "a", "?x", "", Reason::PublishKey),
            (&larder, Scheme::Http, "a", "*", "", Reason::PublishKey),
            (&larder, Scheme::Http, "a", "", "", Reason::PublishKey),
            (&larder, Scheme::Http, "a", "/a b", "", Reason::PublishKey),
            (&larder, Scheme::Http, "a", "/a\r\nget b", "", Reason::PublishKey),
            (&larder, Scheme::Http, "a", "/a#b", "", Reason::PublishKey),
            (&larder, Scheme::Http, "a", "/", "a:b", Reason::PublishVersion),
            (&django, Scheme::Https, "a", "/", "a&b", Reason::PublishVersion),
            (&django, Scheme::Https, "a", &long, "", Reason::PublishKey),
            (&django, Scheme::Http, "a", "/", "", Reason::PublishScheme),
        ];
        for (keys, scheme, host, target, version, expected) in cases {
            assert_eq!(keys.key(scheme, host, target, version), Err(expected), "{target}");
        }
    }

    #[test]
    fn the_longest_key_is_memcacheds_and_escapes_count() {
        let larder = KeyScheme::default();
        let room = larder.target_bytes_max(Scheme::Http, "a.test");
        let target = |len| format!("/{}", "a".repeat(len - 1));
        let key = larder.key(Scheme::Http, "a.test", &target(room), "").unwrap();
        assert_eq!(key.len(), KEY_BYTES_MAX);
        for target in [target(room + 1), format!("/%{}", "a".repeat(room - 2))] {
            assert_eq!(larder.key(Scheme::Http, "a.test", &target, ""), Err(Reason::PublishKey));
        }
    }

    #[test]
    fn prefixes_and_versions_are_what_nothing_reads_anything_into() {
        for good in ["", "ps", "site:1", "a-b_c.d"] {
            assert_eq!(KeyScheme::check_part(good), Ok(()), "{good}");
        }
        for bad in ["a b", "a%b", "$host", "é", "a\n", "a\"b", "{", &"a".repeat(65)] {
            assert!(KeyScheme::check_part(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn keys_are_what_memcached_takes_and_no_two_pages_have_one(
            one in page(), other in page(), style in prop::bool::ANY,
        ) {
            let keys = if style { KeyScheme::default() } else { django("") };
            let of = |(scheme, host, target, version): &(Scheme, String, String, String)| {
                keys.key(*scheme, host, target, version)
            };
            if let (Ok(a), Ok(b)) = (of(&one), of(&other)) {
                prop_assert!(a.len() <= KEY_BYTES_MAX && a.bytes().all(|byte| byte > b' ' && byte != 0x7f));
                prop_assert_eq!(a == b, one == other);
            }
        }

        #[test]
        fn escaping_is_injective(one in ".{0,12}", other in ".{0,12}") {
            prop_assert_eq!(escaped(&one) == escaped(&other), one == other);
        }
    }

    fn page() -> impl Strategy<Value = (Scheme, String, String, String)> {
        let scheme = prop::sample::select(vec![Scheme::Http, Scheme::Https]);
        (scheme, "(a|ab|http|a:80)", "/?[a/%&=?:é]{0,4}", "(|a|http|ab)")
    }

    #[test]
    fn a_version_that_is_named_like_a_scheme_is_told_from_it() {
        let larder = KeyScheme::default();
        let keys: HashSet<_> =
            [(Scheme::Http, ""), (Scheme::Http, "http"), (Scheme::Https, "http")]
                .map(|(scheme, version)| larder.key(scheme, "a", "/", version).unwrap())
                .into();
        assert_eq!(keys.len(), 3);
    }
}
