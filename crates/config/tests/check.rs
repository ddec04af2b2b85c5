//! What does checking say of good, bad and contradictory configurations?

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use larder_config::{
        AccessLog, Config, ConfigBuilder, Kind, Level, Machine, OPTIONS, Overrides, Problems,
    };
    use miette::GraphicalReportHandler;

    const MACHINE: Machine = Machine { cores: 3, memory_bytes: Some(4 << 30) };
    const UPSTREAM: &str = "upstream = 'http://127.0.0.1:8000'\n";

    fn check(text: &str) -> Result<Config, Problems> {
        let builder = ConfigBuilder::new().file("larder.toml", text).machine(MACHINE);
        builder.secrets(|_| Ok(vec![b'x'; 32])).build()
    }

    /// The problems of a text, one line each.
    fn problems(text: &str) -> Vec<String> {
        check(text).map_or_else(
            |problems| problems.to_string().lines().map(str::to_owned).collect(),
            |_| Vec::new(),
        )
    }

    #[test]
    fn an_application_is_all_that_has_to_be_said() {
        let config = check(UPSTREAM).expect("valid");
        assert_eq!(config.upstreams[0].to_string(), "http://127.0.0.1:8000");
        assert_eq!(config.listen, ["127.0.0.1:8080".parse().unwrap()]);
        assert_eq!(config.admin, Some("127.0.0.1:9180".parse().unwrap()));
        assert_eq!(config.workers, 3);
        assert_eq!(config.cache.memory_bytes, 256 << 20);
        assert_eq!(config.cache.object_bytes_max, 16 << 20);
        assert_eq!(config.upstream_pool.idle, Duration::from_millis(1500));
        assert_eq!(config.log.access, AccessLog::Off);
        assert_eq!(config.log.level, Level::Info);
        assert_eq!(
            problems(""),
            [
                "larder.toml: no application is named (say upstream = \"http://127.0.0.1:8000\", or --to http://127.0.0.1:8000)"
            ]
        );
    }

    #[test]
    fn the_tables_defaults_are_the_safe_reading_of_the_semantics() {
        let (ours, theirs) = (Config::default().semantics, larder_semantics::Settings::default());
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }

    #[test]
    fn every_option_lands_where_it_belongs() {
        let config = check(
            r#"
            upstream = ["http://one:8000", "http://[::1]:81"]
            [listen]
            http = ["0.0.0.0:80", "[::]:80"]
            workers = 7
            [admin]
            listen = "off"
            [cache]
            memory = "64MiB"
            object_max = "1MB"
            variants_max = 5
            uncacheable_memory = "30s"
            honour_request_directives = true
            targeted_fields = false
            error_ttl_max = "0s"
            heuristic_percent = 0
            heuristic_max = "2h"
            grace = "4d"
            stale_if_disconnected = "3d"
            stale_with_s_maxage = true
            [timeouts]
            header = "1s"
            idle = "2s"
            body = "3s"
            connect = "4s"
            first_byte = "5s"
            between_bytes = "6s"
            send = "7s"
            drain = "8s"
            [limits]
            header_bytes = "16KiB"
            headers = 50
            connections = 9
            [upstream_pool]
            idle = "10ms"
            idle_max = 11
            connections_max = 12
            eject_after = 13
            eject_for = "14s"
            [log]
            access = "json"
            path = "/tmp/access.log"
            level = "debug"
            "#,
        )
        .expect("valid");
        assert_all_fields(&config);
    }

    /// All at once: a field that is filled from the wrong option shows.
    fn assert_all_fields(config: &Config) {
        let secs = Duration::from_secs;
        let (t, p, c, s) =
            (&config.timeouts, &config.upstream_pool, &config.cache, &config.semantics);
        let waits = [t.header, t.idle, t.body, t.connect, t.first_byte, t.between_bytes, t.send];
        assert_eq!(waits, [1, 2, 3, 4, 5, 6, 7].map(secs));
        assert_eq!(t.drain, secs(8));
        assert_eq!((p.idle, p.eject_for), (Duration::from_millis(10), secs(14)));
        assert_eq!((p.idle_max, p.connections_max, p.eject_after), (11, 12, 13));
        assert_eq!((c.memory_bytes, c.object_bytes_max), (64 << 20, 1_000_000));
        assert_eq!((c.variants_max, c.uncacheable_memory), (5, secs(30)));
        assert!(s.honour_request_directives && !s.targeted && s.stale_with_s_maxage);
        assert_eq!(s.error_lifetime_max, Duration::ZERO);
        assert_eq!((s.heuristic_fraction_percent, s.heuristic_lifetime_max), (0, secs(7200)));
        assert_eq!((s.grace, s.stale_if_disconnected), (secs(4 * 86_400), secs(3 * 86_400)));
        let l = &config.limits;
        assert_eq!((l.header_bytes_max, l.headers_max, l.connections_max), (16 << 10, 50, 9));
        assert_eq!((config.workers, config.admin), (7, None));
        assert_eq!(config.listen.len(), 2);
        assert_eq!(config.upstreams[1].authority(), "[::1]:81");
        assert_eq!((config.log.access, config.log.level), (AccessLog::Json, Level::Debug));
        assert_eq!(config.log.path.as_deref(), Some("/tmp/access.log".as_ref()));
    }

    #[test]
    fn all_problems_are_told_at_once_in_the_order_of_the_file() {
        let text = "\
upsteam = 'http://127.0.0.1:8000'
upstream = ['ftp://a', 8000, 'http://b:1', 'http://b:1']
rule = 3

[cache]
memroy = '1GiB'
memory = 256
error_ttl_max = 'ten'
targeted_fields = 'yes'
heuristic_percent = 101

[listen]
http = 'localhost:8080'
workers = 0

[log]
access = 'jason'
level = 1.5
";
        let expected = [
            "larder.toml:1:1: unknown option `upsteam` (did you mean `upstream`?)",
            "larder.toml:2:13: \"ftp://a\" has an unknown scheme (write http://host:port, as in \"http://127.0.0.1:8000\")",
            "larder.toml:2:24: `upstream` is a URL or list of URLs, not an integer (as in upstream = [\"http://127.0.0.1:8000\", \"http://127.0.0.1:8001\"])",
            "larder.toml:2:44: \"http://b:1\" is given twice (leave one of them out)",
            "larder.toml:3:8: rules are a list (write [[rule]] above each)",
            "larder.toml:6:1: unknown option `cache.memroy` (did you mean `cache.memory`?)",
            "larder.toml:7:10: 256 has no unit (write \"256B\"; write a whole number and B, KiB, MiB, GiB, kB, MB or GB, as in \"256MiB\")",
            "larder.toml:8:17: \"ten\" is not a duration (write a whole number and ms, s, m, h or d, as in \"10s\")",
            "larder.toml:9:19: `cache.targeted_fields` is true or false, not a string (as in cache.targeted_fields = false)",
            "larder.toml:10:21: 101 is too large (at most 100)",
            "larder.toml:13:8: \"localhost:8080\" is not an address with a port (write \"127.0.0.1:8080\")",
            "larder.toml:14:11: 0 is too small (at least 1)",
            "larder.toml:17:10: \"jason\" is not known here (did you mean \"json\"?)",
            "larder.toml:18:9: `log.level` is a word, not a number with a fraction (as in log.level = \"warn\")",
        ];
        assert_eq!(problems(text), expected);
    }

    #[test]
    fn sections_and_values_are_not_confused() {
        assert_eq!(
            problems("cache = 3\nupstream = 'http://a'"),
            [
                "larder.toml:1:1: `cache` is a section, not a value (write [cache] once, its options below)"
            ]
        );
        assert_eq!(problems("upstream = 'http://a'\n[[cache]]\nmemory = '1GiB'").len(), 1);
        assert_eq!(problems("[upstream]\nurl = 'http://a'").len(), 1);
        assert_eq!(problems(&format!("{UPSTREAM}cache.memory = '1GiB'")).len(), 0, "dotted keys");
        assert_eq!(problems(&format!("{UPSTREAM}listen = {{ http = '0.0.0.0:80' }}")).len(), 0);
    }

    #[test]
    fn what_is_not_toml_is_one_problem_with_its_place() {
        let cases = [
            ("upstream = http://a\n", "larder.toml:1:"),
            ("[cache\nmemory = 3\n", "larder.toml:1:"),
            ("a = 'http://a'\n\na = 'x'\n", "larder.toml:3:1: not TOML: duplicate key"),
            ("x = \"open\n", "larder.toml:1:"),
        ];
        for (text, start) in cases {
            let lines = problems(text);
            assert_eq!(lines.len(), 1, "{text:?}: {lines:?}");
            assert!(lines[0].starts_with(start), "{text:?}: {lines:?}");
            assert!(lines[0].contains("not TOML: "), "{text:?}: {lines:?}");
        }
    }

    #[test]
    fn a_value_at_fault_is_not_judged_against_others_but_what_is_missing_is_still_told() {
        let found = problems("[cache]\nmemory = 'x'\nobject_max = '200MiB'");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("2:10") && found[1].contains("no application"), "{found:?}");
    }

    #[test]
    fn contradictions_are_found_where_they_were_written() {
        let cases = [
            ("cache.memory = '8MiB'", None),
            ("cache.memory = '7MiB'", Some("2:16: 7MiB is too small")),
            ("cache.memory = '0B'", Some("2:16: 0B is too small")),
            ("cache.memory = '4GiB'", None),
            ("cache.memory = '5GiB'", Some("2:16: 5GiB for stored responses is more than")),
            ("cache.object_max = '32MiB'", None),
            ("cache.object_max = '33MiB'", Some("2:20: `cache.object_max` is more than an eighth")),
            ("listen.http = '127.0.0.1:9180'", Some("2:15: the site and the admin listener")),
            ("admin.listen = '127.0.0.1:8080'", Some("2:16: the site and the admin listener")),
            ("listen.http = ['0.0.0.0:8080', '127.0.0.1:8080']", Some("2:15: 127.0.0.1:8080 is")),
            ("listen.http = ['127.0.0.1:0', '0.0.0.0:0']", None),
            ("listen.http = '127.0.0.1:8000'", Some("1:12: http://127.0.0.1:8000 is Larder")),
            ("listen.http = '0.0.0.0:8000'", Some("1:12: http://127.0.0.1:8000 is Larder")),
            ("listen.http = '10.0.0.1:8000'", None),
            ("listen.http = []", Some("2:15: nobody could connect")),
            ("upstream_pool.idle_max = 2000", Some("2:26: more unused connections are kept")),
            ("upstream_pool.connections_max = 8", Some("2:33: more unused connections are kept")),
        ];
        for (line, expected) in cases {
            let found = problems(&format!("{UPSTREAM}{line}"));
            let text = found.join("\n");
            match expected {
                None => assert!(found.is_empty(), "{line}: {text}"),
                Some(expected) => {
                    assert!(text.starts_with(&format!("larder.toml:{expected}")), "{line}: {text}");
                    assert_eq!(found.len(), 1, "{line}: {text}");
                }
            }
        }
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_is_checked_as_strictly() {
        let mut overrides = Overrides::new();
        overrides.flag("upstream", "http://one:1");
        overrides.flag("upstream", "http://two:2");
        overrides.flag("cache.memory", "1GiB");
        overrides.flag("cache.memory", "2GiB");
        overrides.set("listen.workers = 2");
        overrides.set("cache.targeted_fields=false");
        let file = "upstream = 'http://file'\nlisten.workers = 9\nlog.level = 'warn'";
        let build = |overrides| {
            ConfigBuilder::new().file("f", file).overrides(overrides).machine(MACHINE).build()
        };
        let config = build(overrides.clone()).expect("valid");
        assert_eq!(config.upstreams.len(), 2, "a list on the command line replaces the file's");
        assert_eq!(config.cache.memory_bytes, 2 << 30);
        assert_eq!(config.cache.object_bytes_max, 128 << 20, "follows the budget");
        assert_eq!((config.workers, config.log.level), (2, Level::Warn));
        assert!(!config.semantics.targeted);

        overrides.flag("cache.memory", "12 bananas");
        overrides.set("cache.memroy=1GiB");
        overrides.set("listen.workers=many");
        let text = build(overrides).expect_err("invalid").to_string();
        let expected = [
            "--set cache.memroy: unknown option `cache.memroy` (did you mean `cache.memory`?)",
            "--memory: \"12 bananas\" is not a size (",
            "--set listen.workers: `listen.workers` is a number, not a string (",
        ];
        for part in expected {
            assert!(text.lines().any(|line| line.starts_with(part)), "{part} in {text}");
        }
    }

    #[test]
    fn terminals_get_the_marked_line() {
        let problems = check("[cache]\nmemory = 'x'\nfoo = 1").expect_err("invalid");
        let mut text = String::new();
        GraphicalReportHandler::new_themed(miette::GraphicalTheme::none())
            .render_report(&mut text, &problems)
            .expect("writes to a string");
        for part in ["memory = 'x'", "larder.toml:2:10", "is not a size", "as in \"256MiB\"", "foo"]
        {
            assert!(text.contains(part), "{part} in:\n{text}");
        }
    }

    #[test]
    fn every_example_and_every_flag_of_the_table_is_accepted() {
        for option in OPTIONS {
            let text = format!("{} = {}\n", option.key, option.example);
            let text = if option.key == "upstream" { text } else { text + UPSTREAM };
            let needed = match option.key {
                // Without anybody who could say so, nobody would come by https.
                "https.redirect" => "trusted_proxies = '::1'\n",
                "listen.proxy_protocol" => {
                    "trusted_proxies = '::1'\nlisten.http = '0.0.0.0:8443'\n"
                }
                _ => "",
            };
            let text = text + needed;
            if let Err(problems) = check(&text) {
                // The certificate, which `tests/tls.rs` has, is all that may be missing.
                let text = format!("{text}: {problems}");
                assert!(option.key == "listen.https" && problems.list().len() == 1, "{text}");
                assert!(text.contains("there is no certificate"), "{text}");
            }
            assert!(!option.summary.ends_with('.') && option.text.ends_with('.'), "{}", option.key);
            if let Kind::Duration { default, min, max, .. } = &option.kind {
                assert!((min..=max).contains(&default), "{}", option.key);
            }
        }
        let mut keys: Vec<_> = OPTIONS.iter().map(|option| option.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), OPTIONS.len(), "no option is there twice");
    }

    #[test]
    fn nonsense_never_panics() {
        let pieces =
            ["[", "]", "cache", ".", "memory", "=", "'1", "MiB'", "\n", "{", "}", "é", "\u{0}"];
        let mut state = 12345_usize;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                text.push_str(pieces[(state >> 33) % pieces.len()]);
            }
            let _checked = check(&text).map_err(|problems| problems.to_string());
        }
    }
}
