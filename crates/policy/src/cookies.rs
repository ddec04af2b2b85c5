//! Cookies of a request, read as applications read them: RFC 6265 §4.2.1, §5.4.
//!
//! A name is a whole name: `messages=1` is not found inside `xmessages=10`, and an empty value is a value. Nothing is
//! decoded and quotes stay, since applications do not agree about either.

use http::{HeaderMap, HeaderValue, header::COOKIE};
use memchr::memchr;

/// The cookies of a request in order, over all lines: name and value, space around either taken off.
///
/// What has no `=` is no cookie. Values keep their quotes.
pub fn iter(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    // RFC 9113 §8.2.3: HTTP/2 may send each cookie as a line of its own.
    headers.get_all(COOKIE).iter().flat_map(|line| of_line(line.as_bytes()))
}

fn of_line(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(line);
    let pieces = std::iter::from_fn(move || {
        let (piece, after) = cut(rest?, b';');
        rest = after;
        Some(piece)
    });
    pieces.filter_map(|piece| {
        let (name, value) = cut(piece, b'=');
        Some((name.trim_ascii(), value?.trim_ascii()))
    })
}

/// What is before the first `border`, and what is after it if there is one.
fn cut(bytes: &[u8], border: u8) -> (&[u8], Option<&[u8]>) {
    let Some((before, after)) = memchr(border, bytes).and_then(|at| bytes.split_at_checked(at))
    else {
        return (bytes, None);
    };
    (before, after.get(1..))
}

/// Names of cookies, as the site lists them: exact, or with one `*` for any run of characters. Case matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CookieNames {
    names: Vec<String>,
    exact: Vec<Box<[u8]>>,
    /// Those with a `*` after their first character.
    headed: Vec<Wild>,
    /// Those that begin with `*`.
    tailed: Vec<Wild>,
    /// By a name's first byte, [`folded`]: a bit for each length of an exact name, and [`HEADED`]. Most cookies are on no
    /// list, and are known by it at once. Empty for an empty list.
    index: Vec<u32>,
}

/// What is around a `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wild {
    head: Box<[u8]>,
    tail: Box<[u8]>,
}

/// The bit that says: a name with a `*` begins with this byte.
const HEADED: u32 = 1 << 31;

impl CookieNames {
    /// A list. What [`check`](Self::check) refuses fits no cookie of a browser.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        let mut list =
            Self { index: vec![0; 256 * usize::from(!names.is_empty())], ..Self::default() };
        for name in &names {
            list.add(name.as_bytes());
        }
        Self { names, ..list }
    }

    /// A list of names that can be names of cookies.
    ///
    /// # Errors
    /// What is wrong with the first of them that is none, for people.
    pub fn checked(names: Vec<String>) -> Result<Self, String> {
        names.iter().try_for_each(|name| Self::check(name))?;
        Ok(Self::new(names))
    }

    /// Whether a name can be on a list.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check(name: &str) -> Result<(), String> {
        if name.is_empty() {
            return Err("a cookie's name is empty".to_owned());
        }
        if let Some(bad) = name.chars().find(|&c| is_no_part_of_a_name(c)) {
            return Err(format!(
                "the cookie name {name:?} has a {bad:?} in it, which no name can have"
            ));
        }
        if name.matches('*').count() > 1 {
            return Err(format!("the cookie name {name:?} has more than one `*`"));
        }
        Ok(())
    }

    /// Whether a name is on it.
    #[must_use]
    pub fn contains(&self, name: &[u8]) -> bool {
        self.find(name, |ours| ours == name, |wild| wild.fits(name, |byte| byte))
    }

    /// Whether an application could take a name for one that is on it: ASP.NET reads `sessionid` where `SessionID` is sent,
    /// and PHP reads `my_session` where `my.session` is sent.
    ///
    /// For questions in which a yes is the careful answer. Case is only ignored in names without a `*`, as short
    /// patterns would fit too much.
    #[must_use]
    pub fn may_mean(&self, name: &[u8]) -> bool {
        self.find(name, |ours| is_alike(ours, name, folded), |wild| wild.fits(name, underscored))
    }

    /// The names as written.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.names
    }

    fn find(
        &self,
        name: &[u8],
        is_exact: impl Fn(&[u8]) -> bool,
        fits: impl Fn(&Wild) -> bool,
    ) -> bool {
        let first = name.first().map_or(0, |&first| usize::from(folded(first)));
        let bits = self.index.get(first).copied().unwrap_or_default();
        bits & length_bit(name) != 0 && self.exact.iter().any(|ours| is_exact(ours))
            || bits & HEADED != 0 && self.headed.iter().any(&fits)
            || self.tailed.iter().any(&fits)
    }

    fn add(&mut self, name: &[u8]) {
        let (head, tail) = cut(name, b'*');
        let bit = if tail.is_some() { HEADED } else { length_bit(name) };
        let first = head.first().map_or(0, |&first| usize::from(folded(first)));
        match tail {
            None => self.exact.push(name.into()),
            Some(tail) if head.is_empty() => {
                self.tailed.push(Wild { head: head.into(), tail: tail.into() });
                return;
            }
            Some(tail) => self.headed.push(Wild { head: head.into(), tail: tail.into() }),
        }
        if let Some(bits) = self.index.get_mut(first) {
            *bits |= bit;
        }
    }
}

