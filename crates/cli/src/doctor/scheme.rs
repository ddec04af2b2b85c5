//! By which scheme does an application believe that it was asked? By what it writes: redirects, links to itself, and what it sends
//! by https only.

use larder_policy::{Scheme, redirect};

use super::examined::Examined;
use super::finding::Side;
use super::probe::{Answer, Probe, Why};
use super::site::Base;
use super::url::Url;

/// Whether an answer sends the visitor to the very URL that they asked for.
pub(super) fn is_circle(probe: &Probe, answer: &Answer) -> bool {
    let url = &probe.url;
    answer.location().is_some_and(|location| {
        let location = http::HeaderValue::from_str(location);
        location.is_ok_and(|line| redirect::is_circle(&line, url.scheme, &url.host, &url.target))
    })
}

/// Whether an answer sends the visitor to the same URL of the other scheme.
pub(super) fn is_to_other_scheme(probe: &Probe, answer: &Answer) -> bool {
    answer.redirect(&probe.url).is_some_and(|to| {
        let url = &probe.url;
        to.scheme != url.scheme && same_host(&to, url) && to.target == url.target
    })
}

/// Ports belong to schemes: `a.test:8443` by https may be `a.test:8080` by http.
fn same_host(one: &Url, other: &Url) -> bool {
    one.host == other.host || name(&one.host) == name(&other.host)
}

/// A host without its port.
pub(super) fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

/// The scheme that an answer was made for, as far as it shows.
pub(super) fn believed(probe: &Probe, answer: &Answer) -> Option<Scheme> {
    if let Some(to) = answer.redirect(&probe.url).filter(|_| is_absolute(answer)) {
        if !same_host(&to, &probe.url) {
            return None;
        }
        // A redirect to the same page by another scheme says that this one is not it.
        return Some(if to.target == probe.url.target { other(to.scheme) } else { to.scheme });
    }
    let text = answer.text();
    let links = |scheme: Scheme| names(&text, scheme, &probe.url.host);
    match (links(Scheme::Http), links(Scheme::Https)) {
        (true, false) => Some(Scheme::Http),
        (false, true) => Some(Scheme::Https),
        (true, true) | (false, false) => None,
    }
}

const fn other(scheme: Scheme) -> Scheme {
    match scheme {
        Scheme::Http => Scheme::Https,
        Scheme::Https => Scheme::Http,
    }
}

fn is_absolute(answer: &Answer) -> bool {
    answer.location().is_some_and(|location| location.contains("://"))
}

/// Whether a page names a URL of this host by this scheme.
fn names(text: &str, scheme: Scheme, host: &str) -> bool {
    let beginning = format!("{}://{host}", scheme.as_str());
    text.match_indices(&beginning).any(|(at, _)| {
        let after = text.get(at + beginning.len()..).and_then(|rest| rest.chars().next());
        // Not the beginning of a longer name, nor another port.
        after.is_none_or(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | ':'))
    })
}

/// What the application makes of being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// It does as it is told.
    Hears,
    /// It believes in http whatever it is told.
    Deaf,
    /// Its links are for https whatever it is told.
    AlwaysHttps,
    /// Nothing shows it.
    Unknown,
}

/// Compares what an application answers to one page by both schemes.
pub(super) fn hearing(examined: &Examined, base: usize) -> Hearing {
    let told = |scheme| examined.answer(base, Why::Told(scheme));
    let (Some(https), Some(http)) = (told(Scheme::Https), told(Scheme::Http)) else {
        return Hearing::Unknown;
    };
    compare(https, http)
}

fn compare(https: (&Probe, &Answer), http: (&Probe, &Answer)) -> Hearing {
    let of = |(probe, answer): (&Probe, &Answer)| believed(probe, answer);
    match (of(https), of(http)) {
        (Some(Scheme::Http), _) => Hearing::Deaf,
        (Some(Scheme::Https), Some(Scheme::Http)) => Hearing::Hears,
        (Some(Scheme::Https), _) => Hearing::AlwaysHttps,
        (None, _) if differ(https, http) => Hearing::Hears,
        (None, _) => Hearing::Unknown,
    }
}

