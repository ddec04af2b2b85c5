//! Do `docs/configuration.md` and `docs/rules.md` say what is so?

#[cfg(test)]
mod tests {
    use std::path::Path;

    use larder_config::{ConfigBuilder, Overrides};
    use larder_policy::identity::{Class, Identity, Key, Keys};
    use larder_policy::query::TRACKING;
    use larder_semantics::Timestamp;

    #[test]
    fn configuration_md_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        let expected = larder_config::markdown();
        if std::env::var_os("LARDER_WRITE_DOCS").is_some() {
            std::fs::write(&path, &expected).expect("docs/configuration.md is writable");
        }
        let actual = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            actual == expected,
            "docs/configuration.md is out of date: LARDER_WRITE_DOCS=1 cargo test -p larder-config --test documentation"
        );
    }

    fn rules_md() -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md");
        std::fs::read_to_string(path).expect("docs/rules.md")
    }

    #[test]
    fn every_example_of_rules_md_is_right() {
        let text = rules_md();
        let blocks = text.split("```toml\n").skip(1);
        for block in blocks.filter_map(|rest| rest.split_once("```\n")).map(|(block, _)| block) {
            let mut overrides = Overrides::new();
            overrides.flag("upstream", "http://127.0.0.1:8000");
            let builder = ConfigBuilder::new().file("example", block).overrides(overrides);
            match builder.secrets(|_| Ok(vec![b'k'; 32])).build() {
                Ok(config) if block.starts_with("upstream") => {
                    assert!(config.warnings.is_empty(), "{block}\n{}", config.warnings);
                }
                Ok(_) => {}
                Err(problems) => panic!("{block}\n{problems}"),
            }
        }
    }

    #[test]
    fn the_marker_of_rules_md_is_the_one_that_is_accepted() {
        let key = Key::new("k1", b"0123456789abcdef0123456789abcdef").expect("a key");
        let keys = Keys::new(vec![key]).expect("keys");
        let (user, segment) = (Some("42".to_owned()), Some("staff".to_owned()));
        let identity = Identity { class: Class::Authenticated, user, segment };
        let expires = Timestamp::from_secs(1_767_225_600);
        let marker = keys.sign(&identity, ("sessionid", b"abcdefgh"), expires).expect("signed");
        // Broken into lines in the document.
        let found = rules_md().replace('\n', "").contains(&marker);
        assert!(found, "docs/rules.md should have {marker}");
    }

    #[test]
    fn the_tracking_parameters_of_rules_md_are_those_that_are_ignored() {
        let list = format!("`{}`", TRACKING.join("`, `"));
        let found = rules_md().replace('\n', " ").contains(&list);
        assert!(found, "docs/rules.md should have {list}");
    }
}
