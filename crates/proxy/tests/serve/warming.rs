//! Pages that are fetched before anybody asks: by `POST /warm`, and after purges.

use larder_proxy::Server;
use larder_testkit::{Origin, Received, Script, Signal};
use serde_json::{Value, json};

use crate::purging_admin::{TOKEN, WITH_TOKEN, configured, post_to};
use crate::{admin, connect, eventually};

fn start(origin: &Origin, more: &str) -> Server {
    let config = configured(origin, &format!("{WITH_TOKEN}\n{more}"));
    Server::start(config).expect("a server")
}

fn ordered(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let fields = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
    let response = post_to(server, path, &fields, &body.to_string());
    (response.status(), serde_json::from_str(&response.text()).expect("JSON"))
}

fn warm(server: &Server, body: &Value) -> Vec<Value> {
    let (status, answer) = ordered(server, "/warm", body);
    assert_eq!(status, 200, "{answer}");
    answer["pages"].as_array().expect("rows").clone()
}

fn is_hit(server: &Server, target: &str) -> bool {
    connect(server).get(target).cache_status().contains("hit")
}

const FORM: &str = "<form><input name='csrfmiddlewaretoken' value='x'></form>";

fn page(fields: &str) -> Script {
    Script::answer("200 OK", &format!("Cache-Control: max-age=600\r\n{fields}"), "page")
}

