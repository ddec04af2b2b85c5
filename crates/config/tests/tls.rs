//! Are certificates read with the configuration, and is what is wrong with them said with its line?
//!
//! The cases are in `tests/said/tls.txt`; `$DIR` is a folder with the files that they name.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, SystemTime};

    use larder_config::{Config, ConfigBuilder, Machine, Overrides, Problems};
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    const MACHINE: Machine = Machine { cores: 2, memory_bytes: Some(4 << 30) };

    /// 2026-02-01.
    const NOW: Duration = Duration::from_secs(1_769_904_000);

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("larder-config-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).expect("a folder");
            let folder = Self(path);
            folder.certificate("site", "example.com", (2020, 2030));
            folder.certificate("wild", "*.example.org", (2020, 2030));
            folder.certificate("old", "old.example", (2020, 2026));
            folder.certificate("early", "early.example", (2027, 2030));
            fs::write(folder.0.join("note.txt"), "see the other folder").expect("a file");
            let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nQQ==\n-----END ENCRYPTED PRIVATE KEY-----\n";
            fs::write(folder.0.join("locked.key"), locked).expect("a file");
            folder
        }

        /// Valid from the first day of one year to that of another.
        fn certificate(&self, file: &str, name: &str, (from, until): (i32, i32)) {
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
            let certificate = params.self_signed(&key).expect("a certificate");
            fs::write(self.0.join(format!("{file}.pem")), certificate.pem()).expect("a file");
            fs::write(self.0.join(format!("{file}.key")), key.serialize_pem()).expect("a file");
        }

        fn name(&self) -> String {
            self.0.display().to_string()
        }

        fn check(&self, text: &str) -> Result<Config, Problems> {
            let mut overrides = Overrides::new();
            overrides.flag("upstream", "http://127.0.0.1:8000");
            ConfigBuilder::new()
                .file("larder.toml", text.replace("$DIR", &self.name()))
                .overrides(overrides)
                .machine(MACHINE)
                .now(SystemTime::UNIX_EPOCH + NOW)
                .build()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn certificates_and_listeners_are_what_they_say() {
        let folder = Folder::new("said");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/said/tls.txt");
        let cases = fs::read_to_string(path).expect("the cases");
        let is_said = |line: &&str| line.starts_with("=> ");
        let mut wrong = String::new();
        for case in cases.split("----\n") {
            let text: Vec<_> = case.lines().filter(|line| !is_said(line)).collect();
            let text = text.join("\n");
            let lines: Vec<String> = match folder.check(&text) {
                Ok(config) => config.warnings.lines().collect(),
                Err(problems) => problems.lines().collect(),
            };
            let found: Vec<_> = lines
                .iter()
                .map(|line| line.replacen("larder.toml:", "=> ", 1).replace(&folder.name(), "$DIR"))
                .collect();
            if found != case.lines().filter(is_said).collect::<Vec<_>>() {
                wrong.push_str(&format!("{text}\n{}\n----\n", found.join("\n")));
            }
        }
        assert!(wrong.is_empty(), "said instead:\n{wrong}");
    }

    #[test]
    fn what_was_read_is_in_the_configuration() {
        let folder = Folder::new("read");
        let config = folder
            .check(
                "[listen]\nhttp = '0.0.0.0:80'\nhttps = '0.0.0.0:8443'\n[https]\nredirect = true\n\
                 [[tls.certificate]]\nchain = '$DIR/site.pem'\nkey = '$DIR/site.key'\n",
            )
            .expect("sound");
        assert_eq!(config.https, ["0.0.0.0:8443".parse().unwrap()]);
        assert_eq!(config.tls.sources.len(), 1);
        assert_eq!(config.tls.certificates.facts()[0].hosts, ["example.com"]);
        let ports = config.front.https.ports;
        assert_eq!((ports.by_default, ports.by_other), (Some(8443), Some(8443)));
        assert_eq!(format!("{config:?}").matches("BEGIN").count(), 0, "no key is shown");
        let mapped = folder
            .check(
                "[listen]\nhttps = '0.0.0.0:8443'\n\
                 [[tls.certificate]]\nchain = '$DIR/site.pem'\nkey = '$DIR/site.key'\n",
            )
            .expect("sound");
        let ports = mapped.front.https.ports;
        assert_eq!((ports.by_default, ports.by_other), (None, Some(8443)), "80 is mapped");
    }
}
