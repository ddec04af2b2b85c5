//! Does `larder doctor` end as it promises, and say the same to people and programs?

#[cfg(test)]
mod proof;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::{Command, Output};

    use larder_testkit::{Larder, Origin, Script};

    fn folder(name: &str) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("doctor-{name}"));
        fs::create_dir_all(&path).expect("a folder");
        path
    }

    fn doctor(arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.current_dir(folder("all")).arg("doctor");
        if !arguments.contains(&"--rate") {
            command.args(["--rate", "20"]);
        }
        command.args(arguments).output().expect("larder runs")
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn good() -> Origin {
        Origin::answering(|_| Script::answer("200 OK", "", "page"))
    }

    /// Redirects by https and http alike.
    fn circling() -> Origin {
        Origin::answering(|request| {
            let host = request.field("host").unwrap_or_default();
            let location = format!("Location: https://{host}{}\r\n", request.target);
            Script::answer("301 Moved Permanently", &location, "")
        })
    }

    #[test]
    fn no_problem_is_status_zero_and_a_problem_is_status_one() {
        let (good, bad) = (good(), circling());
        for (to, status, part) in [
            (good.url(), 0, "\n0 problems, "),
            (bad.url(), 1, "  problem       redirect-loop: told that the visitor came by https"),
        ] {
            let output = doctor(&["--to", &to]);
            let said = text(&output.stdout);
            assert_eq!(output.status.code(), Some(status), "{said}{}", text(&output.stderr));
            assert!(said.contains(part), "{part}\nis not in\n{said}");
            assert!(!said.contains('\u{1b}'), "no colours where nobody sees them");
            assert_eq!(text(&output.stderr), "");
        }
        for request in good.requests().iter().chain(&bad.requests()) {
            assert!(["GET", "HEAD"].contains(&&*request.method), "{}", request.method);
        }
    }

    #[test]
    fn pages_are_asked_for_with_a_proof_for_whom_they_are() {
        let origin = good();
        let folder = folder("proven");
        let config = folder.join("proven.toml");
        fs::write(&config, crate::proof::rules(&folder)).expect("rules");
        let output = doctor(&["--to", &origin.url(), "--config", &config.to_string_lossy()]);
        let said = text(&output.stdout);
        let proofs = crate::proof::proofs(&origin);
        assert!(!proofs.is_empty(), "{said}{}", text(&output.stderr));
        assert!(!said.contains(&proofs[0]), "{said}");
    }

    #[test]
    fn json_has_every_check_and_its_members() {
        let origin = circling();
        let output = doctor(&["--to", &origin.url(), "--host", "Site.test", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(json["version"], 1);
        assert_eq!(json["application"][0], origin.url());
        assert_eq!(json["public"], serde_json::Value::Null);
        assert_eq!(json["host"], "site.test");
        assert_eq!(json["framework"], "unknown");
        assert_eq!(json["requests"], origin.request_count());
        let findings = json["findings"].as_array().expect("findings");
        let names: Vec<_> = findings.iter().filter_map(|each| each["check"].as_str()).collect();
        let listed = text(&doctor(&["--list"]).stdout);
        let checks: Vec<_> = listed.split("\n\n").filter_map(|row| row.lines().next()).collect();
        assert!(checks.len() > 20, "{listed}");
        for check in &checks {
            assert!(names.contains(check), "{check}");
        }
        let found = findings.iter().find(|each| each["check"] == "redirect-loop").expect("it");
        assert_eq!(found["verdict"], "problem");
        assert_eq!(found["side"], "application");
        assert_eq!(found["at"], origin.url());
        assert!(found["says"].as_str().is_some_and(|says| says.contains("very URL")));
        assert_eq!(found["found"][0]["url"], "https://site.test/");
        assert_eq!(found["found"][0]["what"], "301 to https://site.test/");
        assert!(found["remedy"].as_str().is_some_and(|says| says.contains("X-Forwarded-Proto")));
        let count =
            |verdict: &str| findings.iter().filter(|each| each["verdict"] == verdict).count();
        for verdict in ["problem", "warning", "ok", "skipped"] {
            assert_eq!(json["counts"][verdict], count(verdict), "{verdict}");
        }
        let well = findings.iter().find(|each| each["check"] == "reachable").expect("it");
        assert_eq!(well["remedy"], serde_json::Value::Null);
    }

    #[test]
    fn what_can_not_be_examined_is_one_line_and_status_two() {
        let nobody = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            format!("http://{}", listener.local_addr().expect("its number"))
        };
        let cases: [(&[&str], &str); 9] = [
            (&[], "larder: nobody is named to be asked ("),
            (&["--to", &nobody], "larder: http://127.0.0.1:"),
            (
                &["--public", "http://no-such-name.invalid"],
                "larder: http://no-such-name.invalid: the name",
            ),
            (&["--to", "127.0.0.1"], "larder: --to: \"127.0.0.1\" has no scheme ("),
            (&["--config", "no.toml"], "larder: no.toml: cannot be read: "),
            (&["--to", &nobody, "--public", "example.com"], "larder: --public \"example.com\": "),
            (&["--to", &nobody, "--path", "blog"], "larder: --path \"blog\": write what follows"),
            (&["--to", &nobody, "--host", "a b"], "larder: --host \"a b\": write a name"),
            (&["--to", &nobody, "--rate", "1000"], "larder: invalid value '1000' for '--rate <N>'"),
        ];
        for (arguments, start) in cases {
            let output = doctor(arguments);
            let complaint = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
            assert!(complaint.starts_with(start), "{arguments:?}: {complaint}");
            assert_eq!(complaint.lines().count(), 1, "{arguments:?}: {complaint}");
            assert_eq!(text(&output.stdout), "", "{arguments:?}");
        }
    }

    #[test]
    fn the_configurations_application_host_and_rules_are_used() {
        let form = "<form><input name=csrfmiddlewaretoken value=abc></form>";
        let cookie = "Content-Type: text/html\r\nSet-Cookie: csrftoken=abc\r\n";
        let origin = Origin::answering(move |_| Script::answer("200 OK", cookie, form));
        let file = format!(
            "upstream = '{}'\nhosts = ['site.test']\n[[rule]]\npath = '/contact/'\naudience = 'all-users'\nttl = '1m'\n",
            origin.url()
        );
        fs::write(folder("all").join("rules.toml"), file).expect("a file");
        let output = doctor(&["--config", "rules.toml"]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in [
            "asked as site.test: Django (cookie csrftoken, csrfmiddlewaretoken in a form)\n",
            "problem       shared-csrf-token: a CSRF token stands in a page that is shared\n",
            "http://site.test/contact/: holds csrfmiddlewaretoken; shared by the rule at rules.toml:3\n",
            "to change it  Django: take {% csrf_token %} out of the template",
            "problem       shared-cookie: ",
        ] {
            assert!(said.contains(part), "{part}\nis not in\n{said}");
        }
        assert!(origin.count_of("/contact/") >= 2);
        // Asked for as Larder asks for a page that it shares.
        let first = origin.requests().into_iter().find(|request| request.path() == "/contact/");
        assert_eq!(first.expect("one").field("user-agent"), Some("Larder"));
    }

    #[test]
    fn what_an_application_believes_is_harmless_behind_larder() {
        // Believes whoever asks, in either spelling.
        let origin = Origin::answering(|request| {
            let either =
                |one: &str, other: &str| request.field(one).or_else(|| request.field(other));
            let scheme = either("x-forwarded-proto", "x_forwarded_proto").unwrap_or("http");
            let host = either("x-forwarded-host", "x_forwarded_host");
            let host = host.or_else(|| request.field("host")).unwrap_or_default();
            let page = format!("<a href={scheme}://{host}/x>x</a>");
            Script::answer("200 OK", "Content-Type: text/html\r\n", page)
        });
        let binary = std::path::Path::new(env!("CARGO_BIN_EXE_larder"));
        let larder = Larder::serve(binary, &origin.url(), &[]);
        let public = format!("http://{}", larder.addr());
        let verdicts = |public: &str| -> Vec<String> {
            let output = doctor(&["--public", public, "--json"]);
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let checks = [
                "scheme-believed",
                "forged-scheme",
                "forged-forwarded-host",
                "underscore-spelling",
            ];
            let verdict = |check: &str| {
                let findings = json["findings"].as_array().expect("findings");
                let found = findings.iter().find(|each| each["check"] == check).expect("it");
                found["verdict"].as_str().unwrap_or_default().to_owned()
            };
            checks.map(verdict).to_vec()
        };
        assert_eq!(verdicts(&origin.url()), ["problem"; 4]);
        assert_eq!(verdicts(&public), ["ok"; 4]);
    }

    #[test]
    fn by_https_the_public_address_shows_its_certificate_and_the_application_has_to_be_trusted() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned()];
        let params = rcgen::CertificateParams::new(names).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let path = folder("https");
        fs::write(path.join("chain.pem"), certificate.pem()).expect("a file");
        fs::write(path.join("key.pem"), key.serialize_pem()).expect("a file");
        let shown = |name: &str| path.join(name).display().to_string();
        let origin = good();
        let file = format!(
            "upstream = '{}'\n[listen]\nhttps = ['127.0.0.1:0']\n\
             [[tls.certificate]]\nchain = '{}'\nkey = '{}'\n",
            origin.url(),
            shown("chain.pem"),
            shown("key.pem"),
        );
        fs::write(path.join("larder.toml"), file).expect("a file");
        let config = shown("larder.toml");
        let mut larder = Larder::spawn(
            std::path::Path::new(env!("CARGO_BIN_EXE_larder")),
            &["serve", "--config", &config, "--listen", "127.0.0.1:0", "--admin", "off"],
        );
        let line = larder.wait_for_line("with TLS");
        let address = larder_testkit::address_after(&line, "listening on ").expect("an address");
        let public = format!("https://localhost:{}", address.port());
        let output = doctor(&["--config", &config, "--public", &public, "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let findings = json["findings"].as_array().expect("findings");
        let verdict = |check: &str, side: &str| {
            let found = findings.iter().find(|each| each["check"] == check && each["side"] == side);
            found.map(|found| found["verdict"].as_str().unwrap_or_default().to_owned())
        };
        let rows = [
            ("reachable", "public", "ok"),
            ("certificate-expiry", "public", "ok"),
            ("certificate-name", "public", "ok"),
            ("certificate-expiry", "configuration", "ok"),
            ("certificate-trust", "configuration", "warning"),
            ("scheme-believed", "application", "skipped"),
        ];
        for (check, side, expected) in rows {
            assert_eq!(verdict(check, side).as_deref(), Some(expected), "{check} {side}: {json:#}");
        }
        // A machine without a list of authorities can't tell.
        let trust = verdict("certificate-trust", "public").expect("it");
        assert!(["problem", "skipped"].contains(&&*trust), "{trust}");
        assert_eq!(output.status.code(), Some(i32::from(trust == "problem")), "{json:#}");
        // The same as an application: who is not trusted is not asked.
        let output = doctor(&["--to", &public]);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.starts_with(&format!("larder: {public}: no TLS with ")), "{complaint}");
        let file =
            format!("upstream = '{public}'\n[upstream_tls]\nca = '{}'\n", shown("chain.pem"));
        fs::write(path.join("upstream.toml"), file).expect("a file");
        let output = doctor(&["--config", &shown("upstream.toml")]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
        assert!(said.contains("  ok            reachable: "), "{said}");
    }
}
