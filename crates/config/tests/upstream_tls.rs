//! Is what is said of applications by https read with the configuration, and is what is wrong with it said
//! with its line?
//!
//! The cases are in `tests/said/upstream_tls.txt`; `$DIR` is a folder with the files that they name.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use larder_config::{Config, ConfigBuilder, Machine, Problems};
    use rcgen::{CertificateParams, KeyPair};

    const MACHINE: Machine = Machine { cores: 2, memory_bytes: Some(4 << 30) };

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir()
                .join(format!("larder-config-upstream-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a folder");
            let folder = Self(path);
            folder.certificate();
            folder.write("note.txt", b"see the other folder");
            folder.write("broken.pem", b"-----BEGIN CERTIFICATE-----\nMIIB");
            folder.write(
                "nonsense.pem",
                b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n",
            );
            folder
        }

        fn write(&self, name: &str, content: &[u8]) {
            fs::write(self.0.join(name), content).expect("a file");
        }

        fn certificate(&self) {
            let params = CertificateParams::new(["app.example".to_owned()]).expect("a name");
            let made = params.self_signed(&KeyPair::generate().expect("a key")).expect("one");
            self.write("ca.pem", made.pem().as_bytes());
            self.write("ca.der", made.der());
        }

        fn name(&self) -> String {
            self.0.display().to_string()
        }

        fn check(&self, text: &str) -> Result<Config, Problems> {
            let text = text.replace("$DIR", &self.name());
            ConfigBuilder::new().file("larder.toml", text).machine(MACHINE).build()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn applications_by_https_are_what_they_say() {
        let folder = Folder::new("said");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/said/upstream_tls.txt");
        let cases = fs::read_to_string(path).expect("the cases");
        let is_said = |line: &&str| line.starts_with("=> ");
        let mut said = Vec::new();
        for case in cases.split("----\n") {
            let text: String =
                case.lines().filter(|line| !is_said(line)).flat_map(|it| [it, "\n"]).collect();
            let lines: Vec<String> = match folder.check(&text) {
                Ok(config) => config.warnings.lines().collect(),
                Err(problems) => problems.lines().collect(),
            };
            let found: String = lines
                .iter()
                .map(|line| line.replacen("larder.toml:", "=> ", 1).replace(&folder.name(), "$DIR"))
                .map(|line| line + "\n")
                .collect();
            said.push(text + &found);
        }
        let said = said.join("----\n");
        assert!(said == cases, "said instead:\n{said}");
    }

    #[test]
    fn what_is_needed_is_read_and_nothing_else() {
        let folder = Folder::new("read");
        let check = |text: &str| folder.check(text).expect("sound");
        let by_http = check("upstream = 'http://127.0.0.1:8000'");
        assert!(by_http.upstream_tls.of(&by_http.upstreams[0]).is_none());
        let text = "upstream = ['https://127.0.0.1:8443', 'http://127.0.0.1:8000']\n\
                    upstream_tls.ca = '$DIR/ca.pem'\n";
        let mixed = check(text);
        let (tls, _) = mixed.upstream_tls.of(&mixed.upstreams[0]).expect("TLS");
        assert!(tls.verifies());
        assert!(mixed.upstream_tls.of(&mixed.upstreams[1]).is_none());
        assert_eq!(mixed.upstream_tls, check(text).upstream_tls);
        let any = check("upstream = 'https://127.0.0.1'\ndanger.insecure_upstream = true\n");
        assert!(!any.upstream_tls.of(&any.upstreams[0]).expect("TLS").0.verifies());
        // What is in the file counts, not its name.
        folder.certificate();
        assert_ne!(mixed.upstream_tls, check(text).upstream_tls);
    }
}
