//! What do the answers mean? Each check is a function of what was asked and answered, and of nothing else.

mod certificate;
mod clock;
mod differ;
mod files;
mod forged;
mod hsts;
mod reach;
mod scheme;
mod scripts;
mod shared;
#[cfg(test)]
mod testing;

use super::client::Stop;
use super::examined::Examined;
use super::finding::{Finding, Side, Told, Verdict};
use super::limits::{REQUESTS_MAX, RUN_MAX};
use super::table::Check;

/// Everything that was found, in the order of the table, the application before the public address.
pub(super) fn all(examined: &Examined) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in Check::ALL {
        for base in 0..examined.site.bases.len() {
            let told = match one(*check, examined, base) {
                Some(told) => incomplete(told, examined),
                None => continue,
            };
            findings.push(finding(*check, examined, base, told));
        }
        in_configuration(*check, examined, &mut findings);
        if !findings.iter().any(|finding| finding.check == *check) {
            findings.push(nowhere(*check));
        }
    }
    findings.sort_by_key(|finding| finding.side);
    findings
}

/// What the configuration itself says, without anybody being asked: its certificates.
fn in_configuration(check: Check, examined: &Examined, findings: &mut Vec<Finding>) {
    let tls = &examined.site.config.tls;
    let host = super::scheme::name(&examined.site.host).trim_matches(['[', ']']);
    let of = |at: String, Told { verdict, says, found }| Finding {
        check,
        side: Side::Configuration,
        at,
        verdict,
        says,
        found,
        remedy: (verdict > Verdict::Ok).then(|| check.remedy(examined.recognised.framework)),
    };
    let facts = tls.certificates.facts();
    for (source, facts) in tls.sources.iter().zip(facts) {
        let at = source.chain.display().to_string();
        if let Some(told) = certificate::in_file(check, facts, host, examined.now) {
            findings.push(of(at, told));
        }
    }
    let is_name = host.parse::<std::net::IpAddr>().is_err() && !host.is_empty();
    let is_covered = facts.iter().any(|facts| facts.covers(host));
    if check == Check::CertificateName && !facts.is_empty() && is_name && !is_covered {
        findings.push(of("tls.certificate".to_owned(), certificate::for_nobody(host)));
    }
}

fn finding(check: Check, examined: &Examined, base: usize, told: Told) -> Finding {
    let address = examined.base(base);
    let needs_remedy = matches!(told.verdict, Verdict::Warning | Verdict::Problem);
    Finding {
        check,
        side: address.map_or(Side::Public, |address| address.side),
        at: address.map(ToString::to_string).unwrap_or_default(),
        verdict: told.verdict,
        says: told.says,
        found: told.found,
        remedy: needs_remedy.then(|| check.remedy(examined.recognised.framework)),
    }
}

/// A check for which nobody was named that it is about.
fn nowhere(check: Check) -> Finding {
    let (side, says) = match check {
        Check::RedirectLoopUntold | Check::SchemeIgnored => {
            (Side::Application, "no application is named (--to)")
        }
        Check::CertificateExpiry | Check::CertificateName | Check::CertificateTrust => {
            (Side::Public, "no public https address is named (--public)")
        }
        Check::Reachable
        | Check::RedirectLoop
        | Check::SchemeBelieved
        | Check::ForgedScheme
        | Check::ForgedForwardedHost
        | Check::ForgedHost
        | Check::ForgedUrl
        | Check::UnderscoreSpelling
        | Check::SharedCookie
        | Check::SharedCsrfToken
        | Check::SharedVaryCookie
        | Check::PagesDiffer
        | Check::StaticCookie
        | Check::Validators
        | Check::ScriptAnswers
        | Check::ClockSkew
        | Check::Hsts => (Side::Application, "nobody answered"),
    };
    let Told { verdict, says, found } = Told::skipped(says);
    Finding { check, side, at: String::new(), verdict, says, found, remedy: None }
}

