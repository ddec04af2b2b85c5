//! Does it find on real sockets what it should, and ask nothing that it should not?

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use larder_config::ConfigBuilder;
use larder_policy::Scheme;
use larder_semantics::field::date;
use larder_testkit::{Origin, Received, Script};
use larder_tls::look::Looker;

use super::checks;
use super::client::{Client, Stop, now};
use super::examined::Examined;
use super::finding::{Finding, Verdict};
use super::limits::{BODY_BYTES_MAX, REQUESTS_MAX};
use super::probe::{Asked, AskedBy};
use super::report::{Colours, Report};
use super::site::{Base, Site, Wanted};
use super::table::Check;

const RULES: &str = "[[rule]]\npath = '/blog/*'\naudience = 'all-users'\nttl = '1m'\n";

/// Examines an application, and the same as a public address if that is wanted.
fn examine(origin: &Origin, file: &str, wanted: &Wanted) -> (Examined, Vec<Finding>) {
    let file = format!("upstream = '{}'\n{file}", origin.url());
    let config = ConfigBuilder::new().file("t.toml", file).build().expect("a good file");
    let site = Site::new(config, wanted).expect("a site");
    let examined = super::examine(site, Duration::ZERO).expect("a runtime");
    let findings = checks::all(&examined);
    (examined, findings)
}

fn as_application() -> Wanted {
    Wanted { application: true, host: Some("site.test".to_owned()), ..Wanted::default() }
}

fn as_public(origin: &Origin) -> Wanted {
    Wanted { public: Some(origin.url()), ..Wanted::default() }
}

#[track_caller]
fn of(findings: &[Finding], check: Check) -> &Finding {
    findings.iter().find(|finding| finding.check == check).expect("each check is told of")
}

#[track_caller]
fn expect(findings: &[Finding], expected: &[(Check, Verdict)]) {
    for (check, verdict) in expected {
        let found = of(findings, *check);
        assert_eq!(found.verdict, *verdict, "{}: {found:#?}", check.row().name);
    }
}

fn today() -> String {
    date::write(now()).to_str().expect("a date").to_owned()
}

/// A site as it should be: it hears the scheme, knows its host, and its pages are fit to be kept.
fn healthy(request: &Received) -> Script {
    let fields = format!("Date: {}\r\nContent-Type: text/html\r\n", today());
    if request.field("host") != Some("site.test") {
        return Script::answer("400 Bad Request", &fields, "<h1>Bad Request (400)</h1>");
    }
    if request.field("x-forwarded-proto") != Some("https") {
        let location = format!("{fields}Location: https://site.test{}\r\n", request.target);
        return Script::answer("301 Moved Permanently", &location, "");
    }
    let kept = format!(
        "{fields}Cache-Control: public, max-age=60\r\nETag: \"1\"\r\nStrict-Transport-Security: max-age=60\r\n"
    );
    match request.path() {
        "/" | "/blog/" | "/about/" => Script::answer(
            "200 OK",
            &kept,
            "<link rel=stylesheet href=/static/a.css><a href=/about/>a</a><a href=https://site.test/blog/>b</a>\
             <a href=/accounts/logout/>out</a><a href=https://elsewhere.test/>e</a><img src=//elsewhere.test/a.png>",
        ),
        "/static/a.css" => {
            Script::answer("200 OK", &format!("{kept}Content-Type: text/css\r\n"), "p{}")
        }
        _ => Script::answer("404 Not Found", &fields, "no such page"),
    }
}

#[test]
fn a_healthy_site_has_neither_problems_nor_warnings() {
    let origin = Origin::answering(healthy);
    let (examined, findings) = examine(&origin, RULES, &as_application());
    for finding in &findings {
        assert!(finding.verdict <= Verdict::Ok, "{finding:#?}");
        assert_eq!(finding.remedy, None);
    }
    let well: Vec<_> = Check::ALL
        .iter()
        .filter(|check| of(&findings, **check).verdict == Verdict::Skipped)
        .map(|check| check.row().name)
        .collect();
    assert_eq!(well, ["certificate-expiry", "certificate-name", "certificate-trust"]);
    assert_eq!(examined.scheme, Scheme::Https);
    assert_eq!(examined.asked, origin.request_count());
}