#[test]
fn a_page_that_was_fetched_in_advance_is_there_and_is_not_fetched_twice() {
    let origin = Origin::paths([("/a", page(""))]);
    let server = start(&origin, "");
    let url = "http://site.test/a";
    let rows = warm(&server, &json!({"url": url}));
    let expected = json!({"url": url, "fetched": true, "stored": true, "status": 200});
    assert_eq!(rows, [expected]);
    let request = &origin.requests()[0];
    for (name, value) in [
        ("host", Some("site.test")),
        ("accept-encoding", Some("gzip, deflate")),
        ("user-agent", Some("Larder")),
        ("cookie", None),
        ("x-forwarded-proto", Some("http")),
        ("x-forwarded-for", None),
    ] {
        assert_eq!(request.field(name), value, "{name}");
    }
    assert!(is_hit(&server, "/a"));
    let rows = warm(&server, &json!({"url": url}));
    assert_eq!((&rows[0]["fetched"], &rows[0]["reason"]), (&json!(false), &json!("fresh")));
    assert_eq!(origin.request_count(), 1);
    let rows = warm(&server, &json!({"url": url, "renew": true}));
    assert_eq!((&rows[0]["fetched"], &rows[0]["stored"]), (&json!(true), &json!(true)));
    assert_eq!(origin.request_count(), 2);
    let metrics = admin(&server, "/metrics").1;
    for line in [
        "larder_warmed_total{outcome=\"stored\"} 2\n",
        "larder_warmed_total{outcome=\"fresh\"} 1\n",
        "larder_requests_total{handling=\"hit\",reason=\"fresh\"} 1\n",
        "larder_warm_queue 0\n",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    assert!(!metrics.contains("handling=\"miss\""), "nobody came: {metrics}");
}

#[test]
fn what_can_not_be_kept_for_others_is_refused_with_its_reason() {
    let answers = [
        ("/cookie", page("Set-Cookie: a=b\r\n")),
        ("/private", Script::answer("200 OK", "Cache-Control: private\r\n", "page")),
        (
            "/form",
            Script::answer(
                "200 OK",
                "Cache-Control: max-age=600\r\nContent-Type: text/html\r\n",
                FORM,
            ),
        ),
        ("/error", Script::answer("500 Internal Server Error", "", "oops")),
        ("/mine", page("")),
        ("/passed", page("")),
    ];
    let origin = Origin::paths(answers);
    let rules = "identity.session_cookies = ['sessionid']\n\
                 [[rule]]\npath = '/mine'\naudience = 'per-user'\nttl = '1h'\n\
                 [[rule]]\npath = '/passed'\npass = true\n";
    let server = start(&origin, rules);
    let cases = [
        ("/cookie", true, "set-cookie"),
        ("/private", true, "private"),
        ("/form", true, "token-django"),
        ("/error", true, "no-lifetime-nor-validator"),
        ("/nothing", true, "no-lifetime-nor-validator"),
        ("/mine", false, "somebodys"),
        ("/passed", false, "rule-pass"),
    ];
    let urls: Vec<_> = cases.iter().map(|(path, ..)| format!("http://site.test{path}")).collect();
    let rows = warm(&server, &json!({"urls": urls}));
    for ((path, fetched, reason), row) in cases.iter().zip(&rows) {
        assert_eq!(row["url"], format!("http://site.test{path}"), "rows are in order");
        assert_eq!((&row["fetched"], &row["stored"]), (&json!(fetched), &json!(false)), "{row}");
        assert_eq!(row["reason"], *reason, "{row}");
        assert_ne!(row["detail"], "", "{row}");
    }
    for path in ["/mine", "/passed"] {
        assert_eq!(origin.count_of(path), 0, "{path}");
    }
}

#[test]
fn a_site_that_wants_to_be_left_alone_is_and_others_are_not() {
    let origin = Origin::answering(|request: &Received| match request.field("host") {
        Some("busy.test") => {
            Script::answer("503 Service Unavailable", "Retry-After: 60\r\n", "busy")
        }
        _ => page(""),
    });
    let server = start(&origin, "");
    let row = |url: &str| warm(&server, &json!({"url": url})).remove(0);
    let first = row("http://busy.test/a");
    assert_eq!((&first["status"], &first["retry_after"]), (&json!(503), &json!(60)), "{first}");
    let second = row("http://busy.test/b");
    assert_eq!((&second["fetched"], &second["reason"]), (&json!(false), &json!("paused")));
    assert!(second["retry_after"].as_u64().is_some_and(|secs| (50..=60).contains(&secs)));
    assert_eq!(row("http://quiet.test/a")["stored"], true);
    let hosts = origin.requests();
    let asked = hosts.iter().filter(|request| request.field("host") == Some("busy.test")).count();
    assert_eq!(asked, 1);
    // What nobody waits for stays in the queue meanwhile.
    ordered(&server, "/warm", &json!({"url": "http://busy.test/c", "wait": false}));
    let metrics = || admin(&server, "/metrics").1;
    eventually("one waits", || metrics().contains("larder_warm_queue 1\n"));
    assert!(metrics().contains("larder_warm_paused_sites 1\n"));
}

#[test]
fn what_nobody_waits_for_is_fetched_all_the_same_at_its_rate() {
    let origin = Origin::answering(|_| page(""));
    let server = start(&origin, "warm = { rate = '40/s', concurrency = 1 }");
    let urls: Vec<_> = (0..10).map(|page| format!("http://site.test/{page}")).collect();
    let begun = std::time::Instant::now();
    let (status, answer) = ordered(&server, "/warm", &json!({"urls": urls, "wait": false}));
    assert_eq!((status, &answer["queued"]), (202, &json!(10)), "{answer}");
    let _requests = origin.wait_for_requests(10);
    assert!(begun.elapsed().as_millis() >= 9 * 25, "{:?}", begun.elapsed());
    for target in ["/0", "/9"] {
        eventually("it is stored", || is_hit(&server, target));
    }
    assert_eq!(origin.request_count(), 10);
}

#[test]
fn a_site_that_stands_for_all_hosts_and_a_page_that_is_confirmed_each_time_are_stored() {
    let origin = Origin::paths([
        ("/a", page("")),
        ("/each", Script::answer("200 OK", "Cache-Control: no-cache\r\nETag: \"1\"\r\n", "page")),
    ]);
    let server = start(&origin, "hosts = ['site.test']\ndefault_host = 'site.test'");
    let urls = ["http://other.test/a", "http://site.test/each"];
    let rows = warm(&server, &json!({"urls": urls}));
    assert!(rows.iter().all(|row| row["stored"] == true && row["fetched"] == true), "{rows:?}");
    assert!(is_hit(&server, "/a"));
}

/// The targets that were asked for, in order.
fn targets(origin: &Origin, after: usize) -> Vec<String> {
    origin.requests().iter().skip(after).map(|request| request.target.clone()).collect()
}

#[test]
fn what_a_purge_takes_away_is_fetched_again_most_asked_first() {
    let origin = Origin::answering(|request: &Received| {
        let tags = if request.target == "/other" { "two" } else { "one" };
        page(&format!("Surrogate-Key: {tags}\r\n"))
    });
    let server = start(&origin, "warm = { rate = '1000/s', concurrency = 1 }");
    let visits = [("/a", 2), ("/b", 9), ("/c", 5), ("/other", 30)];
    let orders = [
        json!({"tags": ["one"], "warm": true, "wait": true}),
        json!({"tags": ["one"], "warm": true}),
        json!({"prefix": "/", "warm": true}),
        json!({"pattern": {"url": "^/.$"}, "warm": true}),
        json!({"host": "site.test", "warm": true, "soft": true}),
    ];
    for order in orders {
        ordered(&server, "/purge", &json!({"all": true, "wait": true}));
        for (target, count) in visits {
            for _ in 0..count {
                let _response = connect(&server).get(target);
            }
        }
        let before = origin.request_count();
        let (_, answer) = ordered(&server, "/purge", &order);
        let covers_all = order["prefix"] == "/" || order["host"] == "site.test";
        let expected: &[&str] =
            if covers_all { &["/other", "/b", "/c", "/a"] } else { &["/b", "/c", "/a"] };
        if order["wait"] == true {
            assert_eq!(answer["warm"]["queued"], expected.len(), "{answer}");
        }
        let _requests = origin.wait_for_requests(before + expected.len());
        assert_eq!(targets(&origin, before), expected, "{order}");
        for target in expected {
            eventually("fetched again", || is_hit(&server, target));
        }
        assert_eq!(origin.request_count(), before + expected.len(), "{order}");
    }
}

#[test]
fn who_was_asked_for_most_is_remembered_over_purges() {
    let origin = Origin::answering(|_| page(""));
    let server = start(&origin, "warm = { rate = '1000/s', concurrency = 1 }");
    for (target, count) in [("/a", 4), ("/b", 33), ("/c", 17)] {
        for _ in 0..count {
            let _response = connect(&server).get(target);
        }
    }
    for time in 0..3 {
        let before = origin.request_count();
        ordered(&server, "/purge", &json!({"all": true, "warm": true, "wait": true}));
        let _requests = origin.wait_for_requests(before + 3);
        assert_eq!(targets(&origin, before), ["/b", "/c", "/a"], "{time}");
        let metrics = || admin(&server, "/metrics").1;
        let done = format!("larder_warmed_total{{outcome=\"stored\"}} {}\n", 3 * (time + 1));
        eventually("all are stored", || metrics().contains(&done));
    }
}

#[test]
fn a_url_is_fetched_again_in_all_the_variants_that_visitors_had() {
    let origin = Origin::answering(|request: &Received| {
        let coding = request.field("accept-encoding").unwrap_or("none").to_owned();
        let fields = "Cache-Control: max-age=600\r\nVary: Accept-Encoding\r\n";
        Script::answer("200 OK", fields, coding)
    });
    let server = start(&origin, "");
    for fields in ["Accept-Encoding: br\r\n", "Accept-Encoding: gzip\r\n", ""] {
        let _response = connect(&server).request("GET", "/a", fields);
    }
    let order = json!({"url": "http://site.test/a", "query": "exact", "warm": true, "wait": true});
    let (_, answer) = ordered(&server, "/purge", &order);
    assert_eq!((&answer["purged"]["variants"], &answer["warm"]["queued"]), (&json!(3), &json!(3)));
    let requests = origin.wait_for_requests(6);
    let mut codings: Vec<_> =
        requests.iter().skip(3).map(|request| request.field("accept-encoding")).collect();
    codings.sort_unstable();
    assert_eq!(codings, [None, Some("br"), Some("gzip")]);
}

#[test]
fn nobodys_own_page_is_fetched_again_after_a_purge() {
    let origin = Origin::answering(|request: &Received| {
        page(if request.target == "/lang" { "Vary: Cookie\r\n" } else { "" })
    });
    let rules = "identity.session_cookies = ['sessionid']\n\
                 [[rule]]\npath = '/mine'\naudience = 'per-user'\nttl = '1h'\n\
                 [[rule]]\npath = '/all'\naudience = 'all-users'\nttl = '1h'\n";
    let server = start(&origin, rules);
    let visit =
        |target: &str| connect(&server).request("GET", target, "Cookie: sessionid=s3cret\r\n");
    for target in ["/mine", "/lang", "/all"] {
        let _response = visit(target);
        assert!(visit(target).cache_status().contains("hit"), "{target}");
    }
    for order in [
        json!({"all": true, "warm": true, "wait": true}),
        json!({"urls": ["http://site.test/mine", "http://site.test/lang", "http://site.test/all"],
               "query": "exact", "warm": true, "wait": true}),
    ] {
        let before = origin.request_count();
        ordered(&server, "/purge", &order);
        let _requests = origin.wait_for_requests(before + 1);
        let idle = || admin(&server, "/metrics").1.contains("larder_warm_queue 0\n");
        eventually("all is done", idle);
        eventually("it is there", || is_hit(&server, "/all"));
        for request in origin.requests().iter().skip(before) {
            assert_eq!(request.target, "/all", "{order}");
            assert_eq!(request.field("cookie"), None);
        }
        for target in ["/mine", "/lang"] {
            let _response = visit(target);
        }
    }
}

#[test]
fn a_page_that_is_stale_by_a_purge_is_confirmed_again() {
    let origin = Origin::answering(|request: &Received| match request.field("if-none-match") {
        Some(_) => Script::answer("304 Not Modified", "Cache-Control: max-age=600\r\n", ""),
        None => page("ETag: \"1\"\r\nCache-Control: stale-while-revalidate=600\r\n"),
    });
    let server = start(&origin, "");
    let _response = connect(&server).get("/a");
    let order = json!({"url": "http://site.test/a", "soft": true, "warm": true, "wait": true});
    ordered(&server, "/purge", &order);
    let requests = origin.wait_for_requests(2);
    assert_eq!(requests[1].field("if-none-match"), Some("\"1\""));
    eventually("fresh again", || {
        connect(&server).get("/a").cache_status().contains("detail=fresh")
    });
    assert_eq!(origin.request_count(), 2);
    // Stale pages answer visitors meanwhile, and nobody who fetches in advance.
    ordered(&server, "/purge", &json!({"url": "http://site.test/a", "soft": true}));
    let row = warm(&server, &json!({"url": "http://site.test/a"})).remove(0);
    assert_eq!((&row["fetched"], &row["stored"]), (&json!(true), &json!(true)), "{row}");
    assert_eq!(origin.request_count(), 3);
}

#[test]
fn at_the_end_those_who_wait_are_told() {
    let (arrived, go) = (Signal::new(), Signal::new());
    let script = Script::new().fire(&arrived).wait(&go).respond(
        "200 OK",
        "Cache-Control: max-age=600\r\n",
        "page",
    );
    let origin = Origin::answering(move |_| script.clone());
    let server = start(&origin, "warm.concurrency = 1");
    let urls = ["http://site.test/a", "http://site.test/b"];
    let rows = std::thread::scope(|scope| {
        let rows = scope.spawn(|| warm(&server, &json!({"urls": urls})));
        assert!(arrived.wait());
        server.drain();
        go.fire();
        rows.join().expect("rows")
    });
    assert_eq!((&rows[0]["stored"], &rows[1]["reason"]), (&json!(true), &json!("ending")));
    let (status, _) = ordered(&server, "/warm", &json!({"url": "http://site.test/c"}));
    assert_eq!(status, 503);
}

#[test]
fn what_is_being_fetched_may_end_before_larder_does() {
    let (arrived, go) = (Signal::new(), Signal::new());
    let script = Script::new().fire(&arrived).wait(&go).respond("200 OK", "", "page");
    let origin = Origin::answering(move |_| script.clone());
    let server = start(&origin, "");
    ordered(&server, "/warm", &json!({"url": "http://site.test/a", "wait": false}));
    assert!(arrived.wait());
    let site = server.addresses()[0];
    server.drain();
    eventually("nobody is let in", || std::net::TcpStream::connect(site).is_err());
    assert_eq!(admin(&server, "/readyz").0, 503);
    assert!(!server.is_over(), "one page is still being fetched");
    go.fire();
    eventually("it is over", || server.is_over());
    assert!(admin(&server, "/metrics").1.contains("larder_warm_in_progress 0\n"));
}

#[test]
fn what_nobody_asked_for_is_told_apart_in_the_log() {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for (form, part) in [("json", "\"cache\":\"warm\""), ("combined", " warm uri-miss ")] {
        let path = folder.join(format!("warming-{}-{form}.log", std::process::id()));
        let origin = Origin::paths([("/a", page(""))]);
        let log = format!("log = {{ access = '{form}', path = '{}' }}", path.display());
        let server = start(&origin, &log);
        warm(&server, &json!({"url": "http://site.test/a"}));
        drop(server);
        let log = std::fs::read_to_string(&path).expect("a log");
        assert!(log.contains(part), "{log}");
        std::fs::remove_file(&path).expect("removed");
    }
}
