//! Is the certificate valid, for this host, and of somebody whom browsers trust? RFC 5280 §4.1.2.5, RFC 9525 §6.

use std::time::SystemTime;

use larder_policy::Scheme;
use larder_semantics::Timestamp;
use larder_tls::Facts;
use larder_tls::look::{Believed, Shown};

use crate::doctor::examined::Examined;
use crate::doctor::finding::{Side, Told};
use crate::doctor::limits::CERTIFICATE_SOON;
use crate::doctor::table::Check;

const DAY_SECS: u64 = 86_400;

/// What a public address by https showed. Nothing for other addresses.
pub(super) fn at_address(check: Check, examined: &Examined, base: usize) -> Option<Told> {
    let address = examined.base(base)?;
    if address.side != Side::Public || address.scheme != Scheme::Https {
        return None;
    }
    // Nobody there by https is for the check of who is there, unless that is the address that was named.
    let is_named = Some(base) == examined.site.public();
    let shown = examined.answers(base).find_map(|(_, answer)| answer.certificate.as_ref());
    let Some(shown) = shown else {
        return is_named.then(|| Told::skipped("no certificate was shown"));
    };
    Some(judge(check, shown, &address.host, examined.now))
}

fn judge(check: Check, shown: &Shown, host: &str, now: Timestamp) -> Told {
    let facts = match &shown.facts {
        Ok(facts) => facts,
        Err(why) => return Told::problem(format!("the certificate can't be read: {why}")),
    };
    if check == Check::CertificateExpiry {
        return expiry(facts, now);
    }
    if check == Check::CertificateName {
        return match shown.is_for_name {
            true => Told::ok(format!("it is for {host}")),
            false => Told::problem(format!("it is for {}, not for {host}", names(facts))),
        };
    }
    match &shown.trust {
        Believed::Yes => Told::ok("this machine trusts its chain"),
        Believed::NobodyTrusted => {
            Told::skipped("this machine has no list of authorities (the package ca-certificates)")
        }
        Believed::No(_) if facts.self_signed => {
            Told::problem("it is self-signed: no browser believes it")
        }
        Believed::No(why) if facts.chain == 1 => Told::problem(format!(
            "its chain is not believed, and the server shows no certificate but its own: {why}"
        )),
        Believed::No(why) => Told::problem(format!("its chain is not believed: {why}")),
    }
}

/// What a certificate of the configuration says of itself.
pub(super) fn in_file(check: Check, facts: &Facts, host: &str, now: Timestamp) -> Option<Told> {
    if check == Check::CertificateExpiry {
        return Some(expiry(facts, now));
    }
    if check == Check::CertificateTrust {
        return Some(match facts.self_signed {
            true => Told::warning("it is self-signed: no browser believes it"),
            false if facts.chain == 1 => Told::warning(
                "the file has no certificate of an authority, and browsers may miss one (fullchain.pem has them)",
            ),
            false => Told::ok(format!("it comes with {} of authorities", facts.chain - 1)),
        });
    }
    // Of several certificates only one has to be for the host; that it is, is worth saying.
    let is_for = check == Check::CertificateName && facts.covers(host);
    is_for.then(|| Told::ok(format!("it is for {host}")))
}

/// None of the configuration's certificates is for the host.
pub(super) fn for_nobody(host: &str) -> Told {
    Told::warning(format!("none of the configuration's certificates is for {host}"))
}

fn expiry(facts: &Facts, now: Timestamp) -> Told {
    let (first, last) = (timestamp(facts.not_before), timestamp(facts.not_after));
    if now < first {
        return Told::problem(format!("it is not valid before {}", date(first)));
    }
    if now > last {
        return Told::problem(format!("it expired on {}", date(last)));
    }
    let left = last.since(now);
    let days = left.as_secs() / DAY_SECS;
    let says = format!("it is valid until {}, {days} more days", date(last));
    if left < CERTIFICATE_SOON { Told::warning(says) } else { Told::ok(says) }
}

fn names(facts: &Facts) -> String {
    match facts.names.len() {
        0 => "no name at all".to_owned(),
        1..=3 => facts.names.join(", "),
        more => {
            let first: Vec<&str> = facts.names.iter().take(3).map(String::as_str).collect();
            format!("{} and {} more", first.join(", "), more - 3)
        }
    }
}

