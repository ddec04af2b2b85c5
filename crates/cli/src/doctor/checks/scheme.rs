//! Is the scheme read where it is told, and only from who may tell it?

use std::net::IpAddr;

use larder_policy::Scheme;

use crate::doctor::examined::Examined;
use crate::doctor::finding::{Gathered, Side, Told, Verdict};
use crate::doctor::probe::{Answer, Forgery, Probe, SCHEME_FIELDS, Why};
use crate::doctor::scheme::{Hearing, differ, hearing, is_circle, is_to_other_scheme};

const CIRCLE: &str = "it redirects to the very URL that was asked for, so for ever";

fn shown(answer: &Answer) -> String {
    format!("{} to {}", answer.status.as_u16(), answer.location().unwrap_or_default())
}

/// Circles where the scheme is told as it is in operation.
pub(super) fn redirect_loop(examined: &Examined, base: usize) -> Told {
    let is_public = examined.base(base).is_some_and(|base| base.side == Side::Public);
    let is_asked = |probe: &Probe| match probe.why {
        Why::Told(_) | Why::Page(_) => true,
        Why::Untold => is_public,
        Why::ToldBy(_) | Why::Missing | Why::Honest | Why::Forged(_) | Why::Script | Why::File => {
            false
        }
    };
    // The public address is both its schemes.
    let is_here = |probe: &Probe| {
        let other = examined.base(probe.base);
        probe.base == base || is_public && other.is_some_and(|other| other.side == Side::Public)
    };
    let mut gathered = Gathered::new(Verdict::Ok, "no page redirects to itself");
    let asked = examined.probes.iter().filter(|probe| is_here(probe) && is_asked(probe));
    let answers: Vec<_> =
        asked.filter_map(|probe| probe.came.as_ref().ok().map(|answer| (probe, answer))).collect();
    for (probe, answer) in &answers {
        if is_circle(probe, answer) {
            let told = match probe.why {
                Why::Told(Scheme::Https) => "told that the visitor came by https, ",
                Why::Told(Scheme::Http) => "told that the visitor came by http, ",
                Why::Untold
                | Why::ToldBy(_)
                | Why::Missing
                | Why::Honest
                | Why::Forged(_)
                | Why::Page(_)
                | Why::Script
                | Why::File => "",
            };
            let says = format!("{told}{CIRCLE}");
            gathered.add(Verdict::Problem, &says, probe.url.to_string(), shown(answer));
        }
    }
    // From one scheme to the other and back.
    let crossing = |scheme| {
        answers.iter().find(move |(probe, answer)| {
            probe.url.scheme == scheme
                && probe.url.target == "/"
                && is_to_other_scheme(probe, answer)
        })
    };
    if let (Some((there, one)), Some((back, other))) =
        (crossing(Scheme::Http), crossing(Scheme::Https))
    {
        let says = "it sends visitors by http to https, and those by https to http, for ever";
        gathered.add(Verdict::Problem, says, there.url.to_string(), shown(one));
        gathered.add(Verdict::Problem, says, back.url.to_string(), shown(other));
    }
    let mut told = gathered.done();
    if told.verdict == Verdict::Problem
        && let Some((name, value)) = heard_by(examined, base)
    {
        let line = format!("{name}: {value}");
        let what =
            format!("it does read {line}; Larder sends that with forwarded.extra = [\"{line}\"]");
        told = told.on("", what);
    }
    told
}

/// A field that the application does read, if it is not the one that Larder sends.
fn heard_by(examined: &Examined, base: usize) -> Option<(&'static str, &'static str)> {
    let mut fields = SCHEME_FIELDS.iter().enumerate();
    let found = fields.find(|(number, _)| {
        let came = examined.answer(base, Why::ToldBy(*number));
        came.is_some_and(|(probe, answer)| {
            !is_circle(probe, answer) && answer.status.as_u16() < 400
        })
    });
    found.map(|(_, field)| *field)
}

/// Circles where nobody says anything of the scheme.
pub(super) fn redirect_loop_untold(examined: &Examined, base: usize) -> Told {
    let Some((probe, answer)) = examined.answer(base, Why::Untold) else {
        return Told::skipped("it gave no answer without a scheme");
    };
    if is_circle(probe, answer) {
        return Told::problem(format!("not told of any scheme, {CIRCLE}"))
            .on(probe.url.to_string(), shown(answer));
    }
    if is_to_other_scheme(probe, answer) {
        return Told::ok(
            "not told of any scheme, it redirects to https: who asks it directly (health checks) gets that",
        );
    }
    Told::ok("not told of any scheme, it does not redirect in a circle")
}

