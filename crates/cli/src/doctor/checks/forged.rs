//! Does what a visitor makes up come back in a page?

use http::header::{CONTENT_LOCATION, HeaderName, LINK, LOCATION, REFRESH, SET_COOKIE};

use crate::doctor::examined::Examined;
use crate::doctor::finding::{Side, Told};
use crate::doctor::probe::{Answer, Forgery, Probe, Why};
use crate::doctor::scheme::differ;

/// Fields in which something made up does harm.
const FIELDS: [HeaderName; 5] = [LOCATION, LINK, CONTENT_LOCATION, REFRESH, SET_COOKIE];

/// Where a word stands in an answer, in a few words.
fn place(answer: &Answer, word: &str) -> Option<String> {
    for name in &FIELDS {
        if answer.lines(name).any(|line| line.contains(word)) {
            let is_redirect = *name == LOCATION;
            return Some(if is_redirect {
                "in a redirect".to_owned()
            } else {
                format!("in the field {name}")
            });
        }
    }
    let text = answer.text();
    let (before, _) = text.split_once(word)?;
    // What a link is written with, shortly before.
    let start = before.char_indices().rev().nth(40).map_or(0, |(at, _)| at);
    let near = before.get(start..).unwrap_or_default();
    let is_link =
        ["href", "src", "action", "content", "url(", "://"].iter().any(|sign| near.contains(sign));
    Some(if is_link { "in the page's links".to_owned() } else { "in the page's text".to_owned() })
}

fn answer(examined: &Examined, base: usize, forgery: Forgery) -> Option<(&Probe, &Answer)> {
    examined.answer(base, Why::Forged(forgery))
}

/// What is bad at the public address is a warning where only Larder asks.
fn by_side(examined: &Examined, base: usize, says: &str) -> Told {
    match examined.base(base).map(|base| base.side) {
        Some(Side::Public) => Told::problem(says),
        Some(Side::Application | Side::Configuration) | None => Told::warning(says),
    }
}

fn reflected(examined: &Examined, base: usize, forgery: Forgery, word: &str, name: &str) -> Told {
    let Some((probe, answer)) = answer(examined, base, forgery) else {
        return Told::skipped(format!("there was no answer to a forged {name}"));
    };
    match place(answer, word) {
        Some(place) => by_side(examined, base, &format!("a forged {name} comes back {place}"))
            .on(probe.url.to_string(), format!("{name}: {word}")),
        None => Told::ok(format!("a forged {name} does not come back")),
    }
}

pub(super) fn scheme(examined: &Examined, base: usize) -> Told {
    let word = examined.canary.scheme();
    reflected(examined, base, Forgery::NoScheme, &word, "X-Forwarded-Proto")
}

pub(super) fn forwarded_host(examined: &Examined, base: usize) -> Told {
    let word = examined.canary.host();
    reflected(examined, base, Forgery::ForwardedHost, &word, "X-Forwarded-Host")
}

pub(super) fn host(examined: &Examined, base: usize) -> Told {
    let word = examined.canary.host();
    let told = reflected(examined, base, Forgery::Host, &word, "Host");
    let is_guarded = !examined.site.config.front.hosts.is_empty();
    let is_application = examined.base(base).is_some_and(|base| base.side == Side::Application);
    match told {
        found if found.found.is_empty() => found,
        _ if is_application && is_guarded => {
            Told::ok("a forged Host comes back, but `hosts` lets only the site's through")
        }
        found => Told { verdict: Told::warning("").verdict, ..found },
    }
}

pub(super) fn url(examined: &Examined, base: usize) -> Told {
    let Some((probe, forged)) = answer(examined, base, Forgery::Url) else {
        return Told::skipped("there was no answer to a forged X-Original-URL");
    };
    let missing = |answer: &Answer| matches!(answer.status.as_u16(), 404 | 410);
    let honest = examined.answer(base, Why::Honest).map(|(_, answer)| answer);
    let chooses = missing(forged) && honest.is_some_and(|honest| !missing(honest));
    let says = if chooses {
        "X-Original-URL or X-Rewrite-URL chooses the page"
    } else if place(forged, &examined.canary.path()).is_some() {
        "a forged X-Original-URL or X-Rewrite-URL comes back in the page"
    } else {
        return Told::ok("X-Original-URL and X-Rewrite-URL make no difference");
    };
    let what = format!("{} for X-Original-URL: {}", forged.status.as_u16(), examined.canary.path());
    by_side(examined, base, says).on(probe.url.to_string(), what)
}