/// What was skipped for want of an answer, in a run that was cut short, was skipped for that.
fn incomplete(told: Told, examined: &Examined) -> Told {
    match (told.verdict, examined.stopped) {
        (Verdict::Skipped, Some(Stop::Requests)) => {
            Told::skipped(format!("{}; the {REQUESTS_MAX} requests of a run are made", told.says))
        }
        (Verdict::Skipped, Some(Stop::Time)) => Told::skipped(format!(
            "{}; the {} seconds of a run are over",
            told.says,
            RUN_MAX.as_secs()
        )),
        (_, _) => told,
    }
}

/// What a check says of an address; nothing, if it is not about such an address.
fn one(check: Check, examined: &Examined, base: usize) -> Option<Told> {
    let address = examined.base(base)?;
    let is_application = address.side == Side::Application;
    let is_main = base == examined.main();
    let is_public = Some(base) == examined.front();
    if check == Check::Reachable {
        return Some(reach::reachable(examined, base));
    }
    let is_meant = match check {
        Check::Reachable | Check::ClockSkew => true,
        Check::RedirectLoopUntold | Check::SchemeIgnored => is_main && is_application,
        Check::RedirectLoop
        | Check::SchemeBelieved
        | Check::ForgedScheme
        | Check::ForgedForwardedHost
        | Check::ForgedHost
        | Check::ForgedUrl
        | Check::UnderscoreSpelling
        | Check::Hsts => is_main && is_application || is_public,
        Check::SharedCookie
        | Check::SharedCsrfToken
        | Check::SharedVaryCookie
        | Check::PagesDiffer
        | Check::StaticCookie
        | Check::Validators
        | Check::ScriptAnswers => is_main,
        Check::CertificateExpiry | Check::CertificateName | Check::CertificateTrust => {
            return certificate::at_address(check, examined, base);
        }
    };
    if !is_meant {
        return None;
    }
    if !examined.is_there(base) {
        return Some(Told::skipped("nobody answers there"));
    }
    Some(match check {
        Check::Reachable => reach::reachable(examined, base),
        Check::RedirectLoop => scheme::redirect_loop(examined, base),
        Check::RedirectLoopUntold => scheme::redirect_loop_untold(examined, base),
        Check::SchemeIgnored => scheme::ignored(examined, base),
        Check::SchemeBelieved => scheme::believed(examined, base),
        Check::ForgedScheme => forged::scheme(examined, base),
        Check::ForgedForwardedHost => forged::forwarded_host(examined, base),
        Check::ForgedHost => forged::host(examined, base),
        Check::ForgedUrl => forged::url(examined, base),
        Check::UnderscoreSpelling => forged::underscores(examined, base),
        Check::SharedCookie => shared::cookie(examined),
        Check::SharedCsrfToken => shared::csrf_token(examined),
        Check::SharedVaryCookie => shared::vary_cookie(examined),
        Check::PagesDiffer => differ::pages(examined),
        Check::StaticCookie => files::cookie(examined),
        Check::Validators => files::validators(examined),
        Check::ScriptAnswers => scripts::answers(examined),
        Check::ClockSkew => clock::skew(examined, base),
        Check::Hsts => hsts::check(examined, base),
        Check::CertificateExpiry | Check::CertificateName | Check::CertificateTrust => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::testing::Case;
    use crate::doctor::probe::Why;
    use crate::doctor::scheme::moved_to_https;

    #[test]
    fn a_site_that_was_named_by_http_and_is_by_https_is_looked_at_there() {
        let to_https = "Location: https://public.test/";
        let rows = [(301, to_https, true), (200, "", false), (301, "Location: /en/", false)];
        for (status, fields, expected) in rows {
            let case = Case::public("https://public.test").came(Why::Untold, "/", 200, "", "page");
            let both = case.came_by_http("/", status, fields, "").examined();
            assert_eq!(moved_to_https(&both), expected, "{status} {fields}");
            let alone =
                Case::public("http://public.test").came(Why::Untold, "/", status, fields, "");
            let mut alone = alone.examined();
            assert!(!moved_to_https(&alone), "nobody is there by https");
            assert_eq!(alone.front(), Some(0));
            alone.scheme = larder_policy::Scheme::Https;
            assert_eq!(alone.front(), Some(0), "as it was named, if nobody answers there");
        }
    }
}
