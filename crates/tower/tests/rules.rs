//! Do the layers get the rules of the file, and the whole report where it is wrong?

#[cfg(test)]
mod tests {
    use std::fs;

    use larder_tower::Rules;

    #[test]
    fn a_file_is_read_and_named_in_what_is_said_of_it() {
        let path = std::env::temp_dir().join(format!("larder-rules-{}.toml", std::process::id()));
        fs::write(&path, "[[rule]]\npath = '/a'\nttl = '1 hour'\nnever = 'yes'\n")
            .expect("written");
        let wrong = Rules::from_file(&path).expect_err("two values are wrong");
        assert_eq!(wrong.line(), Some(3));
        let told = wrong.to_string();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 2, "{told}");
        for (line, (place, hint)) in
            lines.iter().zip([(":3:7: ", "as in \"10s\""), (":4:9: ", "as in")])
        {
            assert!(line.starts_with(&format!("{}{place}", path.display())), "{line}");
            assert!(line.contains(hint), "{line}");
        }
        fs::remove_file(&path).expect("removed");
        let gone = Rules::from_file(&path).expect_err("it is gone");
        assert!(gone.to_string().contains("cannot be read: "), "{gone}");
        assert_eq!(gone.line(), None);
    }

    #[test]
    fn warnings_are_no_error_and_are_told() {
        let text = "[[rule]]\npath = '/*'\nnever = true\n[[rule]]\npath = '/a'\nnever = true\n";
        let rules = Rules::from_toml("site.toml", text).expect("allowed");
        let told = rules.warnings();
        assert!(
            told.starts_with("site.toml:4:1: warning: no request comes to this rule"),
            "{told}"
        );
        assert_eq!(rules.clone().warnings(), told);
    }
}