impl Wild {
    /// Head and tail do not share a character: `a*a` does not fit `a`.
    fn fits(&self, name: &[u8], read: impl Fn(u8) -> u8) -> bool {
        let Some((head, rest)) = name.split_at_checked(self.head.len()) else { return false };
        let Some(middle) = rest.len().checked_sub(self.tail.len()) else { return false };
        let (_, tail) = rest.split_at(middle);
        is_alike(&self.head, head, &read) && is_alike(&self.tail, tail, &read)
    }
}

fn is_alike(one: &[u8], other: &[u8], read: impl Fn(u8) -> u8) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(&a, &b)| read(a) == read(b))
}

/// The bit of a name's length. Long ones share one.
const fn length_bit(name: &[u8]) -> u32 {
    let len = name.len();
    if len < 30 { 1 << len } else { 1 << 30 }
}

/// As PHP names variables.
const fn underscored(byte: u8) -> u8 {
    match byte {
        b'.' | b' ' | b'[' => b'_',
        _ => byte,
    }
}

/// As PHP names variables, in lower case.
const fn folded(byte: u8) -> u8 {
    underscored(byte).to_ascii_lowercase()
}

/// RFC 6265 §4.1.1: a name is a token. What some applications use besides is let through.
fn is_no_part_of_a_name(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '=' | ';' | ',' | '"')
}

/// A `Cookie` line of those cookies only for whose name `keep` says yes, in order; `None` if there are none.
///
/// A cookie without a name is left out: what follows its `=` is a value to some and a cookie to others. So is a value that
/// no field can carry.
#[must_use]
pub fn only(headers: &HeaderMap, keep: impl Fn(&[u8]) -> bool) -> Option<HeaderValue> {
    let mut line = Vec::new();
    for (name, value) in iter(headers) {
        if name.is_empty() || !keep(name) || !is_safe(name) || !is_safe(value) {
            continue;
        }
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        line.extend_from_slice(name);
        line.push(b'=');
        line.extend_from_slice(value);
    }
    if line.is_empty() { None } else { HeaderValue::try_from(line).ok() }
}

