//! Cookies that a response sets: whose they are, and which may be taken off. RFC 6265 §4.1, §5.2.
//!
//! Every line counts, whatever the request carried: a cookie that is set on a shared page is set for everybody.

use http::{HeaderMap, header::SET_COOKIE};
use memchr::memchr;

/// The name of the first cookie that `response` sets and `dropped` does not name. `None` if there is no such cookie.
///
/// A line without a readable name counts as a cookie with an empty name, which nothing drops. Case matters.
#[must_use]
pub fn kept_name<'a>(response: &'a HeaderMap, dropped: &[String]) -> Option<&'a [u8]> {
    let mut names = response.get_all(SET_COOKIE).iter().map(|line| name(line.as_bytes()));
    names.find(|name| name.is_empty() || !dropped.iter().any(|other| other.as_bytes() == *name))
}

/// The names of the cookies that `response` sets.
pub fn names(response: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    response.get_all(SET_COOKIE).iter().map(|line| name(line.as_bytes()))
}

/// RFC 6265 §5.2: attributes begin at the first `;`, and the name ends at the first `=` before it.
fn name(line: &[u8]) -> &[u8] {
    let before = |border, bytes| memchr(border, bytes).and_then(|at| bytes.get(..at));
    let pair = before(b';', line).unwrap_or(line);
    before(b'=', pair).unwrap_or_default().trim_ascii()
}

/// Takes all `Set-Cookie` lines off.
pub fn remove_all(response: &mut HeaderMap) {
    response.remove(SET_COOKIE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn response(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (SET_COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn the_first_cookie_that_is_not_dropped_is_named() {
        let cases: [(&[&str], &[&str], Option<&str>); 15] = [
            (&[], &["csrftoken"], None),
            (&["csrftoken=x; Path=/"], &["csrftoken"], None),
            (&["csrftoken=x; Path=/"], &[], Some("csrftoken")),
            (&["csrftoken=x", "sessionid=y"], &["csrftoken"], Some("sessionid")),
            (&["sessionid=y", "csrftoken=x"], &["csrftoken"], Some("sessionid")),
            (&["csrftoken=x", "theme=y"], &["theme", "csrftoken"], None),
            (&[" csrftoken\t= x"], &["csrftoken"], None),
            (&["CSRFToken=x"], &["csrftoken"], Some("CSRFToken")),
            (&["xcsrftoken=1"], &["csrftoken"], Some("xcsrftoken")),
            (&["csrftoken"], &["csrftoken"], Some("")),
            (&["csrftoken; a=b"], &["csrftoken", "a"], Some("")),
            (&["=x"], &[""], Some("")),
            (&[""], &["", "csrftoken"], Some("")),
            (&["csrftoken=x, sessionid=y"], &["csrftoken"], None),
            (&["csrftoken=; Max-Age=0"], &[], Some("csrftoken")),
        ];
        for (lines, dropped, expected) in cases {
            let dropped: Vec<String> = dropped.iter().map(|&name| name.to_owned()).collect();
            let response = response(lines);
            let actual = kept_name(&response, &dropped);
            assert_eq!(actual, expected.map(str::as_bytes), "{lines:?} without {dropped:?}");
        }
    }

    #[test]
    fn cve_2026_35192_a_session_cookie_on_a_public_page_is_seen() {
        let mut page = response(&["sessionid=abc; HttpOnly; Path=/"]);
        page.insert("cache-control", HeaderValue::from_static("public, max-age=600"));
        assert_eq!(kept_name(&page, &["csrftoken".to_owned()]), Some(&b"sessionid"[..]));
    }

    // CVE-2026-48588: whether the request had cookies of its own made the difference there.
    #[test]
    fn cve_2026_48588_a_cookie_beside_vary_cookie_is_seen_whatever_the_request_carried() {
        let mut page = response(&["sessionid=abc"]);
        page.insert("vary", HeaderValue::from_static("Cookie"));
        assert_eq!(kept_name(&page, &[]), Some(&b"sessionid"[..]));
    }

    #[test]
    fn all_lines_go() {
        let mut page = response(&["a=b", "c=d"]);
        page.insert("vary", HeaderValue::from_static("Cookie"));
        remove_all(&mut page);
        assert_eq!(kept_name(&page, &[]), None);
        assert_eq!(page.len(), 1);
    }

    proptest! {
        #[test]
        fn every_line_is_a_cookie_and_nothing_panics(line in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                let page = HeaderMap::from_iter([(SET_COOKIE, value)]);
                let name = kept_name(&page, &[]);
                prop_assert!(name.is_some_and(|name| !name.contains(&b';') && !name.contains(&b'=')));
            }
        }
    }
}