fn timestamp(at: SystemTime) -> Timestamp {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_secs(since.as_secs())
}

/// `06 Nov 1994`: of the whole date, what people need.
fn date(at: Timestamp) -> String {
    let line = larder_semantics::field::date::write(at);
    let text = line.to_str().unwrap_or_default();
    text.get(5..16).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::finding::Verdict;
    use crate::doctor::probe::testing::NOON;

    fn facts(days_from: i64, days_until: i64) -> Facts {
        let noon = i64::try_from(NOON.as_secs()).expect("a time");
        let at = |days: i64| {
            let secs = u64::try_from(noon + days * 86_400).expect("a time");
            SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
        };
        Facts {
            names: vec!["public.test".to_owned()],
            hosts: vec!["public.test".to_owned()],
            not_before: at(days_from),
            not_after: at(days_until),
            issuer: "CN=Somebody".to_owned(),
            self_signed: false,
            chain: 2,
        }
    }

    fn shown(facts: Facts) -> Shown {
        Shown { facts: Ok(facts), is_for_name: true, trust: Believed::Yes }
    }

    fn verdict(check: Check, shown: Shown) -> Verdict {
        told(&Case::public("https://public.test").showing(shown), check).verdict
    }

    #[test]
    fn expired_is_a_problem_and_soon_a_warning_on_both_sides_of_the_limit() {
        let rows = [
            (-10, 90, Verdict::Ok),
            (-10, 14, Verdict::Ok),
            (-10, 13, Verdict::Warning),
            (-10, 0, Verdict::Warning),
            (-10, -1, Verdict::Problem),
            (1, 90, Verdict::Problem),
        ];
        for (from, until, expected) in rows {
            let actual = verdict(Check::CertificateExpiry, shown(facts(from, until)));
            assert_eq!(actual, expected, "{from} {until}");
        }
        let finding = told(
            &Case::public("https://public.test").showing(shown(facts(-10, 13))),
            Check::CertificateExpiry,
        );
        assert_eq!(finding.says, "it is valid until 27 Nov 2023, 13 more days");
    }

    #[test]
    fn a_name_or_a_chain_that_is_wrong_is_a_problem() {
        let good = || shown(facts(-1, 90));
        assert_eq!(verdict(Check::CertificateName, good()), Verdict::Ok);
        assert_eq!(verdict(Check::CertificateTrust, good()), Verdict::Ok);
        let wrong_name = Shown { is_for_name: false, ..good() };
        assert_eq!(verdict(Check::CertificateName, wrong_name), Verdict::Problem);
        let unknown = Shown { trust: Believed::No("nobody".to_owned()), ..good() };
        assert_eq!(verdict(Check::CertificateTrust, unknown), Verdict::Problem);
        let empty = Shown { trust: Believed::NobodyTrusted, ..good() };
        assert_eq!(verdict(Check::CertificateTrust, empty), Verdict::Skipped);
        let broken = Shown { facts: Err("nonsense".to_owned()), ..good() };
        assert_eq!(verdict(Check::CertificateExpiry, broken), Verdict::Problem);
    }

    #[test]
    fn certificates_of_the_configuration_are_looked_at_too() {
        let rows = [
            (Check::CertificateExpiry, facts(-1, 90), Some(Verdict::Ok)),
            (Check::CertificateExpiry, facts(-9, -1), Some(Verdict::Problem)),
            (Check::CertificateTrust, facts(-1, 90), Some(Verdict::Ok)),
            (Check::CertificateTrust, Facts { chain: 1, ..facts(-1, 90) }, Some(Verdict::Warning)),
            (
                Check::CertificateTrust,
                Facts { self_signed: true, chain: 1, ..facts(-1, 90) },
                Some(Verdict::Warning),
            ),
            (Check::CertificateName, facts(-1, 90), Some(Verdict::Ok)),
            (Check::CertificateName, Facts { names: Vec::new(), ..facts(-1, 90) }, None),
        ];
        for (check, facts, expected) in rows {
            let actual = in_file(check, &facts, "public.test", NOON).map(|told| told.verdict);
            assert_eq!(actual, expected, "{check:?} {facts:?}");
        }
    }
}
