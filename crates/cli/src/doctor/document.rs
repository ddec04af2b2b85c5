//! Does `docs/doctor.md` say what the table of checks says?
//!
//! The page has an introduction and the table; the test writes it anew when `LARDER_WRITE_DOCS` is set.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use crate::doctor::table::Check;

    /// Where the table begins.
    const MARK: &str = "<!-- From here on generated from crates/cli/src/doctor/table.rs: change it there, then run\n     \
        LARDER_WRITE_DOCS=1 cargo test -p larder doctor_md -->\n";

    fn table() -> String {
        let mut text = MARK.to_owned();
        for check in Check::ALL {
            let row = check.row();
            write!(text, "\n### `{}`\n\n**{}** {}\n\n", row.name, row.asks, row.means)
                .expect("writes to a string");
            writeln!(text, "- {}.", row.remedy).expect("writes to a string");
            for (framework, words) in row.remedies {
                writeln!(text, "- **{framework}**: {words}.").expect("writes to a string");
            }
        }
        text
    }

    #[test]
    fn doctor_md_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/doctor.md");
        let actual = std::fs::read_to_string(&path).unwrap_or_default();
        let (introduction, generated) =
            actual.split_once(MARK).map_or((&*actual, ""), |(before, after)| (before, after));
        let expected = table();
        if std::env::var_os("LARDER_WRITE_DOCS").is_some() {
            std::fs::write(&path, format!("{introduction}{expected}"))
                .expect("docs/doctor.md is writable");
            return;
        }
        assert!(format!("{MARK}{generated}") == expected, "out of date: see the comment in it");
    }

    #[test]
    fn what_the_page_promises_is_what_the_limits_are() {
        use crate::doctor::limits::{
            BODY_BYTES_MAX, CERTIFICATE_SOON, RATE, REQUESTS_MAX, RUN_MAX,
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/doctor.md");
        let page = std::fs::read_to_string(&path).expect("the page");
        let promises = [
            format!("at most {REQUESTS_MAX} requests"),
            format!("{RATE} a second"),
            format!("{} minutes", RUN_MAX.as_secs() / 60),
            format!("{} KiB", BODY_BYTES_MAX / 1024),
            format!("fewer than {} days", CERTIFICATE_SOON.as_secs() / 86_400),
        ];
        for promise in promises {
            assert!(page.contains(&promise), "{promise}");
        }
    }
}
