//! The application behind a real nginx that ends TLS. Without nginx, openssl or curl the tests are over at once.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use larder_testkit::{Client, Larder, address_after};
    use tempfile::TempDir;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn program(name: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let found = places.map(|place| place.join(name)).find(|file| file.is_file());
        if found.is_none() {
            eprintln!("skipped: {name} is not installed");
        }
        found
    }

    /// nginx with the application behind it. Ended when dropped.
    struct Site {
        nginx: Child,
        _application: Larder,
        application: SocketAddr,
        http: u16,
        https: u16,
        folder: TempDir,
        curl: PathBuf,
    }

    impl Drop for Site {
        fn drop(&mut self) {
            self.nginx.kill().unwrap_or_default();
            drop(self.nginx.wait());
        }
    }

    /// A port that was free a moment ago: nginx can't be asked which one the kernel gave it.
    fn free_port() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.local_addr().expect("its number").port()
    }

    fn site() -> Option<Site> {
        let (nginx, openssl, curl) = (program("nginx")?, program("openssl")?, program("curl")?);
        let folder = tempfile::tempdir().expect("a folder");
        certificate(&openssl, folder.path());
        let mut running = Larder::spawn(
            Path::new(env!("CARGO_BIN_EXE_example-behind-nginx")),
            &["127.0.0.1:0", "127.0.0.2"],
        );
        let line = running.wait_for_line("listening on ");
        let application = address_after(&line, "listening on ").expect("an address");
        // Somebody else may have taken a port in between.
        for _ in 0..5 {
            let (http, https) = (free_port(), free_port());
            if let Some(nginx) = start(&nginx, folder.path(), application, (http, https)) {
                let _application = running;
                return Some(Site { nginx, _application, application, http, https, folder, curl });
            }
        }
        panic!("nginx does not start: {:?}", fs::read_to_string(folder.path().join("error.log")))
    }

    fn certificate(openssl: &Path, folder: &Path) {
        let made = Command::new(openssl)
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args([
                "-days",
                "2",
                "-subj",
                "/CN=site.test",
                "-addext",
                "subjectAltName=DNS:site.test",
            ])
            .args(["-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// `None` where a port was taken.
    fn start(
        nginx: &Path,
        folder: &Path,
        application: SocketAddr,
        ports: (u16, u16),
    ) -> Option<Child> {
        let text = include_str!("../behind-nginx/nginx.conf")
            .replace("@FOLDER@", &folder.display().to_string())
            .replace("@HTTP@", &ports.0.to_string())
            .replace("@HTTPS@", &ports.1.to_string())
            .replace("@APPLICATION@", &application.to_string());
        let (file, log) = (folder.join("nginx.conf"), folder.join("error.log"));
        fs::write(&file, text).expect("a configuration");
        let mut command = Command::new(nginx);
        command.arg("-p").arg(folder).arg("-e").arg(log).arg("-c").arg(file);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx");
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", ports.1)).is_err() {
            if child.try_wait().expect("its state").is_some() {
                return None;
            }
            assert!(Instant::now() < deadline, "nginx does not listen");
            std::thread::yield_now();
        }
        Some(child)
    }

    impl Site {
        /// Status, head and body of a page as curl gets it, which follows no redirect.
        fn get(&self, scheme: &str, target: &str, fields: &[&str]) -> (u16, String, String) {
            let port = if scheme == "https" { self.https } else { self.http };
            let mut command = Command::new(&self.curl);
            command.args(["--silent", "--show-error", "--include", "--max-time", "20", "--cacert"]);
            command.arg(self.folder.path().join("cert.pem"));
            command.arg("--resolve").arg(format!("site.test:{port}:127.0.0.1"));
            for field in fields {
                command.arg("--header").arg(field);
            }
            let output =
                command.arg(format!("{scheme}://site.test:{port}{target}")).output().expect("curl");
            let text = String::from_utf8(output.stdout).expect("text");
            let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| {
                panic!("no answer: {}", String::from_utf8_lossy(&output.stderr))
            });
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
            (status.expect("a status"), head.to_ascii_lowercase(), body.to_owned())
        }
    }

    #[test]
    fn visitors_are_sent_to_https_once_and_stay_there() {
        let Some(site) = site() else { return };
        let (status, head, _) = site.get("http", "/?a=1", &[]);
        assert_eq!(status, 301, "{head}");
        assert!(head.contains("location: https://site.test/?a=1"), "{head}");
        assert!(!head.contains("strict-transport-security"), "{head}");
        let (status, head, body) = site.get("https", "/?a=1", &[]);
        assert_eq!((status, &*body), (200, "Bread and jam.\n"), "{head}");
        assert!(head.contains("strict-transport-security: max-age=600"), "{head}");
        // From the cache too, and no redirect was kept under the same URL.
        let (status, head, _) = site.get("https", "/?a=1", &[]);
        assert_eq!(status, 200);
        assert!(head.contains("cache-status: larder; hit"), "{head}");
        assert_eq!(site.get("http", "/?a=1", &[]).0, 301);
    }

    #[test]
    fn what_visitors_say_about_themselves_counts_for_nothing() {
        let Some(site) = site() else { return };
        let says_https = [
            "X-Forwarded-Proto: https",
            "Forwarded: for=203.0.113.9;proto=https",
            "X-Forwarded-Ssl: on",
            "Front-End-Https: on",
            "X_Forwarded_Proto: https",
        ];
        for field in says_https {
            assert_eq!(site.get("http", "/", &[field]).0, 301, "{field}");
        }
        let (status, head, body) = site.get(
            "https",
            "/whoami",
            &[
                "X-Forwarded-Proto: http",
                "X-Forwarded-For: 203.0.113.9",
                "Forwarded: for=203.0.113.9;proto=http",
            ],
        );
        assert_eq!((status, &*body), (200, "You are 127.0.0.1, by https.\n"), "{head}");
        assert_eq!(site.get("https", "/", &["Host: evil.test"]).0, 421);

        // Past nginx: who is not nginx is not believed, whatever is said.
        let mut client = Client::connect(site.application);
        for field in says_https {
            let answer = client.request(
                "GET",
                "/whoami",
                &format!("{field}\r\nX-Forwarded-For: 203.0.113.9\r\n"),
            );
            assert_eq!(answer.status(), 301, "{field}");
            assert_eq!(answer.field("location"), Some("https://site.test/whoami"), "{field}");
        }
    }
}