/// Whether one of two answers to the same page is a redirect to the other scheme, or has what belongs to https, and the other not.
pub(super) fn differ(one: (&Probe, &Answer), other: (&Probe, &Answer)) -> bool {
    let signs = |(probe, answer): (&Probe, &Answer)| {
        let secure = answer.cookies().any(|cookie| {
            let mut attributes = cookie.line.split(';').skip(1);
            attributes.any(|attribute| attribute.trim().eq_ignore_ascii_case("secure"))
        });
        let hsts = answer.field("strict-transport-security").is_some();
        let redirects = answer.redirect(&probe.url).map(|to| to.scheme).filter(|_| {
            answer.redirect(&probe.url).is_some_and(|to| to.target == probe.url.target)
        });
        (redirects, hsts, secure, believed(probe, answer))
    };
    signs(one) != signs(other)
}

/// Whether visitors by http are sent to https.
pub(super) fn is_https_only(examined: &Examined, base: usize) -> bool {
    [Why::Told(Scheme::Http), Why::Untold].into_iter().any(|why| {
        examined.answer(base, why).is_some_and(|(probe, answer)| {
            probe.url.scheme == Scheme::Http && is_to_other_scheme(probe, answer)
        })
    })
}

/// Whether the public address was named by http, and sends its visitors to https, where somebody answers.
pub(super) fn moved_to_https(examined: &Examined) -> bool {
    let answered = |scheme| {
        let mut bases = examined.site.bases.iter();
        let is_it = |base: &Base| base.side == Side::Public && base.scheme == scheme;
        bases.position(is_it).and_then(|base| examined.answer(base, Why::Untold))
    };
    let is_left = |(probe, answer): (&Probe, &Answer)| is_to_other_scheme(probe, answer);
    answered(Scheme::Http).is_some_and(is_left) && answered(Scheme::Https).is_some()
}

/// Whether the application does not see that a visitor came by https.
pub(super) fn is_deaf(examined: &Examined, base: usize) -> bool {
    hearing(examined, base) == Hearing::Deaf
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::probe::testing::answer;
    use crate::doctor::probe::{Asked, AskedBy};
    use http::HeaderMap;

    fn probe(scheme: Scheme, status: u16, fields: &str, body: &str) -> Probe {
        Probe {
            base: 0,
            why: Why::Told(scheme),
            url: Url::new(scheme, "a.test", "/x"),
            asked: Asked {
                method: AskedBy::Get,
                target: "/x".to_owned(),
                fields: HeaderMap::new(),
            },
            came: Ok(answer(status, fields, body)),
        }
    }

    fn both(probe: &Probe) -> (&Probe, &Answer) {
        (probe, probe.came.as_ref().expect("an answer"))
    }

    #[test]
    fn what_an_answer_was_made_for_shows_in_redirects_and_links() {
        let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
        let cases = [
            (301, "Location: https://a.test/x", "", http),
            (301, "Location: https://a.test:443/x", "", http),
            (301, "Location: http://a.test/x", "", https),
            (302, "Location: https://a.test/login", "", https),
            (302, "Location: http://a.test/login", "", http),
            (302, "Location: /login", "", None),
            (301, "Location: https://www.a.test/x", "", None),
            (200, "", "<a href=\"https://a.test/y\">", https),
            (200, "", "http://a.test", http),
            (200, "", "http://a.test https://a.test/", None),
            (200, "", "http://a.tester/ http://a.test.b/ http://a.test:8000/", None),
            (200, "", "", None),
        ];
        for (status, fields, body, expected) in cases {
            let probe = probe(Scheme::Https, status, fields, body);
            let (probe, answer) = both(&probe);
            assert_eq!(believed(probe, answer), expected, "{status} {fields} {body}");
        }
    }

    #[test]
    fn what_is_heard_shows_in_the_difference() {
        let to_https = (301, "Location: https://a.test/x", "");
        let plain = (200, "", "page");
        let cases = [
            (plain, to_https, Hearing::Hears),
            (to_https, to_https, Hearing::Deaf),
            (plain, plain, Hearing::Unknown),
            ((200, "Strict-Transport-Security: max-age=1", "page"), plain, Hearing::Hears),
            (
                (200, "Set-Cookie: a=b; Secure", "page"),
                (200, "Set-Cookie: a=b", ""),
                Hearing::Hears,
            ),
            ((200, "", "https://a.test/"), (200, "", "http://a.test/"), Hearing::Hears),
            ((200, "", "https://a.test/"), (200, "", "https://a.test/"), Hearing::AlwaysHttps),
            ((200, "", "http://a.test/"), (200, "", "http://a.test/"), Hearing::Deaf),
        ];
        for (https, http, expected) in cases {
            let https = probe(Scheme::Https, https.0, https.1, https.2);
            let http = probe(Scheme::Http, http.0, http.1, http.2);
            assert_eq!(compare(both(&https), both(&http)), expected, "{https:?} {http:?}");
        }
    }
}
