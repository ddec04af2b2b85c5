//! Does the built command report problems as it promises?

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::{Command, Output};

    /// Runs the built `larder` in a folder of this test's own.
    fn larder(folder: &PathBuf, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.current_dir(folder).args(arguments).output().expect("larder runs")
    }

    /// An empty folder with these files.
    fn folder(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("a folder");
        for (file, content) in files {
            fs::write(path.join(file), content).expect("a file");
        }
        path
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn a_good_file_is_ok_and_what_it_would_do_is_said() {
        let file = b"upstream = 'http://127.0.0.1:8000'\n[cache]\nmemory = '64MiB'\n";
        let folder = folder("good", &[("larder.toml", file)]);
        let output = larder(&folder, &["check", "larder.toml", "--workers", "2"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        let parts = [
            "larder.toml: ok\n",
            "listen      127.0.0.1:8080, 2 workers\n",
            "upstream    http://127.0.0.1:8000\n",
            "memory      64MiB, a response at most 4MiB\n",
        ];
        for part in parts {
            assert!(said.contains(part), "{part} in {said}");
        }
    }

    #[test]
    fn every_problem_of_every_file_is_a_line_with_its_place() {
        let first = b"upsteam = 'http://a'\n[cache]\nmemory = 'x'\n";
        let files: [(&str, &[u8]); 3] = [
            ("one.toml", first),
            ("two.toml", b"upstream = \n"),
            ("three.toml", b"upstream = '\xff'\n"),
        ];
        let folder = folder("bad", &files);
        let output = larder(&folder, &["check", "one.toml", "two.toml", "three.toml", "four.toml"]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "");
        let lines: Vec<_> = text(&output.stderr).lines().map(str::to_owned).collect();
        let starts = [
            "one.toml:1:1: unknown option `upsteam` (did you mean `upstream`?)",
            "one.toml:3:10: \"x\" is not a size (",
            "larder: one.toml: no application is named (",
            "two.toml:1:12: not TOML: ",
            "larder: three.toml: cannot be read: it is not UTF-8",
            "larder: four.toml: cannot be read: No such file",
        ];
        assert_eq!(lines.len(), starts.len(), "{lines:#?}");
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}\nshould start with\n{start}");
        }
    }

    #[test]
    fn rules_are_listed_and_warnings_are_no_failure() {
        let file = b"upstream = 'http://127.0.0.1:8000'\n\n[[rule]]\npath = '/blog/*'\naudience = 'all-users'\n\
            ttl = '10m'\nbrowser_ttl = '1h'\n[[rule]]\npath = '/blog/new'\nnever = true\n";
        let folder = folder("rules", &[("larder.toml", file)]);
        let output = larder(&folder, &["check", "larder.toml"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        let rules = "  rules       2\n    larder.toml:3  path /blog/*  all-users, ttl 10m\n    \
                     larder.toml:8  path /blog/new  never\n";
        assert!(said.contains(rules), "{said}");
        let lines: Vec<_> = text(&output.stderr).lines().map(str::to_owned).collect();
        let starts = [
            "larder.toml:7:15: warning: `browser_ttl` is longer than `ttl`",
            "larder.toml:8:1: warning: no request comes to this rule: the one in line 3 takes them all (",
        ];
        assert_eq!(lines.len(), starts.len(), "{lines:#?}");
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
    }

    #[test]
    fn of_many_rules_the_first_twenty_are_listed() {
        let rules = "[[rule]]\nmatch = '^/'\nhost = 'a-N.example'\n";
        let rules: String = (0..23).map(|n| rules.replace('N', &n.to_string())).collect();
        let file = format!("upstream = 'http://127.0.0.1:8000'\n{rules}");
        let folder = folder("many", &[("larder.toml", file.as_bytes())]);
        let said = text(&larder(&folder, &["check", "larder.toml"]).stdout);
        assert!(
            said.contains("at a-19.example  as the response says\n    … and 3 more\n"),
            "{said}"
        );
        assert!(!said.contains("a-20"), "{said}");
    }

    #[test]
    fn what_keeps_serve_from_starting_is_one_line_and_status_two() {
        let folder = folder("serve", &[]);
        let cases: [(&[&str], &str); 6] = [
            (&["serve"], "larder: no application is named ("),
            (&["serve", "--to", "127.0.0.1"], "larder: --to: \"127.0.0.1\" has no scheme ("),
            (&["serve", "--to", "http://a", "--memory", "0B"], "larder: --memory: 0B is too small"),
            (&["serve", "--to", "http://a", "--set", "x=1"], "larder: --set x: unknown option"),
            (&["serve", "--config", "no.toml"], "larder: no.toml: cannot be read: "),
            (&["serve", "--memry", "1GiB"], "larder: unexpected argument '--memry'"),
        ];
        for (arguments, start) in cases {
            let output = larder(&folder, arguments);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
            assert!(said.starts_with(start), "{arguments:?}: {said}");
            assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        }
    }

    #[test]
    fn help_names_every_command_and_flag() {
        let folder = folder("help", &[]);
        let output = larder(&folder, &["--help"]);
        assert_eq!(output.status.code(), Some(0));
        let said = text(&output.stdout);
        for part in
            ["larder serve", "larder demo", "larder check", "--to", "--memory", "--set", "SIGHUP"]
        {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}
