//! Does `larder purge` make a running Larder forget, and say so when it could not?

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::SocketAddr;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output, Stdio};

    use larder_testkit::{Client, Larder, Origin, Script, address_after};

    struct Site {
        _larder: Larder,
        _origin: Origin,
        site: SocketAddr,
        admin: SocketAddr,
        folder: PathBuf,
    }

    fn site(name: &str) -> Site {
        let page = |tags: &str| {
            let fields = format!("Cache-Control: max-age=600\r\nSurrogate-Key: {tags}\r\n");
            Script::answer("200 OK", &fields, "page")
        };
        let origin = Origin::paths([("/a", page("one")), ("/b", page("two"))]);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("purge-{name}"));
        fs::create_dir_all(&folder).expect("a folder");
        let file = |name: &str, text: &str| {
            fs::write(folder.join(name), text).expect("a file");
            folder.join(name).display().to_string()
        };
        let token = file("token", "0123456789abcdef\n");
        file("other", "0123456789abcdeF\n");
        let text = format!(
            "upstream = '{}'\nlisten.http = '127.0.0.1:0'\nadmin = {{ listen = '127.0.0.1:0', token = 'file:{token}' }}\n",
            origin.url()
        );
        let config = file("larder.toml", &text);
        let binary = Path::new(env!("CARGO_BIN_EXE_larder"));
        let mut larder = Larder::spawn(binary, &["serve", "--config", &config]);
        let line = larder.wait_for_line("listening on ");
        let site = address_after(&line, "listening on ").expect("an address");
        let line = larder.wait_for_line("metrics on ");
        let admin = address_after(&line, "metrics on ").expect("an address");
        Site { _larder: larder, _origin: origin, site, admin, folder }
    }

    impl Site {
        fn purge(&self, token: &str, arguments: &[&str]) -> Output {
            let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
            let command = command.current_dir(&self.folder).stdin(Stdio::null()).arg("purge");
            let command = command.args(["--admin", &self.admin.to_string()]);
            command.args(["--token-file", token]).args(arguments).output().expect("larder runs")
        }

        fn is_hit(&self, target: &str) -> bool {
            Client::connect(self.site).get(target).cache_status().contains("hit")
        }
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).trim_end().to_owned()
    }

    #[test]
    fn what_is_purged_is_gone_when_it_returns() {
        let site = site("gone");
        let cases: [(&[&str], [bool; 2], &str); 5] = [
            (&["http://site.test/a"], [false, true], "purged 1 page, 1 variant"),
            (&["--tag", "two", "--host", "site.test"], [true, false], "purged 1 page, 1 variant"),
            (&["--prefix", "/nothing"], [true, true], "purged 0 pages, 0 variants"),
            (&["--regex", "^/[ab]$", "--no-wait"], [false, false], "purged 2 pages, 2 variants"),
            (&["--all"], [false, false], "purged 2 pages, 2 variants"),
        ];
        for (arguments, stays, line) in cases {
            for target in ["/a", "/b"] {
                let _response = Client::connect(site.site).get(target);
                assert!(site.is_hit(target), "{target} before {arguments:?}");
            }
            let output = site.purge("token", arguments);
            assert_eq!(text(&output.stdout), line, "{arguments:?}: {}", text(&output.stderr));
            assert_eq!(output.status.code(), Some(0));
            assert_eq!(["/a", "/b"].map(|target| site.is_hit(target)), stays, "{arguments:?}");
        }
        let output = site.purge("token", &["--all", "--json"]);
        assert!(text(&output.stdout).contains("\"reached\":[\"memory\"]"), "{output:?}");
    }

    #[test]
    fn what_was_not_purged_is_not_said_to_be() {
        let site = site("refused");
        let nobody = {
            let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            holder.local_addr().expect("its number").to_string()
        };
        let cases: [(&str, &[&str], i32, &str); 5] = [
            ("other", &["--all"], 1, "refused with 401: this is not the token"),
            ("token", &["--regex", "("], 1, "refused with 400: `pattern.url`"),
            ("gone", &["--all"], 2, "the token can't be read"),
            ("token", &[], 2, "nothing to purge"),
            ("token", &["/a"], 1, "is not a whole URL"),
        ];
        for (token, arguments, code, part) in cases {
            let output = site.purge(token, arguments);
            let complaint = text(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
            assert!(complaint.starts_with("larder: ") && complaint.contains(part), "{complaint}");
            assert_eq!(text(&output.stdout), "");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        let output = command.args(["purge", "--all", "--yes", "--admin", &nobody]).output();
        let output = output.expect("larder runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains("is larder serve running"), "{output:?}");
    }
}
