//! Does it answer, and to the site's own host?

use crate::doctor::examined::Examined;
use crate::doctor::finding::{Side, Told};
use crate::doctor::probe::{Answer, Probe, Why};

pub(super) fn reachable(examined: &Examined, base: usize) -> Told {
    let Some(probe) = examined.probe(base, Why::Untold) else {
        return Told::skipped("it was not asked");
    };
    let answer = match &probe.came {
        Ok(answer) => answer,
        Err(why) if is_other_scheme(examined, base) => {
            return Told::ok(format!("nobody answers by this scheme ({why})"));
        }
        Err(why) => return Told::problem(why.clone()),
    };
    // The application may answer otherwise when it is told of https.
    let told = examined.answer(base, Why::Told(examined.scheme));
    let (probe, answer) = told.unwrap_or((probe, answer));
    judge(examined, probe, answer)
}

/// A public address that was not named itself, but follows from the other one.
fn is_other_scheme(examined: &Examined, base: usize) -> bool {
    let is_public = examined.base(base).is_some_and(|base| base.side == Side::Public);
    is_public && Some(base) != examined.site.public()
}

fn judge(examined: &Examined, probe: &Probe, answer: &Answer) -> Told {
    let status = answer.status.as_u16();
    let (host, url) = (&probe.url.host, probe.url.to_string());
    match status {
        400 | 421 => {
            Told::problem(format!("it refuses the host {host}")).on(url, status.to_string())
        }
        403 if answer.text().contains("Blocked hosts") => {
            Told::problem(format!("it refuses the host {host}")).on(url, "403")
        }
        401 | 403 | 407 => Told::warning("the first page can't be seen without logging in")
            .on(url, status.to_string()),
        500.. => Told::problem("the first page is an error").on(url, status.to_string()),
        _ => match answer.redirect(&probe.url) {
            Some(to) if to.host != *host && to.host != examined.site.host => {
                Told::warning("the first page is on another host; ask as that one (--host)")
                    .on(url, format!("{status} to {to}"))
            }
            Some(_) | None => Told::ok(format!("it answers as {host} ({status})")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::finding::Verdict;
    use crate::doctor::table::Check;

    #[test]
    fn what_refuses_fails_or_leads_away_is_told() {
        let cases = [
            (200, "", Verdict::Ok),
            (404, "", Verdict::Ok),
            (301, "Location: https://site.test/", Verdict::Ok),
            (302, "Location: /en/", Verdict::Ok),
            (400, "", Verdict::Problem),
            (421, "", Verdict::Problem),
            (500, "", Verdict::Problem),
            (503, "", Verdict::Problem),
            (401, "", Verdict::Warning),
            (301, "Location: https://www.site.test/", Verdict::Warning),
        ];
        for (status, fields, expected) in cases {
            let case = Case::application().came(Why::Untold, "/", status, fields, "");
            assert_eq!(told(&case, Check::Reachable).verdict, expected, "{status} {fields}");
        }
        let case = Case::application().failed(Why::Untold, "no connection");
        assert_eq!(told(&case, Check::Reachable).verdict, Verdict::Problem);
        let blocked =
            Case::application().came(Why::Untold, "/", 403, "", "<h1>Blocked hosts: a</h1>");
        assert_eq!(told(&blocked, Check::Reachable).verdict, Verdict::Problem);
    }
}