pub(super) fn underscores(examined: &Examined, base: usize) -> Told {
    let Some((probe, forged)) = answer(examined, base, Forgery::Underscores) else {
        return Told::skipped("there was no answer to X_Forwarded_Proto");
    };
    let is_public = examined.base(base).is_some_and(|base| base.side == Side::Public);
    let honest = examined.answer(base, if is_public { Why::Honest } else { Why::Untold });
    let says = if place(forged, &examined.canary.host()).is_some() {
        "X_Forwarded_Host is taken for X-Forwarded-Host"
    } else if forged.status.is_client_error() {
        return Told::ok("names with underscores are refused");
    } else if honest.is_some_and(|honest| differ(honest, (probe, forged))) {
        "X_Forwarded_Proto is taken for X-Forwarded-Proto"
    } else {
        return Told::ok("names with underscores make no difference");
    };
    by_side(examined, base, says).on(probe.url.to_string(), forged.status.as_u16().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::finding::Verdict;
    use crate::doctor::table::Check;

    fn both(forgery: Forgery, status: u16, fields: &str, body: &str) -> [Case; 2] {
        [Case::application(), Case::public("https://public.test")].map(|case| {
            case.came(Why::Honest, "/", 200, "", "page")
                .came(Why::Untold, "/", 200, "", "page")
                .came(Why::Forged(forgery), "/", status, fields, body)
        })
    }

    /// What is asked, what came, and whether that is bad.
    struct Row(Check, Forgery, u16, String, String, bool);

    fn rows() -> Vec<Row> {
        let canary = Case::application().examined().canary;
        let (host, path, scheme) = (canary.host(), canary.path(), canary.scheme());
        let link = |word: &str| format!("<a href='//{word}/x'>");
        let page = |check, forgery, body: String, is_bad| {
            Row(check, forgery, 200, String::new(), body, is_bad)
        };
        let fields = |check, forgery, fields: String| {
            Row(check, forgery, 200, fields, "page".to_owned(), true)
        };
        let (forwarded, by_host) = (Check::ForgedForwardedHost, Forgery::ForwardedHost);
        let (spelling, underscores) = (Check::UnderscoreSpelling, Forgery::Underscores);
        let to_host = format!("Location: https://{host}/x");
        let hsts = "Strict-Transport-Security: max-age=1".to_owned();
        vec![
            page(Check::ForgedScheme, Forgery::NoScheme, link(&scheme), true),
            page(Check::ForgedScheme, Forgery::NoScheme, link("site"), false),
            page(forwarded, by_host, link(&host), true),
            page(forwarded, by_host, link("site"), false),
            Row(forwarded, by_host, 302, to_host, String::new(), true),
            fields(forwarded, by_host, format!("Set-Cookie: a=b; Domain={host}")),
            page(Check::ForgedUrl, Forgery::Url, link(&path), true),
            page(Check::ForgedUrl, Forgery::Url, link("site"), false),
            Row(Check::ForgedUrl, Forgery::Url, 404, String::new(), String::new(), true),
            page(spelling, underscores, link(&host), true),
            page(spelling, underscores, link("site"), false),
            fields(spelling, underscores, hsts),
            Row(spelling, underscores, 400, String::new(), String::new(), false),
        ]
    }

    #[test]
    fn what_comes_back_is_a_problem_in_public_and_a_warning_where_larder_asks() {
        for Row(check, forgery, status, fields, body, is_bad) in rows() {
            let [application, public] = both(forgery, status, &fields, &body);
            let (here, there) = if is_bad {
                (Verdict::Warning, Verdict::Problem)
            } else {
                (Verdict::Ok, Verdict::Ok)
            };
            let found = told(&application, check);
            assert_eq!(found.verdict, here, "{check:?} {fields} {body}: {found:?}");
            let found = told(&public, check);
            assert_eq!(found.verdict, there, "{check:?} {fields} {body}: {found:?}");
        }
    }

    #[test]
    fn a_forged_host_is_harmless_where_larder_lets_only_the_sites_through() {
        let host = Case::application().examined().canary.host();
        let body = format!("<a href=https://{host}/>");
        let case = |file: &str| {
            let case = Case::with(file, None).came(Why::Forged(Forgery::Host), "/", 200, "", &body);
            told(&case, Check::ForgedHost).verdict
        };
        assert_eq!(case(""), Verdict::Warning);
        assert_eq!(case("hosts = ['site.test']"), Verdict::Ok);
        let refused = Case::application().came(Why::Forged(Forgery::Host), "/", 400, "", "");
        assert_eq!(told(&refused, Check::ForgedHost).verdict, Verdict::Ok);
        let unanswered = Case::application().came(Why::Untold, "/", 200, "", "");
        assert_eq!(told(&unanswered, Check::ForgedHost).verdict, Verdict::Skipped);
    }

    #[test]
    fn where_it_comes_back_is_said() {
        use crate::doctor::probe::testing::answer;
        let cases = [
            ("", "<a href='https://w/x'>", "in the page's links"),
            ("", "you asked for w", "in the page's text"),
            ("Location: https://w/", "", "in a redirect"),
            ("Link: <https://w/>; rel=next", "", "in the field link"),
        ];
        for (fields, body, expected) in cases {
            assert_eq!(place(&answer(200, fields, body), "w").as_deref(), Some(expected));
        }
        assert_eq!(place(&answer(200, "X-Other: w", ""), "w"), None);
    }
}