#[test]
fn only_get_and_head_are_sent_and_only_what_a_visitor_may_follow() {
    let origin = Origin::answering(healthy);
    let (examined, _) = examine(&origin, RULES, &as_application());
    let requests = origin.requests();
    assert!(requests.len() <= REQUESTS_MAX, "{}", requests.len());
    let mut paths: Vec<_> = requests.iter().map(Received::path).collect();
    for request in &requests {
        assert!(["GET", "HEAD"].contains(&&*request.method), "{}", request.method);
        assert!(request.body.is_empty() && request.malformed.is_none());
        let host = request.field("host").unwrap_or_default();
        assert!(host == "site.test" || host == examined.canary.host(), "{host}");
    }
    paths.sort_unstable();
    paths.dedup();
    let missing = examined.canary.missing();
    assert_eq!(paths, ["/", "/about/", "/blog/", &missing, "/static/a.css"]);
    // What is forged is asked for under a URL that nobody else uses, and not to be kept.
    let forged = |request: &&Received| request.raw.windows(7).any(|bytes| bytes == b"forged-");
    for request in requests.iter().filter(forged) {
        assert!(request.target.contains("larder-doctor="), "{}", request.target);
        assert_eq!(request.field("cache-control"), Some("no-store"));
    }
    assert!(requests.iter().filter(forged).count() >= 4);
}

#[test]
fn no_other_host_is_asked_whatever_leads_there() {
    let other = Origin::answering(|_| Script::answer("200 OK", "", "here"));
    let elsewhere = other.url();
    let origin = Origin::answering(move |request| {
        let link = format!("<a href={elsewhere}/x>x</a><script src={elsewhere}/x.js></script>");
        match request.path() {
            "/" => Script::answer("200 OK", "Content-Type: text/html\r\n", link),
            _ => Script::answer("302 Found", &format!("Location: {elsewhere}/\r\n"), ""),
        }
    });
    let wanted = Wanted { paths: vec!["/away".to_owned()], ..as_application() };
    let (_, findings) = examine(&origin, "", &wanted);
    expect(&findings, &[(Check::Reachable, Verdict::Ok)]);
    let (_, findings) = examine(&origin, "", &as_public(&origin));
    expect(&findings, &[(Check::Reachable, Verdict::Ok)]);
    assert_eq!(other.connection_count(), 0);
    assert!(origin.count_of("/away") > 0);
}

/// A site that believes everybody and gives everybody everything.
fn credulous() -> Origin {
    let made = AtomicU32::new(0);
    Origin::answering(move |request| {
        let either = |one: &str, other: &str| {
            request.field(one).or_else(|| request.field(other)).map(str::to_owned)
        };
        let scheme = either("x-forwarded-proto", "x_forwarded_proto");
        let scheme = scheme.unwrap_or_else(|| "http".to_owned());
        let host = either("x-forwarded-host", "x_forwarded_host");
        let host = host.or_else(|| request.field("host").map(str::to_owned)).unwrap_or_default();
        let path = request.field("x-original-url").unwrap_or_else(|| request.path());
        let fields = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: public, max-age=60\r\n\
            Set-Cookie: sessionid=abc; Path=/\r\nStrict-Transport-Security: max-age=1\r\nVary: Cookie\r\n";
        let made = made.fetch_add(1, Ordering::Relaxed);
        let page = format!(
            "<base href='{scheme}://{host}/'><link rel=stylesheet href=/a.css>\
             <input name=authenticity_token value=abc><p>made {made}</p>"
        );
        match path {
            "/" | "/blog/" if request.field("x-requested-with").is_some() => Script::answer(
                "200 OK",
                &format!("{fields}Content-Type: application/json\r\n"),
                "{}",
            ),
            "/" | "/blog/" => Script::answer(
                "200 OK",
                &format!("{fields}Content-Type: text/html\r\nX-Runtime: 1\r\n"),
                page,
            ),
            "/a.css" => Script::answer("200 OK", fields, "p{}"),
            _ => Script::answer("404 Not Found", fields, "not here"),
        }
    })
}

/// What is wrong with a credulous site, wherever it is asked.
const FAULTS: [(Check, Verdict); 9] = [
    (Check::SharedCookie, Verdict::Problem),
    (Check::SharedCsrfToken, Verdict::Problem),
    (Check::SharedVaryCookie, Verdict::Warning),
    (Check::PagesDiffer, Verdict::Warning),
    (Check::StaticCookie, Verdict::Problem),
    (Check::Validators, Verdict::Warning),
    (Check::ScriptAnswers, Verdict::Problem),
    (Check::ClockSkew, Verdict::Problem),
    (Check::Hsts, Verdict::Warning),
];

const FORGED: [Check; 5] = [
    Check::ForgedScheme,
    Check::ForgedForwardedHost,
    Check::ForgedHost,
    Check::ForgedUrl,
    Check::UnderscoreSpelling,
];

