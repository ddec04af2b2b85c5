//! Are static files fit to be kept, and can what is kept be confirmed?

use http::header::{ETAG, LAST_MODIFIED};
use larder_semantics::field::cache_control::{Flags, ResponseDirectives};

use crate::doctor::examined::Examined;
use crate::doctor::finding::{Gathered, Told, Verdict};
use crate::doctor::probe::{Answer, Probe, Why};

/// The files that were found, each by the last answer to it.
fn files(examined: &Examined) -> Vec<(&Probe, &Answer)> {
    let main = examined.main();
    let mut found: Vec<(&Probe, &Answer)> = Vec::new();
    for (probe, answer) in examined.answers(main).filter(|(probe, _)| probe.why == Why::File) {
        found.retain(|(other, _)| other.url != probe.url);
        if answer.status.is_success() {
            found.push((probe, answer));
        }
    }
    found
}

pub(super) fn cookie(examined: &Examined) -> Told {
    let mut gathered = Gathered::new(Verdict::Skipped, "no page names a static file of this host");
    let sessions = &examined.site.policy().identity.session_cookies;
    for (probe, answer) in files(examined) {
        let url = probe.url.to_string();
        if answer.cookies().next().is_none() {
            gathered.add(Verdict::Ok, "static files set no cookies", &*url, "");
        }
        for cookie in answer.cookies() {
            let (verdict, says) = if sessions.contains(cookie.name.as_bytes()) {
                (Verdict::Problem, "a session cookie is set with a static file")
            } else {
                (Verdict::Warning, "a cookie is set with a static file")
            };
            gathered.add(verdict, says, &*url, format!("sets {}", cookie.name));
        }
    }
    without_good(gathered)
}

pub(super) fn validators(examined: &Examined) -> Told {
    let mut gathered = Gathered::new(Verdict::Skipped, "no page or file that is kept was found");
    for (probe, answer) in files(examined) {
        // RFC 8246: nobody asks again for what never changes.
        let is_immutable = ResponseDirectives::of(&answer.fields).flags.has(Flags::IMMUTABLE);
        judge(&mut gathered, probe, answer, is_immutable, "a static file");
    }
    for seen in examined.seen() {
        if examined.sharing(seen).is_some() {
            judge(&mut gathered, seen.probe, seen.answer, false, "a page that is shared");
        }
    }
    without_good(gathered)
}

fn judge(gathered: &mut Gathered, probe: &Probe, answer: &Answer, is_excused: bool, what: &str) {
    let has_one = answer.fields.contains_key(ETAG) || answer.fields.contains_key(LAST_MODIFIED);
    let url = probe.url.to_string();
    if has_one || is_excused {
        gathered.add(Verdict::Ok, "what is kept can be confirmed", url, "");
    } else {
        let says =
            "what is kept has neither ETag nor Last-Modified, and is made anew when it is stale";
        gathered.add(Verdict::Warning, says, url, what);
    }
}

fn without_good(gathered: Gathered) -> Told {
    let mut told = gathered.done();
    if told.verdict <= Verdict::Ok {
        told.found.clear();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::table::Check;

    #[test]
    fn cookies_with_files_are_found() {
        let rows = [
            ("", Verdict::Ok),
            ("Set-Cookie: sessionid=x", Verdict::Problem),
            ("Set-Cookie: lb=x", Verdict::Warning),
        ];
        for (fields, expected) in rows {
            let case = Case::application().came(Why::File, "/a.css", 200, fields, "");
            assert_eq!(told(&case, Check::StaticCookie).verdict, expected, "{fields}");
        }
        let missing =
            Case::application().came(Why::File, "/a.css", 404, "Set-Cookie: sessionid=x", "");
        assert_eq!(told(&missing, Check::StaticCookie).verdict, Verdict::Skipped);
    }

    #[test]
    fn what_is_kept_needs_a_validator() {
        let modified = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT";
        let rows = [
            (Why::File, "ETag: \"x\"", Verdict::Ok),
            (Why::File, modified, Verdict::Ok),
            (Why::File, "Cache-Control: max-age=31536000, immutable", Verdict::Ok),
            (Why::File, "Cache-Control: max-age=60", Verdict::Warning),
        ];
        for (why, fields, expected) in rows {
            let case = Case::application().came(why, "/a.css", 200, fields, "");
            assert_eq!(told(&case, Check::Validators).verdict, expected, "{fields}");
        }
        let rows = [
            ("Cache-Control: max-age=60", Verdict::Warning),
            ("Cache-Control: max-age=60\nETag: \"x\"", Verdict::Ok),
            ("", Verdict::Skipped),
        ];
        for (fields, expected) in rows {
            let case = Case::application().page("/x", fields, "page");
            assert_eq!(told(&case, Check::Validators).verdict, expected, "{fields}");
        }
    }
}
