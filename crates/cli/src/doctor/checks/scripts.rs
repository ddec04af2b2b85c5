//! May a browser show a script's answer as the page? The back button takes whatever was stored for the URL.

use http::header::{CONTENT_TYPE, LOCATION};

use crate::doctor::examined::{Examined, Seen};
use crate::doctor::finding::{Gathered, Side, Told, Verdict};
use crate::doctor::probe::{Answer, Round, Why};

pub(super) fn answers(examined: &Examined) -> Told {
    let mut gathered = Gathered::new(Verdict::Skipped, "no page was asked for as scripts ask");
    let main = examined.main();
    for seen in examined.seen() {
        let Some(script) = examined.of_script(seen.page) else { continue };
        // Under a URL of its own a page may well be another, as far as its bytes go.
        let is_public = examined.base(main).is_some_and(|base| base.side == Side::Public);
        let again = examined.of_page(main, seen.page, Why::Page(Round::Second));
        let again = again.filter(|_| !is_public);
        let url = seen.page.url.to_string();
        let Some(other) = other(seen, again.map(|(_, answer)| answer), script) else {
            gathered.add(Verdict::Ok, "scripts are given the same as navigations", url, "");
            continue;
        };
        let is_told = |answer: &Answer| {
            ["x-requested-with", "accept"].iter().any(|name| answer.varies_by(name))
        };
        if is_told(script) && is_told(seen.answer) || !script.browsers_may_keep() {
            let says = "scripts' answers that differ are told apart, or not kept by browsers";
            gathered.add(Verdict::Ok, says, url, "");
            continue;
        }
        let cache_control = script.cache_control();
        let said = if cache_control.is_empty() {
            "no Cache-Control".to_owned()
        } else {
            format!("Cache-Control: {cache_control}")
        };
        let what = format!("scripts get {other}, with {said} and no Vary that tells them apart");
        if script.is_fresh_in_browsers() {
            let says = "browsers may show a script's answer in place of the page while it is fresh";
            gathered.add(Verdict::Problem, says, url, what);
        } else {
            let says = "browsers may show a script's answer in place of the page on the way back";
            gathered.add(Verdict::Warning, says, url, what);
        }
    }
    let mut told = gathered.done();
    if told.verdict <= Verdict::Ok {
        told.found.clear();
    }
    told
}

/// What else scripts get at this URL; `None` if it is the same page.
fn other(seen: Seen<'_>, again: Option<&Answer>, script: &Answer) -> Option<String> {
    let page = seen.answer;
    if script.status != page.status {
        // An answer that nobody keeps, and a login page, are no fragments.
        let is_kept = script.status.is_success() || script.fields.contains_key(LOCATION);
        return is_kept.then(|| format!("status {}", script.status.as_u16()));
    }
    if script.media_type() != page.media_type() && script.fields.contains_key(CONTENT_TYPE) {
        return Some(script.media_type());
    }
    // A page that is never the same twice tells nothing by being another.
    let is_steady = again.is_some_and(|again| again.body == page.body);
    (is_steady && script.body != page.body).then(|| "another body".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::table::Check;

    const HTML: &str = "Content-Type: text/html; charset=utf-8\n";
    const JSON: &str = "Content-Type: application/json\n";
    const VARY: &str = "Vary: X-Requested-With\n";

    #[test]
    fn a_fragment_at_a_pages_url_has_to_be_told_apart_or_not_kept() {
        let with = |kind: &str, more: &str| format!("{kind}{more}\n");
        let rows = [
            (with(HTML, ""), with(HTML, ""), "page", Verdict::Ok),
            (with(HTML, ""), with(HTML, ""), "fragment", Verdict::Warning),
            (with(HTML, ""), with(JSON, ""), "{}", Verdict::Warning),
            (with(HTML, ""), with(JSON, "Cache-Control: max-age=60"), "{}", Verdict::Problem),
            (with(HTML, VARY), with(JSON, VARY), "{}", Verdict::Ok),
            (with(HTML, ""), with(JSON, VARY), "{}", Verdict::Warning),
            (with(HTML, ""), with(JSON, "Cache-Control: no-store"), "{}", Verdict::Ok),
            (
                with(HTML, ""),
                with(JSON, "Cache-Control: no-cache, no-store, must-revalidate"),
                "{}",
                Verdict::Ok,
            ),
        ];
        for (page, script, body, expected) in rows {
            let case = Case::application()
                .page("/x", &page, "page")
                .came(Why::Page(Round::Second), "/x", 200, &page, "page")
                .came(Why::Script, "/x", 200, &script, body);
            let found = told(&case, Check::ScriptAnswers);
            assert_eq!(found.verdict, expected, "{page} {script} {body}: {found:?}");
        }
    }

    #[test]
    fn a_page_that_is_never_the_same_says_nothing_by_being_another() {
        let case = Case::application()
            .page("/x", HTML, "made 1")
            .came(Why::Page(Round::Second), "/x", 200, HTML, "made 2")
            .came(Why::Script, "/x", 200, HTML, "made 3");
        assert_eq!(told(&case, Check::ScriptAnswers).verdict, Verdict::Ok);
    }
}