#[test]
fn each_fault_of_an_application_is_found_with_its_remedy() {
    let origin = credulous();
    let (examined, findings) = examine(&origin, RULES, &as_application());
    expect(&findings, &FAULTS);
    expect(&findings, &FORGED.map(|check| (check, Verdict::Warning)));
    expect(&findings, &[(Check::SchemeIgnored, Verdict::Ok), (Check::SchemeBelieved, Verdict::Ok)]);
    let token = of(&findings, Check::SharedCsrfToken);
    let remedy = token.remedy.as_deref().expect("a remedy");
    assert!(remedy.starts_with("Rails: ") && remedy.contains("csrf_meta_tags"), "{remedy}");
    assert!(token.found.iter().any(|found| found.what.contains("the rule at t.toml:2")));
    assert_eq!(examined.stopped, None);
}

#[test]
fn each_fault_of_a_public_address_is_found_without_an_application() {
    let origin = credulous();
    let (_, findings) = examine(&origin, "", &as_public(&origin));
    expect(&findings, &FAULTS);
    let bad = |check| {
        (check, if check == Check::ForgedHost { Verdict::Warning } else { Verdict::Problem })
    };
    expect(&findings, &FORGED.map(bad));
    expect(
        &findings,
        &[
            (Check::SchemeBelieved, Verdict::Problem),
            (Check::SchemeIgnored, Verdict::Skipped),
            (Check::RedirectLoopUntold, Verdict::Skipped),
        ],
    );
}

#[test]
fn a_circle_is_found_and_the_field_that_would_help_is_named() {
    let origin = Origin::answering(|request| {
        if request.field("front-end-https") == Some("on") {
            return Script::answer("200 OK", "X-Powered-By: Express\r\n", "page");
        }
        let location =
            format!("Location: https://site.test{}\r\nX-Powered-By: Express\r\n", request.target);
        Script::answer("301 Moved Permanently", &location, "")
    });
    let (_, findings) = examine(&origin, "", &as_application());
    expect(
        &findings,
        &[
            (Check::RedirectLoop, Verdict::Problem),
            (Check::RedirectLoopUntold, Verdict::Ok),
            (Check::SchemeIgnored, Verdict::Problem),
            (Check::SchemeBelieved, Verdict::Ok),
            (Check::SharedCookie, Verdict::Skipped),
        ],
    );
    let found = of(&findings, Check::RedirectLoop);
    let remedy = found.remedy.as_deref().unwrap_or_default();
    assert!(remedy.contains("app.set('trust proxy', 'loopback')"), "{remedy}");
    let last = found.found.last().expect("a line");
    assert!(last.what.contains("forwarded.extra = [\"Front-End-Https: on\"]"), "{last:?}");
}

#[test]
fn who_believes_only_what_larder_is_set_to_send_is_well() {
    let origin = Origin::answering(|request| {
        if request.field("x-forwarded-ssl") == Some("on") {
            return Script::answer("200 OK", "", "page");
        }
        Script::answer("301 Moved Permanently", "Location: https://site.test/\r\n", "")
    });
    let told = "[forwarded]\nextra = ['X-Forwarded-SSL: $on']\n";
    for (file, expected) in [("", Verdict::Problem), (told, Verdict::Ok)] {
        let (_, findings) = examine(&origin, file, &as_application());
        expect(&findings, &[(Check::RedirectLoop, expected)]);
    }
}

#[test]
fn nobody_there_is_a_problem_and_the_rest_is_skipped() {
    let origin = Origin::answering(|_| Script::new().close());
    let (examined, findings) = examine(&origin, "", &as_application());
    assert!(!examined.is_there(0));
    for finding in &findings {
        let expected =
            if finding.check == Check::Reachable { Verdict::Problem } else { Verdict::Skipped };
        assert_eq!(finding.verdict, expected, "{finding:?}");
    }
    assert!(super::nobody(&examined).starts_with("http://127.0.0.1:"));
    assert_eq!(origin.connection_count(), 1, "it is not asked again");
}

#[test]
fn several_applications_are_asked_if_they_are_there() {
    let one = Origin::answering(healthy);
    let other = Origin::answering(healthy);
    let file = format!("upstream = ['{}', '{}']", one.url(), other.url());
    let config = ConfigBuilder::new().file("t.toml", file).build().expect("a good file");
    let site = Site::new(config, &as_application()).expect("a site");
    let examined = super::examine(site, Duration::ZERO).expect("a runtime");
    let findings = checks::all(&examined);
    let reached = findings.iter().filter(|finding| finding.check == Check::Reachable);
    assert_eq!(reached.filter(|finding| finding.verdict == Verdict::Ok).count(), 2);
    assert_eq!(other.request_count(), 1);
}

