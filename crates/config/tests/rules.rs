//! Are all wrong rules reported at once, each with its place and what to write instead?

#[cfg(test)]
mod tests {
    use larder_config::{Config, ConfigBuilder, Machine, Problems, SecretSource};

    const MACHINE: Machine = Machine { cores: 2, memory_bytes: Some(4 << 30) };
    const UPSTREAM: &str = "upstream = 'http://127.0.0.1:8000'\n";

    /// Secrets by their file's or variable's name.
    fn secret(source: &SecretSource) -> Result<Vec<u8>, String> {
        match source {
            SecretSource::File(path) if path.ends_with("short") => Ok(b"short\n".to_vec()),
            SecretSource::File(path) if path.ends_with("huge") => Ok(vec![b'x'; 5000]),
            // 32 bytes only with its line end, which does not count.
            SecretSource::File(path) if path.ends_with("almost") => {
                Ok(b"0123456789012345678901234567890\n".to_vec())
            }
            SecretSource::File(path) if path.ends_with("gone") => Err("No such file".to_owned()),
            SecretSource::Variable(name) if name == "UNSET" => Err("it is not set".to_owned()),
            SecretSource::File(_) | SecretSource::Variable(_) => Ok(vec![b'k'; 33]),
        }
    }

    fn check(text: &str) -> Result<Config, Problems> {
        let builder = ConfigBuilder::new().file("larder.toml", text).machine(MACHINE);
        builder.secrets(secret).build()
    }

    /// What is said about a text, one line each, warnings of good files too.
    fn said(text: &str) -> Vec<String> {
        match check(text) {
            Ok(config) => config.warnings.lines().collect(),
            Err(problems) => problems.lines().collect(),
        }
    }

    /// The file's first line names the application.
    #[track_caller]
    fn assert_said(rules: &str, expected: &[&str]) {
        let lines = said(&format!("{UPSTREAM}{rules}"));
        let found: Vec<_> =
            lines.iter().map(|line| line.strip_prefix("larder.toml:").unwrap_or(line)).collect();
        assert_eq!(found, expected, "\n{rules}\n{lines:#?}");
    }

    #[test]
    fn dump() {
        let cases = std::fs::read_to_string("/tmp/cases.txt").unwrap_or_default();
        for case in cases.split("----\n") {
            println!("{case}");
            for line in said(&format!("{UPSTREAM}{case}")) {
                println!("   => {line}");
            }
        }
    }
}
