//! Does `larder serve` start, reload and refuse as it promises?

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use larder_testkit::{Client, Larder, Origin, Script};

    fn binary() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_larder"))
    }

    fn origin(body: &str) -> Origin {
        Origin::paths([("/", Script::answer("200 OK", "Cache-Control: no-store\r\n", body))])
    }

    #[test]
    fn hup_reads_the_file_again_and_a_bad_one_changes_nothing() {
        let (first, second) = (origin("first"), origin("second"));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("reload.toml");
        let write = |text: String| fs::write(&path, text).expect("a file");
        let file =
            |origin: &Origin| format!("upstream = '{}'\nadmin.listen = 'off'\n", origin.url());
        write(file(&first));
        let name = path.to_string_lossy().into_owned();
        let arguments = ["serve", "--config", &name, "--listen", "127.0.0.1:0"];
        let mut larder = Larder::spawn(binary(), &arguments);
        let line = larder.wait_for_line("listening on ");
        let address = larder_testkit::address_after(&line, "listening on ").expect("an address");
        assert_eq!(Client::connect(address).get("/").text(), "first");

        write("upsteam = 3\n".to_owned());
        larder.signal("HUP");
        larder.wait_for_line("the configuration was not changed");
        larder
            .wait_for_line("reload.toml:1:1: unknown option `upsteam` (did you mean `upstream`?)");
        assert_eq!(Client::connect(address).get("/").text(), "first");

        write(file(&second));
        larder.signal("HUP");
        larder.wait_for_line("a new configuration is in force");
        assert_eq!(Client::connect(address).get("/").text(), "second");

        larder.signal("TERM");
        assert_eq!(larder.wait_for_exit().code(), Some(0));
    }

    #[test]
    fn what_the_machine_refuses_is_one_line_and_status_two() {
        let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
        let taken = holder.local_addr().expect("its number").to_string();
        let free = "127.0.0.1:0";
        let cases = [
            (["--to", "http://127.0.0.1:9", "--listen", &taken], "larder: cannot listen on 127."),
            (["--to", "http://no-such-name.invalid:9", "--listen", free], "larder: "),
            (
                ["--to", "http://127.0.0.1:9", "--listen", "192.0.2.1:1"],
                "larder: cannot listen on 192",
            ),
        ];
        for (arguments, start) in cases {
            let output = Command::new(binary())
                .args(["serve", "--admin", "off"])
                .args(arguments)
                .output()
                .expect("larder runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
            assert!(said.starts_with(start), "{arguments:?}: {said}");
            assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        }
    }
}