#[test]
fn of_several_applications_the_first_that_answers_is_examined() {
    let dead = Origin::answering(|_| Script::new().close());
    let well = Origin::answering(healthy);
    let file = format!("upstream = ['{}', '{}']", dead.url(), well.url());
    let config = ConfigBuilder::new().file("t.toml", file).build().expect("a good file");
    let site = Site::new(config, &as_application()).expect("a site");
    let findings = checks::all(&super::examine(site, Duration::ZERO).expect("a runtime"));
    let of = |check, at: String| findings.iter().find(|one| one.check == check && one.at == at);
    assert_eq!(of(Check::Reachable, dead.url()).expect("it").verdict, Verdict::Problem);
    assert_eq!(of(Check::RedirectLoop, well.url()).expect("it").verdict, Verdict::Ok);
    assert_eq!(dead.connection_count(), 1);
}

#[test]
fn files_that_are_known_by_get_only_are_looked_at_all_the_same() {
    let origin = Origin::answering(|request| match (&*request.method, request.path()) {
        ("HEAD", _) => Script::answer("405 Method Not Allowed", "", ""),
        (_, "/") => {
            Script::answer("200 OK", "Content-Type: text/html\r\n", "<script src=a.js></script>")
        }
        _ => Script::answer("200 OK", "Set-Cookie: lb=1\r\n", "x"),
    });
    let (_, findings) = examine(&origin, "", &as_application());
    expect(
        &findings,
        &[(Check::StaticCookie, Verdict::Warning), (Check::Validators, Verdict::Warning)],
    );
}

#[test]
fn what_scripts_ask_a_public_address_for_is_asked_apart() {
    let origin = credulous();
    let (examined, _) = examine(&origin, "", &as_public(&origin));
    let requests = origin.requests();
    let scripts = requests.iter().filter(|one| one.field("x-requested-with").is_some());
    let apart = examined.canary.apart("/");
    let targets: Vec<_> = scripts.map(|one| one.target.as_str()).collect();
    assert_eq!(targets, [apart.as_str()]);
}

#[test]
fn a_run_has_an_end_and_says_so() {
    let origin = Origin::answering(|_| Script::answer("200 OK", "", "x"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    let base = Base::public(&origin.url()).expect("an address");
    let asked = Asked {
        method: AskedBy::Get,
        target: "/".to_owned(),
        fields: http::HeaderMap::from_iter([(
            http::header::HOST,
            http::HeaderValue::from_static("a"),
        )]),
    };
    let began = Instant::now();
    let pause = Duration::from_millis(1);
    let outcomes = runtime.block_on(async {
        let mut client = Client::new(pause, Looker::trusting(Vec::new()));
        let mut outcomes = Vec::new();
        for _ in 0..=REQUESTS_MAX {
            outcomes.push(client.ask(&base, &asked).await.map(|came| came.is_ok()));
        }
        outcomes
    });
    let (last, others) = outcomes.split_last().expect("some");
    assert!(others.iter().all(|outcome| *outcome == Ok(true)), "{others:?}");
    assert_eq!(*last, Err(Stop::Requests));
    assert_eq!(origin.request_count(), REQUESTS_MAX);
    assert!(began.elapsed() >= pause * 59, "there is a pause between two requests");
}

#[test]
fn of_an_endless_page_the_beginning_is_read() {
    let body = "x".repeat(BODY_BYTES_MAX + 100_000);
    let origin = Origin::answering(move |_| Script::answer("200 OK", "", body.clone()));
    let (examined, _) = examine(&origin, "", &as_application());
    let longest = examined.answers(0).map(|(_, answer)| answer.body.len()).max();
    assert_eq!(longest, Some(BODY_BYTES_MAX));
}

#[test]
fn the_report_names_address_check_and_remedy_and_has_no_control_characters() {
    let origin = Origin::answering(|_| {
        Script::answer(
            "301 Moved Permanently",
            "Location: https://site.test/\r\nX-Runtime: 1\r\n",
            "",
        )
    });
    let (examined, findings) = examine(&origin, "", &as_application());
    let report = Report::new(&examined, findings);
    let text = report.text(Colours::None);
    let at = format!("the application, {}\n", origin.url());
    for part in [
        "asked as site.test: Rails (field X-Runtime)\n",
        &at,
        "  problem       redirect-loop: told that the visitor came by https, it redirects",
        "                https://site.test/: 301 to https://site.test/\n",
        "  to change it  Rails: Rack reads X-Forwarded-Proto",
        "  skipped       ",
        "\nnot looked at\n  skipped       certificate-expiry, certificate-name, certificate-trust: no public",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
    assert!(report.text(Colours::Shown).contains("\u{1b}[31mproblem\u{1b}[0m       redirect-loop"));
    assert!(report.has_problems());
}
