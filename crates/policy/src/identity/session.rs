//! The session cookies of a request.

use super::IdentityRules;
use crate::cookies;
use http::HeaderMap;

/// The session cookies that a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session<'a> {
    /// None, or only empty ones: the visitor is anonymous.
    None,
    /// One.
    One {
        /// Its name.
        name: &'a [u8],
        /// Its value, not empty.
        value: &'a [u8],
    },
    /// Several: whose the request is, only the application knows.
    Several,
}

impl<'a> Session<'a> {
    /// Those of `request`. The same name twice is several: which of them counts, applications do not agree about.
    ///
    /// A name that some applications take for a listed one ([`CookieNames::may_mean`](cookies::CookieNames::may_mean)) is a
    /// session's too: otherwise a visitor who writes theirs in another way would pass for anonymous here, and not there.
    #[must_use]
    pub fn of(request: &'a HeaderMap, rules: &IdentityRules) -> Self {
        let mut found = cookies::iter(request)
            .filter(|(name, value)| !value.is_empty() && rules.session_cookies.may_mean(name));
        match (found.next(), found.next()) {
            (None, _) => Self::None,
            (Some((name, value)), None) => Self::One { name, value },
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookies::CookieNames;
    use http::{HeaderValue, header::COOKIE};
    use proptest::prelude::*;

    fn rules(names: &[&str]) -> IdentityRules {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        IdentityRules { session_cookies: CookieNames::new(names), ..IdentityRules::default() }
    }

    fn request(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    const fn one<'a>(name: &'a str, value: &'a str) -> Session<'a> {
        Session::One { name: name.as_bytes(), value: value.as_bytes() }
    }

    #[test]
    fn no_session_cookie_is_anonymous_one_is_one_and_more_are_several() {
        let cases: [(&[&str], Session<'_>); 15] = [
            (&[], Session::None),
            (&["theme=dark; messages=1"], Session::None),
            (&["sessionid=abc"], one("sessionid", "abc")),
            (&["theme=dark", "sessionid=abc; a=b"], one("sessionid", "abc")),
            (&["sessionid="], Session::None),
            (&["sessionid= \t; other="], Session::None),
            (&["sessionid"], Session::None),
            (&["sessionid=\"\""], one("sessionid", "\"\"")),
            (&["sessionid=; sessionid=abc"], one("sessionid", "abc")),
            (&["sessionid=abc; sessionid=def"], Session::Several),
            (&["sessionid=abc", "sessionid=abc"], Session::Several),
            (&["sessionid=abc; my_auth=1"], Session::Several),
            (&["sessionid=abc; my_auth="], one("sessionid", "abc")),
            (&["xsessionid=abc; theme=sessionid=abc"], Session::None),
            (&["SessionID=abc"], one("SessionID", "abc")),
        ];
        for (lines, expected) in cases {
            let request = request(lines);
            assert_eq!(
                Session::of(&request, &rules(&["sessionid", "*_auth"])),
                expected,
                "{lines:?}"
            );
        }
    }

    // django-cache-headers took any `sessionid` of eight characters, and a cookie that a visitor wrote, for a login.
    #[test]
    fn a_forged_cookie_that_only_looks_like_a_login_is_no_session() {
        let django = IdentityRules::default();
        for line in ["isauthenticated=1", "xisauthenticated=10", "messages=1"] {
            assert_eq!(Session::of(&request(&[line]), &django), Session::None, "{line}");
        }
    }

    #[test]
    fn other_spellings_do_not_hide_a_session() {
        let php = rules(&["laravel_session"]);
        for line in ["laravel.session=x", "laravel session=x", "laravel[session=x"] {
            assert_ne!(Session::of(&request(&[line]), &php), Session::None, "{line}");
        }
        let both = request(&["laravel_session=x; laravel.session=y"]);
        assert_eq!(Session::of(&both, &php), Session::Several);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_values_are_not_empty(line in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                let request = HeaderMap::from_iter([(COOKIE, value)]);
                if let Session::One { value, .. } = Session::of(&request, &rules(&["*"])) {
                    prop_assert!(!value.is_empty() && !value.contains(&b';'));
                }
            }
        }
    }
}
