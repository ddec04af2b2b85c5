//! Does `docs/configuration.md` say what the table says?

#[cfg(test)]
mod tests {
    use std::path::Path;

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
}