/// Whether the application does as it is told.
pub(super) fn ignored(examined: &Examined, base: usize) -> Told {
    match hearing(examined, base) {
        Hearing::Hears => Told::ok("it makes pages for the scheme that it is told"),
        Hearing::AlwaysHttps => Told::ok("its pages are for https whatever it is told"),
        Hearing::Deaf => {
            let told = examined.answer(base, Why::Told(Scheme::Https));
            let url = told.map(|(probe, _)| probe.url.to_string()).unwrap_or_default();
            let what = told.map_or_else(String::new, |(_, answer)| match answer.location() {
                Some(_) => shown(answer),
                None => "links to itself by http".to_owned(),
            });
            Told::problem("told that the visitor came by https, it makes the page for http")
                .on(url, what)
        }
        Hearing::Unknown => Told::skipped(
            "nothing on the first page shows which scheme it believes in (no redirect, no whole link to itself)",
        ),
    }
}

/// Whether anybody may say by which scheme they came.
pub(super) fn believed(examined: &Examined, base: usize) -> Told {
    let Some(address) = examined.base(base) else {
        return Told::skipped("there is no such address");
    };
    match address.side {
        Side::Application => at_application(examined, base),
        Side::Public | Side::Configuration => at_public(examined),
    }
}

fn at_application(examined: &Examined, base: usize) -> Told {
    match hearing(examined, base) {
        Hearing::Unknown => return Told::skipped("nothing shows which scheme it believes in"),
        Hearing::Deaf | Hearing::AlwaysHttps => {
            return Told::ok("what it is told of the scheme makes no difference");
        }
        Hearing::Hears => {}
    }
    let peer = examined.answers(base).find_map(|(_, answer)| answer.peer);
    match peer {
        Some(peer) if is_global(peer) => Told::warning(format!(
            "it believes X-Forwarded-Proto from this machine, and its address {peer} is one that everybody can reach"
        )),
        Some(_) | None => Told::ok(
            "it believes this machine, and its address is not one of the Internet; only Larder should reach it",
        ),
    }
}

/// Whether an address is one that packets from everywhere find.
fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let shared = v4.octets().first() == Some(&100) && (64..128).contains(&v4.octets()[1]);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || shared)
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            let is_local = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
            !(v6.is_loopback() || v6.is_unspecified() || is_local)
        }
    }
}

fn at_public(examined: &Examined) -> Told {
    let mut gathered = Gathered::new(Verdict::Skipped, "nothing shows which scheme it believes in");
    for (number, base) in examined.site.bases.iter().enumerate() {
        if base.side != Side::Public {
            continue;
        }
        let honest = examined.answer(number, Why::Honest);
        let forged = examined.answer(number, Why::Forged(Forgery::WrongScheme));
        let (Some(honest), Some(forged)) = (honest, forged) else { continue };
        let url = forged.0.url.to_string();
        let wrong = match base.scheme {
            Scheme::Http => "https",
            Scheme::Https => "http",
        };
        if is_refusal(forged.1) && !is_refusal(honest.1) {
            gathered.add(Verdict::Ok, "a forged scheme is refused", url, "refused");
        } else if differ(honest, forged) {
            let says = "a visitor's X-Forwarded-Proto is believed";
            let what = format!(
                "with X-Forwarded-Proto: {wrong} {}, without {}",
                outcome(forged.1),
                outcome(honest.1)
            );
            gathered.add(Verdict::Problem, says, url, what);
        } else if crate::doctor::scheme::believed(honest.0, honest.1).is_some() {
            gathered.add(
                Verdict::Ok,
                "a visitor's X-Forwarded-Proto makes no difference",
                url,
                "no difference",
            );
        }
    }
    let mut told = gathered.done();
    if told.verdict == Verdict::Ok {
        told.found.clear();
    }
    told
}

fn is_refusal(answer: &Answer) -> bool {
    (400..500).contains(&answer.status.as_u16())
}

