//! Are all wrong rules reported at once, each with its place and what to write instead?
//!
//! The cases are in `tests/said/`: a file, and below it each line that has to be said about it.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use larder_config::{
        Config, ConfigBuilder, Machine, Overrides, Problems, SecretSource, Severity,
    };
    use proptest::prelude::*;

    const MACHINE: Machine = Machine { cores: 2, memory_bytes: Some(4 << 30) };

    /// Secrets by their file's or variable's name.
    fn secret(source: &SecretSource) -> Result<Vec<u8>, String> {
        match source {
            SecretSource::File(path) if path.ends_with("short") => Ok(b"hush\n".to_vec()),
            SecretSource::File(path) if path.ends_with("huge") => Ok(vec![b'x'; 5000]),
            // 32 bytes only with its line end, which does not count.
            SecretSource::File(path) if path.ends_with("almost") => {
                Ok(b"0123456789012345678901234567890\r\n".to_vec())
            }
            SecretSource::File(path) if path.ends_with("gone") => Err("No such file".to_owned()),
            SecretSource::Variable(name) if name == "UNSET" => Err("it is not set".to_owned()),
            SecretSource::File(_) | SecretSource::Variable(_) => Ok(vec![b'k'; 33]),
        }
    }

    fn check(text: &str) -> Result<Config, Problems> {
        let mut overrides = Overrides::new();
        overrides.flag("upstream", "http://127.0.0.1:8000");
        let builder = ConfigBuilder::new().file("larder.toml", text).overrides(overrides);
        builder.machine(MACHINE).secrets(secret).build()
    }

    /// What is said about a text, one line each, warnings of good files too.
    fn said(text: &str) -> Vec<String> {
        match check(text) {
            Ok(config) => config.warnings.lines().collect(),
            Err(problems) => problems.lines().collect(),
        }
    }

    /// Every case of a file under `tests/said`.
    #[track_caller]
    fn assert_said(file: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/said").join(file);
        let cases = fs::read_to_string(&path).expect(file);
        for case in cases.split("----\n") {
            let is_said = |line: &&str| line.starts_with("=> ");
            let text: String = case
                .lines()
                .filter(|line| !is_said(line))
                .fold(String::new(), |text, line| text + line + "\n");
            let found: Vec<_> =
                said(&text).iter().map(|line| line.replacen("larder.toml:", "=> ", 1)).collect();
            let expected: Vec<_> = case.lines().filter(is_said).collect();
            assert_eq!(found, expected, "{file}:\n{text}{}", found.join("\n"));
        }
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_told_with_what_was_meant() {
        assert_said("keys.txt");
        assert_said("shapes.txt");
    }

    #[test]
    fn a_rule_says_one_thing_and_nothing_that_contradicts_it() {
        assert_said("actions.txt");
    }

    #[test]
    fn only_forms_that_can_be_made_for_others_are_offered() {
        assert_said("rework.txt");
    }

    #[test]
    fn lifetimes_are_sensible() {
        assert_said("lifetimes.txt");
    }

    #[test]
    fn each_value_has_its_form() {
        assert_said("values.txt");
    }

    #[test]
    fn audiences_exist_are_of_use_and_are_not_believed_blindly() {
        assert_said("audiences.txt");
    }

    #[test]
    fn identity_is_checked_down_to_the_secrets() {
        assert_said("identity.txt");
    }

    #[test]
    fn rules_behind_wider_ones_and_rules_for_nothing_are_warned_of() {
        assert_said("whole.txt");
    }

    #[test]
    fn proxies_hosts_and_https_are_what_they_say() {
        assert_said("front.txt");
    }

    #[test]
    fn tokens_are_read_and_who_may_purge_is_not_everybody() {
        assert_said("purge.txt");
    }

    #[test]
    fn what_nginx_could_not_answer_with_is_not_published_and_published_pages_are_remembered() {
        assert_said("publish.txt");
    }

    #[test]
    fn a_warning_is_no_error() {
        let config = check("[[rule]]\nmatch = 'x'\n").expect("allowed");
        let warning = &config.warnings.list()[0];
        assert_eq!((warning.severity(), warning.position()), (Severity::Warning, Some((1, 1))));
        assert!(check("[[rule]]\npath = '/x'\n").expect("allowed").warnings.is_empty());
    }

    #[test]
    fn beside_errors_warnings_are_told_too() {
        let problems = check("[[rule]]\nmatch = 'x'\n[[rule]]\n").expect_err("nothing to match");
        let severities: Vec<_> =
            problems.list().iter().map(larder_config::Problem::severity).collect();
        assert_eq!(severities, [Severity::Warning, Severity::Error]);
    }

    #[test]
    fn secrets_are_in_no_message_and_in_no_dump() {
        let problems = check("identity.marker_keys = ['a=file:short', 'hunter2-hunter2']");
        let problems = problems.expect_err("short");
        assert!(!format!("{problems}").contains("hush"), "{problems}");
        let text = "identity.marker_keys = 'a=file:good'";
        let config = check(text).expect("good");
        assert!(config.policy.identity.marker.is_some());
        assert!(!format!("{config:?}").contains("kkkk"));
    }

    #[test]
    fn a_secret_has_32_bytes_without_its_line_end() {
        for (length, end, good) in
            [(32, "", true), (32, "\n", true), (32, "\r\n", true), (31, "\n", false)]
        {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("secrets");
            fs::create_dir_all(&folder).expect("a folder");
            let file = folder.join(format!("{length}-{}", end.len()));
            fs::write(&file, "s".repeat(length) + end).expect("a file");
            let text = format!("identity.marker_keys = 'a=file:{}'", file.display());
            let mut overrides = Overrides::new();
            overrides.flag("upstream", "http://127.0.0.1:8000");
            let builder = ConfigBuilder::new().file("larder.toml", text).overrides(overrides);
            assert_eq!(builder.build().is_ok(), good, "{length} bytes and {end:?}");
        }
    }

    #[test]
    fn rules_have_a_limit_and_thousands_are_no_trouble() {
        let rules = |count: usize| {
            (0..count).fold(String::new(), |mut text, number| {
                let _infallible = writeln!(text, "[[rule]]\npath = '/page/{number}'");
                text
            })
        };
        assert!(said(&rules(3000)).is_empty());
        let lines = said(&rules(10_001));
        let expected = "larder.toml:20001:1: 10001 rules are too many (at most 10000; one expression can stand for many paths)";
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn a_duration_of_a_rule_holds_both_its_ends() {
        let cases = [
            ("ttl", "1s", true),
            ("ttl", "999ms", false),
            ("ttl", "0s", false),
            ("ttl", "365d", true),
            ("ttl", "8761h", false),
            ("browser_ttl", "0s", true),
            ("cdn_ttl", "0s", true),
            ("grace", "0s", true),
            ("stale_if_error", "0ms", true),
            ("stale_if_error", "366d", false),
        ];
        for (key, value, good) in cases {
            let text = format!("[[rule]]\npath = '/'\naudience = 'all-users'\n{key} = '{value}'");
            assert_eq!(check(&text).is_ok(), good, "{key} = {value}: {:?}", said(&text));
        }
        assert_eq!(Duration::from_secs(365 * 86_400), Duration::from_hours(8760));
    }

    /// Pieces of files, so that what is put together comes near to a rule.
    fn piece() -> impl Strategy<Value = String> {
        let words = [
            "[[rule]]\n",
            "[rule]\n",
            "[audience.a]\n",
            "[identity]\n",
            "[xhr]\n",
            "path = ",
            "match = ",
            "audience = ",
            "key = ",
            "ttl = ",
            "status = ",
            "host = ",
            "tags = ",
            "keep_query = ",
            "session_cookies = ",
            "marker_keys = ",
            "signs = ",
            "never = true\n",
            "pass = ",
            "danger.",
            "override_no_store = ",
            "'/a*'\n",
            "'a'\n",
            "'per-user'\n",
            "['",
            "', '",
            "']\n",
            "[200, ",
            "-1]\n",
            "'0s'\n",
            "'1m'\n",
            "\"\\u00e9(\"\n",
            "{",
            "}",
            "\n",
            "é",
            "1979-05-27\n",
            "user",
            "cookie:",
            "=file:/x'\n",
            "9999999999999999999999\n",
        ];
        prop_oneof![8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,5}"]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]
        #[test]
        fn no_text_panics(pieces in prop::collection::vec(piece(), 0..24)) {
            drop(said(&pieces.concat()));
        }
    }
}
