//! Is Strict-Transport-Security sent where it counts, and only there? RFC 6797 §7.

use larder_policy::Scheme;

use crate::doctor::examined::Examined;
use crate::doctor::finding::{Side, Told};
use crate::doctor::probe::{Answer, Probe, Why};
use crate::doctor::scheme::is_to_other_scheme;

const NAME: &str = "strict-transport-security";

pub(super) fn check(examined: &Examined, base: usize) -> Told {
    match examined.base(base).map(|base| base.side) {
        Some(Side::Application) => at_application(examined, base),
        Some(Side::Public | Side::Configuration) | None => at_public(examined),
    }
}

fn by_http(probe: &Probe, answer: &Answer) -> Option<Told> {
    let line = answer.field(NAME)?;
    let told = Told::warning("Strict-Transport-Security is sent by http, where it does not count");
    Some(told.on(probe.url.to_string(), line))
}

fn at_application(examined: &Examined, base: usize) -> Told {
    let Some((probe, answer)) = examined.answer(base, Why::Told(Scheme::Http)) else {
        return Told::skipped("it gave no answer when told of http");
    };
    by_http(probe, answer)
        .unwrap_or_else(|| Told::ok("Strict-Transport-Security is not sent by http"))
}

fn at_public(examined: &Examined) -> Told {
    let of = |scheme: Scheme| {
        let bases = examined.site.bases.iter();
        let place =
            bases.clone().position(|base| base.side == Side::Public && base.scheme == scheme);
        place.and_then(|place| examined.answer(place, Why::Untold))
    };
    let (http, https) = (of(Scheme::Http), of(Scheme::Https));
    if let Some(told) = http.and_then(|(probe, answer)| by_http(probe, answer)) {
        return told;
    }
    let redirects = http.is_some_and(|(probe, answer)| is_to_other_scheme(probe, answer));
    match https {
        Some((_, answer)) if answer.field(NAME).is_some() => {
            Told::ok("Strict-Transport-Security is sent by https, and only there")
        }
        Some((probe, _)) if redirects => {
            Told::warning("visitors are sent to https, but browsers are not told to stay there")
                .on(probe.url.to_string(), "no Strict-Transport-Security")
        }
        Some(_) => Told::ok("the site is for http too, and sends no Strict-Transport-Security"),
        None => Told::skipped("nobody answers by https"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::finding::Verdict;
    use crate::doctor::table::Check;

    const HSTS: &str = "Strict-Transport-Security: max-age=60\n";

    #[test]
    fn by_http_it_does_not_count() {
        let told_http = Why::Told(Scheme::Http);
        for (fields, expected) in [(HSTS, Verdict::Warning), ("", Verdict::Ok)] {
            let case = Case::application().came(told_http, "/", 200, fields, "");
            assert_eq!(told(&case, Check::Hsts).verdict, expected, "{fields}");
        }
    }

    #[test]
    fn who_redirects_to_https_should_say_that_it_stays_so() {
        let to_https = "Location: https://public.test/\n";
        let rows = [
            (301, to_https, "", Verdict::Warning),
            (301, to_https, HSTS, Verdict::Ok),
            (200, "", "", Verdict::Ok),
            (200, "", HSTS, Verdict::Ok),
            (200, HSTS, HSTS, Verdict::Warning),
        ];
        for (status, http, https, expected) in rows {
            let case = Case::public("https://public.test")
                .came(Why::Untold, "/", 200, https, "page")
                .came_by_http("/", status, http, "");
            let found = told(&case, Check::Hsts);
            assert_eq!(found.verdict, expected, "{status} {http} {https}: {found:?}");
        }
    }
}
