//! Does `larder warm` have a running Larder fetch what sitemaps, lists and logs name, and say what came of it?

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::net::SocketAddr;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output, Stdio};

    use larder_testkit::{Client, Larder, Origin, Received, Script, Signal, address_after};
    use serde_json::Value;

    struct Site {
        _larder: Larder,
        site: SocketAddr,
        admin: SocketAddr,
        folder: PathBuf,
    }

    fn site(name: &str, origin: &Origin) -> Site {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("warm-{name}"));
        // What an earlier run left.
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("token"), "0123456789abcdef\n").expect("a file");
        let text = format!(
            "upstream = '{}'\nlisten.http = '127.0.0.1:0'\nwarm.rate = '1000/s'\nadmin = {{ listen = '127.0.0.1:0', token = 'file:{}' }}\n",
            origin.url(),
            folder.join("token").display()
        );
        let config = folder.join("larder.toml");
        fs::write(&config, text).expect("a file");
        let binary = Path::new(env!("CARGO_BIN_EXE_larder"));
        let mut larder =
            Larder::spawn(binary, &["serve", "--config", &config.display().to_string()]);
        let line = larder.wait_for_line("listening on ");
        let site = address_after(&line, "listening on ").expect("an address");
        let line = larder.wait_for_line("metrics on ");
        let admin = address_after(&line, "metrics on ").expect("an address");
        Site { _larder: larder, site, admin, folder }
    }

    impl Site {
        fn command(&self, arguments: &[&str]) -> Command {
            let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
            command.current_dir(&self.folder).stdin(Stdio::null()).arg("warm");
            command.args(["--admin", &self.admin.to_string(), "--token-file", "token"]);
            if !arguments.contains(&"--rate") {
                command.args(["--rate", "1000/s"]);
            }
            command.args(arguments);
            command
        }

        fn warm(&self, arguments: &[&str]) -> Output {
            self.command(arguments).output().expect("larder runs")
        }

        fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
            fs::write(self.folder.join(name), bytes).expect("a file");
        }

        fn is_hit(&self, target: &str) -> bool {
            Client::connect(self.site).get(target).cache_status().contains("hit")
        }
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).trim_end().to_owned()
    }

    fn pages() -> Origin {
        Origin::answering(|request: &Received| match request.target.as_str() {
            "/cookie" => Script::answer("200 OK", "Set-Cookie: a=b\r\n", "page"),
            "/gone" => Script::answer("404 Not Found", "", "gone"),
            _ => Script::answer("200 OK", "Cache-Control: max-age=600\r\n", "page"),
        })
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn urlset(urls: &[&str]) -> String {
        let entries: String =
            urls.iter().map(|url| format!("<url><loc>http://site.test{url}</loc></url>")).collect();
        format!(
            "<?xml version=\"1.0\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">{entries}</urlset>"
        )
    }

    #[test]
    fn urls_are_fetched_and_the_table_says_what_came_of_them() {
        let origin = pages();
        let site = site("urls", &origin);
        let arguments =
            ["http://site.test/a", "/b", "/cookie", "/gone", "--host", "http://site.test"];
        let output = site.warm(&arguments);
        let (said, complaint) = (text(&output.stdout), text(&output.stderr));
        assert_eq!((output.status.code(), complaint.as_str()), (Some(0), ""), "{said}");
        for line in [
            "      2  stored     the application made them, or confirmed them",
            "      2  refused    for the reasons below",
            "         http://site.test/cookie",
            "      1  status 404: Not Found",
        ] {
            assert!(said.contains(line), "{line} in\n{said}");
        }
        assert!(["/a", "/b"].iter().all(|target| site.is_hit(target)));
        let again = site.warm(&["http://site.test/a", "http://site.test/cookie", "--json"]);
        let report: Value = serde_json::from_str(&text(&again.stdout)).expect("JSON");
        assert_eq!((&report["fresh"], &report["refused"]), (&1.into(), &1.into()), "{report}");
        // Both are asked for at once: whichever is answered first comes first.
        let pages = report["pages"].as_array().expect("a list");
        assert!(pages.iter().any(|page| page["url"] == "http://site.test/a"), "{report}");
        assert_eq!(origin.count_of("/a"), 1);
        let renewed = site.warm(&["http://site.test/a", "--renew"]);
        assert_eq!((renewed.status.code(), origin.count_of("/a")), (Some(0), 2));
        let nothing = site.warm(&["http://site.test/gone"]);
        assert_eq!(nothing.status.code(), Some(1), "nothing is stored: {}", text(&nothing.stdout));
    }

    #[test]
    fn a_sitemap_leads_to_its_pages_by_index_and_gzip_from_the_web_and_from_files() {
        let index = "<sitemapindex><sitemap><loc>ORIGIN/one.xml.gz</loc></sitemap>\
                     <sitemap><loc>ORIGIN/missing.xml</loc></sitemap>\
                     <sitemap><loc>ORIGIN/two.xml</loc></sitemap>\
                     <sitemap><loc>ORIGIN/index.xml</loc></sitemap>\
                     <sitemap><loc>file.xml.gz</loc></sitemap></sitemapindex>";
        let maps = Origin::answering(move |request: &Received| {
            let origin = format!("http://{}", request.field("host").unwrap_or_default());
            let body = match request.target.as_str() {
                "/sitemap.xml" => {
                    return Script::answer("302 Found", "Location: /index.xml\r\n", "");
                }
                "/index.xml" => index.replace("ORIGIN", &origin).into_bytes(),
                "/one.xml.gz" => packed(urlset(&["/1", "/2?a=b&amp;c"]).as_bytes()),
                "/two.xml" => urlset(&["/2?a=b&amp;c", "/3"]).into_bytes(),
                _ => return Script::answer("404 Not Found", "", "no"),
            };
            Script::answer("200 OK", "Content-Type: application/xml\r\n", body)
        });
        let origin = pages();
        let site = site("sitemap", &origin);
        // Which the index names, and which it does not lead to.
        site.write("file.xml.gz", packed(urlset(&["/4"]).as_bytes()));
        let output = site.warm(&["--sitemap", &format!("{}/sitemap.xml", maps.url())]);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{complaint}");
        assert!(complaint.contains("missing.xml: it was answered with 404"), "{complaint}");
        assert_eq!(origin.request_count(), 3, "each page once");
        assert!(["/1", "/2?a=b&c", "/3"].iter().all(|target| site.is_hit(target)));
        assert_eq!(site.warm(&["--sitemap", "file.xml.gz"]).status.code(), Some(0));
        assert!(site.is_hit("/4"));
        site.write("page.html", "<html></html>");
        for (sitemap, part) in [("page.html", "no sitemap"), ("absent.xml", "No such file")] {
            let output = site.warm(&["--sitemap", sitemap]);
            assert_eq!(output.status.code(), Some(2));
            assert!(text(&output.stderr).contains(part), "{output:?}");
        }
    }

    #[test]
    fn lists_and_logs_name_pages_too() {
        let origin = pages();
        let site = site("lists", &origin);
        site.write("list", "# pages\nhttp://site.test/a\n\n/b\n");
        let output = site.warm(&["--file", "list", "--host", "http://site.test"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(site.is_hit("/a") && site.is_hit("/b"));
        let line = |target: &str, more: &str| {
            format!(
                "192.0.2.7 - - [21/Nov/2026:15:06:23 +0000] \"GET {target} HTTP/1.1\" 200 9 \"-\" \"curl\"{more}\n"
            )
        };
        let nginx = ["/rare", "/often", "/often", "/often", "/some", "/some"];
        let mut log: String = nginx.map(|target| line(target, "")).concat();
        log.push_str("garbage\n");
        site.write("access.log.gz", packed(log.as_bytes()));
        let arguments = ["--from-log", "access.log.gz", "--top", "2", "--concurrency", "1"];
        let homeless = site.warm(&arguments);
        assert_eq!(homeless.status.code(), Some(2));
        assert!(text(&homeless.stderr).contains("--host"), "{homeless:?}");
        let before = origin.request_count();
        let output = site.warm(&[&arguments[..], &["--host", "http://site.test"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("1 of 7 lines"), "{}", text(&output.stderr));
        let asked: Vec<_> =
            origin.requests().into_iter().skip(before).map(|request| request.target).collect();
        assert_eq!(asked, ["/often", "/some"], "most asked first, and no more than two");
        let ours = [
            line("/ours", " \"site.test\" hit fresh 0.1"),
            line("/warmed", " \"site.test\" warm uri-miss 0.1"),
        ];
        site.write("ours.log", ours.concat());
        let json = "{\"method\":\"GET\",\"host\":\"site.test\",\"target\":\"/json\",\"status\":200,\"cache\":\"miss\"}\n";
        site.write("json.log", json);
        let output = site.warm(&[
            "--from-log",
            "ours.log",
            "--from-log",
            "json.log",
            "--host",
            "http://other.test",
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(site.is_hit("/ours") && site.is_hit("/json"));
        assert_eq!(origin.count_of("/warmed"), 0);
    }

    #[test]
    fn an_interrupted_run_says_so_and_goes_on_where_it_stopped() {
        let (arrived, go) = (Signal::new(), Signal::new());
        let script = Script::new().fire(&arrived).wait(&go).respond(
            "200 OK",
            "Cache-Control: max-age=600\r\n",
            "page",
        );
        let origin = Origin::answering(move |request: &Received| {
            if request.target == "/2" {
                script.clone()
            } else {
                Script::answer("200 OK", "Cache-Control: max-age=600\r\n", "page")
            }
        });
        let site = site("resume", &origin);
        let urls = ["/1", "/2", "/3", "/4"].map(|target| format!("http://site.test{target}"));
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let arguments = [&urls[..], &["--concurrency", "1", "--resume", "state"]].concat();
        let child = site.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("larder runs");
        assert!(arrived.wait());
        let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(interrupted.expect("kill").success());
        go.fire();
        let output = child.wait_with_output().expect("an end");
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.contains("interrupted; "), "{complaint}");
        let state = fs::read_to_string(site.folder.join("state")).expect("a file");
        assert!(state.contains("http://site.test/2\n") && !state.contains("/4"), "{state}");
        let output = site.warm(&arguments);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
        assert!(said.contains("  done       by an earlier run"), "{said}");
        assert!(!site.folder.join("state").exists(), "it is done");
        assert_eq!(origin.request_count(), 4, "each page once");
        site.write("other", "something else\n");
        let output = site.warm(&[urls[0], "--resume", "other"]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains("something else"), "{output:?}");
    }

    #[test]
    fn an_application_that_wants_to_be_left_alone_is_asked_again_later() {
        let busy = std::sync::atomic::AtomicBool::new(true);
        let origin = Origin::answering(move |_: &Received| {
            if busy.swap(false, std::sync::atomic::Ordering::SeqCst) {
                Script::answer("503 Service Unavailable", "Retry-After: 1\r\n", "busy")
            } else {
                Script::answer("200 OK", "Cache-Control: max-age=600\r\n", "page")
            }
        });
        let site = site("busy", &origin);
        let begun = std::time::Instant::now();
        let output = site.warm(&["http://site.test/1", "http://site.test/2", "--concurrency", "1"]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("      2  stored"), "{said}");
        assert!(begun.elapsed().as_secs() >= 4, "the least pause is five seconds");
        assert_eq!(origin.request_count(), 3);
    }

    #[test]
    fn what_can_not_be_done_is_told_in_a_line() {
        let origin = pages();
        let site = site("refused", &origin);
        site.write("other", "0123456789abcdeF\n");
        let cases: [(&[&str], &str); 5] = [
            (&[], "there is nothing to fetch"),
            (&["/a"], "--host"),
            (&["http://site.test/a", "--rate", "fast"], "20/s"),
            (&["http://site.test/a", "--token-file", "other"], "cannot be used multiple times"),
            (&["--file", "absent"], "absent: "),
        ];
        for (arguments, part) in cases {
            let output = site.warm(arguments);
            let complaint = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
            assert!(complaint.contains(part), "{arguments:?}: {complaint}");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.current_dir(&site.folder).args(["warm", "http://site.test/a"]);
        command.args(["--admin", &site.admin.to_string(), "--token-file", "other"]);
        let output = command.output().expect("larder runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains("refused with 401"), "{output:?}");
        let output = site.warm(&["http://user@site.test/a", "http://site.test/a"]);
        assert!(text(&output.stdout).contains("bad-url: "), "{output:?}");
    }
}
