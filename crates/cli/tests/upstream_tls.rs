//! Do the commands say what is wrong with TLS to the application, and what to do about it?

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Command, Output};

    use larder_testkit::tls::{ALL_VERSIONS, Authority, Identity, TlsEnd, Valid};
    use larder_testkit::{Client, Larder, Origin, Script};

    /// On a machine without a bundle of authorities.
    fn larder(arguments: &[&str]) -> Output {
        larder_on(Path::new("/nonexistent/bundle.pem"), arguments)
    }

    fn larder_on(bundle: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.env("SSL_CERT_FILE", bundle).env_remove("SSL_CERT_DIR");
        command.args(arguments).output().expect("larder runs")
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn page() -> Origin {
        Origin::answering(|_| Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "page"))
    }

    /// A page behind TLS, its URL, and an option that names its authority.
    fn secure(identity: &Identity, authority: &Authority) -> (Origin, TlsEnd, String, String) {
        let origin = page();
        let end = TlsEnd::before(origin.addr(), identity.server(ALL_VERSIONS));
        let url = format!("https://{}", end.addr());
        (origin, end, url, format!("upstream_tls.ca={}", authority.file().display()))
    }

    #[test]
    fn a_machine_that_trusts_nobody_is_told_what_to_do() {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("upstream-tls.toml");
        std::fs::write(&path, "upstream = 'https://app.example'\n").expect("a file");
        let output = larder(&["check", &path.display().to_string()]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in [
            ":1:12: this machine has no certificate authorities to trust",
            "install the package ca-certificates",
            "`upstream_tls.ca`",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }

    #[test]
    fn explain_asks_as_serve_does() {
        let authority = Authority::new();
        let good = authority.certify(&["127.0.0.1"], Valid::Now);
        let (origin, _end, url, ca) = secure(&good, &authority);
        let output =
            larder(&["explain", "http://site.test/", "--live", "--to", &url, "--set", &ca]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
        assert!(said.contains("hit"), "{said}");
        assert_eq!(origin.request_count(), 1);

        let old = authority.certify(&["127.0.0.1"], Valid::Before);
        let (origin, _end, url, ca) = secure(&old, &authority);
        let output =
            larder(&["explain", "http://site.test/", "--live", "--to", &url, "--set", &ca]);
        let said = text(&output.stderr);
        assert_ne!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("certificate-expired"), "{said}");
        assert_eq!(origin.request_count(), 0);
    }

    #[test]
    fn the_machine_s_authorities_count_unless_others_are_named() {
        let (machines, own) = (Authority::new(), Authority::new());
        let identity = machines.certify(&["127.0.0.1"], Valid::Now);
        let (origin, _end, url, ca) = secure(&identity, &own);
        let ask = ["explain", "http://site.test/", "--live", "--to", &url];
        let output = larder_on(machines.file(), &ask);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(origin.request_count(), 1);
        let output = larder_on(machines.file(), &[&ask[..], &["--set", &ca]].concat());
        let said = text(&output.stderr);
        assert!(said.contains("certificate-untrusted"), "not both: {said}");
        assert_eq!(origin.request_count(), 1);
    }

    #[test]
    fn every_start_warns_where_nothing_is_verified() {
        let identity = Identity::self_signed(&["127.0.0.1"], Valid::Now);
        let (_origin, _end, url, _) = secure(&identity, &Authority::new());
        let binary = Path::new(env!("CARGO_BIN_EXE_larder"));
        let more = ["--set", "danger.insecure_upstream=true"];
        let mut larder = Larder::serve(binary, &url, &more);
        assert_eq!(Client::connect(larder.addr()).get("/").text(), "page");
        larder.signal("TERM");
        larder.wait_for_exit();
        let lines = larder.output();
        let told = |line: &&String| {
            line.contains("WARN") && line.contains("certificates of applications are not verified")
        };
        assert_eq!(lines.iter().filter(told).count(), 1, "{lines:#?}");
    }

    #[test]
    fn the_log_says_once_what_is_wrong_with_a_certificate() {
        let authority = Authority::new();
        let other = authority.certify(&["app.example"], Valid::Now);
        let (_origin, _end, url, ca) = secure(&other, &authority);
        let binary = Path::new(env!("CARGO_BIN_EXE_larder"));
        let mut larder = Larder::serve(binary, &url, &["--set", &ca]);
        let mut client = Client::connect(larder.addr());
        for _ in 0..3 {
            assert_eq!(client.get("/").status(), 502);
        }
        let line = larder.wait_for_line("no TLS with the application");
        assert!(line.contains("app.example"), "the name it is for: {line}");
        larder.signal("TERM");
        larder.wait_for_exit();
        let lines = larder.output();
        let told = lines.iter().filter(|line| line.contains("no TLS with")).count();
        assert_eq!(told, 1, "{lines:#?}");
    }
}
