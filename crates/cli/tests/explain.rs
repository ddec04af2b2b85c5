//! Does `larder explain` say what happens, by the rules and by what the application really answers?

#[cfg(test)]
mod proof;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::{Command, Output};

    use larder_testkit::{Origin, Received, Script};

    const RULES: &str = "
ignore_query = ['utm_*']

[identity]
session_cookies = ['sessionid']

[[rule]]
path = '/blog/feed'
never = true

[[rule]]
path = '/blog/*'
audience = 'all-users'
ttl = '10m'
browser_ttl = '5s'

[[rule]]
path = '/public/*'
audience = 'anonymous-only'
ttl = '1m'
drop_set_cookie = ['csrftoken']
";

    /// The line on which a rule for this path begins.
    fn place(path: &str) -> String {
        let at = RULES.lines().position(|line| line.contains(path)).expect(path);
        format!("rules.toml:{at}")
    }

    fn folder(name: &str) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("explain-{name}"));
        fs::create_dir_all(&path).expect("a folder");
        fs::write(path.join("rules.toml"), RULES).expect("a file");
        path
    }

    fn larder(name: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        let command = command.current_dir(folder(name)).arg("explain");
        command.args(arguments).output().expect("larder runs")
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// What it says, having ended well.
    #[track_caller]
    fn said(name: &str, arguments: &[&str]) -> String {
        let output = larder(name, arguments);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {complaint}");
        text(&output.stdout)
    }

    #[track_caller]
    fn has(said: &str, parts: &[&str]) {
        for part in parts {
            assert!(said.contains(part), "{part}\nis not in\n{said}");
        }
    }

    #[test]
    fn rules_are_explained_without_an_application() {
        let url = "https://Example.com/blog/1?utm_source=x&page=2";
        let cookie = "Cookie: sessionid=verysecret; theme=dark";
        let told = said("rules", &["--config", "rules.toml", "-H", cookie, url]);
        has(
            &told,
            &[
                "GET https://example.com/blog/1?utm_source=x&page=2\n",
                "counts as     https://example.com/blog/1?page=2\n",
                &format!(
                    "rule          {}  path = /blog/*: all-users, ttl 10m\n",
                    place("/blog/*")
                ),
                &format!("nearest       {}  its `path", place("/blog/feed")),
                "visitor       with a session; whose it is does not matter here (session cookie: sessionid)",
                "key           for = all-users\n",
                "user-agent: Larder\n",
                "cookies: sessionid, theme\n",
                "parameters: utm_source\n",
                "kept          10m in Larder, 5s in browsers\n",
                "visitor sees  cache-control: max-age=5 (and the page's age is added)\n",
            ],
        );
        assert!(!told.contains("verysecret"), "{told}");
    }

    #[test]
    fn json_is_the_same_for_programs() {
        let rules = ["--config", "rules.toml", "--json", "-X", "HEAD"];
        let told = said("json", &[&rules[..], &["http://a/blog/feed"]].concat());
        let json: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(json["outcome"], "never");
        assert_eq!(json["method"], "HEAD");
        assert_eq!(json["because"]["reason"], "rule-never");
        assert_eq!(json["rule"]["place"], place("/blog/feed"));
        assert_eq!(json["seen"]["fields"][0]["value"], "no-cache, no-store, must-revalidate");
    }

    #[test]
    fn what_can_not_be_explained_is_one_line_and_status_two() {
        let cases: [(&[&str], &str); 8] = [
            (&["/blog/"], "larder: \"/blog/\" is not a whole URL"),
            (&["ftp://a/"], "larder: \"ftp\" is not a scheme"),
            (&["http://a/", "-H", "nonsense"], "larder: \"nonsense\" is not a field"),
            (&["http://a/", "-X", "A B"], "larder: \"A B\" is not a method"),
            (&["http://a/", "--config", "no.toml"], "larder: no.toml: cannot be read"),
            (&["http://a/", "--set", "x=1"], "larder: --set x: unknown option"),
            (&["http://a/", "--live"], "larder: no application is named"),
            (
                &["http://a/", "--live", "--to", "http://127.0.0.1:9", "-X", "POST"],
                "larder: --live asks twice, and POST may change something",
            ),
        ];
        for (arguments, start) in cases {
            let output = larder("bad", arguments);
            let complaint = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
            assert!(complaint.starts_with(start), "{arguments:?}: {complaint}");
            assert_eq!(complaint.lines().count(), 1, "{arguments:?}: {complaint}");
        }
        let scheme = said("bad", &["--scheme", "https", "a/x"]);
        has(&scheme, &["GET https://a/x\n", "none: the response decides (RFC 9111)"]);
    }

    const DOOR: [&str; 6] = [
        "--set",
        "hosts=example.com",
        "--set",
        "https.redirect=true",
        "--set",
        "trusted_proxies=10.0.0.1",
    ];

    #[test]
    fn what_larder_answers_itself_is_told_and_nobody_is_asked() {
        let origin = application(|_| Script::answer("200 OK", "", "hello"));
        for (url, parts) in [
            ("http://evil.test/", ["Larder answers 421 itself", "unknown-host"]),
            ("http://evil.test/_larder/health", ["Larder answers 200 itself", "health"]),
            (
                "http://example.com/a",
                ["answers 301 itself, to https://example.com/a", "https-redirect"],
            ),
        ] {
            let offline = said("door", &[&DOOR[..], &["--config", "rules.toml", url]].concat());
            has(&offline, &parts);
            assert_eq!(live("door", &origin, &[&DOOR[..], &[url]].concat()), offline);
        }
        let json = [&DOOR[..], &["--json", "http://example.com/a"]].concat();
        let json: serde_json::Value =
            serde_json::from_str(&live("door", &origin, &json)).expect("JSON");
        assert_eq!(json["outcome"], "at-the-door");
        assert_eq!(json["door"]["location"], "https://example.com/a");
        assert_eq!(origin.request_count(), 0);
    }

    #[test]
    fn live_asks_as_the_host_that_counts_and_without_what_is_taken_off() {
        let origin =
            application(|_| Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "hello"));
        let fields = [
            "-H",
            "X_A: 1",
            "-H",
            "X-HTTP-Method: PUT",
            "-H",
            "X-Edge: https",
            "http://evil.test/a",
        ];
        let site = [
            "--set",
            "hosts=example.com",
            "--set",
            "default_host=example.com",
            "--set",
            "trusted_proxies=10.0.0.1",
            "--set",
            "forwarded.scheme_from=X-Edge",
        ];
        let told = live("host", &origin, &[&site[..], &fields[..]].concat());
        has(
            &told,
            &[
                "GET http://evil.test/a\n",
                "counts as     http://example.com/a\n",
                "counts as one for example.com\n",
                "x_a (an underscore",
                "x-http-method (asks for something else",
                "x-edge (about the visitor",
                "stored        yes, 5 bytes\n",
            ],
        );
        let requests = origin.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].all("host"), ["example.com"]);
        for absent in ["x_a", "x-http-method", "x-edge"] {
            assert_eq!(requests[0].field(absent), None, "{absent} was sent");
        }
    }

    fn application(answer: impl Fn(&Received) -> Script + Send + Sync + 'static) -> Origin {
        Origin::answering(answer)
    }

    fn live(name: &str, origin: &Origin, more: &[&str]) -> String {
        let to = origin.url();
        said(name, &[&["--live", "--config", "rules.toml", "--to", &to], more].concat())
    }

    #[test]
    fn live_shows_what_was_sent_what_came_and_that_the_next_is_a_hit() {
        let origin = application(|_| Script::answer("200 OK", "X-Other: 1\r\n", "hello"));
        let fields = ["-H", "Cookie: sessionid=verysecret", "-H", "Accept-Language: de"];
        let told = live("hit", &origin, &[&fields[..], &["http://example.com/blog/1"]].concat());
        has(
            &told,
            &[
                "request 1: the application was asked for all who share the page\n",
                "sent          GET /blog/1\n",
                "host: example.com\n",
                "came          200\n",
                "stored        yes, 5 bytes\n",
                &format!("fresh for     10m, by the rule at {}\n", place("/blog/*")),
                "this request  200  larder; fwd=uri-miss; stored; ttl=600; detail=uri-miss",
                "the next one  200  larder; hit; ttl=",
            ],
        );
        let requests = origin.requests();
        assert_eq!(requests.len(), 1);
        for absent in ["cookie", "accept-language", "x-forwarded-for"] {
            assert_eq!(requests[0].field(absent), None, "{absent} was sent");
        }
        assert!(!told.contains("verysecret"), "{told}");
    }

    #[test]
    fn live_names_the_cookie_and_what_to_change() {
        let set = "Set-Cookie: sid=verysecret; Path=/\r\nSet-Cookie: csrftoken=x\r\n";
        let origin = application(move |_| Script::answer("200 OK", set, "hello"));
        let told = live("cookie", &origin, &["http://example.com/public/1"]);
        has(
            &told,
            &[
                "stored        no, set-cookie: the response sets a cookie, which is meant for one visitor (RFC 9111 §7.3)\n",
                "set-cookie: sid=...\n",
                &format!(
                    "do not set the cookie sid on this page, or, if nobody needs it here, have it taken off: drop_set_cookie = [\"sid\"] in the rule at {}",
                    place("/public/*")
                ),
                "(tried on this answer: that is enough)\n",
                "request 1: the application was asked for this visitor, as it came\n",
                "the next one  200  larder; fwd=",
            ],
        );
        assert!(!told.contains("verysecret"), "{told}");
    }

    #[test]
    fn live_tells_each_prohibition_and_where_it_stands() {
        let origin = application(|request| {
            let fields = match request.path() {
                "/private" => "Cache-Control: private, max-age=60\r\n",
                "/both" => "Cache-Control: no-store, private, max-age=60\r\n",
                "/targeted" => {
                    "Cache-Control: max-age=60\r\nCDN-Cache-Control: no-store, max-age=60\r\n"
                }
                "/vary" => "Cache-Control: max-age=60\r\nVary: Accept, X-Forwarded-For\r\n",
                "/star" => "Cache-Control: max-age=60\r\nVary: *\r\n",
                "/silent" => "",
                "/expired" => "Cache-Control: max-age=0\r\n",
                "/session" => "Cache-Control: max-age=60\r\n",
                _ => "Cache-Control: max-age=60\r\n",
            };
            Script::answer("200 OK", fields, "hello")
        });
        let cases: [(&str, &[&str]); 8] = [
            ("/private", &["no, private: ", "leave `private` out of Cache-Control"]),
            ("/both", &["no, no-store: ", "leave `no-store` out of", "leave `private` out of"]),
            ("/targeted", &["no, no-store: ", "leave `no-store` out of CDN-Cache-Control"]),
            ("/vary", &["no, vary-any: ", "leave `X-Forwarded-For` out of Vary"]),
            ("/star", &["no, vary-any: ", "leave `*` out of Vary"]),
            ("/silent", &["no, no-lifetime-nor-validator: ", "`Cache-Control: max-age=60`"]),
            ("/expired", &["no, already-expired: ", "`Cache-Control: max-age=60`"]),
            ("/session", &["no, session-response: ", "say `public` in Cache-Control"]),
        ];
        for (path, parts) in cases {
            let url = format!("http://example.com{path}");
            let cookie = if path == "/session" { "sessionid=s" } else { "theme=dark" };
            let field = format!("Cookie: {cookie}");
            let told = live("prohibited", &origin, &["-H", &field, &url]);
            has(&told, parts);
            has(&told, &["that is enough"]);
        }
        let kept = live("prohibited", &origin, &["http://example.com/kept"]);
        has(&kept, &["fresh for     1m, by max-age in Cache-Control\n", "larder; hit"]);
    }

    #[test]
    fn live_tells_of_a_visitor_who_is_passed_on() {
        let origin = application(|_| Script::answer("200 OK", "", "hello"));
        let arguments = ["-H", "Cookie: sessionid=s", "--client", "192.0.2.7", "http://a/public/1"];
        let told = live("passed", &origin, &arguments);
        has(
            &told,
            &[
                "no, session-cookie: ",
                "no signed marker, and no look-up is configured (session cookie: sessionid)",
                "the next one  200  larder; fwd=bypass; detail=session-cookie",
            ],
        );
        let requests = origin.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].field("x-forwarded-for"), Some("192.0.2.7"));
        assert_eq!(requests[0].field("cookie"), Some("sessionid=s"));
    }

    #[test]
    fn live_proves_for_whom_the_page_is_and_does_not_show_how() {
        let origin = application(|_| Script::answer("200 OK", "", "hello"));
        let folder = folder("proven");
        fs::write(folder.join("proven.toml"), crate::proof::rules(&folder)).expect("rules");
        let arguments = ["--live", "--config", "proven.toml", "--to", &origin.url()];
        let told = said("proven", &[&arguments[..], &["http://example.com/plans"]].concat());
        has(&told, &["larder-identity: class=anonymous\n", "the next one  200  larder; hit; "]);
        let proofs = crate::proof::proofs(&origin);
        assert_eq!(proofs.len(), 1, "{told}");
        assert!(!told.contains(&proofs[0]), "{told}");
    }

    #[test]
    fn live_shows_that_what_the_page_varies_by_is_sent() {
        let origin = application(|request| {
            let language = request.field("accept-language").unwrap_or("none").to_owned();
            Script::answer("200 OK", "Vary: Accept-Language\r\n", language)
        });
        let arguments = ["-H", "Accept-Language: de", "http://example.com/blog/1"];
        let told = live("varies", &origin, &arguments);
        has(
            &told,
            &[
                "note          the page varies by accept-language, as its last answer said\n",
                "varies by     accept-language\n",
                "the next one  200  larder; hit; ",
            ],
        );
        assert!(!told.contains("not sent"), "{told}");
        assert_eq!(origin.request_count(), 2, "once without the field, once with it");
    }

    #[test]
    fn live_says_of_a_head_that_a_get_could_be_stored() {
        let origin = application(|_| {
            Script::answer("200 OK", "Cache-Control: max-age=60\r\nContent-Length: 5\r\n", "")
        });
        let told = live("head", &origin, &["-X", "HEAD", "http://example.com/x"]);
        has(
            &told,
            &["stored        no\n", "the one to GET may be stored", "the same as for request 1"],
        );
    }

    #[test]
    fn live_as_json_has_both_parts() {
        let origin =
            application(|_| Script::answer("200 OK", "Vary: Accept-Encoding\r\n", "hello"));
        let told = live("live-json", &origin, &["--json", "http://example.com/blog/1"]);
        let json: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(json["outcome"], "shared");
        assert_eq!(json["live"]["stored"], true);
        assert_eq!(json["live"]["kept"]["lifetime_secs"], 600);
        assert_eq!(json["live"]["kept"]["varies_by"][0], "accept-encoding");
        assert_eq!(json["live"]["asked"][0]["made_for"], "all");
        let next = json["live"]["next"]["cache_status"].as_str().unwrap_or_default();
        assert!(next.starts_with("larder; hit"), "{next}");
    }

    #[test]
    fn an_application_that_does_not_answer_is_one_line_and_status_one() {
        let nobody = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            format!("http://{}", listener.local_addr().expect("its number"))
        };
        let broken = application(|_| Script::new().close());
        let cases = [
            (nobody, "larder: connect-failed: application 127.0.0.1:"),
            (broken.url(), "larder: closed-early: application 127.0.0.1:"),
            ("http://no-such-name.invalid:9".to_owned(), "larder: application no-such-name"),
        ];
        for (to, start) in cases {
            for url in ["http://example.com/blog/1", "http://example.com/x"] {
                let output =
                    larder("unreachable", &["--live", "--config", "rules.toml", "--to", &to, url]);
                let complaint = text(&output.stderr);
                assert_eq!(output.status.code(), Some(1), "{to}: {complaint}");
                assert!(complaint.starts_with(start), "{to}: {complaint}");
                assert_eq!(complaint.lines().count(), 1, "{to}: {complaint}");
            }
        }
        let silent = application(|_| Script::new().wait(&larder_testkit::Signal::new()));
        let output = larder(
            "unreachable",
            &["--live", "--to", &silent.url(), "--set", "timeouts.first_byte=100ms", "http://a/"],
        );
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(text(&output.stderr).starts_with("larder: first-byte-timeout: "));
    }
}