fn outcome(answer: &Answer) -> String {
    match answer.location() {
        Some(location) => format!("{} to {location}", answer.status.as_u16()),
        None => answer.status.as_u16().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::table::Check;

    const HTTPS: Why = Why::Told(Scheme::Https);
    const HTTP: Why = Why::Told(Scheme::Http);
    const TO_HTTPS: (u16, &str, &str) = (301, "Location: https://site.test/", "");
    const TO_HTTP: (u16, &str, &str) = (301, "Location: http://site.test/", "");
    const PAGE: (u16, &str, &str) = (200, "", "page");

    fn case(untold: (u16, &str, &str), https: (u16, &str, &str), http: (u16, &str, &str)) -> Case {
        let mut case = Case::application();
        for (why, (status, fields, body)) in [(Why::Untold, untold), (HTTPS, https), (HTTP, http)] {
            case = case.came(why, "/", status, fields, body);
        }
        case
    }

    #[test]
    fn circles_are_found_with_and_without_a_word_about_the_scheme() {
        let rows = [
            (PAGE, PAGE, PAGE, Verdict::Ok, Verdict::Ok),
            (TO_HTTPS, PAGE, TO_HTTPS, Verdict::Ok, Verdict::Ok),
            (TO_HTTPS, TO_HTTPS, TO_HTTPS, Verdict::Problem, Verdict::Ok),
            (TO_HTTP, TO_HTTP, TO_HTTP, Verdict::Problem, Verdict::Problem),
            (PAGE, TO_HTTP, TO_HTTPS, Verdict::Problem, Verdict::Ok),
            (PAGE, TO_HTTP, PAGE, Verdict::Ok, Verdict::Ok),
        ];
        for (untold, https, http, told_one, untold_one) in rows {
            let case = case(untold, https, http);
            let found = told(&case, Check::RedirectLoop);
            assert_eq!(found.verdict, told_one, "{untold:?} {https:?} {http:?}: {found:?}");
            let found = told(&case, Check::RedirectLoopUntold);
            assert_eq!(found.verdict, untold_one, "{untold:?} {https:?} {http:?}: {found:?}");
        }
    }

    #[test]
    fn a_field_that_is_heard_is_named() {
        let case = case(TO_HTTPS, TO_HTTPS, TO_HTTPS).came(Why::ToldBy(1), "/", 200, "", "page");
        let found = told(&case, Check::RedirectLoop);
        let last = found.found.last().expect("a line");
        assert!(last.what.contains("forwarded.extra = [\"X-Forwarded-SSL: on\"]"), "{last:?}");
    }

    #[test]
    fn who_ignores_the_scheme_is_told_and_who_hears_it_is_well() {
        let links = |scheme: &str| format!("<a href={scheme}://site.test/x>");
        let (http, https) = (links("http"), links("https"));
        let rows = [
            ((200, "", &*https), (200, "", &*http), Verdict::Ok),
            ((200, "", &*http), (200, "", &*http), Verdict::Problem),
            ((200, "", &*https), (200, "", &*https), Verdict::Ok),
            (TO_HTTPS, TO_HTTPS, Verdict::Problem),
            (PAGE, TO_HTTPS, Verdict::Ok),
            (PAGE, PAGE, Verdict::Skipped),
        ];
        for (https, http, expected) in rows {
            let found = told(&case(PAGE, https, http), Check::SchemeIgnored);
            assert_eq!(found.verdict, expected, "{https:?} {http:?}: {found:?}");
        }
    }

    #[test]
    fn an_application_on_the_internet_that_believes_everybody_is_warned_of() {
        let rows = [
            ("127.0.0.1", Verdict::Ok),
            ("10.1.2.3", Verdict::Ok),
            ("192.168.0.1", Verdict::Ok),
            ("100.64.0.1", Verdict::Ok),
            ("::1", Verdict::Ok),
            ("fd00::1", Verdict::Ok),
            ("fe80::1", Verdict::Ok),
            ("203.0.113.7", Verdict::Warning),
            ("100.128.0.1", Verdict::Warning),
            ("2001:db8::1", Verdict::Warning),
            ("::ffff:203.0.113.7", Verdict::Warning),
        ];
        for (peer, expected) in rows {
            let case = case(TO_HTTPS, PAGE, TO_HTTPS).from(peer);
            assert_eq!(told(&case, Check::SchemeBelieved).verdict, expected, "{peer}");
        }
        let deaf = case(TO_HTTPS, TO_HTTPS, TO_HTTPS).from("203.0.113.7");
        assert_eq!(told(&deaf, Check::SchemeBelieved).verdict, Verdict::Ok);
        assert_eq!(told(&case(PAGE, PAGE, PAGE), Check::SchemeBelieved).verdict, Verdict::Skipped);
    }

    #[test]
    fn a_scheme_that_a_visitor_forges_must_make_no_difference() {
        let to_https = (301, "Location: https://public.test/", "");
        let links = (200, "", "http://public.test/x");
        let rows = [
            ("http://public.test", to_https, PAGE, Verdict::Problem),
            ("http://public.test", to_https, to_https, Verdict::Ok),
            ("http://public.test", to_https, (400, "", ""), Verdict::Ok),
            ("http://public.test", links, (200, "", "https://public.test/x"), Verdict::Problem),
            ("http://public.test", links, links, Verdict::Ok),
            ("https://public.test", PAGE, to_https, Verdict::Problem),
            ("https://public.test", PAGE, PAGE, Verdict::Skipped),
        ];
        for (public, honest, forged, expected) in rows {
            let case = Case::public(public)
                .came(Why::Honest, "/", honest.0, honest.1, honest.2)
                .came(Why::Forged(Forgery::WrongScheme), "/", forged.0, forged.1, forged.2);
            let found = told(&case, Check::SchemeBelieved);
            assert_eq!(found.verdict, expected, "{public} {honest:?} {forged:?}: {found:?}");
        }
    }
}