/// RFC 9110 §5.5: what a field's value may have in it.
fn is_safe(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    fn pairs(lines: &[&str]) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        iter(&request(lines)).map(|(name, value)| (text(name), text(value))).collect()
    }

    fn names(list: &[&str]) -> CookieNames {
        CookieNames::new(list.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn cookies_are_read_as_applications_read_them() {
        type Case = (&'static [&'static str], &'static [(&'static str, &'static str)]);
        let cases: [Case; 12] = [
            (&[], &[]),
            (&[""], &[]),
            (&["a=b"], &[("a", "b")]),
            (&["a=b; c=d"], &[("a", "b"), ("c", "d")]),
            (&["a=b;c=d;"], &[("a", "b"), ("c", "d")]),
            (&["a=b", "c=d; e=f"], &[("a", "b"), ("c", "d"), ("e", "f")]),
            (&[" a\t=\t b c ;; ;d"], &[("a", "b c")]),
            (&["a=b=c=="], &[("a", "b=c==")]),
            (&["a=; =b; ="], &[("a", ""), ("", "b"), ("", "")]),
            (&["a=\"b; c=d\""], &[("a", "\"b"), ("c", "d\"")]),
            (&["a=1; a=2; A=3"], &[("a", "1"), ("a", "2"), ("A", "3")]),
            (&["a=b, c=d"], &[("a", "b, c=d")]),
        ];
        for (lines, expected) in cases {
            let actual = pairs(lines);
            let actual: Vec<_> = actual.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(actual, expected, "{lines:?}");
        }
    }

    // django-cache-headers looked for `messages=` and `isauthenticated=` in the line as text.
    #[test]
    fn hash_value_ambiguity_a_name_inside_another_name_or_value_is_not_that_cookie() {
        let list = names(&["messages", "isauthenticated"]);
        for line in [
            "xisauthenticated=10",
            "isauthenticated2=1",
            "x-messages=1",
            "theme=messages=1",
            "theme=isauthenticated=1",
            "theme=\"messages=1\"",
            "Messages=1",
            "messages",
            "=messages=1",
        ] {
            assert_eq!(only(&request(&[line]), |name| list.contains(name)), None, "{line}");
        }
    }

    #[test]
    fn hash_value_ambiguity_an_empty_value_does_not_pull_in_what_follows() {
        let lines = ["messages=; isauthenticated=1; theme=dark"];
        let kept = only(&request(&lines), |name| name == b"messages").unwrap();
        assert_eq!(kept, "messages=");
        // The two that gave the same hash are told apart by their names.
        assert_ne!(pairs(&["messages=1"]), pairs(&["isauthenticated=1"]));
    }

    #[test]
    fn names_are_whole_and_case_matters() {
        let list = names(&["sessionid", "_*_session", "*_key", "wp_*", "a*a", "Exact.Name"]);
        let on = [
            "sessionid",
            "_x_session",
            "__session",
            "_a_b_session",
            "_key",
            "a_key",
            "wp_",
            "wp_1",
            "aa",
            "aba",
            "Exact.Name",
        ];
        let off = [
            "",
            "session",
            "sessionid2",
            "Sessionid",
            "xsessionid",
            "_session",
            "_x_sessions",
            "key",
            "wp",
            "Wp_1",
            "a",
            "ab",
            "Exact_Name",
            "exact.name",
        ];
        assert_eq!(
            on.map(|name| (name, list.contains(name.as_bytes()))),
            on.map(|name| (name, true))
        );
        assert_eq!(
            off.map(|name| (name, list.contains(name.as_bytes()))),
            off.map(|name| (name, false))
        );
    }

    #[test]
    fn long_names_are_told_apart() {
        let long = "n".repeat(60);
        let list = names(&[&long]);
        assert!(list.contains(long.as_bytes()));
        assert!(!list.contains("n".repeat(61).as_bytes()) && !list.contains(&[b'n'; 30]));
        assert_eq!(list.as_slice(), [long]);
    }

    #[test]
    fn an_empty_list_has_no_name_and_a_star_alone_has_all() {
        assert!(!names(&[]).contains(b"") && !names(&[]).contains(b"a"));
        assert_eq!(names(&[]), CookieNames::default());
        assert!(names(&["*"]).contains(b"") && names(&["*"]).contains(b"a"));
    }

    #[test]
    fn other_spellings_that_an_application_reads_alike_are_meant() {
        let list = names(&["ASP.NET_SessionId", "laravel_session", "*_session", "SESS*"]);
        for name in [
            "asp.net_sessionid",
            "ASP_NET_SessionId",
            "laravel.session",
            "my[session",
            "my session",
        ] {
            assert!(list.may_mean(name.as_bytes()), "{name}");
            assert!(!list.contains(name.as_bytes()), "{name}");
        }
        for name in ["aspnet_sessionid", "laravel-session", "sessions", "my_SESSION2"] {
            assert!(!list.may_mean(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_that_no_cookie_can_have_are_refused() {
        for good in ["a", "a*", "*", "__Host-x", "a.b[c]", ".ASPXAUTH", "é"] {
            assert_eq!(CookieNames::check(good), Ok(()), "{good}");
        }
        for bad in ["", "a=b", "a;b", "a b", " a", "a\t", "a,b", "\"a\"", "a*b*", "**", "a\u{7f}"] {
            let message = CookieNames::check(bad).unwrap_err();
            assert!(message.contains("name"), "{bad}: {message}");
            assert!(CookieNames::checked(vec!["ok".to_owned(), bad.to_owned()]).is_err(), "{bad}");
        }
        assert_eq!(CookieNames::checked(vec!["a*".to_owned()]), Ok(names(&["a*"])));
    }

    #[test]
    fn only_what_is_kept_is_written_in_order_and_repeated_names_all() {
        let all = request(&["b=2 ;a=1; x=9", "a=3;nothing; a=; =c=1"]);
        let line = |keep: &[&str]| only(&all, |name| keep.iter().any(|k| k.as_bytes() == name));
        assert_eq!(line(&["a"]).unwrap(), "a=1; a=3; a=");
        assert_eq!(line(&["a", "b"]).unwrap(), "b=2; a=1; a=3; a=");
        assert_eq!(line(&["c", "", "nothing"]), None);
        assert_eq!(only(&HeaderMap::new(), |_| true), None);
    }

    #[test]
    fn bytes_beyond_ascii_are_kept_as_they_are() {
        let value = HeaderValue::from_bytes(b"a=\xff\xe4; b=2").unwrap();
        let headers = HeaderMap::from_iter([(COOKIE, value)]);
        assert_eq!(only(&headers, |name| name == b"a").unwrap().as_bytes(), b"a=\xff\xe4");
    }

    /// The obvious way, for comparison.
    fn fits_plainly(pattern: &str, name: &str) -> bool {
        match pattern.split_once('*') {
            None => pattern == name,
            Some((head, tail)) => {
                name.len() >= head.len() + tail.len()
                    && name.starts_with(head)
                    && name.ends_with(tail)
            }
        }
    }

    proptest! {
        #[test]
        fn lists_say_what_the_obvious_way_says(
            list in prop::collection::vec("[abA._]{0,4}\\*?[abA._]{0,3}", 0..6),
            name in "[abA._]{0,6}",
        ) {
            let expected = list.iter().any(|pattern| fits_plainly(pattern, &name));
            let list = CookieNames::new(list);
            prop_assert_eq!(list.contains(name.as_bytes()), expected);
            prop_assert!(!expected || list.may_mean(name.as_bytes()));
        }

        #[test]
        fn what_is_written_is_read_again_and_nothing_panics(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
            kept in any::<u8>(),
        ) {
            let lines = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
            let headers: HeaderMap = lines.map(|line| (COOKIE, line)).collect();
            let keep = |name: &[u8]| name.first().is_some_and(|first| first & kept != 0);
            let written = only(&headers, keep).map(|line| (COOKIE, line));
            let again = HeaderMap::from_iter(written);
            let before: Vec<_> = iter(&headers).filter(|(name, _)| keep(name)).collect();
            prop_assert_eq!(iter(&again).collect::<Vec<_>>(), before);
        }
    }
}
